//! The zones that are served, by their names.

use std::sync::Arc;

use hashbrown::HashTable;

use crate::name::Lowered;
use crate::zone::{Zone, hash, rtype};

/// Every zone. It is replaced whole when one comes, goes or gets other records; that costs a pointer
/// a zone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    zones: HashTable<Arc<Zone>>,
    /// The bit of each number of labels that a zone's name has: nothing else need be looked for.
    depths: u128,
    /// How many counters of turns a thread needs, and how many of zones.
    turns: usize,
    numbers: usize,
}

impl Catalog {
    /// The zone that a name lies in, the deepest. The DS records of a zone are those of the zone
    /// above it, where that is served here as well (RFC 4035 §3.1.4.1).
    #[inline]
    pub(crate) fn find(&self, name: &Lowered, asked: u16) -> Option<&Zone> {
        let mut depths = self.depths & mask(name.labels());
        let mut child = None;
        while depths != 0 {
            let labels = 127 - depths.leading_zeros() as usize;
            depths &= !(1 << labels);
            let Some(zone) = self.zone(name.suffix(labels)) else { continue };
            if asked != rtype::DS || labels < name.labels() {
                return Some(zone);
            }
            child = Some(&**zone);
        }
        child
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
        let apex = zone.apex().to_vec();
        let same = |other: &Arc<Zone>| other.apex() == apex;
        match self.zones.find_mut(hash(&apex), same) {
            Some(place) => *place = zone,
            None => {
                self.depths |= 1 << zone.labels();
                self.zones.insert_unique(hash(&apex), zone, |zone| hash(zone.apex()));
            }
        }
    }

    /// The same without the zone of that name.
    pub(crate) fn without(&self, apex: &[u8]) -> Catalog {
        let mut next = self.clone();
        next.zones.retain(|zone| zone.apex() != apex);
        next.depths = next.zones.iter().fold(0, |depths, zone| depths | 1 << zone.labels());
        next
    }
}

/// The bits of all numbers of labels up to this one.
#[inline]
fn mask(labels: usize) -> u128 {
    u128::MAX >> (127 - labels.min(127))
}
