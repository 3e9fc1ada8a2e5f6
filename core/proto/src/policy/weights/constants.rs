//! By what the weights are made.

use std::time::Duration;

/// The constants of the rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constants {
    /// Time constant of what a load is smoothed by.
    pub smoothing: Duration,
    /// In this time the trim makes up for a load that is off.
    pub trim_time: Duration,
    /// The trim stays between it and one over it.
    pub trim_bound: TrimBound,
    /// How strongly the load of now acts.
    pub quick: Quick,
    /// In this time whoever was let in comes to its full weight.
    pub slow_start: Duration,
    /// After it, so long the load of whoever was let in still is that of the ramp.
    pub settle: Duration,
}

impl Constants {
    /// What stands where nothing is configured, in a zone with this `ttl` whose load is judged at
    /// this `interval`. Nobody tells over how long a load was measured: taken for an interval.
    pub fn usual(ttl: Duration, interval: Duration) -> Constants {
        let delay = ttl.saturating_add(interval.saturating_mul(2));
        Constants {
            smoothing: Duration::from_secs(10),
            trim_time: delay.saturating_mul(4).max(Duration::from_secs(300)),
            trim_bound: TrimBound::USUAL,
            quick: Quick::USUAL,
            slow_start: Duration::from_secs(60),
            settle: delay,
        }
    }
}

/// How far the trim goes: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct TrimBound(f64);

impl TrimBound {
    /// No trim at all.
    pub const NONE: TrimBound = TrimBound(1.0);
    /// A server carries four times what it is said to, or a fourth.
    pub const USUAL: TrimBound = TrimBound(4.0);

    /// None outside 1 to 100.
    pub fn new(bound: f64) -> Option<TrimBound> {
        (1.0..=100.0).contains(&bound).then_some(TrimBound(bound))
    }

    /// The bound.
    pub const fn get(self) -> f64 {
        self.0
    }

    pub(super) fn clamp(self, trim: f64) -> f64 {
        trim.clamp(1.0 / self.0, self.0)
    }
}

/// How strongly the load of now acts: an exponent from 0, not at all, to below 1. From 1 on the
/// delay between a weight and the load that comes of it can make the two swing ever further.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Quick(f64);

impl Quick {
    /// Not at all.
    pub const NONE: Quick = Quick(0.0);
    /// By the root.
    pub const USUAL: Quick = Quick(0.5);

    /// None outside 0 to below 1.
    pub fn new(exponent: f64) -> Option<Quick> {
        (0.0..1.0).contains(&exponent).then_some(Quick(exponent))
    }

    /// The exponent.
    pub const fn get(self) -> f64 {
        self.0
    }
}
