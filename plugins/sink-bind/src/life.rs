//! Whether the sink goes on, and how many of its commands run.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rais_sdk::Fault;

/// From the sink's start to its end; commands are counted in and out.
#[derive(Debug, Default)]
pub(crate) struct Life {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    commands: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    Ended,
}

/// A command that runs, until dropped.
#[derive(Debug)]
pub(crate) struct Place<'a>(&'a Life);

/// The sink was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sink is stopped")]
pub(crate) struct Ended;

impl Life {
    /// Whether anything may still be begun.
    pub(crate) fn goes_on(&self) -> Result<(), Ended> {
        if self.state().phase == Phase::Ended { Err(Ended) } else { Ok(()) }
    }

    /// A place for one more command, which looks at [`Life::goes_on`] while it runs.
    pub(crate) fn command(&self) -> Result<Place<'_>, Ended> {
        let mut state = self.state();
        if state.phase == Phase::Ended {
            return Err(Ended);
        }
        state.commands += 1;
        Ok(Place(self))
    }

    /// Ends it, and waits until no command is left.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.phase = Phase::Ended;
        while state.commands > 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.state().commands -= 1;
        self.0.changed.notify_all();
    }
}

impl From<Ended> for Fault {
    fn from(ended: Ended) -> Fault {
        Fault::busy(ended)
    }
}
