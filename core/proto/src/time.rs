//! Time as the core sees it: a number it is handed, never a clock it reads.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point on the monotonic clock: nanoseconds since an origin that the caller picks.
///
/// Every decision is made on this one; only [`WallTime`] can step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// The origin.
    pub const ZERO: Time = Time(0);

    /// The point `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }

    /// The point `millis` milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Time {
        Time(millis * 1_000_000)
    }

    /// The point `secs` seconds after the origin.
    pub const fn from_secs(secs: u64) -> Time {
        Time(secs * 1_000_000_000)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero where it is not later.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    /// Saturates after some 584 years.
    fn add(self, by: Duration) -> Time {
        Time(self.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;

    /// Saturates at the origin.
    fn sub(self, by: Duration) -> Time {
        Time(self.0.saturating_sub(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// How long something takes, as heartbeats say it: whole milliseconds, 49 days of them at most. Kept of
/// everybody, so it is small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u32);

impl Span {
    /// The same, to reckon with.
    pub const fn get(self) -> Duration {
        Duration::from_millis(self.0 as u64)
    }

    const fn as_nanos(self) -> u64 {
        self.0 as u64 * 1_000_000
    }
}

impl From<Duration> for Span {
    /// A part of a millisecond counts as a whole one.
    fn from(time: Duration) -> Span {
        Span(u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX))
    }
}

impl Add<Span> for Time {
    type Output = Time;

    /// Saturates after some 584 years.
    fn add(self, by: Span) -> Time {
        Time(self.0.saturating_add(by.as_nanos()))
    }
}

/// The wall clock: milliseconds since the Unix epoch.
///
/// For the freshness of a first contact, for serials and for people; never for a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WallTime(u64);

impl WallTime {
    /// `millis` milliseconds after the Unix epoch.
    pub const fn from_unix_millis(millis: u64) -> WallTime {
        WallTime(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_unix_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub const fn as_unix_secs(self) -> u64 {
        self.0 / 1000
    }

    /// How far apart the two are, whichever is later.
    pub fn distance(self, other: WallTime) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }
}
