//! The zones that are served, by their names.

use std::sync::Arc;

use hashbrown::HashTable;

use crate::name::{Lowered, label_count};
use crate::zone::{Zone, hash, rtype};

/// Every zone. It is replaced whole when one comes, goes or gets other records; that costs a pointer
/// a zone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    zones: HashTable<Arc<Zone>>,
    /// Names of zones that are ours to serve, whether they are there or not.
    expected: Arc<HashTable<Box<[u8]>>>,
    /// The bit of each number of labels that the name of one of these may have: nothing else need be
    /// looked for.
    depths: u128,
    /// How many counters of turns a thread needs, and how many of zones.
    turns: usize,
    numbers: usize,
}

/// Whose a name is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose<'c> {
    Of(&'c Zone),
    /// A zone's that is to be served and not there yet, or could not be read.
    Missing,
    /// Another server's.
    Others,
}

impl Catalog {
    /// The zone that a name lies in, the deepest. The DS records of a zone are those of the zone
    /// above it, where that is served here as well (RFC 4035 §3.1.4.1).
    #[inline]
    pub(crate) fn find(&self, name: &Lowered, asked: u16) -> Whose<'_> {
        let mut depths = self.depths & mask(name.labels());
        let mut child = Whose::Others;
        while depths != 0 {
            let labels = 127 - depths.leading_zeros() as usize;
            depths &= !(1 << labels);
            let whose = match self.zone(name.suffix(labels)) {
                Some(zone) => Whose::Of(zone),
                None if self.misses(name.suffix(labels)) => Whose::Missing,
                None => continue,
            };
            if asked != rtype::DS || labels < name.labels() {
                return whose;
            }
            child = whose;
        }
        child
    }

    /// Whether a zone is to be served and not there.
    pub(crate) fn misses(&self, apex: &[u8]) -> bool {
        let is_expected = self.expected.find(hash(apex), |name| **name == *apex).is_some();
        is_expected && self.zone(apex).is_none()
    }

    #[inline]
    pub(crate) fn zone(&self, apex: &[u8]) -> Option<&Arc<Zone>> {
        self.zones.find(hash(apex), |zone| zone.apex() == apex)
    }

    pub(crate) fn turns(&self) -> usize {
        self.turns
    }

    pub(crate) fn numbers(&self) -> usize {
        self.numbers
    }

    /// Puts another zone in, in place of the one with its name.
    pub(crate) fn put(&mut self, zone: Arc<Zone>) {
        self.turns = self.turns.max((zone.first_turn() + zone.turns()) as usize);
        self.numbers = self.numbers.max(zone.number() as usize + 1);
        self.depths |= 1 << zone.labels();
        let apex = zone.apex().to_vec();
        let same = |other: &Arc<Zone>| other.apex() == apex;
        match self.zones.find_mut(hash(&apex), same) {
            Some(place) => *place = zone,
            None => {
                self.zones.insert_unique(hash(&apex), zone, |zone| hash(zone.apex()));
            }
        }
    }

    /// The same without the zone of that name.
    pub(crate) fn without(&self, apex: &[u8]) -> Catalog {
        let mut next = self.clone();
        next.zones.retain(|zone| zone.apex() != apex);
        next.look_for_what_there_is();
        next
    }

    /// The same where these are to be served.
    pub(crate) fn expecting<'e>(&self, names: impl Iterator<Item = &'e [u8]>) -> Catalog {
        let mut expected = HashTable::new();
        for name in names {
            expected.insert_unique(hash(name), Box::<[u8]>::from(name), |name| hash(name));
        }
        let mut next = Catalog { expected: Arc::new(expected), ..self.clone() };
        next.look_for_what_there_is();
        next
    }

    fn look_for_what_there_is(&mut self) {
        let zones = self.zones.iter().map(|zone| zone.labels());
        let labels = zones.chain(self.expected.iter().map(|name| label_count(name)));
        self.depths = labels.fold(0, |depths, labels| depths | 1 << labels);
    }
}

/// The bits of all numbers of labels up to this one.
#[inline]
fn mask(labels: usize) -> u128 {
    u128::MAX >> (127 - labels.min(127))
}
