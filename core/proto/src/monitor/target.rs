//! What is probed as one, and the addresses that it speaks for.

use std::net::IpAddr;
use std::time::Duration;

use super::event::{Change, Output, ProbeTarget, Proof};
use super::group::GroupId;
use super::health::{Health, Settled};
use super::reading::{Wanted, Wish};
use super::trial::{End, TrialId, Trials};
use crate::heartbeat::{Reason, State, Weight};
use crate::name::ServiceName;
use crate::time::Time;

/// A target, told apart from every other of this monitor's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TargetId(pub(super) u64);

/// What is probed as one.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) group: GroupId,
    pub(super) at: ProbeTarget,
    /// What is announced by its health: itself, or all own addresses; in order.
    pub(super) speaks_for: Vec<IpAddr>,
    /// Its own; none: the service's.
    pub(super) weight: Option<Weight>,
    pub(super) health: Health,
    /// What its loads say that it asks for.
    pub(super) wanted: Wanted,
    pub(super) trials: Trials,
    /// The trial that was last sent, or waits to be.
    pub(super) latest: Option<Latest>,
    /// When a trial last succeeded.
    pub(super) proven: Option<Time>,
    /// When it answered while down, and no trial has followed.
    pub(super) answered: Option<Time>,
    /// Since when it is in its state.
    pub(super) since: Time,
    /// What the last success found.
    pub(super) proof: Option<Proof>,
}

/// The latest trial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Latest {
    pub(super) trial: TrialId,
    /// None while it waits for others to end.
    pub(super) sent: Option<Time>,
    /// None while it runs.
    pub(super) end: Option<End>,
}

impl Target {
    pub(super) fn new(
        group: GroupId,
        at: ProbeTarget,
        speaks_for: Vec<IpAddr>,
        health: Health,
        now: Time,
    ) -> Target {
        Target {
            group,
            at,
            speaks_for,
            weight: None,
            health,
            wanted: Wanted::default(),
            trials: Trials::default(),
            latest: None,
            proven: None,
            answered: None,
            since: now,
            proof: None,
        }
    }

    /// What it is announced as; none before the first verdict.
    pub(super) fn state(&self) -> Option<State> {
        self.health.state().map(|state| self.wanted.applied(state))
    }

    /// Why it is announced so; empty where it is up.
    pub(super) fn reason(&self) -> Reason {
        let own = self.health.state();
        if self.state() == own {
            return self.health.reason();
        }
        match (self.wanted.reason.as_str(), self.wanted.wish) {
            ("", Wish::Ready | Wish::Up) => Reason::new("asks for no weight"),
            ("", Wish::Drain) => Reason::new("asks to be drained"),
            ("", Wish::Maintenance) => Reason::new("asks for maintenance"),
            ("", Wish::Down) => Reason::new("says that it is down"),
            _ => self.wanted.reason.clone(),
        }
    }

    /// That it is announced as `to` from now on.
    pub(super) fn changed(
        &self,
        service: &ServiceName,
        from: Option<State>,
        to: State,
    ) -> impl Iterator<Item = Output> + '_ {
        let (service, reason) = (service.clone(), self.reason());
        self.speaks_for.iter().map(move |&address| {
            let (service, reason) = (service.clone(), reason.clone());
            Output::Changed(Change { service, address, from, to, reason })
        })
    }

    /// What is announced: nothing before the first verdict.
    pub(super) fn announced(&self) -> &[IpAddr] {
        if self.state().is_some() { &self.speaks_for } else { &[] }
    }

    /// When the next fast trial is to start: for one that is up, so long after the latest was sent
    /// that is suspect; for one that is down, so long after its answer.
    pub(super) fn retry(&self, fast_interval: Duration) -> Option<Time> {
        let from = match self.health.settled()? {
            Settled::Up => self.suspect(),
            // However well it answers, it is not up before its hold is over.
            Settled::Down => {
                let held = self.health.flapping().held_until();
                let soon = self.answered.map(|answered| answered + fast_interval);
                return soon.map(|soon| held.map_or(soon, |held| soon.max(held)));
            }
        };
        from.map(|from| from + fast_interval)
    }

    /// When the latest trial was sent, if it speaks against the target: it failed, or has not
    /// answered, and no earlier one has since. A target that is merely slow would else be chased
    /// without end.
    fn suspect(&self) -> Option<Time> {
        let latest = self.latest?;
        let sent = latest.sent?;
        match latest.end {
            Some(End::Failed) => Some(sent),
            None if self.proven <= Some(sent) => Some(sent),
            _ => None,
        }
    }
}
