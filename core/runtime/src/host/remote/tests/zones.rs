//! Sinks in processes of their own.

use std::net::Ipv6Addr;

use rais_sdk::{Owner, Record, ZoneHead};

use super::*;
use crate::host::Publication;

fn publication(zone: &str, reason: &str, records: u128) -> Arc<Publication> {
    let mut head = ZoneHead::new(vec![Owner::new("@", 60)], 42);
    head.reason = reason.to_owned();
    let records: Vec<_> = (0..records)
        .map(|number| Record::new(0, Ipv6Addr::from(number).into()).with_load(1.5))
        .collect();
    Arc::new(Publication {
        zone: zone.to_owned(),
        head,
        added: records.clone(),
        records,
        removed: Vec::new(),
    })
}

fn shelf() -> Arc<dyn SinkPort> {
    plugin(Kind::Sink, "wilful").sink("{}".into()).unwrap()
}

#[tokio::test]
async fn a_zone_is_published_and_read_back() {
    let shelf = shelf();
    assert_eq!(shelf.served("a.example", LONG).await, Ok(None));
    let published = publication("a.example", "", 3);
    assert_eq!(shelf.publish(Arc::clone(&published), LONG).await, Ok(45));
    let served = shelf.served("a.example", LONG).await.unwrap().unwrap();
    assert_eq!(served.serial, Some(42));
    assert_eq!(
        (served.owners, served.records),
        (published.head.owners.clone(), published.records.clone())
    );
}

#[tokio::test]
async fn a_sink_has_its_zones_and_no_others_in_its_next_life_too() {
    let shelf = shelf();
    let zones = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    shelf.assign(zones(&["a.example", "b.example"]), LONG).await.unwrap();
    shelf.assign(zones(&["b.example"]), LONG).await.unwrap();
    assert_eq!(shelf.served("a.example", LONG).await, Ok(None));
    let fault = shelf.publish(publication("b.example", "exit", 0), LONG).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Io, "{fault}");
    let served = loop {
        match shelf.served("b.example", LONG).await {
            Ok(served) => break served,
            Err(fault) => assert_eq!(fault.kind, FaultKind::Busy, "{fault}"),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    assert!(served.is_some(), "its zones are told before it is used");
}

#[tokio::test]
async fn a_hundred_thousand_addresses_are_published_and_read_back() {
    let shelf = shelf();
    let published = publication("a.example", "", 100_000);
    assert_eq!(shelf.publish(Arc::clone(&published), LONG).await, Ok(100_042));
    let served = shelf.served("a.example", LONG).await.unwrap().unwrap();
    assert_eq!(served.records, published.records);
}

#[tokio::test]
async fn more_than_can_be_told_is_a_fault_and_harms_nobody() {
    let shelf = shelf();
    let fault = shelf.publish(publication("a.example", "", 1_100_000), LONG).await.unwrap_err();
    assert!(fault.text.contains("octets are more than the 67108864"), "{fault}");
    assert_eq!(shelf.publish(publication("a.example", "", 1), LONG).await, Ok(43));
}

#[tokio::test]
async fn a_zone_has_one_call_at_a_time() {
    let shelf = shelf();
    let fault = shelf.publish(publication("a.example", "block", 0), SHORT).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout, "{fault}");
    let fault = shelf.publish(publication("a.example", "", 0), LONG).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Busy, "{fault}");
    assert_eq!(shelf.publish(publication("b.example", "", 0), LONG).await, Ok(42));
}

#[tokio::test]
async fn a_sink_that_was_stopped_has_stopped_and_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let stopped = folder.path().join("stopped");
    let remote = plugin(Kind::Sink, "wilful");
    let shelf = remote.sink(json!({ "stopped": stopped }).to_string()).unwrap();
    shelf.publish(publication("a.example", "", 0), LONG).await.unwrap();
    shelf.stop(LONG).await.unwrap();
    assert!(stopped.exists());
    let fault = shelf.publish(publication("a.example", "", 0), LONG).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Busy, "{fault}");

    let other = remote.sink("{}".into()).unwrap();
    let fault = other.publish(publication("a.example", "exit", 0), LONG).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Io, "{fault}");
    while other.publish(publication("a.example", "", 0), LONG).await.is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let fault = shelf.publish(publication("a.example", "", 0), LONG).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Busy, "{fault}");
    assert!(fault.text.contains("the sink is stopped"), "{fault}");
}

#[tokio::test]
async fn a_sink_without_a_process_is_stopped_at_once() {
    let shelf = shelf();
    shelf.publish(publication("a.example", "exit", 0), LONG).await.unwrap_err();
    shelf.stop(LONG).await.unwrap();
}
