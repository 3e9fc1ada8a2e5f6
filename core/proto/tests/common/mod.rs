//! A binder fed by hand in virtual time.
#![allow(dead_code, unreachable_pub, missing_docs)] // each test file uses its part
#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod signed;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rais_proto::binder::snapshot::Snapshot;
use rais_proto::binder::{
    Arrival, Binder, BinderConfig, Output, Publication, Published, TransportId, ZonePolicy,
};
use rais_proto::heartbeat::trust::{Policy, Trust};
use rais_proto::heartbeat::{
    Capacity, Claim, Coverage, Heartbeat, Reason, Report, State, Weight, codec, default_expire,
};
use rais_proto::load::Load;
use rais_proto::name::{ClusterName, Epoch, HostId, Sequence, ServiceName, ZoneName};
use rais_proto::policy::{React, ServicePolicy, Verdict};
use rais_proto::serial::Serial;
use rais_proto::time::{Time, WallTime};

/// Unix time at the origin of virtual time.
pub const BEGINNING: u64 = 1_700_000_000;
/// How often hosts say something in these tests.
pub const INTERVAL: Duration = Duration::from_secs(1);

pub fn service(name: &str) -> ServiceName {
    name.parse().unwrap()
}

pub fn zone(name: &str) -> ZoneName {
    name.parse().unwrap()
}

pub fn cluster() -> ClusterName {
    "test".parse().unwrap()
}

pub fn address(host: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, host])
}

pub fn addresses(hosts: &[u8]) -> Vec<IpAddr> {
    hosts.iter().copied().map(address).collect()
}

pub fn wall(now: Time) -> WallTime {
    WallTime::from_unix_millis(BEGINNING * 1000 + now.as_nanos() / 1_000_000)
}

pub fn at_once() -> ServicePolicy {
    ServicePolicy::usual(zone("www.example"))
}

pub fn on_timer(interval_secs: u64) -> ServicePolicy {
    ServicePolicy {
        react: React::OnTimer,
        interval: Duration::from_secs(interval_secs),
        ..at_once()
    }
}

pub fn config(services: &[(&str, ServicePolicy)]) -> BinderConfig {
    let policy = ZonePolicy { header_serial: Some(Serial(1)), fingerprint: 1 };
    BinderConfig {
        host: HostId([0; 16]),
        trust: Trust { cluster: cluster(), policy: Policy::Insecure },
        max_skew: Duration::from_secs(300),
        gap: Duration::from_millis(100),
        zones: services.iter().map(|(_, s)| (s.zone.clone(), policy)).collect(),
        services: services.iter().map(|(name, s)| (service(name), s.clone())).collect(),
    }
}

/// A report of the service `http` on host n's own address.
pub fn report(host: u8, state: State, load: Option<f64>) -> Report {
    Report {
        service: service("http"),
        state,
        reason: Reason::default(),
        load: load.and_then(Load::from_percent),
        capacity: Capacity::ONE,
        weight: Weight::USUAL,
        interval: INTERVAL,
        expire: default_expire(INTERVAL),
        claim: Claim::Own,
        coverage: Coverage::Whole,
        addresses: vec![address(host)],
    }
}

/// A report of the service `http` on a machine without a monitor.
pub fn watched(host: u8, state: State) -> Report {
    Report { claim: Claim::Watched, coverage: Coverage::Part, ..report(host, state, None) }
}

/// A binder, the hosts that beat to it, and what it published.
pub struct World {
    pub now: Time,
    pub binder: Binder,
    pub published: Vec<(Time, Publication)>,
    /// Whatever else it told, in order.
    pub told: Vec<Output>,
    sequences: BTreeMap<u8, u64>,
}

impl World {
    pub fn new(config: BinderConfig) -> World {
        World::starting(Binder::new(Time::ZERO, config), Time::ZERO)
    }

    pub fn restored(config: BinderConfig, snapshot: Snapshot, now: Time) -> World {
        World::starting(Binder::restore(now, config, snapshot), now)
    }

    /// The binder is gone and comes back after `away` with what it remembered; the hosts go on.
    pub fn restart(&mut self, config: BinderConfig, away: Duration) {
        let snapshot = self.binder.snapshot(self.now);
        self.now = self.now + away;
        self.binder = Binder::restore(self.now, config, snapshot);
        self.drain();
    }

    fn starting(binder: Binder, now: Time) -> World {
        let (published, told) = (Vec::new(), Vec::new());
        let mut world = World { now, binder, published, told, sequences: BTreeMap::new() };
        world.drain();
        world
    }

    /// The datagram in which host n says `reports`.
    pub fn datagram(&mut self, host: u8, reports: Vec<Report>) -> Vec<u8> {
        self.datagram_named(host, &format!("host{host}"), reports)
    }

    /// The same of a host with a name of its own.
    pub fn datagram_named(&mut self, host: u8, name: &str, reports: Vec<Report>) -> Vec<u8> {
        let sequence = self.sequences.entry(host).or_default();
        *sequence += 1;
        let beat = Heartbeat {
            host: HostId([host; 16]),
            host_name: name.parse().unwrap(),
            epoch: Epoch(1),
            sequence: Sequence(*sequence),
            wall: wall(self.now),
            reports,
        };
        codec::encode(&beat, &cluster(), None).unwrap()
    }

    pub fn deliver(&mut self, host: u8, datagram: &[u8]) {
        let arrival = Arrival {
            now: self.now,
            wall: wall(self.now),
            source: SocketAddr::new(address(host), 40_000),
            transport: TransportId(0),
        };
        self.binder.handle_datagram(arrival, datagram);
        self.drain();
    }

    pub fn beat_with(&mut self, host: u8, reports: Vec<Report>) {
        let datagram = self.datagram(host, reports);
        self.deliver(host, &datagram);
    }

    pub fn say(&mut self, host: u8, state: State) {
        self.beat_with(host, vec![report(host, state, None)]);
    }

    /// Lets time pass, and everything happen that is due in it.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.binder.poll_timeout() <= end {
            self.now = self.now.max(self.binder.poll_timeout());
            self.binder.handle_timeout(self.now, wall(self.now));
            self.drain();
        }
        self.now = end;
    }

    pub fn pass_millis(&mut self, millis: u64) {
        self.pass(Duration::from_millis(millis));
    }

    pub fn shut_down(&mut self) {
        self.binder.handle_shutdown(self.now, wall(self.now));
        self.drain();
    }

    /// So many intervals in which `hosts` say that they are up.
    pub fn beats(&mut self, rounds: usize, hosts: &[u8]) {
        for _ in 0..rounds {
            for &host in hosts {
                self.say(host, State::Up);
            }
            self.pass(INTERVAL);
        }
    }

    /// The addresses of `http` that are in the answers.
    pub fn set(&self) -> Vec<IpAddr> {
        let view = self.binder.view(self.now);
        view.services[0].set.iter().copied().collect()
    }

    pub fn verdict(&self, host: u8) -> Option<Verdict> {
        let view = self.binder.view(self.now);
        let members = view.services[0].members.iter();
        members.filter(|m| m.address == address(host)).map(|m| m.verdict).next()
    }

    /// The reasons that were told with `verdict` of host n's address, in order.
    pub fn reasons(&self, host: u8, verdict: Verdict) -> Vec<&str> {
        let reasons = self.told.iter().filter_map(|told| match told {
            Output::Judged { address: its, verdict: Some(its_verdict), reason, .. }
                if *its == address(host) && *its_verdict == verdict =>
            {
                Some(reason.as_str())
            }
            _ => None,
        });
        reasons.collect()
    }

    /// How often another set than the one before was published.
    pub fn sets_published(&self) -> usize {
        let set = |publication: &Publication| {
            let services = publication.services.iter();
            let ips = |all: &[Published]| all.iter().map(|one| one.address).collect::<Vec<_>>();
            services.map(|(name, all)| (name.clone(), ips(all))).collect::<Vec<_>>()
        };
        let mut sets: Vec<_> =
            self.published.iter().map(|(_, it)| (it.zone.clone(), set(it))).collect();
        sets.dedup();
        sets.len()
    }

    pub fn last_published(&self) -> Vec<IpAddr> {
        let (_, publication) = self.published.last().expect("something was published");
        publication.services.iter().flat_map(|(_, p)| p.iter().map(|p| p.address)).collect()
    }

    fn drain(&mut self) {
        while let Some(output) = self.binder.poll_output() {
            match output {
                Output::Publish(publication) => self.published.push((self.now, publication)),
                other => self.told.push(other),
            }
        }
    }
}
