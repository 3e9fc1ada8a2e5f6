//! What has changed in a zone, for secondaries that know an earlier serial (RFC 1995).

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use crate::bound::Bound;

/// So many changes are remembered, and so many records of them: a secondary that is further behind
/// takes the whole zone.
const MOST_CHANGES: usize = 256;
const MOST_RECORDS: usize = 10_000;

/// The latest changes of a zone, the newest last, each from the serial of the one before it.
#[derive(Debug, Default)]
pub(crate) struct History {
    changes: VecDeque<Arc<Change>>,
    records: usize,
}

/// From one serial to the next.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) from: u32,
    pub(crate) to: u32,
    pub(crate) gone: Vec<Address>,
    pub(crate) come: Vec<Address>,
}

/// A record of a slot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) slot: u32,
    /// As it travels, its owner a pointer.
    pub(crate) record: Box<[u8]>,
}

impl Change {
    pub(crate) fn new(from: u32, to: u32) -> Change {
        Change { from, to, gone: Vec::new(), come: Vec::new() }
    }

    /// A slot has these addresses in place of those.
    pub(crate) fn note(&mut self, slot: usize, old: &Bound, new: &Bound) {
        let slot = slot as u32;
        let (before, after): (HashSet<_>, HashSet<_>) =
            (old.records().collect(), new.records().collect());
        let address = |record: &[u8]| Address { slot, record: record.into() };
        self.gone.extend(old.records().filter(|record| !after.contains(record)).map(address));
        self.come.extend(new.records().filter(|record| !before.contains(record)).map(address));
    }

    fn records(&self) -> usize {
        self.gone.len() + self.come.len()
    }
}

impl History {
    /// Remembers a change. One that tells of no other serial cannot be told to anybody.
    pub(crate) fn push(&mut self, change: Change) {
        if change.from == change.to {
            if change.records() > 0 {
                *self = History::default();
            }
            return;
        }
        self.records += change.records();
        self.changes.push_back(Arc::new(change));
        while self.changes.len() > MOST_CHANGES || self.records > MOST_RECORDS {
            let Some(oldest) = self.changes.pop_front() else { break };
            self.records -= oldest.records();
        }
    }

    /// What has changed since a serial; nothing where that is not remembered.
    pub(crate) fn since(&self, serial: u32) -> Option<Vec<Arc<Change>>> {
        let first = self.changes.iter().position(|change| change.from == serial)?;
        Some(self.changes.iter().skip(first).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> Address {
        Address { slot: 0, record: Box::from([n]) }
    }

    #[test]
    fn what_was_since_a_serial_is_told_as_long_as_it_is_remembered() {
        let mut history = History::default();
        assert!(history.since(7).is_none());
        for serial in 7..7 + MOST_CHANGES as u32 {
            history.push(Change::new(serial, serial + 1));
        }
        assert_eq!(history.since(7).unwrap().len(), MOST_CHANGES);
        let newest = 7 + MOST_CHANGES as u32;
        assert!(history.since(newest).is_none());
        history.push(Change { come: vec![address(1)], ..Change::new(newest, newest + 1) });
        assert!(history.since(7).is_none());
        assert_eq!(history.since(newest).unwrap()[0].come, [address(1)]);
        // The same serial again, with other addresses.
        history.push(Change::new(newest + 1, newest + 1));
        assert!(history.since(newest).is_some());
        history.push(Change { gone: vec![address(1)], ..Change::new(newest + 1, newest + 1) });
        assert!(history.since(newest).is_none());
    }

    #[test]
    fn no_more_records_are_kept_than_a_zone_is_worth() {
        let mut history = History::default();
        let many = |from| Change {
            come: (0..MOST_RECORDS).map(|_| address(1)).collect(),
            ..Change::new(from, from + 1)
        };
        history.push(many(1));
        assert!(history.since(1).is_some());
        history.push(many(2));
        assert!(history.since(1).is_none() && history.since(2).is_some());
    }
}
