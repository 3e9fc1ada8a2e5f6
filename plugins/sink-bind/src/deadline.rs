//! The time that one command or conversation may take.

use std::io;
use std::time::{Duration, Instant};

/// A point in time after which the work is given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(timeout: Duration) -> Deadline {
        Deadline(Instant::now() + timeout)
    }

    /// What is left, never zero (a socket takes no zero for a time limit).
    ///
    /// # Errors
    /// `TimedOut` once nothing is left.
    pub(crate) fn left(self) -> io::Result<Duration> {
        match self.0.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Whether an error is a socket's own time limit, which reads as `WouldBlock` on Linux.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}
