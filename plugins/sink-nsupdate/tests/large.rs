//! A hundred thousand addresses, and one of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod support;

use std::net::Ipv4Addr;

use support::server::{Make, Setup, ZONE};
use support::{Publication, sink};

beside_each! {
    many_addresses_and_one_of_them
}

/// With `RAIS_TEST_LONG=1` a hundred thousand.
fn many() -> u32 {
    match std::env::var("RAIS_TEST_LONG").as_deref() {
        Ok("1") => 100_000,
        _ => 5_000,
    }
}

/// One small message by UDP; where its answer took long the server was looked at, and it came once
/// more, by TCP. Whether it is the one alone.
#[track_caller]
fn is_one_small(updates: &[(usize, bool)]) -> bool {
    assert!(matches!(updates, [(..200, false)] | [(..200, false), (..200, true)]), "{updates:?}");
    updates.len() == 1
}

fn many_addresses_and_one_of_them(make: Make) {
    let (server, relay) = Setup::of(make).start_behind_relay();
    let table = server.table_at(relay.address, "timeout = \"30s\"");
    let sink = sink(&table);
    let mut all = Publication::new(ZONE, &[]);
    for number in 0..many() {
        all.add(&format!("h{number}"), [Ipv4Addr::from(0x0a00_0000 + number).into()].into_iter());
    }
    let last = all.records.len() - 1;
    let last_name = format!("h{last}.example.com");
    all.publish(&sink).unwrap();
    assert_eq!(server.dig("h0.example.com", "A"), ["10.0.0.0"]);
    assert_eq!(server.dig(&last_name, "A"), [all.records[last].ip.to_string()]);
    // Nothing was there, so nothing was read; hundreds of names are in each message.
    let updates = relay.updates();
    assert!(updates.len() <= all.records.len() / 500, "{}", updates.len());
    assert!(updates.iter().all(|(octets, tcp)| *tcp && *octets <= 65_535));
    assert_eq!(relay.queries(), 2);

    all.records[77].ip = [192, 0, 2, 1].into();
    let serial = all.publish(&sink).unwrap();
    if is_one_small(&relay.updates()) {
        assert_eq!(relay.queries(), 1);
    }
    assert_eq!(server.dig("h77.example.com", "A"), ["192.0.2.1"]);

    relay.conditions();
    relay.queries();
    let served = sink.served(ZONE).unwrap().unwrap();
    assert_eq!((served.serial, served.records.len()), (Some(serial), all.records.len()));
    assert_eq!(relay.queries(), 1, "asked of many at once");
    assert!(relay.conditions() <= all.records.len() / 500);

    // One that somebody deleted is found among them and put back.
    server.nsupdate(&format!("update delete {last_name} A"));
    let served = sink.served(ZONE).unwrap().unwrap();
    assert_eq!(served.records.len(), last);
    assert!(served.records.iter().all(|record| record.owner as usize != last));
    all.publish(&sink).unwrap();
    is_one_small(&relay.updates());
    assert_eq!(server.dig(&last_name, "A"), [all.records[last].ip.to_string()]);

    // A restart finds all in place.
    let again = support::sink(&table);
    let serial = server.serial();
    assert_eq!(all.publish(&again).unwrap(), serial);
    assert_eq!(relay.updates(), []);
    if make == Make::PowerDns {
        // For each set that is replaced it looks through all names: an hour for all of them.
        return;
    }
    // Another TTL is seen by a sample.
    let again = support::sink(&table);
    for owner in &mut all.head.owners {
        owner.ttl = 20;
    }
    all.publish(&again).unwrap();
    assert!(!relay.updates().is_empty());
    let again = support::sink(&table);
    all.publish(&again).unwrap();
    assert_eq!(relay.updates(), []);
}
