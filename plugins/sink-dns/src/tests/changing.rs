//! Changes under the eyes of who asks.

use std::sync::atomic::{AtomicBool, Ordering};

use rais_sdk::{Owner, Record, Zone as Publication, ZoneHead};

use super::*;
use crate::publish::State;

const HEADER: &str = "$TTL 1h\n@ SOA ns1 h ( 7 3h 1h 1w 300 )\n NS ns1\nns1 A 192.0.2.53\n";
const CHANGES: u32 = 10_000;

/// The set of a serial: three addresses that all say which.
fn set(serial: u32) -> [[u8; 4]; 3] {
    [1, 2, 3].map(|n| [10, n, (serial >> 8) as u8, serial as u8])
}

fn publish(state: &mut State, engine: &Engine, serial: u32) {
    let records = set(serial).map(|address| Record::new(0, address.into()));
    let mut head = ZoneHead::new(vec![Owner::new("@", 10)], serial);
    // Now and then the whole zone is another.
    head.header = Some(format!("{HEADER}x{} A 192.0.2.1\n", serial / 1000));
    let publication = Publication::new("www.example", head, &records, &records, &[]);
    state.publish(&publication, engine).unwrap();
}

/// The serial whose set an answer holds.
fn answered(responder: &mut Responder) -> u32 {
    let query = question("www.example", "A");
    let answer = ask(responder, &query, &peer("192.0.2.200", Transport::Udp)).unwrap();
    assert_eq!((answer[3], &answer[6..8]), (0, &[0, 3][..]));
    let address = |n: usize| <[u8; 4]>::try_from(&answer[29 + 16 * n + 12..][..4]).unwrap();
    let mut found = [0, 1, 2].map(address);
    found.sort_unstable();
    let serial = u32::from(u16::from_be_bytes([found[0][2], found[0][3]]));
    assert_eq!(found, set(serial));
    serial
}

#[test]
fn no_answer_is_lost_mixed_or_older_than_what_was_published_before() {
    let engine = Arc::new(Engine::new(Identity::default(), Access::default(), None));
    let mut state = State::default();
    publish(&mut state, &engine, 1);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut responder = Responder::new(Arc::clone(&engine));
                let mut last = 0;
                while !ended.load(Ordering::Relaxed) {
                    let serial = answered(&mut responder);
                    assert!(serial >= last, "{serial} after {last}");
                    last = serial;
                }
            });
        }
        let mut responder = Responder::new(Arc::clone(&engine));
        let changes = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for serial in 2..=CHANGES {
                publish(&mut state, &engine, serial);
                assert_eq!(answered(&mut responder), serial);
            }
        }));
        // Also where it fails: the others wait for it.
        ended.store(true, Ordering::Relaxed);
        changes.unwrap();
    });
}
