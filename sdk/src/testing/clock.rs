//! The time of a test.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The machine's monotonic clock, or one that moves when it is told to.
#[derive(Debug, Default)]
pub(super) struct Clock {
    paused_at: Option<Mutex<Instant>>,
}

impl Clock {
    pub(super) fn paused() -> Self {
        Self { paused_at: Some(Mutex::new(Instant::now())) }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }

    pub(super) fn now(&self) -> Instant {
        match &self.paused_at {
            None => Instant::now(),
            Some(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Never back. A clock that runs is left alone.
    pub(super) fn move_to(&self, to: Instant) {
        if let Some(at) = &self.paused_at {
            let mut at = at.lock().unwrap_or_else(PoisonError::into_inner);
            *at = to.max(*at);
        }
    }

    pub(super) fn advance(&self, by: Duration) {
        self.move_to(self.now() + by);
    }
}
