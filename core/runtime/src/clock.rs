//! The one place that reads clocks: everything else is handed the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rais_proto::time::{Time, WallTime};

/// Both clocks of this machine, the monotonic one counted from when this was made.
///
/// A copy counts from the same origin.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock on which now is [`Time::ZERO`].
    pub fn start() -> Clock {
        Clock { origin: Instant::now() }
    }

    /// The monotonic clock.
    pub fn now(&self) -> Time {
        Time::ZERO + self.origin.elapsed()
    }

    /// The monotonic clock's reading at `time`, for a timer of the operating system.
    pub fn instant(&self, time: Time) -> Instant {
        // An Instant cannot say "never": a century from now is as good.
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
        self.origin + Duration::from_nanos(time.as_nanos()).min(CENTURY)
    }

    /// How long from now until `time`; zero where it is past.
    pub fn until(&self, time: Time) -> Duration {
        time.since(self.now())
    }

    /// The wall clock; the epoch itself where the clock stands before it.
    pub fn wall(&self) -> WallTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallTime::from_unix_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_runs_backwards_and_agrees_with_its_copies() {
        let clock = Clock::start();
        let copy = clock;
        let first = clock.now();
        let second = copy.now();
        assert!(second >= first);
        assert!(clock.instant(second) >= clock.instant(first));
    }

    #[test]
    fn the_end_of_time_is_a_timer_still() {
        let clock = Clock::start();
        assert!(clock.instant(Time::from_nanos(u64::MAX)) > Instant::now());
        assert_eq!(clock.until(Time::ZERO), Duration::ZERO);
    }
}
