//! A plain site to begin a scenario with: `http` on a few hosts at the defaults, judged at once.

use std::net::IpAddr;
use std::time::Duration;

use rais_proto::monitor::ServiceConfig;
use rais_proto::policy::ServicePolicy;

use crate::model::{HostPlan, Site, own_service, zone_of};

/// The default interval.
pub(crate) const INTERVAL: Duration = Duration::from_millis(500);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: i64 = 3600;

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The address of the host of that place.
pub(crate) fn address(host: usize) -> IpAddr {
    IpAddr::from([192, 0, 2, u8::try_from(host + 1).unwrap()])
}

pub(crate) fn addresses(hosts: impl IntoIterator<Item = usize>) -> Vec<IpAddr> {
    hosts.into_iter().map(address).collect()
}

/// `http` on the host of that place.
pub(crate) fn plan(host: usize, http: ServiceConfig) -> HostPlan {
    HostPlan {
        addresses: vec![address(host)],
        services: vec![http],
        loads: Vec::new(),
        sample: Duration::from_secs(10),
    }
}

/// The defaults of the configuration.
pub(crate) fn at_once() -> ServicePolicy {
    ServicePolicy::usual(zone_of("http"))
}

/// So many hosts that beat so often, and so many binders; a while later, all being well.
pub(crate) fn settled_at(seed: u64, hosts: usize, binders: usize, interval: Duration) -> Site {
    let mut site = Site::new(seed);
    for _ in 0..binders {
        site.add_binder(&[("http", at_once())]);
    }
    for host in 0..hosts {
        site.add_host(plan(host, own_service("http", interval)));
    }
    settle(&mut site, hosts);
    site
}

pub(crate) fn settle(site: &mut Site, hosts: usize) {
    site.run_for(5 * SECOND);
    for binder in &site.binders {
        assert_eq!(binder.answers("http"), addresses(0..hosts));
    }
}

/// The same at the default interval, with one binder.
pub(crate) fn settled(seed: u64, hosts: usize) -> Site {
    settled_at(seed, hosts, 1, INTERVAL)
}
