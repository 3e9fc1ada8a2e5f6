//! The one place that reads clocks: everything else is handed the time.

use std::fs;
use std::io;
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

/// A moment that another process of this machine can compare with one of its own, though the wall
/// clock be stepped between the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// Which life of the system (`/proc/sys/kernel/random/boot_id`).
    pub id: String,
    /// Since it began, sleep included.
    pub since: Duration,
}

impl Boot {
    /// Now.
    ///
    /// # Errors
    /// No `/proc`.
    pub fn now() -> io::Result<Boot> {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim_end().to_owned();
        let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(since.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(since.tv_nsec).unwrap_or_default();
        Ok(Boot { id, since: Duration::new(seconds, nanos) })
    }
}

/// `time` as in RFC 3339, in UTC and milliseconds.
pub fn rfc3339_millis(time: WallTime) -> String {
    let seconds = rfc3339(time);
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), time.as_unix_millis() % 1000)
}

/// What [`rfc3339_millis`] has written; none of anything else.
pub fn parse_rfc3339_millis(text: &str) -> Option<WallTime> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // As in `rfc3339`: years of 400 repeat, and begin in March.
    let (year, month) =
        if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let (era, of_era) = (year / 400, year % 400);
    let day_of_year = (153 * month + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    let time = WallTime::from_unix_millis(seconds * 1000 + number(20, 23)?);
    // Whatever else may be written in these places is not ours.
    (rfc3339_millis(time) == text).then_some(time)
}

/// `time` as in RFC 3339, in UTC and whole seconds.
pub fn rfc3339(time: WallTime) -> String {
    let seconds = time.as_unix_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Gregorian years of 400 repeat; a year that begins in March ends with its leap day.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
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
    fn two_moments_of_one_boot_can_be_compared() {
        let (first, second) = (Boot::now().unwrap(), Boot::now().unwrap());
        assert_eq!(first.id, second.id);
        assert_eq!(first.id.len(), 36, "a UUID");
        assert!(second.since >= first.since && !first.since.is_zero());
    }

    #[test]
    fn wall_times_read_as_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_795_444_440, "2026-11-23T14:34:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let time = WallTime::from_unix_millis(seconds * 1000 + 999);
            assert_eq!(rfc3339(time), text);
            assert_eq!(parse_rfc3339_millis(&rfc3339_millis(time)), Some(time));
        }
        for wrong in [
            "",
            "2026-11-23T14:34:00Z",
            "2026-02-30T00:00:00.000Z",
            "2026-11-23T14:34:00.0000",
            "é026-11-23T14:34:00.000Z",
        ] {
            assert_eq!(parse_rfc3339_millis(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_end_of_time_is_a_timer_still() {
        let clock = Clock::start();
        assert!(clock.instant(Time::from_nanos(u64::MAX)) > Instant::now());
        assert_eq!(clock.until(Time::ZERO), Duration::ZERO);
    }
}
