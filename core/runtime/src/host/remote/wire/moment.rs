//! Points in time that mean the same in another process.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A point on the monotonic clock of this machine, which all its processes share: nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in super::super) struct Moment(u64);

impl Moment {
    /// The point `after` now; saturates after some 584 years.
    pub(in super::super) fn after(after: Duration) -> Moment {
        Moment(nanos(now().saturating_add(after)))
    }

    /// How long it is until then, in whole milliseconds as timers are; zero where it is past.
    pub(in super::super) fn left(self) -> Duration {
        let left = Duration::from_nanos(self.0).saturating_sub(now());
        Duration::from_millis(nanos(left).div_ceil(1_000_000))
    }
}

fn now() -> Duration {
    // Counts from the start of the machine, and is never negative.
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_left_until_it_is_over() {
        let hour = Duration::from_secs(3600);
        let moment = Moment::after(hour);
        assert!(moment.left() <= hour);
        assert!(moment.left() > hour / 2);
        assert_eq!(Moment::after(Duration::ZERO).left(), Duration::ZERO);
        assert!(Moment::after(Duration::MAX).left() > 500 * 365 * 24 * hour);
    }
}
