//! Conversations with a name server that does as the test says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::base::iana::{Opcode, Rcode, Rtype};
use domain::base::message_builder::AdditionalBuilder;
use domain::base::{Message, MessageBuilder, Name, Serial, Ttl};
use domain::rdata::tsig::Time48;
use domain::rdata::{A, Cname, Soa};
use domain::tsig::{self, KeyName, ServerTransaction};
use rais_dns::{Answered, Conversation, DnsError, Key, Life, Question, Request, Server, Way};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(50);
const KEY: &str = "key k { algorithm hmac-sha256; secret \"c2VjcmV0c2VjcmV0c2VjcmV0\"; };";

/// What becomes of the message with that number, from 0, that came by TCP or not.
type Manner = dyn Fn(usize, bool, &Message<Vec<u8>>) -> Vec<Vec<u8>> + Send + Sync;

/// Answers on threads of its own until the test's process ends.
struct Fake {
    address: SocketAddr,
    heard: Arc<AtomicUsize>,
}

impl Fake {
    fn new(
        manner: impl Fn(usize, bool, &Message<Vec<u8>>) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Fake {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let heard = Arc::new(AtomicUsize::new(0));
        let manner: Arc<Manner> = Arc::new(manner);
        let (counter, of_udp) = (Arc::clone(&heard), Arc::clone(&manner));
        std::thread::spawn(move || {
            let mut room = [0; 65_535];
            loop {
                let (read, from) = udp.recv_from(&mut room).unwrap();
                let message = Message::from_octets(room[..read].to_vec()).unwrap();
                for answer in of_udp(counter.fetch_add(1, Ordering::SeqCst), false, &message) {
                    udp.send_to(&answer, from).unwrap();
                }
            }
        });
        let counter = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in tcp.incoming() {
                let (counter, manner) = (Arc::clone(&counter), Arc::clone(&manner));
                std::thread::spawn(move || serve(stream.unwrap(), &counter, &*manner));
            }
        });
        Fake { address, heard }
    }

    fn server(&self, way: Way, timeout: Duration) -> Server {
        Server { address: self.address, way, timeout }
    }

    fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

/// Until a message has no answer: then the connection is closed.
fn serve(mut stream: TcpStream, counter: &AtomicUsize, manner: &Manner) {
    loop {
        let mut length = [0; 2];
        if stream.read_exact(&mut length).is_err() {
            return;
        }
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut message).unwrap();
        let message = Message::from_octets(message).unwrap();
        let answers = manner(counter.fetch_add(1, Ordering::SeqCst), true, &message);
        if answers.is_empty() {
            return;
        }
        for answer in answers {
            let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
            stream.write_all(&[&length[..], &answer].concat()).unwrap();
        }
    }
}

/// An answer with authority: one address for a question of type A.
fn answer(request: &Message<Vec<u8>>) -> AdditionalBuilder<Vec<u8>> {
    let mut builder = MessageBuilder::new_vec().start_answer(request, Rcode::NOERROR).unwrap();
    builder.header_mut().set_aa(true);
    let question = request.first_question().unwrap();
    if question.qtype() == Rtype::A {
        let a = A::new(Ipv4Addr::new(192, 0, 2, 1));
        builder.push((question.qname(), Ttl::from_secs(10), a)).unwrap();
    }
    builder.additional()
}

fn answered(request: &Message<Vec<u8>>) -> Vec<Vec<u8>> {
    vec![answer(request).finish()]
}

fn questions(count: usize) -> Vec<Question> {
    let question = |number| Question::new(&format!("h{number}.example.com"), Rtype::A).unwrap();
    (0..count).map(question).collect()
}

fn ask(server: &Server, count: usize) -> Result<usize, DnsError> {
    ask_by(None, server, count)
}

fn ask_by(key: Option<&Key>, server: &Server, count: usize) -> Result<usize, DnsError> {
    let life = Life::default();
    let questions = questions(count);
    let answers = Conversation::new(server, key, LONG, &life)?.ask(&questions)?;
    assert_eq!(answers.len(), count);
    let mut found = Answered::new();
    for (question, answer) in questions.iter().zip(&answers) {
        let before = found.len();
        question.addresses(answer, &mut found)?;
        assert!(found.len() >= before);
    }
    Ok(found.len())
}

#[test]
fn what_is_lost_is_asked_again_and_what_is_foreign_is_passed_over() {
    let fake = Fake::new(|number, _, request| {
        let mut other = answer(request);
        other.header_mut().set_id(request.header().id().wrapping_add(1));
        let mut echo = answer(request);
        echo.header_mut().set_qr(false);
        let mut answers = vec![other.finish(), echo.finish(), b"?".to_vec()];
        // The first of two is lost.
        if number > 1 {
            answers.extend(answered(request));
        }
        answers
    });
    assert_eq!(ask(&fake.server(Way::Udp, LONG), 2).unwrap(), 1);
    // More only where the machine is slow; so below.
    assert!(fake.heard() >= 4);
}

#[test]
fn what_is_cut_off_comes_by_tcp() {
    let fake = Fake::new(|_, tcp, request| {
        let mut answer = answer(request);
        answer.header_mut().set_tc(!tcp);
        vec![answer.finish()]
    });
    assert_eq!(ask(&fake.server(Way::Udp, LONG), 3).unwrap(), 1);
    assert!(fake.heard() >= 6);
}

#[test]
fn what_is_rationed_comes_by_tcp() {
    // By UDP the first is answered, and no other: as rate limits do, in all their ways.
    for refuses in [false, true] {
        let by_tcp = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&by_tcp);
        let fake = Fake::new(move |number, tcp, request| {
            counter.fetch_add(usize::from(tcp), Ordering::SeqCst);
            if tcp || number == 0 {
                return answered(request);
            }
            let refusal = MessageBuilder::new_vec().start_answer(request, Rcode::REFUSED).unwrap();
            if refuses { vec![refusal.finish()] } else { Vec::new() }
        });
        assert_eq!(ask(&fake.server(Way::Udp, LONG), 40).unwrap(), 1);
        assert!(matches!(by_tcp.load(Ordering::SeqCst), 39 | 40));
    }
    // None at all: once more, then by TCP.
    let fake = Fake::new(|_, tcp, request| if tcp { answered(request) } else { Vec::new() });
    assert_eq!(ask(&fake.server(Way::Udp, LONG), 1).unwrap(), 1);
    assert_eq!(fake.heard(), 3);
}

#[test]
fn who_has_no_tcp_is_asked_by_udp_alone() {
    // By TCP every connection is closed at once.
    let silent = Fake::new(|number, tcp, request| match tcp || number < 5 {
        true => Vec::new(),
        false => answered(request),
    });
    assert_eq!(ask(&silent.server(Way::Udp, LONG), 1).unwrap(), 1);
    // What it said stands.
    let refuses = Fake::new(|_, tcp, request| {
        let refusal = MessageBuilder::new_vec().start_answer(request, Rcode::REFUSED).unwrap();
        if tcp { Vec::new() } else { vec![refusal.finish()] }
    });
    let error = ask(&refuses.server(Way::Udp, LONG), 2).unwrap_err();
    assert!(matches!(error, DnsError::Rcode { rcode: Rcode::REFUSED, .. }), "{error}");
}

#[test]
fn many_go_by_tcp_and_over_several_connections_if_need_be() {
    let by_udp = Arc::new(AtomicUsize::new(0));
    // Closed after every so many; how many are asked twice then is a matter of time.
    let closing = |every: usize| {
        let counter = Arc::clone(&by_udp);
        Fake::new(move |number, tcp, request| {
            counter.fetch_add(usize::from(!tcp), Ordering::SeqCst);
            if number % every == every - 1 { Vec::new() } else { answered(request) }
        })
    };
    assert_eq!(ask(&closing(100).server(Way::Udp, LONG), 256).unwrap(), 1);
    assert_eq!(ask(&closing(usize::MAX).server(Way::Tcp, LONG), 1).unwrap(), 1);
    assert_eq!(by_udp.load(Ordering::SeqCst), 0);
}

#[test]
fn who_closes_at_once_is_not_asked_for_ever() {
    let fake = Fake::new(|_, _, _| Vec::new());
    let error = ask(&fake.server(Way::Tcp, LONG), 2).unwrap_err();
    assert!(matches!(error, DnsError::Io { .. }) && error.is_silence(), "{error}");
}

#[test]
fn a_request_is_sent_once() {
    let fake = Fake::new(|_, _, _| Vec::new());
    let server = fake.server(Way::Udp, LONG);
    let life = Life::default();
    let mut talk = Conversation::new(&server, None, LONG, &life).unwrap();
    let request = talk.sign(Request::builder(Opcode::UPDATE).additional()).unwrap();
    let error = talk.send(&request, Way::Udp, SHORT * 10).unwrap_err();
    assert!(matches!(error, DnsError::Timeout { .. }) && error.is_silence(), "{error}");
    assert_eq!(fake.heard(), 1);
}

#[test]
fn nothing_lasts_longer_than_it_may() {
    let fake = Fake::new(|_, _, _| Vec::new());
    let begun = Instant::now();
    let server = fake.server(Way::Udp, SHORT);
    let error = ask(&server, 1).unwrap_err();
    assert!(matches!(error, DnsError::Timeout { .. }), "{error}");
    // The whole conversation's limit holds as well.
    let server = fake.server(Way::Udp, LONG);
    let life = Life::default();
    let mut talk = Conversation::new(&server, None, SHORT, &life).unwrap();
    talk.ask(&questions(1)).unwrap_err();
    // And the end of whoever asks.
    let mut talk = Conversation::new(&server, None, LONG, &life).unwrap();
    life.end();
    assert!(matches!(talk.ask(&questions(1)).unwrap_err(), DnsError::Ended));
    assert!(begun.elapsed() < LONG, "none of the long times was waited for");
}

#[test]
fn a_closed_port_is_told_at_once() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    for way in [Way::Udp, Way::Tcp] {
        let server = Server { address, way, timeout: LONG };
        let DnsError::Io { error, .. } = ask(&server, 1).unwrap_err() else { panic!() };
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}

/// Signs as a server does.
fn signed(secret: &'static [u8]) -> impl Fn(usize, bool, &Message<Vec<u8>>) -> Vec<Vec<u8>> {
    move |_, _, request| {
        let name: Name<Vec<u8>> = "k".parse().unwrap();
        let name = KeyName::from_octets(name.as_slice().try_into().unwrap()).unwrap();
        let key = tsig::Key::new(tsig::Algorithm::Sha256, secret, name, None, None).unwrap();
        let mut request = Message::from_octets(request.as_slice().to_vec()).unwrap();
        let now = Time48::now();
        match ServerTransaction::request(&key, &mut request, now) {
            Ok(Some(transaction)) => {
                let mut answer = answer(&request);
                transaction.answer(&mut answer, now).unwrap();
                vec![answer.finish()]
            }
            Ok(None) => panic!("it is not signed"),
            Err(error) => {
                let builder = MessageBuilder::new_vec();
                vec![error.build_message(&request, builder).unwrap().finish()]
            }
        }
    }
}

#[test]
fn with_a_key_all_is_signed_and_checked() {
    let key = Key::parse(KEY).unwrap();
    let ask = |fake: &Fake, way, count| ask_by(Some(&key), &fake.server(way, LONG), count);
    let fake = Fake::new(signed(b"secretsecretsecret"));
    for (way, count) in [(Way::Udp, 3), (Way::Tcp, 3), (Way::Udp, 100)] {
        assert_eq!(ask(&fake, way, count).unwrap(), 1);
    }
    // Another secret at the server, which this one calls so.
    let other = Fake::new(signed(b"another"));
    let error = ask(&other, Way::Udp, 1).unwrap_err();
    assert!(matches!(error, DnsError::NotTaken), "{error}");
    // Somebody who has no key answers in the server's place: with addresses, and with a no.
    let forger = Fake::new(|_, _, request| answered(request));
    let error = ask(&forger, Way::Udp, 1).unwrap_err();
    assert!(matches!(error, DnsError::Unsigned(_)), "{error}");
    for (rcode, taken) in [(Rcode::NOTAUTH, false), (Rcode::REFUSED, true)] {
        let unsigned = Fake::new(move |_, _, request| {
            let builder = MessageBuilder::new_vec().start_answer(request, rcode).unwrap();
            vec![builder.finish()]
        });
        let error = ask(&unsigned, Way::Udp, 1).unwrap_err();
        match taken {
            true => assert!(matches!(error, DnsError::Rcode { .. }), "{error}"),
            false => assert!(matches!(error, DnsError::NotTaken), "{error}"),
        }
    }
}

#[test]
fn an_answer_says_why_a_name_has_no_addresses() {
    let soa = |name: &str| {
        let name: Name<Vec<u8>> = name.parse().unwrap();
        let ttl = Ttl::from_secs(10);
        let soa = Soa::new(name.clone(), name.clone(), Serial(7), ttl, ttl, ttl, ttl);
        (name, ttl, soa)
    };
    let fake = Fake::new(move |_, _, request| {
        let question = request.first_question().unwrap();
        let name = question.qname().to_string();
        let rcode = if name.starts_with("gone") { Rcode::NXDOMAIN } else { Rcode::NOERROR };
        let mut builder = MessageBuilder::new_vec().start_answer(request, rcode).unwrap();
        builder.header_mut().set_aa(!name.starts_with("delegated"));
        if name.starts_with("alias") {
            let target: Name<Vec<u8>> = "h1.example.com".parse().unwrap();
            let a = A::new(Ipv4Addr::new(192, 0, 2, 1));
            builder
                .push((question.qname(), Ttl::from_secs(10), Cname::new(target.clone())))
                .unwrap();
            builder.push((target, Ttl::from_secs(10), a)).unwrap();
        }
        if name == "example.com" {
            builder.push(soa("example.com")).unwrap();
        }
        let mut builder = builder.authority();
        if name != "example.com" {
            builder.push(soa("example.com")).unwrap();
        }
        vec![builder.finish()]
    });
    let server = fake.server(Way::Udp, LONG);
    let life = Life::default();
    let mut talk = Conversation::new(&server, None, LONG, &life).unwrap();
    let mut of = |name: &str, rtype: Rtype| {
        let question = Question::new(name, rtype).unwrap();
        let answer = talk.ask(std::slice::from_ref(&question)).unwrap().remove(0);
        (question, answer)
    };

    let mut found = Answered::new();
    for name in ["gone.example.com", "empty.example.com"] {
        let (question, answer) = of(name, Rtype::A);
        question.addresses(&answer, &mut found).unwrap();
    }
    let (question, answer) = of("alias.example.com", Rtype::A);
    let error = question.addresses(&answer, &mut found).unwrap_err();
    assert!(matches!(&error, DnsError::Alias(name) if name == "alias.example.com"), "{error}");
    let (question, answer) = of("delegated.example.com", Rtype::A);
    let error = question.addresses(&answer, &mut found).unwrap_err();
    assert!(matches!(error, DnsError::NoAuthority(_)), "{error}");
    assert!(found.is_empty());

    let (question, answer) = of("example.com", Rtype::SOA);
    assert_eq!(question.serial(&answer).unwrap(), 7);
    for name in ["www.example.com", "gone.example.com"] {
        let (question, answer) = of(name, Rtype::SOA);
        let error = question.serial(&answer).unwrap_err();
        assert!(
            matches!(&error, DnsError::Within { zone, .. } if zone == "example.com"),
            "{error}"
        );
    }
}
