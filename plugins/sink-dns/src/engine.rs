//! What is published, for all threads that answer from it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::answer::Identity;
use crate::catalog::Catalog;
use crate::rrl::Limiter;
use crate::transfer::Access;
use crate::zone::Zone;

/// What threads answer from.
#[derive(Debug)]
pub(crate) struct Engine {
    catalog: ArcSwap<Catalog>,
    /// One higher with each other catalog.
    version: AtomicU64,
    spaces: Mutex<Spaces>,
    pub(crate) identity: Identity,
    /// Who may transfer zones.
    pub(crate) access: Access,
    /// Of answers over UDP, where they are limited.
    pub(crate) limiter: Option<Limiter>,
}

/// Which counters of a thread are whose. A zone that is replaced by one with as many owners hands on
/// its own, so that their number does not grow with the changes.
#[derive(Debug, Default)]
struct Spaces {
    next: u32,
    /// By length.
    free: HashMap<u32, Vec<u32>>,
}

impl Engine {
    pub(crate) fn new(identity: Identity, access: Access, limiter: Option<Limiter>) -> Engine {
        Engine {
            catalog: ArcSwap::default(),
            version: AtomicU64::new(0),
            spaces: Mutex::default(),
            identity,
            access,
            limiter,
        }
    }

    /// Of the catalog; asked before every batch.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The catalog, and a version that is not later than it.
    pub(crate) fn published(&self) -> (u64, Arc<Catalog>) {
        let version = self.version();
        (version, self.catalog.load_full())
    }

    /// The zone of that name.
    pub(crate) fn zone(&self, apex: &[u8]) -> Option<Arc<Zone>> {
        self.catalog.load().zone(apex).cloned()
    }

    /// Serves a zone from now on, in place of the one with its name.
    pub(crate) fn serve(&self, zone: Zone) -> Arc<Zone> {
        let mut spaces = lock(&self.spaces);
        if let Some(old) = self.zone(zone.apex()) {
            spaces.give_back(&old);
        }
        let first = spaces.take(zone.turns());
        let zone = Arc::new(zone.with_turns_from(first));
        self.publish(self.catalog.load().with(Arc::clone(&zone)));
        zone
    }

    /// Serves it no more.
    pub(crate) fn withdraw(&self, apex: &[u8]) {
        let mut spaces = lock(&self.spaces);
        if let Some(old) = self.zone(apex) {
            spaces.give_back(&old);
            self.publish(self.catalog.load().without(apex));
        }
    }

    /// Called with the lock on `spaces`.
    fn publish(&self, catalog: Catalog) {
        self.catalog.store(Arc::new(catalog));
        self.version.fetch_add(1, Ordering::Release);
    }
}

impl Spaces {
    fn take(&mut self, length: u32) -> u32 {
        if let Some(first) = self.free.get_mut(&length).and_then(Vec::pop) {
            return first;
        }
        let first = self.next;
        self.next += length;
        first
    }

    fn give_back(&mut self, zone: &Zone) {
        if zone.turns() > 0 {
            self.free.entry(zone.turns()).or_default().push(zone.first_turn());
        }
    }
}

/// What is behind the lock is changed in one step, so that a panic leaves it whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
