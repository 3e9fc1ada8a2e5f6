//! Everything a monitor waits for, in order of time.

use std::collections::{BTreeMap, BTreeSet};

use super::event::ProbeId;
use super::group::GroupId;
use super::loads::Sampled;
use super::target::TargetId;
use crate::time::Time;

/// What comes at a time; at one time in this order, so that what ends is seen before what follows
/// from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A probe is not waited for any longer.
    Deadline(ProbeId),
    /// The next sample of a load source.
    Sample(Sampled),
    /// More probes may start.
    Pace,
    /// The fast probe that confirms or denies.
    Retry(TargetId),
    /// A group's own timer.
    Round(GroupId),
    /// A round has had its time.
    Due(GroupId),
    /// A change of state is said again.
    Repeat(GroupId),
    /// A departure is said, or said again.
    Departures,
    /// Urgent reports may leave.
    Urgent,
    /// Regular reports may leave.
    Batch,
}

/// Each timer at most once.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BTreeSet<(Time, Timer)>,
    at: BTreeMap<Timer, Time>,
}

impl Timers {
    /// Sets `timer`, wherever it stood.
    pub(super) fn set(&mut self, timer: Timer, at: Time) {
        if let Some(before) = self.at.insert(timer, at) {
            self.queue.remove(&(before, timer));
        }
        self.queue.insert((at, timer));
    }

    pub(super) fn cancel(&mut self, timer: Timer) {
        if let Some(at) = self.at.remove(&timer) {
            self.queue.remove(&(at, timer));
        }
    }

    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.at.clear();
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.queue.first().map(|&(at, _)| at)
    }

    /// Takes the first that is due.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<Timer> {
        let &(at, timer) = self.queue.first()?;
        if at > now {
            return None;
        }
        self.queue.pop_first();
        self.at.remove(&timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pops_by_time_then_kind_and_only_what_is_due() {
        let mut timers = Timers::default();
        timers.set(Timer::Batch, Time::from_millis(5));
        timers.set(Timer::Deadline(ProbeId(1)), Time::from_millis(5));
        timers.set(Timer::Urgent, Time::from_millis(9));
        timers.set(Timer::Departures, Time::from_millis(1));
        timers.set(Timer::Departures, Time::from_millis(20));
        timers.cancel(Timer::Urgent);
        assert_eq!(timers.next(), Some(Time::from_millis(5)));
        assert_eq!(timers.pop_due(Time::from_millis(4)), None);
        let late = Time::from_millis(19);
        assert_eq!(timers.pop_due(late), Some(Timer::Deadline(ProbeId(1))));
        assert_eq!(timers.pop_due(late), Some(Timer::Batch));
        assert_eq!(timers.pop_due(late), None);
        assert_eq!(timers.next(), Some(Time::from_millis(20)));
    }
}
