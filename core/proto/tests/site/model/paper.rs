//! The paper's site: Fig. 7 at the monitors, Fig. 8 at the binders.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use rais_proto::load::Load;
use rais_proto::monitor::advertise::{
    Advertise, Interface, InterfaceAddress, InterfaceKind, Lifetime, Link, Scope, advertised,
};
use rais_proto::monitor::{
    AddressSet, LoadKey, LoadScope, LoadSource, Members, ServiceConfig, ServiceLoad,
};
use rais_proto::policy::{MinServers, React, ServicePolicy, WhenNone};

use super::{HostPlan, own_service, zone_of};

/// The host's CPU.
pub(crate) const CPU: LoadKey = LoadKey(1);

/// `service INTERVAL NAME …`, probed at the loopback address, with the host's load. One probe
/// decides (Fig. 3).
fn service(name: &str, interval_secs: u64) -> ServiceConfig {
    ServiceConfig {
        load: Some(ServiceLoad::One(CPU)),
        rise: NonZeroU16::MIN,
        fall: NonZeroU16::MIN,
        members: Members::Own {
            addresses: AddressSet::Host,
            probe_at: Some(IpAddr::from([127, 0, 0, 1])),
        },
        ..own_service(name, Duration::from_secs(interval_secs))
    }
}

/// `service 60 http 80`, `service 120 news 119`, `sample 120`.
pub(crate) fn host(addresses: Vec<IpAddr>) -> HostPlan {
    let sample = Duration::from_secs(120);
    HostPlan {
        addresses,
        services: vec![service("http", 60), service("news", 120)],
        loads: vec![LoadSource { key: CPU, every: sample, scope: LoadScope::Host }],
        sample,
    }
}

/// `dns-update 120 http … 1 60`, `dns-update 240 news … 2 60`.
pub(crate) fn binder() -> [(&'static str, ServicePolicy); 2] {
    let update = |interval_secs, name: &str, min_servers| ServicePolicy {
        react: React::OnTimer,
        interval: Duration::from_secs(interval_secs),
        max_load: Load::from_percent(60.0),
        min_servers: MinServers::Count(min_servers),
        ..ServicePolicy::usual(zone_of(name))
    };
    [("http", update(120, "http", 1)), ("news", update(240, "news", 2))]
}

/// `exclude 192.0.2.0/24`: what is left of the addresses of a host whose two cards have these.
pub(crate) fn not_excluded(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let card = |(at, &ip): (usize, &IpAddr)| Interface {
        name: format!("eth{at}"),
        kind: InterfaceKind::Ethernet,
        link: Link::Up,
        addresses: vec![InterfaceAddress {
            ip,
            prefix_len: 24,
            scope: Scope::Global,
            lifetime: Lifetime::Lasting,
        }],
    };
    let cards: Vec<Interface> = addresses.iter().enumerate().map(card).collect();
    advertised(&cards, &Advertise::Auto, &["192.0.2.0/24".parse().unwrap()])
}
