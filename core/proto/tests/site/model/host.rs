//! A host: its monitor, the servers it probes, the loads it reads, its wall clock.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU16, NonZeroUsize};
use std::time::Duration;

use rais_proto::heartbeat::packing::Room;
use rais_proto::heartbeat::{Capacity, Heartbeat, Reason, Weight, default_expire};
use rais_proto::load::Load;
use rais_proto::monitor::{
    AddressSet, LoadKey, LoadSource, Members, Monitor, MonitorConfig, Output, ProbeId, ProbeKey,
    ProbeOutcome, Probes, ServiceConfig,
};
use rais_proto::monitor::{OnFlapping, Proof, Reading as LoadReading, WatchedTarget};
use rais_proto::name::{Epoch, HostId, HostName, ServiceName};
use rais_proto::time::Time;

use super::queue::{Event, Queue};
use super::{cluster, wall};

/// How long a server takes to answer or to refuse.
const ANSWER: Duration = Duration::from_millis(1);

/// Where a host without an address of its own sends from.
const NO_ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

/// How a server takes a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// It answers.
    Up,
    /// Killed: the host refuses in its place.
    Killed,
    /// It takes the connection and says nothing.
    Hung,
}

/// What a load source reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reading {
    /// Always the same, in percent.
    Steady(f64),
    /// Anything between the two, in percent.
    Between(f64, f64),
}

/// What a host is to be.
#[derive(Debug, Clone)]
pub(crate) struct HostPlan {
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) services: Vec<ServiceConfig>,
    pub(crate) loads: Vec<LoadSource>,
    /// Loads are means over the last so long.
    pub(crate) sample: Duration,
}

/// A host.
pub(crate) struct Host {
    pub(crate) id: HostId,
    /// By service; whoever is not here is up.
    pub(crate) servers: BTreeMap<ServiceName, Server>,
    /// What is not here reads 10 %.
    pub(crate) readings: BTreeMap<LoadKey, Reading>,
    /// How far its wall clock is ahead, in milliseconds.
    pub(crate) ahead: i64,
    /// Whether it has said goodbye.
    pub(crate) finished: bool,
    pub(super) wakes_at: Option<Time>,
    plan: HostPlan,
    /// None while it is off.
    monitor: Option<Monitor>,
    /// How often it was started.
    life: u64,
    /// As stored before the first beat of its latest life.
    epoch: Epoch,
    rng: fastrand::Rng,
}

/// An own service at the defaults of the configuration.
pub(crate) fn own_service(name: &str, interval: Duration) -> ServiceConfig {
    ServiceConfig {
        name: name.parse().unwrap(),
        interval,
        timeout: Duration::from_millis(400),
        fast_interval: Duration::from_millis(100),
        rise: NonZeroU16::new(2).unwrap(),
        fall: NonZeroU16::new(2).unwrap(),
        on_flapping: OnFlapping::Hold,
        jitter_percent: 10,
        expire: default_expire(interval),
        capacity: Capacity::ONE,
        weight: Weight::USUAL,
        probes: Probes::one(ProbeKey(1)),
        load: None,
        members: Members::Own { addresses: AddressSet::Host, probe_at: None },
    }
}

/// The same of a machine without a monitor.
pub(crate) fn watching_service(name: &str, interval: Duration, target: IpAddr) -> ServiceConfig {
    let target = WatchedTarget { address: target, name: None, weight: None };
    ServiceConfig { members: Members::Watched(vec![target]), ..own_service(name, interval) }
}

impl Reading {
    fn read(self, rng: &mut fastrand::Rng) -> Option<Load> {
        match self {
            Reading::Steady(percent) => Load::from_percent(percent),
            Reading::Between(low, high) => Load::from_percent(low + rng.f64() * (high - low)),
        }
    }
}

impl Host {
    pub(super) fn new(at: usize, plan: HostPlan, rng: fastrand::Rng) -> Host {
        let number = u128::try_from(at + 1).unwrap();
        Host {
            id: HostId(number.to_be_bytes()),
            servers: BTreeMap::new(),
            readings: BTreeMap::new(),
            ahead: 0,
            finished: false,
            wakes_at: None,
            plan,
            monitor: None,
            life: 0,
            epoch: Epoch(0),
            rng,
        }
    }

    pub(super) fn start(&mut self, now: Time) {
        self.life += 1;
        self.finished = false;
        self.epoch = Epoch((self.epoch.0 + 1).max(wall(now, self.ahead).as_unix_millis()));
        let config = self.config();
        let mut monitor = Monitor::new(now, config);
        monitor.handle_addresses(now, AddressSet::Host, &self.plan.addresses);
        self.monitor = Some(monitor);
    }

    fn config(&mut self) -> MonitorConfig {
        let name: HostName = format!("host{}", u128::from_be_bytes(self.id.0)).parse().unwrap();
        MonitorConfig {
            host: self.id,
            room: Room::beside(&name, &cluster()),
            host_name: name,
            epoch: self.epoch,
            seed: self.rng.u64(..),
            sample: self.plan.sample,
            concurrency: NonZeroUsize::new(10_000).unwrap(),
            loads: self.plan.loads.clone(),
            services: self.plan.services.clone(),
        }
    }

    /// Whether it has power.
    pub(crate) fn is_on(&self) -> bool {
        self.monitor.is_some()
    }

    pub(super) fn kill(&mut self) {
        self.monitor = None;
    }

    pub(super) fn shut_down(&mut self, now: Time) {
        self.on().handle_shutdown(now);
    }

    pub(super) fn set_addresses(&mut self, now: Time, addresses: &[IpAddr]) {
        self.plan.addresses = addresses.to_vec();
        self.on().handle_addresses(now, AddressSet::Host, addresses);
    }

    pub(super) fn set_services(&mut self, now: Time, services: Vec<ServiceConfig>) {
        self.plan.services = services;
        let config = self.config();
        self.on().handle_config(now, config);
    }

    pub(super) fn answer(&mut self, now: Time, life: u64, probe: ProbeId, outcome: ProbeOutcome) {
        if let Some(monitor) = self.monitor.as_mut().filter(|_| life == self.life) {
            monitor.handle_probe_result(now, probe, outcome);
        }
    }

    pub(super) fn wake(&mut self, now: Time) {
        self.wakes_at = None;
        self.on().handle_timeout(now);
    }

    pub(super) fn next_wake(&self) -> Option<Time> {
        self.monitor.as_ref()?.poll_timeout()
    }

    /// Where its datagrams come from.
    pub(super) fn source(&self) -> SocketAddr {
        SocketAddr::new(self.plan.addresses.first().copied().unwrap_or(NO_ADDRESS), 40_000)
    }

    /// Does what the monitor wants, up to the next beat that it sends.
    pub(super) fn drain(&mut self, now: Time, queue: &mut Queue) -> Option<Heartbeat> {
        let monitor = self.monitor.as_mut()?;
        let host = usize::try_from(u128::from_be_bytes(self.id.0)).unwrap() - 1;
        let wall = wall(now, self.ahead);
        while let Some(output) = monitor.poll_output(now, wall) {
            match output {
                Output::Send(beat) => return Some(beat),
                Output::StartProbe { id, service, timeout, .. } => {
                    let (after, outcome) = match self.servers.get(&service) {
                        Some(Server::Up) | None => {
                            (ANSWER, ProbeOutcome::Up(Proof::within(ANSWER)))
                        }
                        Some(Server::Killed) => {
                            (ANSWER, ProbeOutcome::Down(Reason::new("connection refused")))
                        }
                        Some(Server::Hung) => (timeout, ProbeOutcome::TimedOut(Reason::default())),
                    };
                    let life = self.life;
                    queue.push(now + after, Event::Answer { host, life, probe: id, outcome });
                }
                Output::SampleLoad { id, source, .. } => {
                    let reading = self.readings.get(&source).unwrap_or(&Reading::Steady(10.0));
                    let load = reading.read(&mut self.rng);
                    monitor.handle_load(now, id, load.map(LoadReading::of));
                }
                Output::Finished => self.finished = true,
                Output::CancelProbe { .. } | Output::Changed(_) => {}
                other => panic!("unknown output {other:?}"),
            }
        }
        None
    }

    fn on(&mut self) -> &mut Monitor {
        self.monitor.as_mut().expect("the host is on")
    }
}
