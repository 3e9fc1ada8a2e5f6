//! Rounds, trials and probes: when each starts, and what its end means.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::config::ServiceConfig;
use super::event::{Output, ProbeId, ProbeOutcome};
use super::group::{Group, GroupId, ServiceId};
use super::health::{Settled, Verdict};
use super::probes::ProbeKey;
use super::target::{Latest, Target, TargetId};
use super::timers::Timer;
use super::trial::{End, Recorded, RoundNumber, TrialId};
use super::{Monitor, Phase};
use crate::heartbeat::{Reason, State};
use crate::time::Time;

/// A probe that has given no answer so long after its timeout gives none.
///
/// Whoever runs probes answers each sooner, also where its plugin is stuck: that a service took too
/// long is known from an answer alone.
pub const BACKSTOP: Duration = Duration::from_millis(300);

/// Why nothing is known then.
const NO_ANSWER: &str = "the probe gave no answer";

/// Every probe that has no result yet.
#[derive(Debug, Default)]
pub(super) struct Probing {
    open: BTreeMap<ProbeId, Probe>,
    /// In order; some may have been dropped since.
    queue: VecDeque<ProbeId>,
    running: usize,
    made: u64,
    pace: Pace,
}

/// How many probes start at a time. After a stall thousands of rounds are due at once: started at
/// once, their answers would be late, and everybody would be tried again for that.
#[derive(Debug, Default)]
struct Pace {
    since: Time,
    started: usize,
    /// As many as the usual rounds start within [`SLICE`].
    usual: usize,
}

/// Starts are counted over this.
const SLICE: Duration = Duration::from_millis(10);
/// So many may always start in one.
const FREE: usize = 64;

impl Pace {
    /// Whether one more may start; else, when.
    fn take(&mut self, now: Time) -> Result<(), Time> {
        if now.since(self.since) >= SLICE {
            (self.since, self.started) = (now, 0);
        }
        if self.started >= FREE.max(2 * self.usual) {
            return Err(self.since + SLICE);
        }
        self.started += 1;
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
struct Probe {
    target: TargetId,
    key: ProbeKey,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Running,
}

impl Probing {
    pub(super) fn running(&self) -> usize {
        self.running
    }

    pub(super) fn waiting(&self) -> usize {
        self.open.len() - self.running
    }

    fn enqueue(&mut self, target: TargetId, key: ProbeKey) -> ProbeId {
        self.made += 1;
        let id = ProbeId(self.made);
        self.open.insert(id, Probe { target, key, stage: Stage::Waiting });
        self.queue.push_back(id);
        id
    }

    /// The next that waits, now running.
    fn take_next(&mut self) -> Option<(ProbeId, Probe)> {
        while let Some(id) = self.queue.pop_front() {
            if let Some(probe) = self.open.get_mut(&id) {
                probe.stage = Stage::Running;
                self.running += 1;
                return Some((id, *probe));
            }
        }
        None
    }

    fn remove(&mut self, id: ProbeId) -> Option<Probe> {
        let probe = self.open.remove(&id)?;
        if probe.stage == Stage::Running {
            self.running -= 1;
        }
        Some(probe)
    }

    fn is_running(&self, id: ProbeId) -> bool {
        self.open.get(&id).is_some_and(|probe| probe.stage == Stage::Running)
    }
}

impl Monitor {
    /// A group's timer has run out: each of its targets is tried.
    pub(super) fn start_round(&mut self, id: GroupId, now: Time) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some(service) = self.services.get(&group.service) else { return };
        let timeout = service.timeout;
        group.rounds += 1;
        let round = group.rounds;
        let late = std::mem::take(&mut group.outstanding) > 0;
        group.scheduled = group.next_round(service, &mut self.rng, now);
        self.timers.set(Timer::Round(id), group.scheduled);
        let targets = group.targets.clone();
        if late {
            self.end_round(id, now);
        }
        let started = targets
            .into_iter()
            .filter(|&target| self.start_trial(target, Some(round), now) == Started::Yes)
            .count();
        let Some(group) = self.groups.get_mut(&id) else { return };
        group.outstanding = started;
        if started == 0 {
            self.end_round(id, now);
        } else {
            self.timers.set(Timer::Due(id), now + timeout);
        }
    }

    /// Every probe of the round has answered, or has had its time: the group is due for a beat.
    pub(super) fn end_round(&mut self, id: GroupId, now: Time) {
        self.timers.cancel(Timer::Due(id));
        self.mark_due(id, now);
    }

    /// Tries a target, unless `fall` trials of it are in flight.
    pub(super) fn start_trial(&mut self, id: TargetId, round: RoundNumber, now: Time) -> Started {
        let Some(target) = self.targets.get_mut(&id) else { return Started::No };
        let Some(service) = service_of(target, &self.groups, &self.services) else {
            return Started::No;
        };
        if target.trials.in_flight() >= usize::from(service.fall.get()) {
            return Started::No;
        }
        let ids =
            service.probes.keys().into_iter().map(|key| self.probing.enqueue(id, key)).collect();
        let trial = target.trials.push(ids, &service.probes, round);
        target.latest = Some(Latest { trial, sent: None, end: None });
        target.answered = None;
        self.timers.cancel(Timer::Retry(id));
        self.start_waiting(now);
        Started::Yes
    }

    /// Starts what waits, as far as `concurrency` lets.
    pub(super) fn start_waiting(&mut self, now: Time) {
        while self.phase == Phase::Running
            && self.probing.waiting() > 0
            && self.probing.running() < self.config.concurrency.get()
        {
            if let Err(then) = self.probing.pace.take(now) {
                return self.timers.set(Timer::Pace, then);
            }
            let Some((id, probe)) = self.probing.take_next() else { return };
            let Some(target) = self.targets.get_mut(&probe.target) else { continue };
            let Some(service) = service_of(target, &self.groups, &self.services) else { continue };
            self.timers.set(Timer::Deadline(id), now + service.timeout + BACKSTOP);
            self.outputs.push_back(Output::StartProbe {
                id,
                probe: probe.key,
                service: service.name.clone(),
                target: target.at.clone(),
                timeout: service.timeout,
            });
            let of = target.trials.of_probe(id);
            if let Some(latest) = target
                .latest
                .as_mut()
                .filter(|latest| latest.sent.is_none() && Some(latest.trial) == of)
            {
                latest.sent = Some(now);
                if let Some(at) = target.retry(service.fast_interval()) {
                    self.timers.set(Timer::Retry(probe.target), at);
                }
            }
        }
    }

    /// Counts how many probes the usual rounds start.
    pub(super) fn set_pace(&mut self) {
        let rate = self.groups.values().filter_map(|group| {
            let service = self.services.get(&group.service)?;
            let probes = group.targets.len() * service.probes.keys().len();
            #[allow(clippy::cast_precision_loss)] // no host probes 2^52 targets
            Some(probes as f64 * SLICE.as_secs_f64() / service.interval().as_secs_f64())
        });
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates
        let usual = rate.sum::<f64>().ceil() as usize;
        self.probing.pace.usual = usual;
    }

    /// A probe gives no answer: that is its own fault, so nothing is known, whatever it says later.
    pub(super) fn probe_expired(&mut self, id: ProbeId, now: Time) {
        self.outputs.push_back(Output::CancelProbe { id });
        self.probe_ended(id, ProbeOutcome::NoOpinion(Reason::new(NO_ANSWER)), now);
    }

    /// A probe has a result, if it still runs.
    pub(super) fn probe_ended(&mut self, id: ProbeId, outcome: ProbeOutcome, now: Time) {
        if !self.probing.is_running(id) {
            return;
        }
        let Some(probe) = self.probing.remove(id) else { return };
        self.timers.cancel(Timer::Deadline(id));
        let Some(target) = self.targets.get_mut(&probe.target) else { return };
        let recorded = target.trials.record(id, outcome);
        self.apply(probe.target, recorded, now);
        self.count(probe.target, now);
        self.set_retry(probe.target, now);
        self.start_waiting(now);
    }

    /// Gives up everything in flight for a target.
    pub(super) fn abandon_trials(&mut self, id: TargetId, now: Time) {
        self.timers.cancel(Timer::Retry(id));
        let Some(target) = self.targets.get_mut(&id) else { return };
        let recorded = target.trials.abandon();
        target.latest = None;
        target.answered = None;
        self.apply(id, recorded, now);
        self.start_waiting(now);
    }

    fn apply(&mut self, id: TargetId, recorded: Recorded, now: Time) {
        for probe in recorded.dropped {
            if self.probing.is_running(probe) {
                self.outputs.push_back(Output::CancelProbe { id: probe });
                self.timers.cancel(Timer::Deadline(probe));
            }
            self.probing.remove(probe);
        }
        for ended in recorded.ended {
            self.trial_ended(id, ended.trial, ended.how);
            self.round_answered(id, ended.round, now);
        }
    }

    fn trial_ended(&mut self, id: TargetId, trial: TrialId, how: End) {
        let latest = self.targets.get_mut(&id).and_then(|target| target.latest.as_mut());
        if let Some(latest) = latest.filter(|latest| latest.trial == trial) {
            latest.end = Some(how);
        }
    }

    fn round_answered(&mut self, id: TargetId, round: RoundNumber, now: Time) {
        let Some(target) = self.targets.get(&id) else { return };
        let Some(group) = self.groups.get_mut(&target.group) else { return };
        if round != Some(group.rounds) || group.outstanding == 0 {
            return;
        }
        group.outstanding -= 1;
        if group.outstanding == 0 {
            self.end_round(target.group, now);
        }
    }

    /// Counts the verdicts whose turn it is.
    fn count(&mut self, id: TargetId, now: Time) {
        let Some(target) = self.targets.get_mut(&id) else { return };
        let Some(service) = service_of(target, &self.groups, &self.services) else { return };
        let (mut changed, mut fell) = (None, false);
        while let Some(verdict) = target.trials.next_counted() {
            let from = target.state();
            target.health.observe(&verdict, now);
            fell |= from == Some(State::Up) && target.health.flapping().held(now).is_some();
            if let Verdict::Up(proof) = verdict {
                target.proof = Some(proof);
                target.proven = Some(now);
                let down = target.health.settled() == Some(Settled::Down);
                target.answered = down.then_some(now);
            }
            let Some(to) = target.state().filter(|&to| Some(to) != from) else { continue };
            target.since = now;
            self.outputs.extend(target.changed(&service.name, from, to));
            changed = Some(target.group);
        }
        if let Some(group) = changed {
            self.mark_urgent(group, now);
        }
        if fell {
            self.limit_holds(id, now);
        }
    }

    /// Sets the fast timer by how things stand, or starts the fast trial that is overdue.
    pub(super) fn set_retry(&mut self, id: TargetId, now: Time) {
        let Some(target) = self.targets.get(&id) else { return };
        let Some(service) = service_of(target, &self.groups, &self.services) else { return };
        match target.retry(service.fast_interval()) {
            None => self.timers.cancel(Timer::Retry(id)),
            Some(at) if at > now => self.timers.set(Timer::Retry(id), at),
            // Where `fall` are in flight, the end of one of them comes by here again.
            Some(_) => {
                self.timers.cancel(Timer::Retry(id));
                self.start_trial(id, None, now);
            }
        }
    }
}

fn service_of<'a>(
    target: &Target,
    groups: &BTreeMap<GroupId, Group>,
    services: &'a BTreeMap<ServiceId, ServiceConfig>,
) -> Option<&'a ServiceConfig> {
    services.get(&groups.get(&target.group)?.service)
}

/// Whether a trial was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Started {
    Yes,
    No,
}
