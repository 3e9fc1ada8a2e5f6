//! A zone reaches a sink as the host gave it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rais_sdk::prelude::*;
use rais_sdk::testing::Bench;

/// Keeps what it is given, and tells it back.
struct Memory {
    host: Host,
    zones: Mutex<Vec<String>>,
    served: Mutex<Option<(String, Served)>>,
    stopped: AtomicBool,
}

impl Sink for Memory {
    const NAME: &'static str = "memory";
    const SAMPLE: &'static str = "type = \"memory\"";
    type Config = NoConfig;

    fn new(_: NoConfig, host: Host) -> Result<Self, Fault> {
        let (zones, served) = Default::default();
        Ok(Self { host, zones, served, stopped: AtomicBool::new(false) })
    }

    fn assign(&self, zones: &[&str]) -> Result<(), Fault> {
        let mut had = self.zones.lock().unwrap();
        self.host.log(&format!("{zones:?} after {had:?}"));
        *had = zones.iter().map(|&zone| zone.to_owned()).collect();
        if zones.is_empty() { Err(Fault::refused("no zone is left")) } else { Ok(()) }
    }

    fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
        if self.stopped.load(Ordering::SeqCst) {
            return Err(Fault::io("stopped"));
        }
        for record in zone.records() {
            assert!(zone.owner_of(&record).is_some());
        }
        let counts = (zone.records().len(), zone.added().len(), zone.removed().len());
        self.host.log(&format!("{counts:?} {:?} {}", zone.head.change, zone.head.reason));
        assert_eq!(zone.records().count(), counts.0);
        let extra = zone.added().chain(zone.removed());
        let records = zone.records().chain(extra).collect();
        let served = Served::new(Some(zone.head.serial), zone.head.owners.clone(), records);
        *self.served.lock().unwrap() = Some((zone.name.to_owned(), served));
        Ok(zone.head.serial.wrapping_add(1))
    }

    fn served(&self, zone: &str) -> Result<Option<Served>, Fault> {
        let served = self.served.lock().unwrap().clone();
        Ok(served.filter(|(name, _)| name == zone).map(|(_, served)| served))
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }
}

fn record(owner: u32, ip: &str) -> Record {
    Record::new(owner, ip.parse().unwrap())
}

fn head() -> ZoneHead {
    let owners = vec![Owner::new("@", 10), Owner::new("mail", 300).with_scheme("weighted")];
    let mut head = ZoneHead::new(owners, u32::MAX);
    head.header = Some("@ SOA …\n".into());
    head.file = Some("www.example.zone".into());
    head.change = Change::Weights;
    head.reason = "web3 is down".into();
    head
}

#[test]
fn a_zone_comes_through_whole() {
    let bench = Bench::new();
    let sink = bench.sink::<Memory>("").unwrap();
    assert_eq!(sink.served("www.example").unwrap(), None);

    let records = [
        record(0, "192.0.2.1"),
        record(0, "2001:db8::1").with_weight(1).with_load(1000.0),
        record(1, "::ffff:192.0.2.3").with_weight(0).with_load(0.0),
    ];
    let added = [record(1, "2001:db8::2").with_load(33.33)];
    let removed = [record(0, "192.0.2.9"), record(1, "192.0.2.9")];
    let zone = Zone::new("www.example", head(), &records, &added, &removed);
    assert_eq!(sink.publish(&zone).unwrap(), 0);

    let all = [&records[..], &added, &removed].concat();
    let expected = Served::new(Some(u32::MAX), head().owners, all);
    assert_eq!(sink.served("www.example").unwrap(), Some(expected));
    assert_eq!(sink.served("other.example").unwrap(), None);
    let lines: Vec<_> = bench.lines().into_iter().map(|(_, text)| text).collect();
    assert_eq!(lines, ["(3, 1, 2) Weights web3 is down"]);

    sink.stop();
    assert_eq!(sink.publish(&zone).unwrap_err(), Fault::io("stopped"));
}

#[test]
fn a_sink_is_told_its_zones_and_may_refuse() {
    let bench = Bench::new();
    let sink = bench.sink::<Memory>("").unwrap();
    let zones = ["www.example", "b\\\"ü.example"].map(str::to_owned);
    sink.assign(&zones).unwrap();
    assert_eq!(sink.assign(&[]).unwrap_err(), Fault::refused("no zone is left"));
    let lines: Vec<_> = bench.lines().into_iter().map(|(_, text)| text).collect();
    assert_eq!(lines, [format!("{zones:?} after []"), format!("[] after {zones:?}")]);
}

#[test]
fn a_hundred_thousand_records_come_through() {
    let bench = Bench::new();
    let sink = bench.sink::<Memory>("").unwrap();
    let records: Vec<_> = (0..100_000_u32)
        .map(|n| Record::new(n % 2, std::net::Ipv4Addr::from(n).into()).with_weight(n as u16))
        .collect();
    let zone = Zone::new("big.example", head(), &records, &[], &[]);
    sink.publish(&zone).unwrap();
    assert!(sink.served("big.example").unwrap().unwrap().records == records);
}

#[test]
fn a_record_of_no_owner_is_refused_before_the_sink_sees_it() {
    let bench = Bench::new();
    let sink = bench.sink::<Memory>("").unwrap();
    for rows in [[1, 0, 0], [0, 1, 0], [0, 0, 1]] {
        let stray = [record(2, "192.0.2.1")];
        let [records, added, removed] = rows.map(|n| &stray[..n]);
        let fault = sink.publish(&Zone::new("www.example", head(), records, added, removed));
        let fault = fault.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unknown);
        assert!(fault.text.contains("owner"), "{fault}");
    }
    assert_eq!(sink.served("www.example").unwrap(), None);
}

/// A newer host's head has more, an older one's less.
#[test]
fn the_head_may_grow() {
    let json = r#"{"owners":[{"name":"@","ttl":10,"view":"inside"}],"serial":7,"change":"views","signed":true}"#;
    let head: ZoneHead = serde_json::from_str(json).unwrap();
    assert_eq!(head, ZoneHead::new(vec![Owner::new("@", 10)], 7));
    assert_eq!(head.change, Change::Set);
    let head: ZoneHead = serde_json::from_str("{}").unwrap();
    assert_eq!(head, ZoneHead::default());
    assert_eq!(serde_json::to_value(Change::Weights).unwrap(), "weights");
}
