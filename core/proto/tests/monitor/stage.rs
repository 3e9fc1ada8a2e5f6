//! A shell in virtual time: plays the servers, keeps the clock, writes everything down.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::{NonZeroU16, NonZeroUsize};
use std::time::Duration;

use rais_proto::heartbeat::codec::encode;
use rais_proto::heartbeat::packing::Room;
use rais_proto::heartbeat::{
    Capacity, Claim, Heartbeat, Reason, Report, State, Weight, default_expire,
};
use rais_proto::load::Load;
use rais_proto::monitor::{
    AddressSet, Change, LoadKey, LoadSubject, Members, Monitor, MonitorConfig, OnFlapping, Output,
    ProbeId, ProbeKey, ProbeOutcome, Probes, Proof, Reading, ServiceConfig, WatchedTarget,
};
use rais_proto::name::{ClusterName, Epoch, HostId, HostName};
use rais_proto::time::{Time, WallTime};

/// How a server takes a probe.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Server {
    /// Answers after so many milliseconds.
    Answers(u64),
    /// Refuses after so many.
    Refuses(u64),
    /// Takes the connection and says nothing.
    Hangs,
    /// The probe itself is stuck, and nobody answers for it.
    Sticks,
    /// The probe itself is at fault, after so many.
    Baffles(u64),
}

impl Server {
    /// What a probe of it comes to, and when; none where no answer ever comes.
    pub(crate) fn outcome(&self, timeout: Duration) -> Option<(Duration, ProbeOutcome)> {
        let late = || (timeout, ProbeOutcome::TimedOut(Reason::new("timeout at reading")));
        let (after, outcome) = match *self {
            Server::Answers(ms) => (ms, ProbeOutcome::Up(Proof::within(Duration::from_millis(ms)))),
            Server::Refuses(ms) => (ms, ProbeOutcome::Down(Reason::new("connection refused"))),
            Server::Baffles(ms) => (ms, ProbeOutcome::NoOpinion(Reason::new("no such file"))),
            Server::Hangs => return Some(late()),
            Server::Sticks => return None,
        };
        let after = Duration::from_millis(after);
        Some(if after <= timeout { (after, outcome) } else { late() })
    }
}

/// A probe that was started.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Start {
    pub(crate) at: Time,
    pub(crate) id: ProbeId,
    pub(crate) probe: ProbeKey,
    pub(crate) address: IpAddr,
}

/// Reads a load.
type Meter = Box<dyn Fn(&LoadSubject) -> Reading>;

pub(crate) struct Stage {
    pub(crate) monitor: Monitor,
    pub(crate) config: MonitorConfig,
    pub(crate) now: Time,
    /// By where they are probed; whoever is not here answers after 1 ms.
    pub(crate) servers: BTreeMap<IpAddr, Server>,
    /// What each load source reads; nothing where it is not here.
    pub(crate) readings: BTreeMap<LoadKey, Meter>,
    answers: BTreeSet<(Time, ProbeId)>,
    outcomes: BTreeMap<ProbeId, ProbeOutcome>,
    pub(crate) starts: Vec<Start>,
    pub(crate) cancelled: Vec<(Time, ProbeId)>,
    pub(crate) samples: Vec<(Time, LoadKey)>,
    pub(crate) beats: Vec<(Time, Heartbeat)>,
    pub(crate) changes: Vec<(Time, Change)>,
    /// How many changes were told by the time of each beat.
    pub(crate) told_by: Vec<usize>,
    pub(crate) finished: Option<Time>,
    pub(crate) most_in_flight: usize,
    pub(crate) most_waiting: usize,
}

impl Stage {
    pub(crate) fn new(config: MonitorConfig) -> Stage {
        let mut stage = Stage {
            monitor: Monitor::new(Time::ZERO, config.clone()),
            config,
            now: Time::ZERO,
            servers: BTreeMap::new(),
            readings: BTreeMap::new(),
            answers: BTreeSet::new(),
            outcomes: BTreeMap::new(),
            starts: Vec::new(),
            cancelled: Vec::new(),
            samples: Vec::new(),
            beats: Vec::new(),
            changes: Vec::new(),
            told_by: Vec::new(),
            finished: None,
            most_in_flight: 0,
            most_waiting: 0,
        };
        stage.drain();
        stage
    }

    /// With these addresses of the host's own.
    pub(crate) fn with_own(config: MonitorConfig, own: &[&str]) -> Stage {
        let mut stage = Stage::new(config);
        stage.own(own);
        stage
    }

    pub(crate) fn own(&mut self, own: &[&str]) {
        let own: Vec<IpAddr> = own.iter().map(|one| ip(one)).collect();
        self.monitor.handle_addresses(self.now, AddressSet::Host, &own);
        self.drain();
    }

    pub(crate) fn configure(&mut self, config: MonitorConfig) {
        self.config = config.clone();
        self.monitor.handle_config(self.now, config);
        self.drain();
    }

    pub(crate) fn shut_down(&mut self) {
        self.monitor.handle_shutdown(self.now);
        self.drain();
    }

    pub(crate) fn set(&mut self, address: &str, server: Server) {
        self.servers.insert(ip(address), server);
    }

    pub(crate) fn run_for(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    /// Hands over every answer and timeout up to `end`, which it stops at.
    pub(crate) fn run_until(&mut self, end: Time) {
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until something was written down that `wanted` finds.
    pub(crate) fn run_until_some<T>(&mut self, wanted: impl Fn(&Stage) -> Option<T>) -> T {
        let end = self.now + Duration::from_secs(3600);
        loop {
            if let Some(found) = wanted(self) {
                return found;
            }
            assert!(self.step(end), "never came");
        }
    }

    fn step(&mut self, end: Time) -> bool {
        let answer = self.answers.first().map(|&(at, _)| at);
        let Some(next) = answer.into_iter().chain(self.monitor.poll_timeout()).min() else {
            return false;
        };
        if next > end {
            return false;
        }
        self.now = self.now.max(next);
        match self.answers.first().copied() {
            Some((at, id)) if at <= self.now => {
                self.answers.pop_first();
                let outcome = self.outcomes.remove(&id).unwrap();
                self.monitor.handle_probe_result(self.now, id, outcome);
            }
            _ => self.monitor.handle_timeout(self.now),
        }
        self.drain();
        true
    }

    fn drain(&mut self) {
        let wall = WallTime::from_unix_millis(1_700_000_000_000);
        while let Some(output) = self.monitor.poll_output(self.now, wall) {
            assert_eq!(self.finished, None, "nothing follows the end");
            match output {
                Output::StartProbe { id, probe, target, timeout, .. } => {
                    let address = target.address;
                    self.starts.push(Start { at: self.now, id, probe, address });
                    let server = self.servers.get(&address).unwrap_or(&Server::Answers(1));
                    if let Some((after, outcome)) = server.outcome(timeout) {
                        self.answers.insert((self.now + after, id));
                        self.outcomes.insert(id, outcome);
                    }
                }
                Output::CancelProbe { id } => {
                    self.cancelled.push((self.now, id));
                    self.answers.retain(|&(_, other)| other != id);
                }
                Output::SampleLoad { id, source, of } => {
                    self.samples.push((self.now, source));
                    let reading = self.readings.get(&source).map(|reading| reading(&of));
                    self.monitor.handle_load(self.now, id, reading);
                }
                Output::Send(beat) => {
                    self.check_beat(&beat);
                    self.beats.push((self.now, beat));
                }
                Output::Changed(change) => self.changes.push((self.now, change)),
                Output::Finished => self.finished = Some(self.now),
                other => panic!("unknown output {other:?}"),
            }
        }
        self.told_by.resize(self.beats.len(), self.changes.len());
        self.most_in_flight = self.most_in_flight.max(self.monitor.in_flight());
        self.most_waiting = self.most_waiting.max(self.monitor.waiting());
        let overdue = self.monitor.poll_timeout().is_some_and(|at| at + SECOND < self.now);
        assert!(!overdue, "a timer was forgotten");
    }

    /// What holds of every beat: it can be sent (no address twice, short enough), and its number
    /// follows.
    fn check_beat(&self, beat: &Heartbeat) {
        encode(beat, &cluster(), None).unwrap();
        let before = self.beats.last().map_or(0, |(_, beat)| beat.sequence.0);
        assert_eq!(beat.sequence.0, before + 1);
    }

    /// From now on `source` reads so.
    pub(crate) fn reads(
        &mut self,
        source: LoadKey,
        meter: impl Fn(&LoadSubject) -> Reading + 'static,
    ) {
        self.readings.insert(source, Box::new(meter));
    }

    /// When probes of this address were started, in milliseconds.
    pub(crate) fn started(&self, address: &str) -> Vec<u64> {
        let of = |start: &&Start| start.address == ip(address);
        self.starts.iter().filter(of).map(|start| ms(start.at)).collect()
    }

    /// When this address became `to`, for the first time after `from`.
    pub(crate) fn became(&self, address: &str, to: State, from: Time) -> Option<Time> {
        let that = |(at, change): &&(Time, Change)| {
            *at >= from && change.to == to && change.address == ip(address)
        };
        self.changes.iter().find(that).map(|&(at, _)| at)
    }

    /// The beats since `from`: milliseconds after it, and what they say.
    pub(crate) fn said(&self, from: Time) -> Vec<(u64, String)> {
        let since = self.beats.iter().filter(|(at, _)| *at >= from);
        since.map(|(at, beat)| (ms(*at) - ms(from), text(&beat.reports))).collect()
    }
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// `http up 192.0.2.1 192.0.2.2; http down 192.0.2.3 (connection refused)`
pub(crate) fn text(reports: &[Report]) -> String {
    let one = |report: &Report| {
        let addresses: Vec<String> = report.addresses.iter().map(IpAddr::to_string).collect();
        let watched = if report.claim == Claim::Watched { "watched " } else { "" };
        let text = format!("{watched}{} {} {}", report.service, report.state, addresses.join(" "));
        match report.reason.as_str() {
            "" => text,
            reason => format!("{text} ({reason})"),
        }
    };
    reports.iter().map(one).collect::<Vec<_>>().join("; ")
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn ms(at: Time) -> u64 {
    at.as_nanos() / 1_000_000
}

pub(crate) fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn cluster() -> ClusterName {
    "isg".parse().unwrap()
}

/// One own service `http` at the defaults, without jitter.
pub(crate) fn config() -> MonitorConfig {
    with(vec![service("http")])
}

pub(crate) fn with(services: Vec<ServiceConfig>) -> MonitorConfig {
    let host_name: HostName = "web1".parse().unwrap();
    MonitorConfig {
        host: HostId([1; 16]),
        room: Room::beside(&host_name, &cluster()),
        host_name,
        epoch: Epoch(1),
        seed: 7,
        sample: Duration::from_secs(10),
        concurrency: NonZeroUsize::new(10_000).unwrap(),
        loads: vec![],
        services,
    }
}

/// An own service at the defaults, without jitter.
pub(crate) fn service(name: &str) -> ServiceConfig {
    let interval = millis(500);
    ServiceConfig {
        name: name.parse().unwrap(),
        interval,
        timeout: millis(400),
        fast_interval: millis(100),
        rise: NonZeroU16::new(2).unwrap(),
        fall: NonZeroU16::new(2).unwrap(),
        on_flapping: OnFlapping::Hold,
        jitter_percent: 0,
        expire: default_expire(interval),
        capacity: Capacity::ONE,
        weight: Weight::USUAL,
        probes: Probes::one(ProbeKey(1)),
        load: None,
        members: Members::Own { addresses: AddressSet::Host, probe_at: None },
    }
}

/// The same, for machines without a monitor.
pub(crate) fn watching(name: &str, addresses: &[&str]) -> ServiceConfig {
    let target = |one: &&str| WatchedTarget { address: ip(one), name: None, weight: None };
    ServiceConfig {
        members: Members::Watched(addresses.iter().map(target).collect()),
        ..service(name)
    }
}

/// A reading of so many percent.
pub(crate) fn percent(load: u32) -> Reading {
    Reading::of(Load::from_hundredths(load * 100))
}
