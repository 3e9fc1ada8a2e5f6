//! What has changed in a zone, for secondaries that know an earlier serial (RFC 1995).

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use crate::bound::Bound;
use crate::publish::Records;

/// So many changes are remembered, and so many records of them: a secondary that is further behind
/// takes the whole zone.
const MOST_CHANGES: usize = 256;
const MOST_RECORDS: usize = 10_000;

/// The latest changes of a zone, the newest last.
#[derive(Debug, Default)]
pub(crate) struct History {
    changes: VecDeque<Arc<Change>>,
    records: usize,
    /// The first serial of the records as they are now, where it is known. There may be many of them:
    /// other weights are another serial.
    standing: Option<u32>,
}

/// From the records of some serials to those of the next.
#[derive(Debug)]
pub(crate) struct Change {
    /// The first serial with the records before it, and the last.
    since: u32,
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
        Change { since: from, from, to, gone: Vec::new(), come: Vec::new() }
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

    /// What it is for secondaries.
    pub(crate) fn records(&self) -> Records {
        if self.count() == 0 { Records::Same } else { Records::Changed }
    }

    fn count(&self) -> usize {
        self.gone.len() + self.come.len()
    }
}

impl History {
    /// Remembers a change. One that tells of no other serial cannot be told to anybody.
    pub(crate) fn push(&mut self, mut change: Change) {
        if change.from == change.to {
            if change.count() > 0 {
                *self = History::default();
            }
            return;
        }
        let standing = *self.standing.get_or_insert(change.from);
        if change.count() == 0 {
            return;
        }
        change.since = standing;
        self.standing = Some(change.to);
        self.records += change.count();
        self.changes.push_back(Arc::new(change));
        while self.changes.len() > MOST_CHANGES || self.records > MOST_RECORDS {
            let Some(oldest) = self.changes.pop_front() else { break };
            self.records -= oldest.count();
        }
    }

    /// What has changed from the records of a serial to those of `now`, perhaps nothing; none where
    /// that is not remembered.
    pub(crate) fn since(&self, serial: u32, now: u32) -> Option<Vec<Arc<Change>>> {
        let within = |first: u32, last: u32| serial.wrapping_sub(first) <= last.wrapping_sub(first);
        let has = |change: &Arc<Change>| within(change.since, change.from);
        match self.changes.iter().position(has) {
            Some(first) => Some(self.changes.iter().skip(first).cloned().collect()),
            None => self.standing.is_some_and(|first| within(first, now)).then(Vec::new),
        }
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
        assert!(history.since(7, 8).is_none());
        let come =
            |serial: u32| Change { come: vec![address(1)], ..Change::new(serial, serial + 1) };
        for serial in 7..7 + MOST_CHANGES as u32 {
            history.push(come(serial));
        }
        let newest = 7 + MOST_CHANGES as u32;
        assert_eq!(history.since(7, newest).unwrap().len(), MOST_CHANGES);
        history.push(come(newest));
        assert!(history.since(7, newest + 1).is_none());
        assert_eq!(history.since(newest, newest + 1).unwrap()[0].come, [address(1)]);
        // The same serial again, with other addresses.
        history.push(Change::new(newest + 1, newest + 1));
        assert!(history.since(newest, newest + 1).is_some());
        history.push(Change { gone: vec![address(1)], ..Change::new(newest + 1, newest + 1) });
        assert!(history.since(newest, newest + 1).is_none());
    }

    #[test]
    fn other_serials_of_the_same_records_push_no_change_out() {
        let mut history = History::default();
        let plain = |history: &mut History, from| {
            for serial in from..from + 1_000 {
                history.push(Change::new(serial, serial + 1));
            }
        };
        plain(&mut history, 0);
        history.push(Change { come: vec![address(1)], ..Change::new(1_000, 1_001) });
        plain(&mut history, 1_001);
        for (serial, changes) in [(0, 1), (500, 1), (1_000, 1), (1_001, 0), (1_500, 0)] {
            assert_eq!(history.since(serial, 2_001).unwrap().len(), changes, "{serial}");
        }
        assert!(history.since(2_002, 2_001).is_none());
    }

    #[test]
    fn no_more_records_are_kept_than_a_zone_is_worth() {
        let mut history = History::default();
        let many = |from| Change {
            come: (0..MOST_RECORDS).map(|_| address(1)).collect(),
            ..Change::new(from, from + 1)
        };
        history.push(many(1));
        assert!(history.since(1, 2).is_some());
        history.push(many(2));
        assert!(history.since(1, 3).is_none() && history.since(2, 3).is_some());
    }
}
