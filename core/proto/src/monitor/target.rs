//! What is probed as one, and the addresses that it speaks for.

use std::net::IpAddr;
use std::time::Duration;

use super::event::ProbeTarget;
use super::group::GroupId;
use super::health::{Health, Settled};
use super::trial::{End, TrialId, Trials};
use crate::heartbeat::Weight;
use crate::load::Load;
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
    pub(super) trials: Trials,
    /// The trial that was last sent, or waits to be.
    pub(super) latest: Option<Latest>,
    /// When a trial last succeeded.
    pub(super) proven: Option<Time>,
    /// When it answered while down, and no trial has followed.
    pub(super) answered: Option<Time>,
    /// Since when it is in its state.
    pub(super) since: Time,
    /// How long the last success took.
    pub(super) took: Option<Duration>,
    /// What the last success said of its load.
    pub(super) load: Option<Load>,
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
            trials: Trials::default(),
            latest: None,
            proven: None,
            answered: None,
            since: now,
            took: None,
            load: None,
        }
    }

    /// What is announced: nothing before the first verdict.
    pub(super) fn announced(&self) -> &[IpAddr] {
        if self.health.state().is_some() { &self.speaks_for } else { &[] }
    }

    /// When the next fast trial is to start: for one that is up, so long after the latest was sent
    /// that is suspect; for one that is down, so long after its answer.
    pub(super) fn retry(&self, fast_interval: Duration) -> Option<Time> {
        let from = match self.health.settled()? {
            Settled::Up => self.suspect(),
            Settled::Down => self.answered,
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
