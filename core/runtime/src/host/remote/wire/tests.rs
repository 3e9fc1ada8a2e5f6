//! What is carried arrives as it was.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use rais_sdk::{Change, FaultKind, Owner, Record, Wish, ZoneHead};

use super::*;
use crate::host;
use crate::host::remote::frame::{Incoming, Outgoing};

fn carried<T: Serialize + serde::de::DeserializeOwned>(what: &T) -> T {
    let (mut outgoing, mut incoming) = (Outgoing::default(), Incoming::default());
    outgoing.push(what).unwrap();
    incoming.room().extend(outgoing.rest());
    incoming.next().unwrap().unwrap()
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let ip = prop_oneof![
        any::<[u8; 4]>().prop_map(|ip| Ipv4Addr::from(ip).into()),
        any::<[u8; 16]>().prop_map(|ip| Ipv6Addr::from(ip).into()),
    ];
    let record = (any::<u32>(), ip, any::<u16>(), prop::option::of(0.0..1000.0_f64));
    let record = record.prop_map(|(owner, ip, weight, load)| {
        let record = Record::new(owner, ip).with_weight(weight);
        load.map_or(record, |load| record.with_load(load))
    });
    prop::collection::vec(record, 0..20)
}

proptest! {
    #[test]
    fn a_publication_arrives_as_it_was(
        zone in ".*",
        (records, added, removed) in (records(), records(), records()),
    ) {
        let mut head = ZoneHead::new(vec![Owner::new("@", 60).with_scheme("weighted")], 7);
        head.header = Some("$ORIGIN".into());
        head.change = Change::Weights;
        let publication = host::Publication { zone, head, records, added, removed };
        let packed = Publication::pack(&publication).unwrap();
        prop_assert_eq!(carried(&packed).unpack().unwrap(), publication);
    }

    #[test]
    fn what_is_served_arrives_as_it_was(
        serial: Option<u32>,
        records in records(),
        differs: Option<String>,
    ) {
        let mut served = rais_sdk::Served::new(serial, vec![Owner::new("www", 5)], records);
        served.differs = differs;
        prop_assert_eq!(carried(&Served::pack(&served).unwrap()).unpack().unwrap(), served);
    }
}

#[test]
fn faults_arrive_as_they_were() {
    use FaultKind::*;
    for kind in [Config, Down, Timeout, Unknown, Busy, Refused, Io, Panicked] {
        let fault = rais_sdk::Fault::new(kind, "no").at("tls.name");
        let there = rais_sdk::Fault::from(carried(&Fault::from(fault.clone())));
        assert_eq!(there, fault);
    }
}

#[test]
fn questions_and_answers_arrive_as_they_were() {
    let target = rais_sdk::Target::new("[2001:db8::1]:80".parse().unwrap(), "web1", "http");
    assert_eq!(rais_sdk::Target::from(carried(&Target::from(target.clone()))), target);

    let up = rais_sdk::Up::new(Duration::from_nanos(1)).with_detail("200 OK");
    assert_eq!(rais_sdk::Up::from(carried(&Up::from(up.clone()))), up);
    let up = up.with_load(12.25);
    assert_eq!(rais_sdk::Up::from(carried(&Up::from(up.clone()))), up);

    let subject = rais_sdk::Subject::new("http");
    assert_eq!(rais_sdk::Subject::from(carried(&Subject::from(subject.clone()))), subject);
    let subject = subject.with_target(target).with_last(up);
    assert_eq!(rais_sdk::Subject::from(carried(&Subject::from(subject.clone()))), subject);

    for wish in [Wish::None, Wish::Ready, Wish::Drain, Wish::Maintenance, Wish::Down, Wish::Up] {
        let reading = rais_sdk::Reading::load(99.5).with_wish(wish).with_reason("so");
        let reading = reading.with_weight(50);
        assert_eq!(rais_sdk::Reading::from(carried(&Reading::from(reading.clone()))), reading);
    }
    let unknown = rais_sdk::Reading::unknown("");
    assert_eq!(rais_sdk::Reading::from(carried(&Reading::from(unknown.clone()))), unknown);
}

#[test]
fn what_a_process_says_is_a_line() {
    let fault = Fault::from(rais_sdk::Fault::io("no\nforged").at("a\rb"));
    assert_eq!(rais_sdk::Fault::from(fault), rais_sdk::Fault::io("no forged").at("a b"));
    let served = rais_sdk::Served::new(Some(1), Vec::new(), Vec::new()).differing("ttl\nforged");
    let served = Served::pack(&served).unwrap().unpack().unwrap();
    assert_eq!(served.differs.as_deref(), Some("ttl forged"));
}
