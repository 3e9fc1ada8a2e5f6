//! What goes into a beat, and when it leaves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Monitor;
use super::group::GroupId;
use super::timers::Timer;
use crate::heartbeat::packing::pack;
use crate::heartbeat::{Capacity, Claim, Coverage, Heartbeat, Reason, Report, State, Weight};
use crate::load::Load;
use crate::name::{Sequence, ServiceName};
use crate::time::{Time, WallTime};

/// How often a change of state is said before it is left to the regular beats.
const TIMES: u8 = 3;
/// Between two of them.
const REPEAT: Duration = Duration::from_millis(20);
/// The least time between regular datagrams, so that services share them: by the shortest interval of
/// all, within these bounds. A part of the tenth that `expire` has beyond three intervals.
const REGULAR_GAP: RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_millis(75);
/// The least time between urgent ones: when thousands of targets die at once, their changes share
/// datagrams too.
const URGENT_GAP: Duration = Duration::from_millis(1);

/// What is to be said, and what has been.
#[derive(Debug, Default)]
pub(super) struct Beats {
    /// Groups whose round is over.
    due: BTreeSet<GroupId>,
    /// Groups whose change of state is to be said.
    urgent: BTreeSet<GroupId>,
    departures: Vec<Departure>,
    /// Services whose own addresses last took several datagrams, none of which says all.
    divided: BTreeSet<ServiceName>,
    /// When the last regular datagram left.
    regular: Option<Time>,
    /// The least time to the next.
    gap: Duration,
    rushed: Rushed,
    sent: u64,
    outgoing: VecDeque<Heartbeat>,
}

/// Urgent datagrams.
#[derive(Debug, Default)]
struct Rushed {
    last: Option<Time>,
    open: bool,
}

/// Addresses that are given up, as they are said to be.
#[derive(Debug)]
struct Departure {
    report: Report,
    left: u8,
    next: Time,
}

/// What addresses have alike that share a report.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Alike<'a> {
    service: &'a ServiceName,
    claim: Claim,
    coverage: Coverage,
    state: State,
    reason: Reason,
    load: Option<Load>,
    capacity: Capacity,
    weight: Weight,
    interval: Duration,
    expire: Duration,
}

impl Monitor {
    /// The group's round is over: it is in the next regular datagram.
    ///
    /// That leaves with whatever else happens from the gap on, so that a monitor at rest is not woken
    /// for it alone; a third of the gap later at the latest.
    pub(super) fn mark_due(&mut self, id: GroupId, now: Time) {
        self.beats.due.insert(id);
        if let Some(last) = self.beats.regular.filter(|_| !self.regular_may_leave(now)) {
            self.timers.set(Timer::Batch, last + self.beats.gap * 4 / 3);
        }
    }

    fn regular_may_leave(&self, now: Time) -> bool {
        self.beats.regular.is_none_or(|last| now >= last + self.beats.gap)
    }

    /// To be called when services have changed.
    pub(super) fn set_gap(&mut self) {
        let shortest = self.services.values().map(|service| service.interval).min();
        let share = shortest.unwrap_or_default() * 3 / 20;
        self.beats.gap = share.clamp(*REGULAR_GAP.start(), *REGULAR_GAP.end());
    }

    /// The group has changed: that is said at once, and [`TIMES`] in all.
    pub(super) fn mark_urgent(&mut self, id: GroupId, now: Time) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.repeats = TIMES;
            self.repeat(id, now);
        }
    }

    /// A change is to be said again.
    pub(super) fn repeat(&mut self, id: GroupId, now: Time) {
        self.timers.cancel(Timer::Repeat(id));
        self.beats.urgent.insert(id);
        self.rush(now);
    }

    /// Something urgent is there to be said.
    pub(super) fn rush(&mut self, now: Time) {
        match self.beats.rushed.last.map(|last| last + URGENT_GAP) {
            Some(at) if at > now => self.timers.set(Timer::Urgent, at),
            _ => self.beats.rushed.open = true,
        }
    }

    pub(super) fn open_urgent(&mut self) {
        self.beats.rushed.open = true;
    }

    /// `reports` are given up: that is said at once, and [`TIMES`] in all.
    pub(super) fn depart(&mut self, reports: Vec<Report>, now: Time) {
        let left = TIMES;
        let new = reports.into_iter().map(|report| Departure { report, left, next: now });
        self.beats.departures.extend(new);
        self.rush(now);
    }

    pub(super) fn has_departures(&self) -> bool {
        !self.beats.departures.is_empty()
    }

    /// No longer a group: nothing more is said of it, but what departs.
    pub(super) fn forget_beats(&mut self, id: GroupId) {
        self.beats.due.remove(&id);
        self.beats.urgent.remove(&id);
    }

    /// Whether a binder is told by omission that an own address of this service is given up.
    pub(super) fn omission_tells(&self, service: &ServiceName) -> bool {
        !self.beats.divided.contains(service)
    }

    pub(super) fn next_beat(&mut self) -> Option<Heartbeat> {
        self.beats.outgoing.pop_front()
    }

    /// Makes the beats that may leave now.
    pub(super) fn make_beats(&mut self, now: Time, wall: WallTime) {
        if std::mem::take(&mut self.beats.rushed.open) {
            self.make_urgent(now, wall);
        }
        if !self.beats.due.is_empty() && self.regular_may_leave(now) {
            self.timers.cancel(Timer::Batch);
            let due = std::mem::take(&mut self.beats.due);
            let reports = self.reports(&due, None, now);
            if self.send(reports, wall) == Sent::Yes {
                self.beats.regular = Some(now);
            }
        }
    }

    fn make_urgent(&mut self, now: Time, wall: WallTime) {
        let urgent = std::mem::take(&mut self.beats.urgent);
        for id in &urgent {
            self.beats.due.remove(id);
            let Some(group) = self.groups.get_mut(id) else { continue };
            group.repeats = group.repeats.saturating_sub(1);
            if group.repeats > 0 {
                self.timers.set(Timer::Repeat(*id), now + REPEAT);
            }
        }
        let mut reports = self.reports(&urgent, None, now);
        reports.extend(self.departing(now));
        if self.send(reports, wall) == Sent::Yes {
            self.beats.rushed.last = Some(now);
        }
    }

    /// The departures that are to be said now.
    fn departing(&mut self, now: Time) -> Vec<Report> {
        let mut departures = std::mem::take(&mut self.beats.departures);
        self.keep_what_is_gone(&mut departures);
        let mut reports = Vec::new();
        for departure in departures.iter_mut().filter(|departure| departure.next <= now) {
            reports.push(departure.report.clone());
            departure.left -= 1;
            departure.next = now + REPEAT;
        }
        departures.retain(|departure| departure.left > 0);
        match departures.iter().map(|departure| departure.next).min() {
            Some(next) => self.timers.set(Timer::Departures, next),
            None => self.timers.cancel(Timer::Departures),
        }
        self.beats.departures = departures;
        reports
    }

    /// What has come back since is not said to leave, and what left twice is said once.
    fn keep_what_is_gone(&self, departures: &mut Vec<Departure>) {
        if departures.is_empty() {
            return;
        }
        let mut taken = BTreeSet::new();
        for target in self.targets.values() {
            let service =
                self.groups.get(&target.group).and_then(|g| self.services.get(&g.service));
            let Some(service) = service else { continue };
            taken.extend(target.announced().iter().map(|&address| (service.name.clone(), address)));
        }
        for departure in departures.iter_mut().rev() {
            let report = &mut departure.report;
            report.addresses.retain(|&address| taken.insert((report.service.clone(), address)));
        }
        departures.retain(|departure| !departure.report.addresses.is_empty());
    }

    /// What the groups have to say; as they leave for `leaving`, where that is why.
    pub(super) fn reports(
        &self,
        groups: &BTreeSet<GroupId>,
        leaving: Option<&Reason>,
        now: Time,
    ) -> Vec<Report> {
        let mut alike: BTreeMap<Alike<'_>, Vec<IpAddr>> = BTreeMap::new();
        for group in groups.iter().filter_map(|id| self.groups.get(id)) {
            let Some(service) = self.services.get(&group.service) else { continue };
            let targets = group.targets.iter().filter_map(|&id| Some((id, self.targets.get(&id)?)));
            for (id, target) in targets {
                let Some(state) = target.state() else { continue };
                let usual = target.weight.unwrap_or(service.weight);
                let of = Alike {
                    service: &service.name,
                    claim: group.claim,
                    coverage: if leaving.is_some() { Coverage::Part } else { group.coverage() },
                    state: if leaving.is_some() { State::Leaving } else { state },
                    reason: leaving.map_or_else(|| target.reason(), Reason::clone),
                    load: if leaving.is_some() {
                        None
                    } else {
                        self.load_of(service, id, target, now)
                    },
                    capacity: service.capacity,
                    weight: target.wanted.weigh(usual),
                    interval: service.interval,
                    expire: service.expire,
                };
                alike.entry(of).or_default().extend(&target.speaks_for);
            }
        }
        alike.into_iter().map(|(of, addresses)| of.into_report(addresses)).collect()
    }

    /// Numbers the reports' datagrams and lays them out to be sent.
    fn send(&mut self, reports: Vec<Report>, wall: WallTime) -> Sent {
        let datagrams = pack(reports, self.config.room);
        let sent = if datagrams.is_empty() { Sent::No } else { Sent::Yes };
        for reports in datagrams {
            for report in reports.iter().filter(|report| is_standing_own(report)) {
                match report.coverage {
                    Coverage::Whole => self.beats.divided.remove(&report.service),
                    Coverage::Part => self.beats.divided.insert(report.service.clone()),
                };
            }
            self.beats.sent += 1;
            self.beats.outgoing.push_back(Heartbeat {
                host: self.config.host,
                host_name: self.config.host_name.clone(),
                epoch: self.config.epoch,
                sequence: Sequence(self.beats.sent),
                wall,
                reports,
            });
        }
        sent
    }
}

fn is_standing_own(report: &Report) -> bool {
    report.claim == Claim::Own && report.state != State::Leaving
}

/// Whether anything was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Yes,
    No,
}

impl Alike<'_> {
    fn into_report(self, mut addresses: Vec<IpAddr>) -> Report {
        addresses.sort_unstable();
        Report {
            service: self.service.clone(),
            state: self.state,
            reason: self.reason,
            load: self.load,
            capacity: self.capacity,
            weight: self.weight,
            interval: self.interval,
            expire: self.expire,
            claim: self.claim,
            coverage: self.coverage,
            addresses,
        }
    }
}
