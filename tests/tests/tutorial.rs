//! `docs/tutorial/first-probe.md`, block by block, against a real Redis: what a reader types is
//! typed, what it shows is what is printed, and no beat is lost meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rais_tests::host::Host;
use rais_tests::reader::{Builds, Reader};
use rais_tests::status::Binder;
use rais_tests::wait;

/// Beats that are heard after a reload before it is judged.
const BEATS: u64 = 10;

#[test]
fn a_first_probe_from_nothing_to_its_second_version() {
    // A machine of its own: the page names ports.
    let mut reader = Reader::new("first-probe", Builds::AsTyped).at(Host::new("cache1"));
    let mut reloads = 0;
    reader.follow_with("tutorial/first-probe.md", |reader, line, typed| {
        if !typed.command.starts_with("rais reload") {
            return reader.type_in(line, typed);
        }
        let before = binder(reader);
        reader.type_in(line, typed);
        every_beat_is_heard_since(&before, reader);
        reloads += 1;
    });
    assert_eq!(reloads, 2);
}

fn binder(reader: &Reader) -> Binder {
    let socket = reader.file("first-probe/binder.sock");
    let arguments = ["status", "--output", "json", "--socket", socket.to_str().unwrap()];
    let roles = reader.rais(&arguments).expect_code(0).json();
    let mut roles: Vec<Binder> = serde_json::from_value(roles).unwrap();
    roles.remove(0)
}

/// Every beat since then was heard once, and none changed the zone.
fn every_beat_is_heard_since(before: &Binder, reader: &Reader) {
    let (after, beats) = wait::until("more beats", || {
        let after = binder(reader);
        let beats = after.hosts[0].sequence - before.hosts[0].sequence;
        if beats >= BEATS { Ok((after, beats)) } else { Err(format!("{beats}")) }
    });
    assert_eq!(after.hosts[0].epoch, before.hosts[0].epoch);
    assert_eq!(after.counters.accepted - before.counters.accepted, beats);
    assert_eq!(after.refused(), 0);
    assert_eq!(after.counters.published, before.counters.published, "the set has changed");
}
