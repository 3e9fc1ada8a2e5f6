use std::collections::BTreeSet;
use std::net::IpAddr;

use rais_proto::binder::Published;
use rais_proto::heartbeat::{Capacity, Weight};
use rais_proto::policy::weights::Share;
use rais_proto::serial::Serial;

use super::*;
use crate::config;
use crate::plan::binder::OwnerPlan;

fn address(n: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, n])
}

/// Of services and their addresses.
fn publication_of(services: &[(&str, &[u8])]) -> binder::Publication {
    let published = |&n: &u8| Published {
        address: address(n),
        load: None,
        capacity: Capacity::ONE,
        weight: Weight::USUAL,
        share: Share::MOST,
    };
    let services = services.iter().map(|(service, addresses)| {
        (service.parse().unwrap(), addresses.iter().map(published).collect())
    });
    binder::Publication {
        zone: "example".parse().unwrap(),
        serial: Serial(1),
        change: PublicationChange::Sets,
        services: services.collect(),
        pending: BTreeSet::new(),
        reason: String::new(),
    }
}

fn plan() -> ZonePlan {
    let owner = |(service, name): (&str, &str)| OwnerPlan {
        service: service.parse().unwrap(),
        name: name.to_owned(),
        ttl: 10,
        scheme: None,
    };
    let owners = [("ftp", "files"), ("web", "www"), ("web", "@"), ("www", "old")];
    ZonePlan {
        header: None,
        max_addresses: config::MaxAddresses { a: 28, aaaa: 16 },
        file: "example.zone".to_owned(),
        owners: owners.map(owner).into(),
        sinks: Vec::new(),
    }
}

fn places(records: &[Record]) -> Vec<(u32, IpAddr)> {
    records.iter().map(|record| (record.owner, record.ip)).collect()
}

#[test]
fn each_owner_has_the_addresses_of_its_service_and_no_other() {
    let what = publication_of(&[("ftp", &[1]), ("mail", &[9]), ("web", &[2, 3]), ("www", &[])]);
    let told = publication(&what, &plan(), None);
    let owners: Vec<_> = told.head.owners.iter().map(|owner| &*owner.name).collect();
    assert_eq!(owners, ["files", "www", "@", "old"]);
    let all = [(0, 1), (1, 2), (1, 3), (2, 2), (2, 3)].map(|(owner, n)| (owner, address(n)));
    assert_eq!(places(&told.records), all);
    assert_eq!((places(&told.added), places(&told.removed)), (all.to_vec(), vec![]));
}

#[test]
fn the_difference_is_made_owner_by_owner() {
    let (before, after) = (
        publication_of(&[("ftp", &[3, 4]), ("web", &[1, 5]), ("www", &[7])]),
        publication_of(&[("ftp", &[4]), ("web", &[3, 5]), ("www", &[6, 8])]),
    );
    let before = publication(&before, &plan(), None);
    let told = publication(&after, &plan(), Some(&before));
    let of = |places: &[(u32, u8)]| -> Vec<_> {
        places.iter().map(|&(owner, n)| (owner, address(n))).collect()
    };
    assert_eq!(places(&told.added), of(&[(1, 3), (2, 3), (3, 6), (3, 8)]));
    assert_eq!(places(&told.removed), of(&[(0, 3), (1, 1), (2, 1), (3, 7)]));
}
