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

    /// When the timer runs out next: counted from when it was to, so that lateness does not add up,
    /// and what was missed together is not made up for together.
    pub(super) fn next_round(
        &self,
        service: &ServiceConfig,
        rng: &mut fastrand::Rng,
        now: Time,
    ) -> Time {
        let interval = service.interval();
        let missed = now.since(self.scheduled).as_nanos() / interval.as_nanos();
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        let from = self.scheduled + interval * missed;
        // The one that was missed starts now; the next is not to be on its heels.
        let soon = missed > 0 && (from + interval).since(now) < interval / 2;
        let from = if soon { from + interval } else { from };
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
    fn what_was_missed_together_is_not_made_up_for_together() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut service = crate::monitor::config::tests::service();
        service.jitter_percent = 0;
        let mut next = |scheduled: u64, now: u64| {
            let mut group = Group::new(ServiceId(1), Claim::Own);
            group.scheduled = Time::from_millis(scheduled);
            group.next_round(&service, &mut rng, Time::from_millis(now)).as_nanos() / 1_000_000
        };
        assert_eq!(next(1000, 1000), 1500);
        assert_eq!(next(1000, 1200), 1500, "lateness does not add up");
        // Each keeps its place in the interval, and no two rounds follow at once.
        assert_eq!(next(1000, 6001), 6500);
        assert_eq!(next(1100, 6001), 6600);
        assert_eq!(next(1200, 6001), 6700);
        assert_eq!(next(1249, 6001), 6749);
        assert_eq!(next(1251, 6001), 6251);
    }

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
