//! What stands in the OPT record.

use super::*;

/// The options of an answer, each with its code.
fn options(answer: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let message = Message::from_octets(answer.to_vec()).unwrap();
    let opt = message.opt().unwrap();
    assert_eq!(opt.udp_payload_size(), 1232);
    let options = opt.opt().iter::<domain::base::opt::UnknownOptData<_>>();
    options.map(|option| option.unwrap()).map(|o| (o.code().to_int(), o.data().to_vec())).collect()
}

fn told(query: &[u8], transport: Transport) -> Vec<(u16, Vec<u8>)> {
    let mut responder = Responder::new(engine());
    options(&ask(&mut responder, query, &peer("192.0.2.200", transport)).unwrap())
}

fn www(options: &[u8]) -> Vec<u8> {
    with_edns(question("www.example.com", "A"), 1232, 0, options)
}

#[test]
fn who_does_not_ask_is_told_nothing() {
    assert_eq!(told(&www(b""), Transport::Tcp), []);
    // An unknown option.
    assert_eq!(told(&www(b"\xfd\xe9\0\x01x"), Transport::Udp), []);
}

#[test]
fn who_asks_is_told_the_servers_name_and_how_long_a_connection_stays() {
    assert_eq!(told(&www(b"\0\x03\0\0"), Transport::Udp), [(3, b"ns-a".to_vec())]);
    assert_eq!(told(&www(b"\0\x0b\0\0"), Transport::Tcp), [(11, vec![0, 100])]);
    // RFC 7828 §3.2.2: not over UDP.
    assert_eq!(told(&www(b"\0\x0b\0\0"), Transport::Udp), []);
}

#[test]
fn a_cookie_gets_its_other_half() {
    let told = told(&www(b"\0\x0a\0\x08clientco"), Transport::Udp);
    let [(10, cookie)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((cookie.len(), &cookie[..12]), (24, &b"clientco\x01\0\0\0"[..]));
}

/// RFC 7873 §5.4.
#[test]
fn who_comes_for_a_cookie_alone_is_told_whether_the_one_it_has_is_good() {
    let mut responder = Responder::new(engine());
    let peer = peer("192.0.2.200", Transport::Udp);
    let mut asks = |half: &[u8]| {
        let option = [&[0, 10, 0, half.len() as u8][..], half].concat();
        let query = with_edns(vec![0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1232, 0, &option);
        let answer = ask(&mut responder, &query, &peer).unwrap();
        let told = options(&answer);
        let [(10, cookie)] = &told[..] else { panic!("{told:?}") };
        assert_eq!((cookie.len(), &cookie[..8]), (24, &b"clientco"[..]));
        (shown(&answer)[0].clone(), cookie.clone())
    };
    let (rcode, given) = asks(b"clientco");
    assert_eq!(rcode, "NOERROR");
    assert_eq!(asks(&given), ("NOERROR".to_owned(), given.clone()));
    let forged = [b"clientco", &[7; 16][..]].concat();
    // The answer to a bad one has a good one.
    assert_eq!(asks(&forged), ("BADCOOKIE".to_owned(), given.clone()));
    assert_eq!(asks(b"clientco12345678"), ("BADCOOKIE".to_owned(), given));
}

#[test]
fn without_cookies_a_query_without_a_question_is_none() {
    let engine = Engine::new(Identity::default(), Access::default(), None);
    let mut responder = Responder::new(Arc::new(engine));
    let query = with_edns(vec![0; 12], 1232, 0, b"\0\x0a\0\x08clientco");
    let answer = ask(&mut responder, &query, &peer("192.0.2.200", Transport::Udp)).unwrap();
    assert_eq!(shown(&answer)[0], "FORMERR");
}

#[test]
fn a_refusal_says_why() {
    let of = |name: &str, rtype: &str| {
        let told = told(&with_edns(question(name, rtype), 1232, 0, b""), Transport::Tcp);
        told.into_iter().map(|(code, data)| (code, data[1])).collect::<Vec<_>>()
    };
    assert_eq!(of("www.example.net", "A"), [(15, 20)]);
    assert_eq!(of("example.com", "AXFR"), [(15, 18)]);
    assert_eq!(of("example.com", "MAILB"), [(15, 21)]);
}

/// RFC 6891 §6.1.1.
#[test]
fn an_error_has_an_opt_record_where_the_query_has_one() {
    let mut responder = Responder::new(engine());
    let mut rcode = |query: &[u8]| {
        let answer = ask(&mut responder, query, &peer("192.0.2.200", Transport::Udp)).unwrap();
        let message = Message::from_octets(answer.clone()).unwrap();
        (shown(&answer)[0].clone(), message.opt().is_some())
    };
    let of = |rcode: &str| (rcode.to_owned(), true);
    let plain = with_edns(question("www.example.com", "A"), 1232, 0, b"");
    for opcode in [1, 2, 4, 5, 15] {
        let mut query = plain.clone();
        query[2] = opcode << 3;
        assert_eq!(rcode(&query), of("NOTIMP"), "{opcode}");
    }
    // Two questions.
    let mut twice = question("www.example.com", "A");
    twice.extend_from_within(12..);
    twice[5] = 2;
    assert_eq!(rcode(&with_edns(twice, 1232, 0, b"")), of("FORMERR"));
    // A cookie of three octets, an option longer than the record, two records, octets behind them.
    assert_eq!(rcode(&www(b"\0\x0a\0\x03abc")), of("FORMERR"));
    assert_eq!(rcode(&www(b"\xfd\xe9\0\x09abc")), of("FORMERR"));
    assert_eq!(rcode(&with_edns(plain.clone(), 1232, 0, b"")), of("FORMERR"));
    assert_eq!(rcode(&[&plain[..], b"\0"].concat()), of("FORMERR"));
    // And none where it has none, or where it cannot be found.
    let mut query = question("www.example.com", "A");
    query[2] = 4 << 3;
    assert_eq!(rcode(&query), ("NOTIMP".to_owned(), false));
    assert_eq!(rcode(&plain[..30]), ("FORMERR".to_owned(), false));
}

#[test]
fn an_error_has_the_cookie_that_was_asked_for() {
    let mut query = www(b"\0\x0a\0\x08clientco");
    query[2] = 4 << 3;
    let told = told(&query, Transport::Udp);
    let [(10, cookie), (15, why)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((cookie.len(), &why[..]), (24, &[0, 21][..]));
}

#[test]
fn dnssec_ok_is_repeated_and_the_version_is_ours() {
    let mut responder = Responder::new(engine());
    let mut query = with_edns(question("www.example.com", "A"), 1232, 0x8000, b"");
    let peer = peer("192.0.2.200", Transport::Udp);
    let answer = ask(&mut responder, &query, &peer).unwrap();
    assert!(Message::from_octets(answer).unwrap().opt().unwrap().dnssec_ok());
    let version = query.len() - 5;
    query[version] = 1;
    let answer = ask(&mut responder, &query, &peer).unwrap();
    assert_eq!(Message::from_octets(answer).unwrap().opt().unwrap().version(), 0);
}

#[test]
fn limits_are_for_forgeries_and_not_for_who_shows_a_cookie_or_comes_by_tcp() {
    let identity = Identity { cookies: Some(Cookies::new().unwrap()), ..Identity::default() };
    let engine = Engine::new(identity, Access::default(), Some(Limiter::new(2, 2)));
    engine.serve(zone(EXAMPLE, "example.com").unwrap());
    let mut responder = Responder::new(Arc::new(engine));
    let (udp, tcp) = (peer("192.0.2.9", Transport::Udp), peer("192.0.2.9", Transport::Tcp));
    let plain = question("www.example.com", "A");
    let mut heads = |query: &[u8], peer: &Peer| {
        let answers = (0..6).map(|_| ask(&mut responder, query, peer));
        answers.map(|answer| answer.map(|answer| shown(&answer)[0].clone())).collect::<Vec<_>>()
    };
    let (whole, cut) = (Some("NOERROR aa".to_owned()), Some("NOERROR aa tc".to_owned()));
    let wanted = [whole.clone(), whole.clone(), None, cut.clone(), None, cut];
    assert_eq!(heads(&plain, &udp), wanted);
    assert_eq!(heads(&plain, &tcp), vec![whole; 6]);
    // Neither has a referral authority when it is cut off.
    let referral = heads(&question("x.sub.example.com", "A"), &udp);
    assert_eq!(referral[3], Some("NOERROR tc".to_owned()));
    let first = www(b"\0\x0a\0\x08clientco");
    let given = options(&ask(&mut responder, &first, &tcp).unwrap());
    let shown_again = www(&[b"\0\x0a\0\x18", &given[0].1[..]].concat());
    for _ in 0..6 {
        assert_eq!(shown(&ask(&mut responder, &shown_again, &udp).unwrap())[0], "NOERROR aa");
    }
}
