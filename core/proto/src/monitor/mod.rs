//! The monitor (the paper's Fig. 3): probes services, tells their health, says so in beats.
//!
//! A state machine: hand in events and the time, drain the outputs, ask for the next timeout.
//! After every call of a `handle_*`, [`Monitor::poll_output`] is called until it returns none, then
//! [`Monitor::poll_timeout`]. No time handed in is earlier than one before.
//!
//! What shares a timer is a group: all own addresses of a service, or one watched target. At its
//! timer each of its targets is tried (a trial is a round of all the service's probes); when all
//! have answered, or `timeout` later, the group is due for a beat. Regular datagrams leave at least
//! 50 to 75 ms apart and take all that is due; a change of state is said at once, 20 and 40 ms later, then
//! with every beat.
//!
//! The results of a target count in order of sending. One that is up is tried again `fast_interval`
//! after a trial was sent that has failed, or not answered by then while no earlier one did either
//! (at most `fall` in flight), so that with the defaults a killed server is down 0.1 s after the
//! first probe that found it so, a hung one 0.5 s after the first that it swallowed, and one that is
//! slow but answers is tried no more than twice an interval.

pub mod advertise;
mod beats;
mod config;
mod event;
mod flapping;
mod group;
mod health;
mod holds;
mod loads;
mod members;
mod own;
mod probes;
mod probing;
mod reading;
mod remembering;
mod sampling;
mod target;
mod timers;
mod trial;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::heartbeat::Claim;
use crate::time::{Time, WallTime};

use beats::Beats;
use group::{Group, GroupId, ServiceId};
use holds::Holds;
use loads::Loads;
use probing::Probing;
use remembering::Memory;
use target::{Target, TargetId};
use timers::{Timer, Timers};

pub use config::{
    AddressSet, CombineLoads, LoadKey, LoadScope, LoadSource, Members, MonitorConfig,
    MonitorConfigError, OnFlapping, ServiceConfig, ServiceLoad, WatchedTarget,
};
pub use event::{Change, LoadSubject, Output, ProbeId, ProbeOutcome, ProbeTarget, Proof, SampleId};
pub use health::Settled;
pub use probes::{Combine, ProbeKey, Probes};
pub use probing::BACKSTOP;
pub use reading::{Reading, Wish};
pub use remembering::Remembered;
pub use view::MemberView;

/// No timer runs faster: a timer of zero would never let go.
const SHORTEST: Duration = Duration::from_millis(1);

/// One host's monitor.
#[derive(Debug)]
pub struct Monitor {
    /// Without its services, which are in `services`.
    config: MonitorConfig,
    phase: Phase,
    rng: fastrand::Rng,
    ids: u64,
    timers: Timers,
    loads: Loads,
    memory: Memory,
    holds: Holds,
    addresses: BTreeMap<AddressSet, Vec<IpAddr>>,
    services: BTreeMap<ServiceId, ServiceConfig>,
    groups: BTreeMap<GroupId, Group>,
    targets: BTreeMap<TargetId, Target>,
    probing: Probing,
    beats: Beats,
    outputs: VecDeque<Output>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// The goodbye is being said.
    Leaving,
    Finished,
}

impl Monitor {
    /// A monitor that starts `now`. It knows no own address before
    /// [`Monitor::handle_addresses`].
    pub fn new(now: Time, config: MonitorConfig) -> Monitor {
        let mut monitor = Monitor {
            config: MonitorConfig { loads: Vec::new(), services: Vec::new(), ..config.clone() },
            phase: Phase::Running,
            rng: fastrand::Rng::with_seed(config.seed),
            ids: 0,
            timers: Timers::default(),
            loads: Loads::default(),
            memory: Memory::default(),
            holds: Holds::default(),
            addresses: BTreeMap::new(),
            services: BTreeMap::new(),
            groups: BTreeMap::new(),
            targets: BTreeMap::new(),
            probing: Probing::default(),
            beats: Beats::default(),
            outputs: VecDeque::new(),
        };
        monitor.take_config(config, now);
        monitor
    }

    /// Own addresses, all of a set, as filtered by [`advertise`]; repeated ones count once.
    ///
    /// One that is new is probed at once and announced with its first verdict; one that is gone is
    /// given up at once.
    pub fn handle_addresses(&mut self, now: Time, set: AddressSet, addresses: &[IpAddr]) {
        if self.phase == Phase::Running {
            self.take_addresses(set, addresses, now);
        }
    }

    /// How a probe ended. One that is cancelled, expired or unknown is not looked at.
    ///
    /// A result that has come in is to be handed over before the time is:
    /// [`Monitor::handle_timeout`] gives up a probe that has not answered [`BACKSTOP`] after its
    /// timeout.
    pub fn handle_probe_result(&mut self, now: Time, id: ProbeId, outcome: ProbeOutcome) {
        if self.phase == Phase::Running {
            self.probe_ended(id, outcome, now);
        }
    }

    /// What a sample gave; none where it gave nothing.
    pub fn handle_load(&mut self, now: Time, id: SampleId, reading: Option<Reading>) {
        if self.phase == Phase::Running {
            self.sample_ended(id, reading, now);
        }
    }

    /// A reload. Services that are unchanged keep their health and timers, changed ones their
    /// health; what is no longer there says goodbye.
    pub fn handle_config(&mut self, now: Time, config: MonitorConfig) {
        if self.phase == Phase::Running {
            self.take_config(config, now);
        }
    }

    /// A stop that is meant: says goodbye three times, 20 ms apart, then
    /// [`Output::Finished`].
    pub fn handle_shutdown(&mut self, now: Time) {
        if self.phase == Phase::Running {
            self.say_goodbye(now);
        }
    }

    /// Whether it is saying goodbye, or has.
    pub fn is_leaving(&self) -> bool {
        self.phase != Phase::Running
    }

    /// The time that [`Monitor::poll_timeout`] named has come.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Deadline(id) => self.probe_expired(id, now),
                Timer::Sample(of) => self.sample(of, now),
                Timer::Pace => self.start_waiting(now),
                Timer::Retry(id) => self.set_retry(id, now),
                Timer::Round(id) => self.start_round(id, now),
                Timer::Due(id) => self.end_round(id, now),
                Timer::Repeat(id) => self.repeat(id, now),
                Timer::Departures => self.rush(now),
                Timer::Urgent => self.open_urgent(),
                // What is due leaves by itself.
                Timer::Batch => {}
            }
        }
    }

    /// The next thing to do; `wall` goes into beats.
    pub fn poll_output(&mut self, now: Time, wall: WallTime) -> Option<Output> {
        self.make_beats(now, wall);
        if let Some(beat) = self.next_beat() {
            return Some(Output::Send(beat));
        }
        if self.phase == Phase::Leaving && !self.has_departures() {
            self.phase = Phase::Finished;
            self.timers.clear();
            self.outputs.push_back(Output::Finished);
        }
        self.outputs.pop_front()
    }

    /// When [`Monitor::handle_timeout`] is to be called next; none once finished.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// Probes that run.
    pub fn in_flight(&self) -> usize {
        self.probing.running()
    }

    /// Probes that wait to start until others end, by `concurrency`.
    pub fn waiting(&self) -> usize {
        self.probing.waiting()
    }

    /// What the monitor speaks for, by service and address.
    pub fn view(&self, now: Time) -> Vec<MemberView> {
        self.view_of(self.targets.keys().copied(), now)
    }

    /// The same of the host's own addresses alone.
    pub fn own_view(&self, now: Time) -> Vec<MemberView> {
        let own = self.groups.values().filter(|group| group.claim == Claim::Own);
        self.view_of(own.flat_map(|group| group.targets.iter().copied()), now)
    }

    fn view_of(&self, targets: impl Iterator<Item = TargetId>, now: Time) -> Vec<MemberView> {
        let mut views = Vec::new();
        for (id, target) in targets.filter_map(|id| Some((id, self.targets.get(&id)?))) {
            let Some(group) = self.groups.get(&target.group) else { continue };
            let Some(service) = self.services.get(&group.service) else { continue };
            views.extend(
                target.speaks_for.iter().map(|&address| MemberView {
                    service: service.name.clone(),
                    address,
                    claim: group.claim,
                    state: target.state(),
                    since: target.since,
                    reason: target.reason(),
                    load: self.load_of(service, id, target, now),
                    weight: target.wanted.weigh(target.weight.unwrap_or(service.weight)),
                    last_took: target.proof.as_ref().map(|proof| proof.took),
                    detail: target
                        .proof
                        .as_ref()
                        .map(|proof| Arc::clone(&proof.detail))
                        .unwrap_or_default(),
                    in_flight: target.trials.probes_in_flight(),
                }),
            );
        }
        views.sort_by(|a, b| (&a.service, a.address).cmp(&(&b.service, b.address)));
        views
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }
}
