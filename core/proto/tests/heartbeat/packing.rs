//! Reports over datagrams: nothing is lost, nothing is twice, all of it fits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use rais_proto::heartbeat::codec::{encode, report_len};
use rais_proto::heartbeat::packing::{Room, pack};
use rais_proto::heartbeat::{Claim, Coverage, Heartbeat, Report};
use rais_proto::name::ServiceName;

use crate::sample::{any_reports, beat, cluster, key, report};

fn room() -> Room {
    Room::beside(&beat(vec![]).host_name, &cluster())
}

fn group(report: &Report) -> (ServiceName, Claim) {
    (report.service.clone(), report.claim)
}

/// One report an address, in order, and coverage left aside.
fn one_by_one<'a>(reports: impl IntoIterator<Item = &'a Report>) -> Vec<Report> {
    let single = |report: &Report, address: IpAddr| Report {
        addresses: vec![address],
        coverage: Coverage::Whole,
        ..report.clone()
    };
    let each = |report: &'a Report| report.addresses.iter().map(move |&at| single(report, at));
    reports.into_iter().flat_map(each).collect()
}

/// In the order of each group's first report.
fn gathered(reports: &[Report]) -> Vec<Report> {
    let mut all = reports.to_vec();
    let first = |of: &Report| reports.iter().position(|report| group(report) == group(of));
    all.sort_by_key(first);
    all
}

fn datagram_len(reports: Vec<Report>) -> usize {
    encode(&Heartbeat { ..beat(reports) }, &cluster(), Some(&key())).unwrap().len()
}

proptest! {
    #[test]
    fn every_address_is_sent_once_and_every_datagram_fits(
        reports in prop_oneof![any_reports(12, 8), any_reports(3, 100), any_reports(1, 600)],
    ) {
        let packs = pack(reports.clone(), room());
        prop_assert_eq!(&packs, &pack(reports.clone(), room()));
        prop_assert_eq!(one_by_one(packs.iter().flatten()), one_by_one(&gathered(&reports)));
        for reports in &packs {
            prop_assert!(!reports.is_empty());
            prop_assert!(datagram_len(reports.clone()) <= 1200);
        }

        for group_of in &reports {
            let alike = |report: &&Report| group(report) == group(group_of);
            let len: usize = reports.iter().filter(alike).map(report_len).sum();
            let spread = packs.iter().filter(|pack| pack.iter().any(|report| alike(&report)));
            let fits = len <= room().octets()
                && reports.iter().filter(alike).all(|report| report.addresses.len() <= 255);
            if fits {
                prop_assert_eq!(spread.count(), 1);
                let sent: Vec<_> = packs.iter().flatten().filter(alike).collect();
                prop_assert_eq!(sent, reports.iter().filter(alike).collect::<Vec<_>>());
            } else {
                let mut pieces = packs.iter().flatten().filter(alike);
                prop_assert!(pieces.all(|piece| piece.coverage == Coverage::Part));
            }
        }
    }
}

fn v4(first: u32, count: u32) -> Vec<IpAddr> {
    (first..first + count).map(|at| IpAddr::V4(Ipv4Addr::from_bits(0xc000_0000 + at))).collect()
}

fn with(service: &str, addresses: Vec<IpAddr>) -> Report {
    Report { addresses, ..report(service, &[]) }
}

#[test]
fn what_fits_one_datagram_is_one() {
    let reports = vec![with("a", v4(0, 50)), with("b", v4(0, 50)), with("a", v4(90, 9))];
    let packs = pack(reports.clone(), room());
    assert_eq!(packs, [[&reports[0], &reports[2], &reports[1]].map(Clone::clone)]);
}

#[test]
fn the_cut_is_at_a_service() {
    let reports = vec![with("a", v4(0, 150)), with("b", v4(0, 100)), with("b", v4(500, 50))];
    let packs = pack(reports.clone(), room());
    assert_eq!(packs, [reports[..1].to_vec(), reports[1..].to_vec()]);
}

#[test]
fn the_last_octet_is_used_and_none_more() {
    let v6 = |count: u128| (1..=count).map(|at| Ipv6Addr::from_bits(at << 64).into()).collect();
    // 1119 octets of room: 31 and 68 times 16.
    let full = with("abc", v6(68));
    assert_eq!(pack(vec![full.clone()], room()), [[full.clone()]]);
    assert_eq!(datagram_len(vec![full]), 1200);
    for over in [with("abc", v6(69)), with("abcd", v6(68))] {
        let packs = pack(vec![over.clone()], room());
        assert_eq!(packs.len(), 2);
        assert!(packs.iter().flatten().all(|report| report.coverage == Coverage::Part));
        assert_eq!(one_by_one(packs.iter().flatten()), one_by_one([&over]));
    }
}

#[test]
fn more_than_an_octet_counts() {
    let over = with("abc", v4(0, 256));
    assert!(report_len(&over) <= room().octets());
    let packs = pack(vec![over.clone()], room());
    assert_eq!(one_by_one(packs.iter().flatten()), one_by_one([&over]));
    assert!(packs.into_iter().map(datagram_len).all(|len| len <= 1200));
}

#[test]
fn own_and_watched_are_apart() {
    let watched = Report { claim: Claim::Watched, ..with("a", v4(1000, 150)) };
    let packs = pack(vec![with("a", v4(0, 150)), watched], room());
    assert_eq!(packs.len(), 2);
    assert!(packs.iter().flatten().all(|report| report.coverage == Coverage::Whole));
}

#[test]
fn a_report_of_nobody_is_left_out() {
    assert!(pack(vec![with("a", vec![])], room()).is_empty());
    assert!(pack(vec![], room()).is_empty());
}
