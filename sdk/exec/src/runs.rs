//! Runs that are ended together.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

/// Runs that somebody may end all at once, who then waits until the last of them is gone.
#[derive(Debug)]
pub struct Runs {
    /// Readable once they are to end.
    bell: OwnedFd,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    running: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    Ended,
}

/// One run, until dropped.
#[derive(Debug)]
pub(crate) struct Place<'a>(&'a Runs);

impl Runs {
    /// None yet.
    ///
    /// # Errors
    /// No descriptor to be had.
    pub fn new() -> io::Result<Runs> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Runs { bell, state: Mutex::default(), changed: Condvar::new() })
    }

    /// Whether they were ended.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.state().phase == Phase::Ended
    }

    /// Ends them, and waits until none is left. None begins from now on.
    pub fn end(&self) {
        self.state().phase = Phase::Ended;
        // It can hold this one number more: nobody reads it, and it is written once a sink.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        let mut state = self.state();
        while state.running > 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A place for one more; none once they were ended.
    pub(crate) fn enter(&self) -> Option<Place<'_>> {
        let mut state = self.state();
        if state.phase == Phase::Ended {
            return None;
        }
        state.running += 1;
        Some(Place(self))
    }

    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
        self.0.changed.notify_all();
    }
}
