//! What shares a timer and a place in the beat: a host's own addresses of a service, or one watched
//! target.

use std::time::Duration;

use super::config::ServiceConfig;
use super::target::TargetId;
use crate::heartbeat::{Claim, Coverage};
use crate::time::Time;

/// A group, told apart from every other of this monitor's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupId(pub(super) u64);

/// A configured service, told apart from every other of this monitor's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ServiceId(pub(super) u64);

/// A group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) service: ServiceId,
    pub(super) claim: Claim,
    pub(super) targets: Vec<TargetId>,
    /// When its timer is to run out.
    pub(super) scheduled: Time,
    /// Rounds started.
    pub(super) rounds: u64,
    /// Trials of the latest round without a verdict.
    pub(super) outstanding: usize,
    /// How often its latest change of state is still to be said.
    pub(super) repeats: u8,
}

impl Group {
    pub(super) fn new(service: ServiceId, claim: Claim) -> Group {
        Group {
            service,
            claim,
            targets: Vec::new(),
            scheduled: Time::ZERO,
            rounds: 0,
            outstanding: 0,
            repeats: 0,
        }
    }

    pub(super) fn coverage(&self) -> Coverage {
        match self.claim {
            Claim::Own => Coverage::Whole,
            Claim::Watched => Coverage::Part,
        }
    }

    /// When the timer runs out next: counted from when it was to, so that lateness does not add up;
    /// what was missed by more than an interval is not made up for.
    pub(super) fn next_round(
        &self,
        service: &ServiceConfig,
        rng: &mut fastrand::Rng,
        now: Time,
    ) -> Time {
        let interval = service.interval();
        let from = if now.since(self.scheduled) > interval { now } else { self.scheduled };
        from + jittered(interval, service.jitter_percent, rng)
    }
}

fn jittered(interval: Duration, percent: u8, rng: &mut fastrand::Rng) -> Duration {
    let stray = f64::from(percent.min(100)) / 100.0 * (2.0 * rng.f64() - 1.0);
    interval.mul_f64(1.0 + stray).max(super::SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_within_its_percentage_and_uses_it() {
        let mut rng = fastrand::Rng::with_seed(1);
        let interval = Duration::from_millis(500);
        let drawn: Vec<_> = (0..1000).map(|_| jittered(interval, 10, &mut rng)).collect();
        let (least, most) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
        assert!((450..=455).contains(&least.as_millis()), "{least:?}");
        assert!((545..=550).contains(&most.as_millis()), "{most:?}");
        assert_eq!(jittered(interval, 0, &mut rng), interval);
    }
}
