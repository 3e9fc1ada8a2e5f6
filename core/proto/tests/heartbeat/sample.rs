//! Beats, keys and trust to test with.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::prelude::*;
use rais_proto::heartbeat::codec::{MAX_EXPIRE, MAX_INTERVAL};
use rais_proto::heartbeat::key::{Key, KeyLimits, KeyRing};
use rais_proto::heartbeat::trust::{Policy, Trust};
use rais_proto::heartbeat::{
    Capacity, Claim, Coverage, Heartbeat, Reason, Report, State, Weight, default_expire,
};
use rais_proto::load::Load;
use rais_proto::name::{ClusterName, Epoch, HostId, Sequence};
use rais_proto::time::WallTime;

pub(crate) fn cluster() -> ClusterName {
    "shop".parse().unwrap()
}

/// The key of the reference page: the octets 0 to 31.
pub(crate) fn key() -> Key {
    limited(KeyLimits::default())
}

pub(crate) fn limited(limits: KeyLimits) -> Key {
    Key::new(std::array::from_fn(|at| u8::try_from(at).unwrap()), limits)
}

pub(crate) fn other_key() -> Key {
    Key::new([0x55; 32], KeyLimits::default())
}

pub(crate) fn ring(key: Key) -> KeyRing {
    let id = key.id();
    KeyRing::new([key], Some(id)).unwrap()
}

pub(crate) fn enforcing() -> Trust {
    Trust { cluster: cluster(), policy: Policy::Enforce(ring(key())) }
}

pub(crate) fn permissive() -> Trust {
    Trust { cluster: cluster(), policy: Policy::Permissive(ring(key())) }
}

pub(crate) fn insecure() -> Trust {
    Trust { cluster: cluster(), policy: Policy::Insecure }
}

pub(crate) fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub(crate) fn report(service: &str, texts: &[&str]) -> Report {
    Report {
        service: service.parse().unwrap(),
        state: State::Up,
        reason: Reason::default(),
        load: Some(Load::from_hundredths(1234)),
        capacity: Capacity::from_thousandths(4000).unwrap(),
        weight: Weight::USUAL,
        interval: Duration::from_millis(500),
        expire: default_expire(Duration::from_millis(500)),
        claim: Claim::Own,
        coverage: Coverage::Whole,
        addresses: addresses(texts),
    }
}

pub(crate) fn beat(reports: Vec<Report>) -> Heartbeat {
    Heartbeat {
        host: HostId(std::array::from_fn(|at| u8::try_from(at).unwrap())),
        host_name: "web1".parse().unwrap(),
        epoch: Epoch(1_767_225_600_000),
        sequence: Sequence(7),
        wall: WallTime::from_unix_millis(1_767_225_612_345),
        reports,
    }
}

/// The beat of the reference page.
pub(crate) fn page_beat() -> Heartbeat {
    let http = report("http", &["192.0.2.11", "2001:db8::11"]);
    let news = Report {
        state: State::Down,
        reason: Reason::new("connection refused"),
        load: None,
        capacity: Capacity::ONE,
        weight: Weight::from_percent(50).unwrap(),
        interval: Duration::from_secs(2),
        expire: Duration::from_millis(6600),
        claim: Claim::Watched,
        coverage: Coverage::Part,
        ..report("news", &["192.0.2.20", "192.0.2.21"])
    };
    beat(vec![http, news])
}

fn any_millis(most: Duration) -> impl Strategy<Value = Duration> {
    (1..=u64::try_from(most.as_millis()).unwrap()).prop_map(Duration::from_millis)
}

/// In its one form: no IPv4-mapped IPv6 address.
fn any_address() -> impl Strategy<Value = IpAddr> {
    let v4 = any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)));
    let v6 = any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)).to_canonical());
    prop_oneof![v4, v6]
}

/// Up to `most` reports of up to `each` addresses, none twice, IPv4 first in each.
pub(crate) fn any_reports(most: usize, each: usize) -> impl Strategy<Value = Vec<Report>> {
    let states = prop::sample::select(vec![
        State::Up,
        State::Down,
        State::Draining,
        State::Maintenance,
        State::Leaving,
        State::Unknown,
    ]);
    // Short names, so that a service often occurs twice, and long ones.
    let names = prop_oneof!["[a-c]", "[a-z0-9][a-zA-Z0-9._-]{0,62}"];
    let load = prop::option::of((0..=Load::MAX.as_hundredths()).prop_map(Load::from_hundredths));
    let numbers =
        (load, 1..=u32::MAX, 1..=1000u16, any_millis(MAX_INTERVAL), any_millis(MAX_EXPIRE));
    let claim = prop::sample::select(vec![Claim::Own, Claim::Watched]);
    let coverage = prop::sample::select(vec![Coverage::Whole, Coverage::Part]);
    let count = 1..=each;
    let one = (names, states, ".{0,70}", numbers, claim, coverage, count);
    let all = prop::collection::vec(one, 0..=most);
    let pool = prop::collection::vec(any_address(), most * each);
    (all, pool).prop_map(|(all, pool)| {
        let mut taken = BTreeSet::new();
        let mut pool = pool.into_iter().filter(|&address| taken.insert(address));
        let mut with_addresses = |(name, state, reason, numbers, claim, coverage, count)| {
            let name: String = name;
            let reason: String = reason;
            let (load, capacity, weight, interval, expire) = numbers;
            let mut addresses: Vec<IpAddr> = pool.by_ref().take(count).collect();
            addresses.sort_unstable();
            Report {
                service: name.parse().unwrap(),
                state,
                reason: Reason::new(&reason),
                load,
                capacity: Capacity::from_thousandths(capacity).unwrap(),
                weight: Weight::from_percent(weight).unwrap(),
                interval,
                expire,
                claim,
                coverage,
                addresses,
            }
        };
        let reports = all.into_iter().map(&mut with_addresses);
        reports.filter(|report| !report.addresses.is_empty()).collect()
    })
}

pub(crate) fn any_beat() -> impl Strategy<Value = Heartbeat> {
    let name = "[a-z0-9][a-zA-Z0-9._-]{0,252}";
    let numbers = (any::<u64>(), 1..=u64::MAX, any::<u64>());
    (any::<[u8; 16]>(), name, numbers, any_reports(5, 6)).prop_map(
        |(host, host_name, (epoch, sequence, wall), reports)| Heartbeat {
            host: HostId(host),
            host_name: host_name.parse().unwrap(),
            epoch: Epoch(epoch),
            sequence: Sequence(sequence),
            wall: WallTime::from_unix_millis(wall),
            reports,
        },
    )
}
