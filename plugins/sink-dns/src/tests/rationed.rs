//! Answers that are limited.

use super::*;
use crate::answer::Rcode;
use crate::counts::Counts;

const RATE: usize = 2;

struct Bed {
    engine: Arc<Engine>,
    responder: Responder,
}

impl Bed {
    fn new() -> Bed {
        let identity = Identity { cookies: Some(Cookies::new().unwrap()), ..Identity::default() };
        let limiter = Limiter::new(RATE as u32, 0);
        let engine = Arc::new(Engine::new(identity, Access::default(), Some(limiter)));
        engine.serve(zone(EXAMPLE, "example.com").unwrap());
        let responder = Responder::new(Arc::clone(&engine));
        Bed { engine, responder }
    }

    /// How many of these have an answer.
    fn answers(&mut self, queries: impl IntoIterator<Item = Vec<u8>>) -> usize {
        let peer = peer("192.0.2.9", Transport::Udp);
        queries.into_iter().filter_map(|query| ask(&mut self.responder, &query, &peer)).count()
    }

    /// Of names below this one, each asked for once.
    fn below(&mut self, name: &str, rtype: &str) -> usize {
        self.answers((0..20).map(|n| question(&format!("x{n}.{name}"), rtype)))
    }

    fn counted(mut self) -> Counts {
        let engine = Arc::clone(&self.engine);
        self.responder.release();
        drop(self);
        engine.counted()
    }
}

#[test]
fn names_that_one_stands_for_are_alike() {
    let mut bed = Bed::new();
    for (name, rtype) in [
        ("wild.example.com", "A"),
        ("wild.example.com", "TXT"),
        // An alias, a referral, names that are renamed.
        ("cw.example.com", "A"),
        ("sub.example.com", "A"),
        ("faraway.example.com", "A"),
    ] {
        assert_eq!(bed.below(name, rtype), RATE, "{name} {rtype}");
    }
    // The referral again, and what the wildcard has not.
    assert_eq!(bed.below("sub.example.com", "AAAA"), 0);
    assert_eq!(bed.below("wild.example.com", "AAAA"), RATE);
    // Names of their own are not concerned.
    for name in ["www", "mail", "ns1", "v4"] {
        let queries = vec![question(&format!("{name}.example.com"), "A"); 20];
        assert_eq!(bed.answers(queries), RATE, "{name}");
    }
}

/// What they are called within their zones is the same.
#[test]
fn names_of_different_zones_are_not_alike() {
    let mut bed = Bed::new();
    let text = "@ 60 SOA ns. h. 1 1 1 1 1\n NS ns.\n* A 192.0.2.1\n";
    for name in ["a.example", "b.example"] {
        bed.engine.serve(zone(text, name).unwrap());
    }
    for name in ["a.example", "b.example"] {
        assert_eq!(bed.below(name, "A"), RATE, "{name}");
        assert_eq!(bed.answers(vec![question(name, "MX"); 20]), RATE, "{name}");
    }
}

#[test]
fn types_that_a_name_has_not_are_alike() {
    let none = (300..320).map(|rtype| question("www.example.com", &format!("TYPE{rtype}")));
    assert_eq!(Bed::new().answers(none), RATE);
}

#[test]
fn errors_and_what_is_cut_off_have_their_limit_too() {
    let mut bed = Bed::new();
    let plain = question("www.example.com", "A");
    assert_eq!(bed.answers(vec![plain[..30].to_vec(); 20]), RATE);
    let mut notify = plain.clone();
    notify[2] = 4 << 3;
    assert_eq!(bed.answers(vec![notify; 20]), RATE);
    assert_eq!(bed.answers(vec![question("big.example.com", "TXT"); 20]), RATE);
    let mut signed = [
        &plain[..],
        b"\x01k\0\0\xfa\0\xff\0\0\0\0\0\x1d\x0bhmac-sha256\0\0\0\0\0\0\0\x01,\0\0\x124\0\0\0\0",
    ]
    .concat();
    signed[11] = 1;
    assert_eq!(bed.answers(vec![signed; 20]), RATE);
    let counts = bed.counted();
    for rcode in [Rcode::FormErr, Rcode::NotImp, Rcode::NoError, Rcode::NotAuth] {
        assert_eq!(counts.of(Transport::Udp, rcode), RATE as u64, "{rcode:?}");
    }
}

#[test]
fn what_is_dropped_is_counted_for_no_zone() {
    let mut bed = Bed::new();
    assert_eq!(bed.answers(vec![question("www.example.com", "A"); 3]), RATE);
    assert_eq!(bed.answers([question("www.example.net", "A")]), 1);
    let engine = Arc::clone(&bed.engine);
    let asked = engine.asked_for(&bed.counted());
    assert_eq!(asked, [("example.com".to_owned(), RATE as u64)]);
}
