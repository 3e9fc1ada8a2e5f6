//! An instance of an isolated plugin, from life to life.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rais_sdk::Fault;
use rais_sdk::host::Receive;

use super::link::Link;
use super::wire::InstanceId;

/// Where an instance is to be found, for who calls it and for who makes it anew.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) id: InstanceId,
    /// Its table.
    pub(super) json: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The life that it is in, or why it is in none.
    link: Result<Arc<Link>, Fault>,
    begun: Option<Begun>,
    ended: Ended,
}

/// What an instance has begun to do, so that one made anew begins it again; with how long that may
/// take.
#[derive(Clone)]
pub(super) enum Begun {
    /// A transport: who receives from it.
    Receiving(Arc<dyn Receive>, Duration),
    /// A sink: its zones.
    Serving(Arc<[String]>, Duration),
}

/// Whether an instance was told that nothing follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    No,
    Yes,
}

impl Place {
    pub(super) fn new(id: InstanceId, json: String) -> Place {
        let link = Err(Fault::busy("it is being made"));
        let state = State { link, begun: None, ended: Ended::No };
        Place { id, json, state: Mutex::new(state) }
    }

    /// The way to it.
    ///
    /// # Errors
    /// Why there is none now.
    pub(super) fn link(&self) -> Result<Arc<Link>, Fault> {
        self.state().link.clone()
    }

    pub(super) fn set_link(&self, link: Result<Arc<Link>, Fault>) {
        self.state().link = link;
    }

    pub(super) fn begun(&self) -> Option<Begun> {
        self.state().begun.clone()
    }

    pub(super) fn set_begun(&self, begun: Option<Begun>) {
        self.state().begun = begun;
    }

    pub(super) fn ended(&self) -> Ended {
        self.state().ended
    }

    pub(super) fn set_ended(&self, ended: Ended) {
        self.state().ended = ended;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Begun::Receiving(_, limit) => {
                f.debug_tuple("Receiving").field(limit).finish_non_exhaustive()
            }
            Begun::Serving(zones, limit) => {
                f.debug_tuple("Serving").field(zones).field(limit).finish()
            }
        }
    }
}
