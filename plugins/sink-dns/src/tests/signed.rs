//! Messages with a TSIG record.

use domain::base::MessageBuilder;
use domain::base::iana::{Rcode, TsigRcode};
use domain::rdata::tsig::{Time48, Tsig};
use domain::tsig::{Algorithm, ClientTransaction, Key, KeyName};

use super::*;
use crate::transfer::Keys;

fn key(name: &str, secret: &[u8]) -> Arc<Key> {
    let name: KeyName = name.parse().unwrap();
    Arc::new(Key::new(Algorithm::Sha256, secret, name, None, None).unwrap())
}

fn bed() -> Responder {
    let key = key("k", b"a secret of some length");
    let keys = Keys::from([((key.name().clone(), key.algorithm()), key)]);
    let access = Access { keys, ..Access::default() };
    let engine = Engine::new(Identity::default(), access, None);
    engine.serve(zone(EXAMPLE, "example.com").unwrap());
    Responder::new(Arc::new(engine))
}

/// Whether a question has an OPT record.
#[derive(Clone, Copy, PartialEq)]
enum Edns {
    Yes,
    No,
}

/// A signed question, and what its answer is checked by.
fn signed(name: &str, rtype: &str, key: Arc<Key>) -> (Vec<u8>, ClientTransaction<Arc<Key>>) {
    signed_with(name, rtype, key, Edns::No)
}

fn signed_with(
    name: &str,
    rtype: &str,
    key: Arc<Key>,
    edns: Edns,
) -> (Vec<u8>, ClientTransaction<Arc<Key>>) {
    let mut question = MessageBuilder::new_vec().question();
    question
        .push((name.parse::<Name<Vec<u8>>>().unwrap(), rtype.parse::<Rtype>().unwrap()))
        .unwrap();
    let mut builder = question.additional();
    if edns == Edns::Yes {
        builder.opt(|_| Ok(())).unwrap();
    }
    let transaction = ClientTransaction::request(key, &mut builder, Time48::now()).unwrap();
    (builder.finish(), transaction)
}

#[test]
fn who_signs_gets_an_answer_that_is_signed() {
    let mut responder = bed();
    for (name, rtype) in [
        ("example.com", "SOA"),
        ("alias2.example.com", "A"),
        ("a.b.c.renamed.example.com", "A"),
        ("_http._tcp.example.com", "SRV"),
        ("x.sub.example.com", "A"),
        ("missing.example.com", "A"),
        ("huge.example.com", "TXT"),
    ] {
        for transport in [Transport::Udp, Transport::Tcp] {
            let (query, transaction) = signed(name, rtype, key("k", b"a secret of some length"));
            let answer = ask(&mut responder, &query, &peer("192.0.2.9", transport)).unwrap();
            assert!(transport == Transport::Tcp || answer.len() <= 512, "{name}");
            let mut answer = Message::from_octets(answer).unwrap();
            transaction.answer(&mut answer, Time48::now()).unwrap();
            let plain = ask(&mut responder, &question(name, rtype), &peer("192.0.2.9", transport));
            if !answer.header().tc() {
                let plain = Message::from_octets(plain.unwrap()).unwrap();
                let of = |message: &Message<Vec<u8>>| {
                    [message.answer(), message.authority(), message.additional()].map(|section| {
                        let records = section.unwrap().limit_to::<AllRecordData<_, _>>();
                        let records = records.map(|record| record.unwrap());
                        let records = records.filter(|record| record.rtype() != Rtype::TSIG);
                        records.map(|record| record.to_string()).collect::<Vec<_>>()
                    })
                };
                assert_eq!(of(&answer), of(&plain), "{name}");
            }
        }
    }
}

#[test]
fn another_key_and_another_secret_are_refused_by_their_codes() {
    let mut responder = bed();
    for (key, error) in [
        (key("other", b"a secret of some length"), TsigRcode::BADKEY),
        (key("k", b"another secret of its own"), TsigRcode::BADSIG),
    ] {
        for edns in [Edns::No, Edns::Yes] {
            let (query, _) = signed_with("example.com", "AXFR", Arc::clone(&key), edns);
            let answer = ask(&mut responder, &query, &peer("192.0.2.9", Transport::Tcp)).unwrap();
            let message = Message::from_octets(answer).unwrap();
            assert_eq!(message.header().rcode(), Rcode::NOTAUTH);
            let records = message.additional().unwrap().limit_to::<Tsig<_, _>>();
            let found: Vec<_> = records.map(|record| record.unwrap().data().error()).collect();
            assert_eq!(found, [error]);
            assert_eq!(message.header_counts().ancount(), 0);
            assert_eq!(message.opt().is_some(), edns == Edns::Yes);
            // The TSIG record stands last (RFC 8945 §5.1).
            let last = message.additional().unwrap().last().unwrap().unwrap();
            assert_eq!(last.rtype(), Rtype::TSIG);
        }
    }
}

#[test]
fn whatever_is_signed_does_no_harm() {
    let mut responder = bed();
    let good = || key("k", b"a secret of some length");
    let seeds = [signed("example.com", "SOA", good()).0, signed("example.com", "IXFR", good()).0];
    let mut random = fastrand::Rng::with_seed(8945);
    let mut answered = 0;
    for round in 0..20_000 {
        let mut query = seeds[round % seeds.len()].clone();
        for _ in 0..random.usize(0..3) {
            let at = random.usize(..query.len());
            match random.u8(..4) {
                0 => query[at] = random.u8(..),
                1 => query.truncate(at.max(1)),
                2 => query.insert(at, random.u8(..)),
                _ => query.extend_from_within(at..),
            }
        }
        let peer = peer("192.0.2.200", Transport::Tcp);
        if let Some(answer) = ask(&mut responder, &query, &peer) {
            answered += 1;
            Message::from_octets(answer).unwrap().additional().unwrap();
        }
    }
    assert!(answered > 5_000, "{answered}");
}
