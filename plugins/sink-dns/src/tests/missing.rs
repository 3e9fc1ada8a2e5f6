//! Zones that are to be served and are not there.

use std::collections::BTreeSet;

use super::*;
use crate::engine::Source;

const FRIEND: &str = "192.0.2.10";

struct Bed {
    engine: Arc<Engine>,
    responder: Responder,
}

impl Bed {
    fn new() -> Bed {
        let ranges = vec![format!("{FRIEND}/32").parse().unwrap()];
        let access = Access { ranges, ..Access::default() };
        let engine = Arc::new(Engine::new(Identity::default(), access, None));
        engine.serve(zone(EXAMPLE, "example.com").unwrap());
        let responder = Responder::new(Arc::clone(&engine));
        Bed { engine, responder }
    }

    fn expect(&self, source: Source, zones: &[&str]) {
        self.engine.expect(source, zones.iter().map(|zone| to_wire(zone)).collect::<BTreeSet<_>>());
    }

    fn head(&mut self, name: &str, rtype: &str) -> String {
        let peer = peer(FRIEND, Transport::Tcp);
        shown(&ask(&mut self.responder, &question(name, rtype), &peer).unwrap())[0].clone()
    }
}

#[test]
fn of_a_zone_that_is_not_there_nobody_says_what_it_has() {
    let mut bed = Bed::new();
    bed.expect(Source::Binder, &["below.example.com", "example.org"]);
    for name in ["below.example.com", "www.below.example.com", "example.org", "www.example.org"] {
        assert_eq!(bed.head(name, "A"), "SERVFAIL", "{name}");
    }
    // Its DS is the parent's to answer (RFC 4035 §3.1.4.1), where that is there.
    assert_eq!(bed.head("below.example.com", "DS"), "NXDOMAIN aa");
    assert_eq!(bed.head("x.below.example.com", "DS"), "SERVFAIL");
    assert_eq!(bed.head("example.org", "DS"), "SERVFAIL");
    // RFC 5936 §2.2.1.
    assert_eq!(bed.head("example.org", "AXFR"), "SERVFAIL");
    // And nothing else is concerned.
    assert_eq!(bed.head("www.example.com", "A"), "NOERROR aa");
    assert_eq!(bed.head("missing.example.com", "A"), "NXDOMAIN aa");
    assert_eq!(bed.head("www.example.net", "A"), "REFUSED");
    assert_eq!(bed.head("example.net", "AXFR"), "NOTAUTH");
}

#[test]
fn it_says_that_it_is_not_ready() {
    let mut bed = Bed::new();
    bed.expect(Source::Binder, &["example.org"]);
    let query = with_edns(question("www.example.org", "A"), 1232, 0, b"");
    let answer = ask(&mut bed.responder, &query, &peer("192.0.2.200", Transport::Udp)).unwrap();
    // EDE 14 (RFC 8914 §4.15).
    assert!(answer.ends_with(&[0, 15, 0, 2, 0, 14]), "{answer:?}");
}

#[test]
fn a_zone_is_missing_from_when_somebody_has_to_bring_it_until_nobody_has_to() {
    let mut bed = Bed::new();
    let below = || zone("@ 60 SOA ns. h. 1 1 1 1 1\n NS ns.\n A 192.0.2.1\n", "below.example.com");
    bed.engine.serve(below().unwrap());
    bed.expect(Source::Binder, &["below.example.com"]);
    assert_eq!(bed.head("below.example.com", "A"), "NOERROR aa");
    bed.engine.withdraw(&to_wire("below.example.com"));
    assert_eq!(bed.head("below.example.com", "A"), "SERVFAIL");
    // Two may have to, as while it moves from one to the other.
    bed.expect(Source::Files, &["below.example.com"]);
    bed.expect(Source::Binder, &[]);
    assert_eq!(bed.head("below.example.com", "A"), "SERVFAIL");
    bed.engine.serve_all(vec![below().unwrap()]);
    assert_eq!(bed.head("below.example.com", "A"), "NOERROR aa");
    bed.engine.withdraw(&to_wire("below.example.com"));
    bed.expect(Source::Files, &[]);
    assert_eq!(bed.head("below.example.com", "A"), "NXDOMAIN aa");
}
