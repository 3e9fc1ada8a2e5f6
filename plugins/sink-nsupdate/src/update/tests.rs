//! What goes over the wire, read back by the same library's parser.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::base::{Message, ParsedRecord};
use rais_dns::{Conversation, Life, Server};
use rais_zone::{OwnerName, ZoneName};

use super::*;
use crate::records::{Addresses, Records, all, changes};

fn zone() -> ZoneName {
    ZoneName::parse("example.com").unwrap()
}

fn records(names: &[(&str, u32, &[&str])]) -> Records {
    let of = |&(name, ttl, ips): &(&str, u32, &[&str])| {
        let mut addresses = Addresses::default();
        ips.iter().for_each(|ip| addresses.insert(ip.parse().unwrap(), ttl));
        (OwnerName::parse(name, &zone()).unwrap(), addresses)
    };
    names.iter().map(of).collect()
}

/// In a conversation with a server that is never asked.
fn with_talk<T>(run: impl FnOnce(&Talk<'_>) -> T) -> T {
    let address = ([127, 0, 0, 1], 1).into();
    let timeout = Duration::from_secs(1);
    let server = Server { address, way: Way::Udp, timeout };
    let (life, zone) = (Life::default(), zone());
    let conversation = Conversation::new(&server, None, timeout, &life).unwrap();
    run(&Talk { conversation, zone: &zone, timeout })
}

/// `NAME CLASS TYPE TTL LENGTH`, by section; the class ANY is `*`.
fn read(request: &Request) -> [Vec<String>; 3] {
    let message = Message::from_slice(request.as_slice()).unwrap();
    let (zone, prerequisites, updates, _) = message.sections().unwrap();
    let zone = zone.map(|one| one.unwrap());
    let zone = zone.map(|one| format!("{} {} {}", one.qname(), one.qclass(), one.qtype()));
    let record = |record: Result<ParsedRecord<'_, [u8]>, _>| {
        let record = record.unwrap();
        let ttl = record.ttl().as_secs();
        let unknown = record.to_record::<UnknownRecordData<_>>().unwrap().unwrap();
        let length = unknown.data().data().len();
        format!("{} {} {} {ttl} {length}", record.owner(), record.class(), record.rtype())
    };
    [zone.collect(), prerequisites.map(record).collect(), updates.map(record).collect()]
}

#[test]
fn a_set_is_deleted_and_added_in_one_message_unless_an_alias_is_there() {
    let wanted = records(&[
        ("@", 30, &["192.0.2.1", "2001:db8::1"]),
        ("gone", 0, &[]),
        ("www", 10, &["192.0.2.2", "192.0.2.3"]),
    ]);
    let request = with_talk(|talk| talk.replacement(&all(&wanted))).unwrap();
    let [zone, prerequisites, updates] = read(&request);
    assert_eq!(zone, ["example.com IN SOA"]);
    assert_eq!(prerequisites, ["example.com NONE CNAME 0 0", "www.example.com NONE CNAME 0 0"]);
    let expected = [
        "example.com * A 0 0",
        "example.com IN A 30 4",
        "example.com * AAAA 0 0",
        "example.com IN AAAA 30 16",
        "gone.example.com * A 0 0",
        "gone.example.com * AAAA 0 0",
        "www.example.com * A 0 0",
        "www.example.com IN A 10 4",
        "www.example.com IN A 10 4",
        "www.example.com * AAAA 0 0",
    ];
    assert_eq!(updates, expected);
    // RFC 2136 §2.2: opcode 5. Names that come again are pointed at.
    assert_eq!(request.as_slice()[2] >> 3, 5);
    assert_eq!(request.as_slice().windows(7).filter(|part| part == b"example").count(), 1);
}

#[test]
fn a_condition_is_every_member_or_none_and_changes_nothing() {
    let wanted = records(&[("gone", 0, &[]), ("www", 10, &["192.0.2.2", "192.0.2.3"])]);
    let request = with_talk(|talk| talk.condition(&all(&wanted))).unwrap();
    let [_, prerequisites, updates] = read(&request);
    let expected = [
        "gone.example.com NONE A 0 0",
        "gone.example.com NONE AAAA 0 0",
        "www.example.com IN A 0 4",
        "www.example.com IN A 0 4",
        "www.example.com NONE AAAA 0 0",
    ];
    assert_eq!(prerequisites, expected);
    assert_eq!(updates, [""; 0]);
}

#[test]
fn only_what_differs_is_replaced_and_what_left_is_emptied() {
    let there = records(&[
        ("left", 10, &["192.0.2.1"]),
        ("same", 10, &["192.0.2.2", "2001:db8::2"]),
        ("six", 10, &["192.0.2.3", "2001:db8::3"]),
        ("taken", 10, &["192.0.2.4"]),
        ("time", 10, &["192.0.2.5", "2001:db8::5"]),
    ]);
    let wanted = records(&[
        ("alias", 10, &["192.0.2.9"]),
        ("same", 10, &["192.0.2.2", "2001:db8::2"]),
        ("six", 10, &["192.0.2.3", "2001:db8::33"]),
        ("time", 20, &["192.0.2.5", "2001:db8::5"]),
    ]);
    let changes = changes(&there, &wanted, |name| name.as_str() == "taken.example.com");
    let told: Vec<_> = changes
        .iter()
        .flat_map(|sets| {
            let name = sets.name.as_str().trim_end_matches(".example.com");
            sets.iter().map(move |(rtype, set)| format!("{name} {rtype} {}", set.addresses.len()))
        })
        .collect();
    // Of a name of which nothing is known there nothing is said either.
    assert_eq!(told, ["left A 0", "six AAAA 1", "time A 1", "time AAAA 1"]);
}

#[test]
fn what_does_not_fit_into_one_message_is_split_between_names() {
    // As far in as this no name can be pointed at: the longest labels need the most.
    for label in [1, 63] {
        let names: Vec<_> = (0..5000).map(|n| format!("{n:0>label$}")).collect();
        let mut wanted = BTreeMap::new();
        for name in &names {
            wanted.extend(records(&[(name, 10, &["192.0.2.1", "192.0.2.2", "2001:db8::1"])]));
        }
        let all = all(&wanted);
        let messages = messages(&zone(), &all);
        assert!(messages.len() > 3, "{}", messages.len());
        assert_eq!(messages.concat().len(), all.len());
        for what in &messages {
            let request = with_talk(|talk| talk.replacement(what)).unwrap();
            let condition = with_talk(|talk| talk.condition(what)).unwrap();
            assert!(condition.as_slice().len() < request.as_slice().len());
            assert!(request.as_slice().len() < LONGEST, "{}", request.as_slice().len());
        }
        // As full as can be.
        for what in messages.iter().rev().skip(1) {
            let octets: usize = what.iter().map(|sets| sets.octets("example.com".len())).sum();
            assert!(octets > LONGEST - 1000, "{octets}");
        }
    }
}

#[test]
fn one_name_stays_together_while_it_can() {
    let addresses = |count: u32| {
        let mut addresses = Addresses::default();
        for number in 0..count {
            addresses.insert(std::net::Ipv4Addr::from(number).into(), 10);
            addresses.insert(std::net::Ipv6Addr::from(u128::from(number)).into(), 10);
        }
        addresses
    };
    // Of a name alone in its message all can be pointed at; so it fits though it did not seem to.
    for (count, expected) in [(1_400, [1, 1]), (2_000, [2, 1])] {
        let mut wanted = records(&[("a", 10, &["192.0.2.1"])]);
        wanted.insert(OwnerName::parse("big", &zone()).unwrap(), addresses(count));
        let all = all(&wanted);
        let messages = messages(&zone(), &all);
        assert_eq!(messages.iter().map(|what| what.len()).collect::<Vec<_>>(), expected);
        for what in messages {
            with_talk(|talk| talk.replacement(what)).unwrap();
        }
    }
}
