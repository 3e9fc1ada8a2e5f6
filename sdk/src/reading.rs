//! What a load is asked about, and what it measured.

use std::time::Duration;

use crate::{Target, Up};

/// For whom one sample of a load stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One sample serves every service of the host.
    Host,
    /// Each service and address has a sample of its own.
    Target,
}

/// What a sample is asked about.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Subject {
    /// Name of the service; for [`Scope::Host`] the first that asked.
    pub service: String,
    /// The address in question; `None` for [`Scope::Host`].
    pub target: Option<Target>,
    /// What the last successful probe of it found; `None` before the first.
    pub last: Option<Up>,
    /// How long the sample may take; nobody waits for a later one.
    pub timeout: Duration,
}

/// Where nobody says how long.
const TIMEOUT: Duration = Duration::from_secs(3);

/// One sample.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Reading {
    /// In percent, 0 to 1000; values outside are clamped. `None`: not known (yet).
    pub load: Option<f64>,
    /// What the server asks for beside its load.
    pub wish: Wish,
    /// Percent of the configured weight that the server asks for.
    pub weight: Option<u16>,
    /// For people: why.
    pub reason: String,
}

/// What a server asks for itself (as HAProxy's agent-check words).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Wish {
    /// Nothing.
    #[default]
    None,
    /// Ends an earlier wish.
    Ready,
    /// Take me out once the others carry on.
    Drain,
    /// Take me out, I am being worked on.
    Maintenance,
    /// Take me out, I am down.
    Down,
    /// Ends an earlier [`Wish::Down`], and no other.
    Up,
}

impl Subject {
    /// A subject without target and history, and three seconds for the sample.
    #[must_use]
    pub fn new(service: impl Into<String>) -> Self {
        Self { service: service.into(), target: None, last: None, timeout: TIMEOUT }
    }

    /// The same, of one address.
    #[must_use]
    pub fn with_target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// The same, with what the last probe found.
    #[must_use]
    pub fn with_last(mut self, last: Up) -> Self {
        self.last = Some(last);
        self
    }

    /// The same, to be answered within `timeout`.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Reading {
    /// A load in percent (0 to 1000), and no wish.
    #[must_use]
    pub fn load(percent: f64) -> Self {
        Self { load: Some(percent), ..Self::unknown("") }
    }

    /// Nothing measured yet, because of `reason`.
    #[must_use]
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self { load: None, wish: Wish::None, weight: None, reason: reason.into() }
    }

    /// The same with a wish.
    #[must_use]
    pub fn with_wish(mut self, wish: Wish) -> Self {
        self.wish = wish;
        self
    }

    /// The same with a weight, in percent of the configured one.
    #[must_use]
    pub fn with_weight(mut self, percent: u16) -> Self {
        self.weight = Some(percent);
        self
    }

    /// The same with a word for people.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }
}
