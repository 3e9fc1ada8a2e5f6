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
    receiving: Option<Receiving>,
    ended: Ended,
}

/// Who receives from an instance, so that one made anew begins again.
#[derive(Clone)]
pub(super) struct Receiving {
    pub(super) inbox: Arc<dyn Receive>,
    /// How long its start may take.
    pub(super) limit: Duration,
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
        let state = State { link, receiving: None, ended: Ended::No };
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

    pub(super) fn receiving(&self) -> Option<Receiving> {
        self.state().receiving.clone()
    }

    pub(super) fn set_receiving(&self, receiving: Option<Receiving>) {
        self.state().receiving = receiving;
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

impl fmt::Debug for Receiving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving").field("limit", &self.limit).finish_non_exhaustive()
    }
}
