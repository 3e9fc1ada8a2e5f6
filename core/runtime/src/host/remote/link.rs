//! What instances need of one life of their process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rais_sdk::Datagram;
use rais_sdk::host::Receive;

use super::calls::Calls;
use super::line::Line;
use super::wire::{self, InstanceId};

/// The most datagrams that a host is handed at once.
const BATCH: usize = 64;

/// The way to the instances in a process.
pub(super) struct Link {
    pub(super) line: Arc<Line>,
    pub(super) calls: Arc<Calls>,
    /// Who receives from which instance.
    inboxes: Mutex<HashMap<InstanceId, Arc<dyn Receive>>>,
}

impl Link {
    pub(super) fn new(line: Line) -> Link {
        let line = Arc::new(line);
        let calls = Arc::new(Calls::new(Arc::clone(&line)));
        Link { line, calls, inboxes: Mutex::default() }
    }

    /// Has `inbox` receive from `instance`.
    pub(super) fn receive(&self, instance: InstanceId, inbox: Arc<dyn Receive>) {
        self.inboxes().insert(instance, inbox);
    }

    /// Nobody receives from `instance` any more.
    pub(super) fn deafen(&self, instance: InstanceId) {
        self.inboxes().remove(&instance);
    }

    /// Hands over what came from `instance`.
    pub(super) fn deliver(&self, instance: InstanceId, datagrams: &[wire::Datagram]) {
        let Some(inbox) = self.inboxes().get(&instance).cloned() else { return };
        for batch in datagrams.chunks(BATCH) {
            let batch: Vec<_> =
                batch.iter().map(|one| Datagram::new(one.from, &one.data.0)).collect();
            // What does not fit is dropped there, and counted.
            inbox.deliver(&batch);
        }
    }

    fn inboxes(&self) -> MutexGuard<'_, HashMap<InstanceId, Arc<dyn Receive>>> {
        self.inboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("calls", &self.calls).finish_non_exhaustive()
    }
}
