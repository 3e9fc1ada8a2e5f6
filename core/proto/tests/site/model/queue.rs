//! What is on its way, in order of time; at one time, in the order in which it was sent.

use std::collections::BTreeMap;
use std::rc::Rc;

use rais_proto::monitor::{ProbeId, ProbeOutcome};
use rais_proto::time::Time;

/// Something on its way.
pub(super) enum Event {
    /// A server's, to the probe of one of its host's lives.
    Answer { host: usize, life: u64, probe: ProbeId, outcome: ProbeOutcome },
    /// A datagram, at a binder.
    Arrival { binder: usize, parcel: Parcel },
}

/// A datagram on its way.
#[derive(Clone)]
pub(super) struct Parcel {
    /// Of whom.
    pub(super) host: usize,
    pub(super) datagram: Rc<[u8]>,
}

/// All that is on its way.
#[derive(Default)]
pub(super) struct Queue {
    events: BTreeMap<(Time, u64), Event>,
    pushed: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: Time, event: Event) {
        self.pushed += 1;
        self.events.insert((at, self.pushed), event);
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.events.first_key_value().map(|(&(at, _), _)| at)
    }

    pub(super) fn pop_due(&mut self, now: Time) -> Option<Event> {
        let first = self.events.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }
}
