//! What an operator has drained: hosts, services and addresses, each for a time.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::drain_target::DrainTarget;
use super::service::Service;
use super::{Binder, Output};
use crate::name::ServiceName;
use crate::policy::drained::{Drained, Force};
use crate::policy::{AddressSet, Verdict};
use crate::time::Time;

/// No more drains stand at a time: a bound on memory, above what anybody gives by hand.
const MOST: usize = 10_000;

/// A drain as an operator gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// Of what.
    pub target: DrainTarget,
    /// For how long from now.
    pub time: Duration,
    /// Why, for people.
    pub reason: String,
    /// Whether a service may be left without addresses.
    pub force: Force,
}

/// A drain as it is remembered over a restart; the time that the binder is away does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainMemory {
    /// What was given.
    pub drain: Drain,
    /// For how long it has stood.
    pub stood: Duration,
}

/// A drain at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainView {
    /// Of what.
    pub target: DrainTarget,
    /// Why.
    pub reason: String,
    /// For how long it has stood.
    pub stood: Duration,
    /// For how long it still will.
    pub left: Duration,
    /// Whether a service may be left without addresses.
    pub force: Force,
}

/// An address and the service that it is of.
pub type Place = (ServiceName, IpAddr);

/// Why a drain is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DrainRefusal {
    /// These services would be left without addresses, and force is withheld.
    Empties(Vec<ServiceName>),
    /// So many stand already.
    Full(usize),
    /// The host has no address of its own: it watches these machines, which are drained by theirs.
    Watches(AddressSet),
}

impl fmt::Display for DrainRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DrainRefusal::Empties(services) => {
                let names: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
                write!(f, "it would leave nobody who serves {}", names.join(", "))
            }
            DrainRefusal::Watches(addresses) => {
                let shown: Vec<String> =
                    addresses.iter().take(SHOWN).map(ToString::to_string).collect();
                let more = if addresses.len() > SHOWN { ", …" } else { "" };
                write!(f, "that host only watches {}{more}: drain those", shown.join(", "))
            }
            DrainRefusal::Full(most) => write!(f, "{most} drains stand already"),
        }
    }
}

impl std::error::Error for DrainRefusal {}

/// So many addresses are named in a refusal.
const SHOWN: usize = 8;

/// All drains that stand.
#[derive(Debug, Clone, Default)]
pub(super) struct Drains {
    standing: BTreeMap<DrainTarget, Standing>,
    /// When the next ends.
    next_end: Option<Time>,
}

#[derive(Debug, Clone)]
struct Standing {
    since: Time,
    /// For how long it had stood in the binder's lives before this one.
    stood_before: Duration,
    until: Time,
    reason: String,
    force: Force,
}

impl Drains {
    /// Force that was given once stays, or a longer time would bring the drained back.
    fn set(&mut self, now: Time, drain: Drain) {
        let Drain { target, time, reason, force } = drain;
        let before = self.standing.get(&target).map_or(force, |standing| standing.force);
        let force = force.max(before);
        self.standing.insert(target, Standing::new(now, time, reason, force));
        self.note_next_end();
    }

    fn note_next_end(&mut self) {
        self.next_end = self.standing.values().map(|standing| standing.until).min();
    }

    /// Those of a service's addresses that are drained.
    pub(super) fn of(&self, service: &Service) -> Drained {
        let drained = self.standing.iter().flat_map(|(target, standing)| {
            let over = target.addresses_of(service).into_iter();
            over.map(|address| (address, standing.force))
        });
        drained.collect()
    }

    /// Why an address of a service is drained.
    pub(super) fn reason(&self, service: &Service, address: IpAddr) -> Option<&str> {
        let mut over = self.standing.iter().filter(|(target, _)| target.has(service, address));
        over.next().map(|(_, standing)| standing.reason.as_str())
    }

    /// When the next ends.
    pub(super) fn next_end(&self) -> Option<Time> {
        self.next_end
    }

    /// Ends those that are over, and says which those are and why they stood.
    fn end_those_over(&mut self, now: Time) -> Vec<(DrainTarget, String)> {
        let over = self.standing.extract_if(.., |_, standing| standing.until <= now);
        let over = over.map(|(target, standing)| (target, standing.reason)).collect();
        self.note_next_end();
        over
    }

    /// The one that stands under a name that means nothing any more: what is drained may have been
    /// forgotten since.
    pub(super) fn called(&self, word: &str) -> Option<DrainTarget> {
        self.standing.keys().find(|target| target.is_called(word)).cloned()
    }

    pub(super) fn view(&self, now: Time) -> impl Iterator<Item = DrainView> {
        self.standing.iter().map(move |(target, standing)| DrainView {
            target: target.clone(),
            reason: standing.reason.clone(),
            stood: standing.stood(now),
            left: standing.until.since(now),
            force: standing.force,
        })
    }

    pub(super) fn memory(&self, now: Time) -> impl Iterator<Item = DrainMemory> {
        self.standing.iter().map(move |(target, standing)| DrainMemory {
            drain: Drain {
                target: target.clone(),
                time: standing.stood_before + standing.until.since(standing.since),
                reason: standing.reason.clone(),
                force: standing.force,
            },
            stood: standing.stood(now),
        })
    }

    pub(super) fn restore(&mut self, now: Time, memory: DrainMemory) {
        let DrainMemory { drain, stood } = memory;
        let left = drain.time.saturating_sub(stood);
        let standing = Standing::new(now, left, drain.reason, drain.force);
        self.standing.insert(drain.target, Standing { stood_before: stood, ..standing });
        self.note_next_end();
    }
}

impl Standing {
    fn new(now: Time, time: Duration, reason: String, force: Force) -> Standing {
        Standing { since: now, stood_before: Duration::ZERO, until: now + time, reason, force }
    }

    fn stood(&self, now: Time) -> Duration {
        self.stood_before + now.since(self.since)
    }
}

impl Binder {
    /// Drains at once, also while the binder is deaf or listens, and on-timer; another drain of the
    /// same takes its place. Says which addresses are drained by it.
    ///
    /// # Errors
    /// Where it would leave a service without addresses that has some, and force is withheld; or is
    /// of a host that only watches others. Nothing is changed then.
    pub fn drain(&mut self, now: Time, drain: Drain) -> Result<Vec<Place>, DrainRefusal> {
        let (target, force) = (drain.target.clone(), drain.force);
        if self.drains.standing.len() >= MOST && !self.drains.standing.contains_key(&target) {
            return Err(DrainRefusal::Full(MOST));
        }
        self.settle();
        if let DrainTarget::Host(host) = target {
            let watched = self.watched_only(host);
            if !watched.is_empty() {
                return Err(DrainRefusal::Watches(watched));
            }
        }
        if force == Force::Withheld {
            let emptied = self.emptied_by(now, drain.clone());
            if !emptied.is_empty() {
                return Err(DrainRefusal::Empties(emptied));
            }
        }
        self.drains.set(now, drain);
        self.judge_those(now, &self.services_under(&target));
        Ok(self.drained_by(&target))
    }

    /// Ends a drain; false where there was none. On-timer its addresses come back at the next
    /// update.
    pub fn undrain(&mut self, now: Time, target: &DrainTarget) -> bool {
        let stood = self.drains.standing.remove(target).is_some();
        if stood {
            self.drains.note_next_end();
            self.settle();
            self.judge_those(now, &self.services_under(target));
        }
        stood
    }

    pub(super) fn end_drains(&mut self, now: Time) {
        if self.drains.next_end().is_some_and(|end| end <= now) {
            self.settle();
            for (target, reason) in self.drains.end_those_over(now) {
                let places = self.drained_by(&target);
                let under = self.services_under(&target);
                self.outputs.push_back(Output::DrainOver { target, reason, places });
                self.judge_those(now, &under);
            }
        }
    }

    fn judge_those(&mut self, now: Time, indices: &[usize]) {
        indices.iter().for_each(|&index| self.judge(now, index));
    }

    /// By their places.
    fn services_under(&self, target: &DrainTarget) -> Vec<usize> {
        let services = self.services.iter().enumerate();
        let under = services.filter(|(_, service)| !target.addresses_of(service).is_empty());
        under.map(|(index, _)| index).collect()
    }

    /// The services that `drain` would leave with nobody, or with nobody who is well.
    fn emptied_by(&self, now: Time, drain: Drain) -> Vec<ServiceName> {
        let target = drain.target.clone();
        let mut drains = self.drains.clone();
        drains.set(now, drain);
        let serves = |service: &Service| {
            let verdicts = &service.decision.verdicts;
            let is_well = |address| verdicts.get(address) != Some(&Verdict::LastResort);
            service.decision.set.iter().any(is_well)
        };
        let services = self.services_under(&target).into_iter();
        let serving = services.filter_map(|index| self.services.get(index)).filter(|s| serves(s));
        let emptied = serving.filter(|service| {
            let mut trial = Service::clone(service);
            trial.judge(now, self.hearing.deaf, drains.of(service));
            !serves(&trial)
        });
        emptied.map(|service| service.name.clone()).collect()
    }

    /// What a drain of `target` is over.
    pub fn drained_by(&self, target: &DrainTarget) -> Vec<Place> {
        let of = |service: &Service| {
            let name = service.name.clone();
            target.addresses_of(service).into_iter().map(move |address| (name.clone(), address))
        };
        self.services.iter().flat_map(of).collect()
    }
}
