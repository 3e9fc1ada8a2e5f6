//! The sink beside real name servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod support;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::base::iana::Rtype;
use rais_dns::{Answered, Conversation, Life, Question};
use rais_sdk::{FaultKind, Record};
use support::server::{Make, PATIENCE, Server, Setup, ZONE};
use support::{Publication, addresses, named, sink};

beside_each! {
    a_set_is_put_in_changed_and_emptied
    several_names_go_in_one_message_and_only_what_changed
    names_that_left_are_deleted_and_nothing_else
    the_same_again_and_after_a_restart_sends_nothing
    what_somebody_else_changed_is_seen_and_repaired
    a_zone_that_comes_back_is_looked_at_anew
    an_alias_is_told_and_left_alone
    a_wildcard_is_no_drift
    every_algorithm_signs
    over_tcp_alone_and_over_ipv6
    a_zone_further_up
    large_sets_are_put_in_whole
    what_is_confirmed_is_served_whoever_asks_meanwhile
}

fn api(addresses: &[&str]) -> Publication {
    Publication::new(ZONE, &[("api", addresses)])
}

/// What is not ours is as it was.
#[track_caller]
fn others_are_untouched(server: &Server) {
    assert_eq!(server.dig("others.example.com", "A"), ["203.0.113.1"]);
    assert_eq!(server.dig("others.example.com", "TXT"), ["\"kept\""]);
    assert_eq!(server.dig(ZONE, "MX"), ["10 mail.other.example."]);
    assert_eq!(server.dig(ZONE, "NS"), ["ns.other.example."]);
}

fn a_set_is_put_in_changed_and_emptied(make: Make) {
    let server = Setup::of(make).start();
    let sink = sink(&server.table(""));
    assert_eq!(sink.served(ZONE).unwrap(), None);
    let before = server.serial();
    let set: &[&str] = &["192.0.2.1", "192.0.2.2", "2001:db8::1"];
    let serial = api(set).publish(&sink).unwrap();
    assert!(serial > before, "{serial}");
    assert_eq!(server.serial(), serial);
    assert_eq!(server.dig("api.example.com", "A"), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(server.dig("api.example.com", "AAAA"), ["2001:db8::1"]);
    let served = sink.served(ZONE).unwrap().unwrap();
    assert_eq!((served.serial, served.owners[0].ttl), (Some(serial), 10));
    assert_eq!(addresses(&served), named("api", set));

    let later = api(&["192.0.2.2", "192.0.2.3"]).publish(&sink).unwrap();
    assert!(later > serial, "{later}");
    assert_eq!(server.dig("api.example.com", "A"), ["192.0.2.2", "192.0.2.3"]);
    assert_eq!(server.dig("api.example.com", "AAAA"), [""; 0]);

    // The TTL alone.
    let mut longer = api(&["192.0.2.2", "192.0.2.3"]);
    longer.head.owners[0].ttl = 30;
    longer.publish(&sink).unwrap();
    assert_eq!(sink.served(ZONE).unwrap().unwrap().owners[0].ttl, 30);

    // The empty set is a set.
    let last = api(&[]).publish(&sink).unwrap();
    assert!(server.dig("api.example.com", "A").is_empty());
    let served = sink.served(ZONE).unwrap().unwrap();
    assert_eq!((served.serial, served.records.len()), (Some(last), 0));
    others_are_untouched(&server);
}

fn several_names_go_in_one_message_and_only_what_changed(make: Make) {
    let (server, relay) = Setup::of(make).start_behind_relay();
    let sink = sink(&server.table_at(relay.address, ""));
    // The apex, a name with another type, one below an empty name, a wildcard.
    let owners = ["@", "www", "others2.deep", "*.wild"];
    let mut all = Publication::new(ZONE, &[]);
    for (number, owner) in (0..).zip(owners) {
        all.add(owner, [[192, 0, 2, number].into(), [192, 0, 2, 100 + number].into()].into_iter());
    }
    all.publish(&sink).unwrap();
    assert_eq!(relay.updates().len(), 1);
    assert_eq!(server.dig(ZONE, "A"), ["192.0.2.0", "192.0.2.100"]);
    assert_eq!(server.dig("others2.deep.example.com", "A"), ["192.0.2.102", "192.0.2.2"]);
    assert_eq!(server.dig("any.wild.example.com", "A"), ["192.0.2.103", "192.0.2.3"]);
    assert_eq!(sink.served(ZONE).unwrap().unwrap().records.len(), 8);

    relay.queries();
    all.records[2].ip = [192, 0, 2, 77].into();
    all.publish(&sink).unwrap();
    assert_eq!(server.dig("www.example.com", "A"), ["192.0.2.101", "192.0.2.77"]);
    // One update and the question for the serial, both by UDP.
    let updates = relay.updates();
    assert!(matches!(updates[..], [(..250, false)]), "{updates:?}");
    assert_eq!(relay.queries(), 1);
    others_are_untouched(&server);
}

fn names_that_left_are_deleted_and_nothing_else(make: Make) {
    let (server, relay) = Setup::of(make).start_behind_relay();
    let sink = sink(&server.table_at(relay.address, ""));
    let one: &[&str] = &["192.0.2.1"];
    let two: &[&str] = &["192.0.2.2", "2001:db8::2"];
    Publication::new(ZONE, &[("api", one), ("mail", two)]).publish(&sink).unwrap();
    server.nsupdate("update add mail.example.com 60 TXT \"theirs\"");
    // A service that moved: its new name is put in and its old one deleted in one message.
    relay.updates();
    Publication::new(ZONE, &[("api", one), ("smtp", two)]).publish(&sink).unwrap();
    assert_eq!(relay.updates().len(), 1);
    assert_eq!(server.dig("api.example.com", "A"), one);
    assert_eq!(server.dig("smtp.example.com", "A"), [two[0]]);
    assert_eq!(server.dig("mail.example.com", "A"), [""; 0]);
    assert_eq!(server.dig("mail.example.com", "AAAA"), [""; 0]);
    assert_eq!(server.dig("mail.example.com", "TXT"), ["\"theirs\""]);

    // Remembered also while the server cannot be reached, and once only.
    relay.hang(true);
    let fault = api(one).publish(&sink).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout, "{fault}");
    relay.hang(false);
    relay.updates();
    api(one).publish(&sink).unwrap();
    assert_eq!(server.dig("smtp.example.com", "A"), [""; 0]);
    assert_eq!(relay.updates().len(), 1);
    server.nsupdate("update add smtp.example.com 60 A 192.0.2.99");
    api(&["192.0.2.5"]).publish(&sink).unwrap();
    assert_eq!(server.dig("smtp.example.com", "A"), ["192.0.2.99"], "no longer ours");
    others_are_untouched(&server);
}

fn the_same_again_and_after_a_restart_sends_nothing(make: Make) {
    let (server, relay) = Setup::of(make).start_behind_relay();
    let table = server.table_at(relay.address, "");
    let all = Publication::new(ZONE, &[("api", &["192.0.2.1", "2001:db8::1"]), ("www", &[])]);
    let first = sink(&table);
    let serial = all.publish(&first).unwrap();
    assert_eq!(relay.updates().len(), 1);
    assert_eq!(all.publish(&first).unwrap(), serial);
    let second = sink(&table);
    assert_eq!(all.publish(&second).unwrap(), serial);
    assert_eq!(relay.updates(), []);
}

fn what_somebody_else_changed_is_seen_and_repaired(make: Make) {
    let (server, relay) = Setup::of(make).start_behind_relay();
    let sink = sink(&server.table_at(relay.address, ""));
    let one: &[&str] = &["192.0.2.1"];
    let two: &[&str] = &["192.0.2.2", "192.0.2.3"];
    let all = Publication::new(ZONE, &[("api", one), ("www", two)]);
    all.publish(&sink).unwrap();

    server.nsupdate("update delete www.example.com A 192.0.2.3");
    server.nsupdate("update add api.example.com 60 AAAA 2001:db8::66");
    let drifted = sink.served(ZONE).unwrap().unwrap();
    let mut wanted = named("api", &["192.0.2.1", "2001:db8::66"]);
    wanted.extend(named("www", &["192.0.2.2"]));
    assert_eq!(addresses(&drifted), wanted);
    relay.updates();
    let serial = all.publish(&sink).unwrap();
    assert_eq!(relay.updates().len(), 1);
    assert_eq!(server.dig("www.example.com", "A"), two);
    assert_eq!(server.dig("api.example.com", "AAAA"), [""; 0]);
    let repaired = sink.served(ZONE).unwrap().unwrap();
    assert_eq!((repaired.serial, repaired.records.len()), (Some(serial), 3));
    others_are_untouched(&server);
}

/// Another sink has had it in between.
fn a_zone_that_comes_back_is_looked_at_anew(make: Make) {
    let server = Setup::of(make).start();
    let sink = sink(&server.table(""));
    api(&["192.0.2.1"]).publish(&sink).unwrap();
    sink.assign(&[]).unwrap();
    server.nsupdate("update delete api.example.com A");
    server.nsupdate("update add api.example.com 60 A 192.0.2.66");
    sink.assign(&[ZONE.to_owned()]).unwrap();
    assert_eq!(sink.served(ZONE).unwrap(), None);
    let serial = api(&["192.0.2.1"]).publish(&sink).unwrap();
    assert_eq!(server.dig("api.example.com", "A"), ["192.0.2.1"]);
    assert_eq!(serial, server.serial());
    others_are_untouched(&server);
}

fn an_alias_is_told_and_left_alone(make: Make) {
    let records = "alias CNAME others\n".to_owned();
    let server = Setup { records, ..Setup::of(make) }.start();
    let sink = sink(&server.table(""));
    let one: &[&str] = &["192.0.2.1"];
    // It keeps no other name from being published.
    let both = Publication::new(ZONE, &[("alias", one), ("www", one)]);
    let fault = both.publish(&sink).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused, "{fault}");
    assert!(fault.text.contains("alias.example.com is an alias (CNAME)"), "{fault}");
    assert_eq!(server.dig("www.example.com", "A"), one);

    // One that comes later would swallow what is added without a word.
    api(&[]).publish(&sink).unwrap();
    server.nsupdate("update add api.example.com 60 CNAME others.example.com.");
    let fault = api(one).publish(&sink).unwrap_err();
    assert!(fault.text.contains("api.example.com is an alias (CNAME)"), "{fault}");
    assert_eq!(server.dig("api.example.com", "CNAME"), ["others.example.com."]);
    server.nsupdate("update delete api.example.com CNAME");
    api(one).publish(&sink).unwrap();
    assert_eq!(server.dig("api.example.com", "A"), one);
}

fn a_wildcard_is_no_drift(make: Make) {
    let records = "* A 203.0.113.9\n".to_owned();
    let server = Setup { records, ..Setup::of(make) }.start();
    let sink = sink(&server.table(""));
    api(&[]).publish(&sink).unwrap();
    assert_eq!(server.dig("api.example.com", "A"), ["203.0.113.9"]);
    assert_eq!(sink.served(ZONE).unwrap().unwrap().records, []);
    // An address of its own is.
    server.nsupdate("update add api.example.com 60 A 192.0.2.9");
    let served = sink.served(ZONE).unwrap().unwrap();
    assert_eq!(addresses(&served), named("api", &["192.0.2.9"]));
}

fn every_algorithm_signs(make: Make) {
    for algorithm in ["hmac-sha1", "hmac-sha384", "hmac-sha512"] {
        let server = Setup { algorithm, ..Setup::of(make) }.start();
        let sink = sink(&server.table(""));
        api(&["192.0.2.1"]).publish(&sink).unwrap();
        assert_eq!(server.dig("api.example.com", "A"), ["192.0.2.1"], "{algorithm}");
    }
}

fn over_tcp_alone_and_over_ipv6(make: Make) {
    let (server, relay) = Setup::of(make).start_behind_relay();
    let over_tcp = sink(&server.table_at(relay.address, "tcp = true"));
    api(&["192.0.2.1"]).publish(&over_tcp).unwrap();
    assert_eq!(server.dig("api.example.com", "A"), ["192.0.2.1"]);
    let updates = relay.updates();
    assert!(matches!(updates[..], [(_, true)]), "{updates:?}");

    let address = std::net::Ipv6Addr::LOCALHOST.into();
    let server = Setup { address, ..Setup::of(make) }.start();
    for (more, ip) in [("", "192.0.2.1"), ("tcp = true", "192.0.2.2")] {
        api(&[ip]).publish(&sink(&server.table(more))).unwrap();
        assert_eq!(server.dig("api.example.com", "A"), [ip]);
    }
}

fn a_zone_further_up(make: Make) {
    let server = Setup::of(make).start();
    let sink = sink(&server.table("zone = \"example.com\""));
    let serial = |publication: &Publication| publication.publish(&sink).unwrap();
    serial(&Publication::new("www.example.com", &[("@", &["192.0.2.1"]), ("a", &["192.0.2.2"])]));
    serial(&Publication::new("example.com", &[("mail", &["192.0.2.3"])]));
    assert_eq!(server.dig("www.example.com", "A"), ["192.0.2.1"]);
    assert_eq!(server.dig("a.www.example.com", "A"), ["192.0.2.2"]);
    let served = sink.served("www.example.com").unwrap().unwrap();
    assert_eq!(served.serial, Some(server.serial()));
    let mut wanted = named("@", &["192.0.2.1"]);
    wanted.extend(named("a", &["192.0.2.2"]));
    assert_eq!(addresses(&served), wanted);

    // A name that another zone of this sink has taken over is not deleted by the one it left.
    serial(&Publication::new("example.com", &[("mail", &["192.0.2.3"]), ("www", &["192.0.2.4"])]));
    serial(&Publication::new("www.example.com", &[("a", &["192.0.2.2"])]));
    assert_eq!(server.dig("www.example.com", "A"), ["192.0.2.4"]);

    let fault = Publication::new("example.org", &[("@", &[])]).publish(&sink).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused, "{fault}");
    assert!(fault.text.contains("outside the zone \"example.com\""), "{fault}");
}

fn large_sets_are_put_in_whole(make: Make) {
    let (server, relay) = Setup::of(make).start_behind_relay();
    let sink = sink(&server.table_at(relay.address, "timeout = \"30s\""));
    let mut all = api(&[]);
    let records = |count: u32| {
        let record = |n| Record::new(0, Ipv4Addr::from(0x0a00_0000 + n).into());
        (0..count).map(record).collect()
    };
    // As many as a message by UDP holds.
    all.records = records(65);
    all.publish(&sink).unwrap();
    let updates = relay.updates();
    assert!(matches!(updates[..], [(1150..=1232, false)]), "{updates:?}");
    assert_eq!(server.dig("api.example.com", "A").len(), 65);
    // More, both ways.
    all.records = records(1000);
    all.publish(&sink).unwrap();
    let updates = relay.updates();
    assert!(matches!(updates[..], [(16_000.., true)]), "{updates:?}");
    let served = sink.served(ZONE).unwrap().unwrap();
    assert_eq!(served.records.len(), 1000);
    // More than any answer holds.
    all.records = records(5000);
    let fault = all.publish(&sink).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused, "{fault}");
    assert!(fault.text.contains("api.example.com: 5000 records of type A"), "{fault}");
}

/// A server that caches its own answers may keep an old one, of somebody who asked during the
/// update: PowerDNS does, unless its caches are off.
fn what_is_confirmed_is_served_whoever_asks_meanwhile(make: Make) {
    let server = Setup::of(make).start();
    let sink = sink(&server.table(""));
    let first = Ipv4Addr::new(10, 0, 0, 0);
    api(&[&first.to_string()]).publish(&sink).unwrap();
    let (to, life) = (server.asked(), Life::default());
    let ask = || {
        // No key: as a resolver asks.
        let mut talk = Conversation::new(&to, None, PATIENCE, &life).unwrap();
        let question = Question::new("api.example.com", Rtype::A).unwrap();
        move || {
            let answers = talk.ask(std::slice::from_ref(&question)).unwrap();
            let mut found = Answered::new();
            question.addresses(&answers[0], &mut found).unwrap();
            found.into_iter().map(|(ip, _)| ip).collect::<Vec<_>>()
        }
    };
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut ask = ask();
            while !ends.load(Ordering::SeqCst) {
                ask();
            }
        });
        let mut ask = ask();
        let wrong = (1..100).find_map(|number| {
            let ip = Ipv4Addr::from(u32::from(first) + number);
            let serial = api(&[&ip.to_string()]).publish(&sink);
            let found = ask();
            (serial.is_err() || found != [ip]).then_some((ip, serial, found))
        });
        // Also where it failed: the other thread is waited for.
        ends.store(true, Ordering::SeqCst);
        assert_eq!(wrong, None);
    });
}
