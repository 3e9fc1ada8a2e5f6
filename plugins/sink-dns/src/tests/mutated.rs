//! Queries with octets changed, cut off and doubled.

use super::transfers::ixfr;
use super::*;
use crate::fuzzing::{self, Answers, is_an_answer};

const COUNT: usize = 100_000;

#[test]
fn whatever_comes_does_no_harm_and_what_is_answered_parses() {
    let engine = engine();
    let mut responder = Responder::new(engine);
    let seeds: Vec<Vec<u8>> = [
        ("www.example.com", "A"),
        ("alias2.example.com", "AAAA"),
        ("a.b.renamed.example.com", "MX"),
        ("x.sub.example.com", "NS"),
        ("huge.example.com", "TXT"),
        ("any.wild.example.com", "ANY"),
        ("nothing.example.com", "A"),
        ("example.net", "A"),
    ]
    .into_iter()
    .flat_map(|(name, rtype)| {
        let plain = question(name, rtype);
        let cookie = b"\x00\x0a\x00\x08clientco\x00\x03\x00\x00\x00\x0b\x00\x00";
        [
            plain.clone(),
            with_edns(plain.clone(), 4096, 0x8000, &[]),
            with_edns(plain, 600, 0, cookie),
        ]
    })
    .collect();
    let mut random = fastrand::Rng::with_seed(6);
    let mut answered = 0;
    for round in 0..COUNT {
        let mut query = seeds[round % seeds.len()].clone();
        for _ in 0..random.usize(1..5) {
            let at = random.usize(..query.len());
            match random.u8(..6) {
                0 => query[at] = random.u8(..),
                1 => query[at] ^= 1 << random.u8(..8),
                2 => query.truncate(at.max(1)),
                3 => query.insert(at, random.u8(..)),
                4 => query.extend_from_within(at..),
                // A pointer, most of the time to what makes a loop.
                _ => query.splice(at.., [0xC0, at as u8]).for_each(drop),
            }
        }
        let transport = if random.bool() { Transport::Udp } else { Transport::Tcp };
        let Some(answer) = ask(&mut responder, &query, &peer("192.0.2.200", transport)) else {
            continue;
        };
        answered += 1;
        is_an_answer(&answer);
    }
    // Else the test would speak of nothing.
    assert!(answered > COUNT / 4, "{answered}");
}

/// What fuzzers begin with, and what they have found: `tests/fuzz`.
#[test]
fn seeds_of_fuzzers_do_no_harm() {
    for (folder, feed) in [("query", fuzzing::query as fn(&[u8])), ("zone", fuzzing::zone)] {
        let folder = format!("{}/../../tests/fuzz/seeds/{folder}", env!("CARGO_MANIFEST_DIR"));
        let mut count = 0;
        for seed in std::fs::read_dir(&folder).unwrap() {
            feed(&std::fs::read(seed.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count >= 5, "{folder}: {count}");
    }
}

/// What fuzzers feed goes everywhere: into transfers, to who checks signatures, to bound names.
#[test]
fn fuzzers_come_to_transfers_signatures_and_bound_names() {
    let seed = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz/seeds/query");
        std::fs::read(format!("{folder}/{name}")).unwrap()
    };
    // Of two responders by UDP and by TCP: one transfers.
    let transferred = Answers { single: 3, streamed: 1 };
    assert_eq!(fuzzing::answers(&question("example.com", "AXFR")), transferred);
    assert_eq!(fuzzing::answers(&ixfr("www.example", 8)), transferred);
    let answered = Answers { single: 4, streamed: 0 };
    for name in ["round-robin", "weighted", "random", "least-load", "fixed", "client-hash"] {
        assert_eq!(
            fuzzing::answers(&question(&format!("{name}.www.example"), "A")),
            answered,
            "{name}"
        );
    }
    let mut random = fastrand::Rng::with_seed(16);
    let seeds = [seed("axfr"), seed("ixfr"), seed("tsig"), question("weighted.www.example", "A")];
    for round in 0..5_000 {
        let mut query = seeds[round % seeds.len()].clone();
        let at = random.usize(..query.len());
        match random.u8(..3) {
            0 => query[at] = random.u8(..),
            1 => query.truncate(at.max(1)),
            _ => query.insert(at, random.u8(..)),
        }
        fuzzing::query(&query);
    }
}
