//! What is published, for all threads that answer from it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use crate::answer::Identity;
use crate::catalog::Catalog;
use crate::counts::Counts;
use crate::name::to_text;
use crate::rrl::Limiter;
use crate::transfer::Access;
use crate::zone::Zone;

/// What threads answer from.
#[derive(Debug)]
pub(crate) struct Engine {
    catalog: ArcSwap<Catalog>,
    spaces: Mutex<Spaces>,
    /// What threads have counted; each adds to it once a second at most.
    counts: Mutex<Counts>,
    pub(crate) identity: Identity,
    /// Who may transfer zones.
    pub(crate) access: Access,
    /// Of answers over UDP, where they are limited.
    pub(crate) limiter: Option<Limiter>,
}

/// About as long as a thread answers a batch from one catalog; and so often a catalog that was replaced is
/// waited for.
const BATCH: Duration = Duration::from_micros(200);
const MOST_LOOKS: usize = 25;

/// Which counters of a thread are whose. Room is given by powers of two: a zone that takes another's
/// place mostly has the same, and counters do not grow with every owner that comes or goes.
#[derive(Debug, Default)]
struct Spaces {
    next: u32,
    /// By their room.
    free: HashMap<u32, Vec<u32>>,
    /// Of each zone that is or was served.
    numbers: HashMap<Box<[u8]>, u32>,
    /// Zones that are ours to serve, whether they are there or not, by who brings them.
    expected: BTreeMap<Source, BTreeSet<Vec<u8>>>,
}

/// Who brings a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Binder,
    Files,
}

impl Engine {
    pub(crate) fn new(identity: Identity, access: Access, limiter: Option<Limiter>) -> Engine {
        Engine {
            catalog: ArcSwap::default(),
            spaces: Mutex::default(),
            counts: Mutex::default(),
            identity,
            access,
            limiter,
        }
    }

    /// The catalog for one batch. What borrows it is noted in the thread's own cache line: no count goes up
    /// that other threads share.
    #[inline]
    pub(crate) fn catalog(&self) -> Guard<Arc<Catalog>> {
        self.catalog.load()
    }

    /// The zone of that name.
    pub(crate) fn zone(&self, apex: &[u8]) -> Option<Arc<Zone>> {
        self.catalog.load().zone(apex).cloned()
    }

    /// Takes in what a thread has counted; nothing, where another is at it just now.
    pub(crate) fn take_in(&self, counts: &mut Counts) {
        if let Ok(mut sum) = self.counts.try_lock() {
            counts.pour(&mut sum);
        }
    }

    /// The same at a thread's end.
    pub(crate) fn take_in_the_last(&self, counts: &mut Counts) {
        counts.pour(&mut lock(&self.counts));
    }

    /// All answers that were taken in.
    pub(crate) fn counted(&self) -> Counts {
        lock(&self.counts).clone()
    }

    /// The zones that had answers among `counts`, by their names; the most asked for first.
    pub(crate) fn asked_for(&self, counts: &Counts) -> Vec<(String, u64)> {
        let spaces = lock(&self.spaces);
        let numbers = spaces.numbers.iter();
        let mut zones: Vec<_> =
            numbers.map(|(apex, number)| (to_text(apex), counts.of_zone(*number))).collect();
        drop(spaces);
        zones.retain(|(_, count)| *count > 0);
        zones.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
        zones
    }

    /// Serves a zone from now on, in place of the one with its name.
    pub(crate) fn serve(&self, zone: Zone) -> Arc<Zone> {
        let mut spaces = lock(&self.spaces);
        let mut catalog = Catalog::clone(&self.catalog.load());
        let zone = spaces.settle(zone, &catalog);
        catalog.put(Arc::clone(&zone));
        self.publish(catalog);
        zone
    }

    /// The same with many, at the price of one.
    pub(crate) fn serve_all(&self, zones: Vec<Zone>) {
        if zones.is_empty() {
            return;
        }
        let mut spaces = lock(&self.spaces);
        let mut catalog = Catalog::clone(&self.catalog.load());
        for zone in zones {
            let zone = spaces.settle(zone, &catalog);
            catalog.put(zone);
        }
        self.publish(catalog);
    }

    /// Serves it no more.
    pub(crate) fn withdraw(&self, apex: &[u8]) {
        let mut spaces = lock(&self.spaces);
        if let Some(old) = self.zone(apex) {
            spaces.give_back(&old);
            let left = self.catalog.load().without(apex);
            self.publish(left);
        }
    }

    /// Zones that `source` is to bring from now on, in place of those before. Until one is served, and once it
    /// is withdrawn, its names are neither others' nor, if the zone above it is ours, that zone's: nobody
    /// knows what they have.
    pub(crate) fn expect(&self, source: Source, apexes: BTreeSet<Vec<u8>>) {
        let mut spaces = lock(&self.spaces);
        if spaces.expected.get(&source) != Some(&apexes) {
            spaces.expected.insert(source, apexes);
            let expected: BTreeSet<_> = spaces.expected.values().flatten().collect();
            let catalog = self.catalog.load().expecting(expected.into_iter().map(Vec::as_slice));
            self.publish(catalog);
        }
    }

    /// Puts it in the place of the one before, and gives that one up here, where nobody waits: with a large
    /// zone in it that takes longer than a batch of answers does.
    fn publish(&self, catalog: Catalog) {
        let before = self.catalog.swap(Arc::new(catalog));
        for _ in 0..MOST_LOOKS {
            if Arc::strong_count(&before) == 1 {
                break;
            }
            thread::sleep(BATCH);
        }
    }
}

impl Spaces {
    /// Gives a zone its counters, those of the one in whose place it comes where it has as many.
    fn settle(&mut self, zone: Zone, catalog: &Catalog) -> Arc<Zone> {
        if let Some(old) = catalog.zone(zone.apex()) {
            self.give_back(old);
        }
        let first = self.take(room(&zone));
        let number = self.number(zone.apex());
        Arc::new(zone.counted_by(first, number))
    }

    fn take(&mut self, room: u32) -> u32 {
        if let Some(first) = self.free.get_mut(&room).and_then(Vec::pop) {
            return first;
        }
        let first = self.next;
        self.next += room;
        first
    }

    fn number(&mut self, apex: &[u8]) -> u32 {
        let next = self.numbers.len() as u32;
        *self.numbers.entry(apex.into()).or_insert(next)
    }

    fn give_back(&mut self, zone: &Zone) {
        if zone.turns() > 0 {
            self.free.entry(room(zone)).or_default().push(zone.first_turn());
        }
    }
}

/// For how many counters a zone has room.
fn room(zone: &Zone) -> u32 {
    match zone.turns() {
        0 => 0,
        turns => turns.next_power_of_two(),
    }
}

/// What is behind the lock is changed in one step, so that a panic leaves it whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
