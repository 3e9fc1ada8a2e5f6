//! The hosts a binder hears: each one's life, window and last sign of life.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::heartbeat::Heartbeat;
use crate::heartbeat::refusal::Refusal;
use crate::heartbeat::window::{Seen, Window};
use crate::name::{Epoch, HostId, HostName, Sequence};
use crate::table::{FORGET_AFTER, Order};
use crate::time::{Time, WallTime};

/// More hosts than this are not listened to: a bound on memory, far above any site.
const MOST_HOSTS: usize = 200_000;

/// Of refused first contacts, so many are remembered for people.
const MOST_STRANGERS: usize = 64;

/// The hosts heard, and those refused at first contact.
#[derive(Debug, Clone, Default)]
pub struct Peers {
    hosts: BTreeMap<HostId, Peer>,
    strangers: BTreeMap<HostId, Stranger>,
}

/// One host.
#[derive(Debug, Clone)]
pub struct Peer {
    /// What people call it.
    pub name: HostName,
    /// Which life of its monitor.
    pub epoch: Epoch,
    window: Window,
    /// When it was last heard; the start of listening where it is only remembered.
    pub heard: Time,
    /// Where from; none where it is only remembered.
    pub source: Option<SocketAddr>,
    /// Over which transport its newest beat came first.
    transport: TransportId,
}

/// A host whose first contact or new epoch was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// What people call it.
    pub name: HostName,
    /// Where from.
    pub source: SocketAddr,
    /// Why.
    pub refusal: Refusal,
    /// Its wall clock.
    pub its_wall: WallTime,
    /// Ours at that moment.
    pub our_wall: WallTime,
    /// When, by our monotonic clock.
    pub at: Time,
}

/// Which of the receiver's transports a datagram came over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TransportId(pub u16);

/// A host as it is remembered over a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostMemory {
    /// Who.
    pub host: HostId,
    /// What people call it.
    pub name: HostName,
    /// Which life of its monitor.
    pub epoch: Epoch,
    /// The highest beat heard of it: nothing up to it is new.
    pub highest: Sequence,
}

/// Where and when a beat came in.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// Our monotonic clock.
    pub now: Time,
    /// Our wall clock.
    pub wall: WallTime,
    /// The sender.
    pub source: SocketAddr,
    /// The transport.
    pub transport: TransportId,
}

impl Peers {
    /// Puts in a host as it was remembered.
    pub fn restore(&mut self, now: Time, memory: HostMemory) {
        let peer = Peer {
            name: memory.name,
            epoch: memory.epoch,
            window: Window::after(memory.highest),
            heard: now,
            source: None,
            transport: TransportId(u16::MAX),
        };
        self.hosts.insert(memory.host, peer);
    }

    /// What is to be remembered.
    pub fn memory(&self) -> impl Iterator<Item = HostMemory> {
        self.hosts.iter().map(|(&host, peer)| HostMemory {
            host,
            name: peer.name.clone(),
            epoch: peer.epoch,
            highest: peer.window.highest(),
        })
    }

    /// Counts a beat once (RFC 4303 §3.4.3), and judges the wall clock of a new life.
    pub fn admit(
        &mut self,
        arrival: Arrival,
        beat: &Heartbeat,
        max_skew: Duration,
    ) -> Result<Order, Refusal> {
        if let Some(peer) = self.hosts.get_mut(&beat.host).filter(|p| p.epoch == beat.epoch) {
            return peer.accept(arrival, beat);
        }
        let admitted = match self.hosts.get(&beat.host).map(|peer| peer.epoch) {
            Some(epoch) if beat.epoch < epoch => Err(Refusal::OldEpoch),
            None if self.hosts.len() >= MOST_HOSTS => Err(Refusal::FirstContactLimit),
            _ if beat.wall.distance(arrival.wall) > max_skew => Err(Refusal::Skew),
            _ => Ok(Order::Newest),
        };
        match admitted {
            Ok(_) => self.begin(arrival, beat),
            Err(refusal) => self.note_stranger(arrival, beat, refusal),
        }
        admitted
    }

    /// Every host heard within [`FORGET_AFTER`].
    pub fn iter(&self) -> impl Iterator<Item = (HostId, &Peer)> {
        self.hosts.iter().map(|(&host, peer)| (host, peer))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// What people call `host`.
    pub fn name(&self, host: HostId) -> Option<&HostName> {
        self.hosts.get(&host).map(|peer| &peer.name)
    }

    /// Those refused at first contact, since `horizon`.
    pub fn strangers(&self, horizon: Time) -> impl Iterator<Item = (HostId, &Stranger)> {
        self.strangers.iter().filter(move |(_, s)| s.at >= horizon).map(|(&host, s)| (host, s))
    }

    /// Drops those unheard for [`FORGET_AFTER`].
    pub fn forget(&mut self, now: Time) {
        self.hosts.retain(|_, peer| now.since(peer.heard) < FORGET_AFTER);
    }

    fn begin(&mut self, arrival: Arrival, beat: &Heartbeat) {
        let mut window = Window::new();
        window.accept(beat.sequence);
        self.strangers.remove(&beat.host);
        let peer = Peer {
            name: beat.host_name.clone(),
            epoch: beat.epoch,
            window,
            heard: arrival.now,
            source: Some(arrival.source),
            transport: arrival.transport,
        };
        self.hosts.insert(beat.host, peer);
    }

    fn note_stranger(&mut self, arrival: Arrival, beat: &Heartbeat, refusal: Refusal) {
        if self.strangers.len() >= MOST_STRANGERS && !self.strangers.contains_key(&beat.host) {
            let oldest = self.strangers.iter().min_by_key(|(_, s)| s.at).map(|(&host, _)| host);
            oldest.map(|host| self.strangers.remove(&host));
        }
        let stranger = Stranger {
            name: beat.host_name.clone(),
            source: arrival.source,
            refusal,
            its_wall: beat.wall,
            our_wall: arrival.wall,
            at: arrival.now,
        };
        self.strangers.insert(beat.host, stranger);
    }
}

/// The same beat by another path (a second interface, another transport) comes this soon.
const SECOND_COPY_WITHIN: Duration = Duration::from_secs(1);

/// And by then so many newer ones may have come.
const OVERTAKEN_BY: u64 = 8;

impl Peer {
    /// The number of its newest beat.
    pub fn sequence(&self) -> Sequence {
        self.window.highest()
    }

    /// Whether a beat that was heard before came by two paths at once: no attack.
    fn is_second_copy(&self, arrival: Arrival, beat: &Heartbeat) -> bool {
        let behind = self.sequence().0.saturating_sub(beat.sequence.0);
        let prompt = arrival.now.since(self.heard) <= SECOND_COPY_WITHIN && behind <= OVERTAKEN_BY;
        arrival.transport != self.transport || prompt
    }

    fn accept(&mut self, arrival: Arrival, beat: &Heartbeat) -> Result<Order, Refusal> {
        let order = match self.window.accept(beat.sequence) {
            Seen::Newest => Order::Newest,
            Seen::Older => Order::Overtaken,
            Seen::Duplicate if self.is_second_copy(arrival, beat) => {
                return Err(Refusal::Duplicate);
            }
            Seen::Duplicate | Seen::TooOld => return Err(Refusal::Replay),
        };
        self.heard = arrival.now;
        self.source = Some(arrival.source);
        if order == Order::Newest {
            self.transport = arrival.transport;
            if self.name != beat.host_name {
                self.name = beat.host_name.clone();
            }
        }
        Ok(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_SKEW: Duration = Duration::from_secs(300);

    fn beat(epoch: u64, sequence: u64, wall_secs: u64) -> Heartbeat {
        Heartbeat {
            host: HostId([1; 16]),
            host_name: "web1".parse().unwrap(),
            epoch: Epoch(epoch),
            sequence: Sequence(sequence),
            wall: WallTime::from_unix_millis(wall_secs * 1000),
            reports: Vec::new(),
        }
    }

    fn arrival(wall_secs: u64, transport: u16) -> Arrival {
        Arrival {
            now: Time::from_secs(wall_secs),
            wall: WallTime::from_unix_millis(wall_secs * 1000),
            source: "192.0.2.1:9".parse().unwrap(),
            transport: TransportId(transport),
        }
    }

    #[test]
    fn each_beat_counts_once() {
        let mut peers = Peers::default();
        let mut admit = |at, sequence, transport| {
            peers.admit(arrival(at, transport), &beat(1, sequence, 1000), MAX_SKEW)
        };
        assert_eq!(admit(1000, 5, 0), Ok(Order::Newest));
        assert_eq!(admit(1000, 4, 0), Ok(Order::Overtaken));
        assert_eq!(admit(1001, 5, 0), Err(Refusal::Duplicate), "by a second interface");
        assert_eq!(admit(1002, 5, 0), Err(Refusal::Replay), "too late for that");
        assert_eq!(admit(1002, 5, 1), Err(Refusal::Duplicate), "by another transport");
        assert_eq!(admit(1002, 70, 0), Ok(Order::Newest));
        assert_eq!(admit(1002, 7, 0), Ok(Order::Overtaken));
        assert_eq!(admit(1002, 7, 0), Err(Refusal::Replay), "too far back");
        assert_eq!(admit(1002, 6, 0), Err(Refusal::Replay), "before the window");
    }

    #[test]
    fn the_wall_clock_is_judged_at_first_contact_and_at_a_new_epoch_only() {
        let mut peers = Peers::default();
        let mut admit = |epoch, sequence, wall| {
            peers.admit(arrival(1000, 0), &beat(epoch, sequence, wall), MAX_SKEW)
        };
        assert_eq!(admit(1, 1, 1301), Err(Refusal::Skew));
        assert_eq!(admit(1, 1, 1300), Ok(Order::Newest));
        assert_eq!(admit(1, 2, 9000), Ok(Order::Newest));
        assert_eq!(admit(2, 1, 9000), Err(Refusal::Skew));
        assert_eq!(admit(2, 1, 700), Ok(Order::Newest));
        assert_eq!(admit(1, 3, 1000), Err(Refusal::OldEpoch));
        assert_eq!(peers.strangers(Time::ZERO).count(), 1);
    }

    #[test]
    fn what_was_heard_before_a_restart_is_not_heard_again() {
        let mut before = Peers::default();
        before.admit(arrival(1000, 0), &beat(1, 70, 1000), MAX_SKEW).unwrap();
        let mut after = Peers::default();
        before.memory().for_each(|memory| after.restore(Time::ZERO, memory));
        let old = after.admit(arrival(1000, 0), &beat(1, 70, 1000), MAX_SKEW);
        assert!(matches!(old, Err(Refusal::Duplicate | Refusal::Replay)));
        assert_eq!(after.admit(arrival(1000, 0), &beat(1, 71, 1000), MAX_SKEW), Ok(Order::Newest));
    }
}
