//! The hosts a binder hears: each one's life, window and last sign of life.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::heartbeat::key::KeyLimits;
use crate::heartbeat::refusal::Refusal;
use crate::heartbeat::window::{Seen, Window};
use crate::heartbeat::{Heartbeat, State};
use crate::name::{Epoch, HostId, HostName, Sequence};
use crate::table::{FORGET_AFTER, Order};
use crate::time::{Time, WallTime};

/// More hosts than this are not listened to: a bound on memory, far above any site.
const MOST_HOSTS: usize = 200_000;

/// Of refused first contacts, so many are remembered for people.
const MOST_STRANGERS: usize = 64;

/// Where the table of hosts is full, this part of it at a time makes room: the search costs what
/// there is, so it is not made for each new host.
const ROOM_AT_ONCE: usize = 64;

/// Where everybody owns something, room is not looked for again so soon.
const NO_ROOM_FOR: Duration = Duration::from_secs(1);

/// The hosts heard, and those refused at first contact.
#[derive(Debug, Clone)]
pub struct Peers {
    hosts: BTreeMap<HostId, Peer>,
    /// How many of them said goodbye.
    left: usize,
    strangers: BTreeMap<HostId, Stranger>,
    /// More are not listened to.
    most: usize,
    /// When room was last looked for in vain.
    no_room: Option<Time>,
}

impl Default for Peers {
    fn default() -> Peers {
        Peers {
            hosts: BTreeMap::new(),
            left: 0,
            strangers: BTreeMap::new(),
            most: MOST_HOSTS,
            no_room: None,
        }
    }
}

/// What a beat is admitted by.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// How far apart wall clocks may be at first contact.
    pub max_skew: Duration,
    /// The limits of the key that signed it; none where none did.
    pub limits: Option<&'a KeyLimits>,
    /// Whether a host claims anything: then it is not given up for a new one.
    pub owns: &'a dyn Fn(HostId) -> bool,
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
    /// Whether its newest beat was a goodbye and no more.
    left: bool,
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
            left: false,
        };
        self.insert(memory.host, peer);
    }

    /// After a restart: who is remembered and claims nothing had left.
    pub fn presume_left(&mut self, owns: impl Fn(HostId) -> bool) {
        for (&host, peer) in &mut self.hosts {
            peer.left = !owns(host);
        }
        self.recount();
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
        terms: Terms<'_>,
    ) -> Result<Order, Refusal> {
        let admitted = self.judge(arrival, beat, terms);
        match admitted {
            Ok(None) => self.begin(arrival, beat),
            Ok(Some(_)) => {}
            // What is heard again and again of everybody.
            Err(Refusal::Duplicate | Refusal::Replay) => {}
            Err(refusal) => self.note_stranger(arrival, beat, refusal),
        }
        admitted.map(|order| order.unwrap_or(Order::Newest))
    }

    /// None for a new host or a new life of one.
    fn judge(
        &mut self,
        arrival: Arrival,
        beat: &Heartbeat,
        terms: Terms<'_>,
    ) -> Result<Option<Order>, Refusal> {
        if let Some(peer) = self.hosts.get_mut(&beat.host) {
            let mut hosts = terms.limits.and_then(|limits| limits.hosts.as_ref()).into_iter();
            if hosts.any(|names| !names.contains(&peer.name)) {
                return Err(Refusal::KeyLimit); // another host's id
            }
            if beat.epoch < peer.epoch {
                return Err(Refusal::OldEpoch);
            }
            if beat.epoch == peer.epoch {
                let before = usize::from(peer.left);
                let order = peer.accept(arrival, beat)?;
                self.left = self.left + usize::from(peer.left) - before;
                return Ok(Some(order));
            }
        }
        if beat.wall.distance(arrival.wall) > terms.max_skew {
            return Err(Refusal::Skew);
        }
        if !self.hosts.contains_key(&beat.host) && !self.has_room(arrival.now, terms.owns) {
            return Err(Refusal::FirstContactLimit);
        }
        Ok(None)
    }

    /// Every host heard within [`FORGET_AFTER`].
    pub fn iter(&self) -> impl Iterator<Item = (HostId, &Peer)> {
        self.hosts.iter().map(|(&host, peer)| (host, peer))
    }

    /// How many there are besides `except` that have not left.
    pub fn present(&self, except: HostId) -> usize {
        let except = self.hosts.get(&except).is_some_and(|peer| !peer.left);
        self.hosts.len() - self.left - usize::from(except)
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
        self.recount();
    }

    /// Whether one more fits in, if need be in the place of those unheard for longest.
    fn has_room(&mut self, now: Time, owns: impl Fn(HostId) -> bool) -> bool {
        if self.hosts.len() < self.most {
            return true;
        }
        if self.no_room.is_some_and(|at| now < at + NO_ROOM_FOR) {
            return false;
        }
        let idle = self.hosts.iter().filter(|&(&host, _)| !owns(host));
        let mut idle: Vec<(Time, HostId)> = idle.map(|(&host, peer)| (peer.heard, host)).collect();
        idle.sort_unstable();
        for (_, host) in idle.iter().take(self.most.div_ceil(ROOM_AT_ONCE)) {
            self.hosts.remove(host);
        }
        self.recount();
        self.no_room = idle.is_empty().then_some(now);
        !idle.is_empty()
    }

    fn insert(&mut self, host: HostId, peer: Peer) {
        self.left += usize::from(peer.left);
        let before = self.hosts.insert(host, peer);
        self.left -= usize::from(before.is_some_and(|before| before.left));
    }

    fn recount(&mut self) {
        self.left = self.hosts.values().filter(|peer| peer.left).count();
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
            left: is_goodbye(beat),
        };
        self.insert(beat.host, peer);
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
            self.left = is_goodbye(beat);
            if self.name != beat.host_name {
                self.name = beat.host_name.clone();
            }
        }
        Ok(order)
    }
}

/// Whether all that it says is that its host leaves.
fn is_goodbye(beat: &Heartbeat) -> bool {
    let reports = &beat.reports;
    !reports.is_empty() && reports.iter().all(|report| report.state == State::Leaving)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms<'_> =
        Terms { max_skew: Duration::from_secs(300), limits: None, owns: &|_| false };

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
            peers.admit(arrival(at, transport), &beat(1, sequence, 1000), TERMS)
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
            peers.admit(arrival(1000, 0), &beat(epoch, sequence, wall), TERMS)
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
        before.admit(arrival(1000, 0), &beat(1, 70, 1000), TERMS).unwrap();
        let mut after = Peers::default();
        before.memory().for_each(|memory| after.restore(Time::ZERO, memory));
        let old = after.admit(arrival(1000, 0), &beat(1, 70, 1000), TERMS);
        assert!(matches!(old, Err(Refusal::Duplicate | Refusal::Replay)));
        assert_eq!(after.admit(arrival(1000, 0), &beat(1, 71, 1000), TERMS), Ok(Order::Newest));
    }

    #[test]
    fn a_key_of_one_host_does_not_speak_with_anothers_id() {
        let mut peers = Peers::default();
        let limits = |name: &str| KeyLimits {
            hosts: Some(vec![name.parse().unwrap()]),
            ..KeyLimits::default()
        };
        let (mine, others) = (limits("web1"), limits("web2"));
        let terms = |limits| Terms { limits: Some(limits), ..TERMS };
        let named = |name: &str, epoch, sequence| Heartbeat {
            host_name: name.parse().unwrap(),
            ..beat(epoch, sequence, 1000)
        };
        let at = arrival(1000, 0);
        assert_eq!(peers.admit(at, &named("web1", 1, 1), terms(&mine)), Ok(Order::Newest));
        for (epoch, sequence) in [(1, 2), (9, 1)] {
            let stolen = named("web2", epoch, sequence);
            assert_eq!(peers.admit(at, &stolen, terms(&others)), Err(Refusal::KeyLimit));
        }
        assert_eq!(peers.admit(at, &named("web1", 1, 2), terms(&mine)), Ok(Order::Newest));
        assert_eq!(peers.strangers(Time::ZERO).count(), 1, "somebody should look at it");
        assert_eq!(peers.admit(at, &named("web3", 2, 1), TERMS), Ok(Order::Newest), "renamed");
    }

    #[test]
    fn where_there_is_no_room_who_owns_nothing_and_was_unheard_longest_goes() {
        let mut peers = Peers { most: 3, ..Peers::default() };
        let mut admit = |at, host, owns: &dyn Fn(HostId) -> bool| {
            let beat = Heartbeat { host: HostId([host; 16]), ..beat(1, 1, at) };
            let admitted = peers.admit(arrival(at, 0), &beat, Terms { owns, ..TERMS });
            let hosts: Vec<u8> = peers.iter().map(|(host, _)| host.0[0]).collect();
            (admitted, hosts)
        };
        for host in [3, 2, 1] {
            admit(1000 - u64::from(host), host, &|_| false).0.unwrap();
        }
        let full = Err(Refusal::FirstContactLimit);
        assert_eq!(admit(1000, 4, &|_| true), (full, vec![1, 2, 3]));
        assert_eq!(admit(1000, 4, &|_| false), (full, vec![1, 2, 3]), "not looked for again");
        assert_eq!(
            admit(1001, 4, &|host| host == HostId([3; 16])),
            (Ok(Order::Newest), vec![1, 3, 4])
        );
    }

    #[test]
    fn who_said_goodbye_is_not_counted_until_it_is_back() {
        use crate::heartbeat::{Capacity, Claim, Coverage, Reason, Report, Weight};
        let mut peers = Peers::default();
        let mut present = |sequence, states: &[State]| {
            let report = |&state: &State| Report {
                service: "http".parse().unwrap(),
                state,
                reason: Reason::default(),
                load: None,
                capacity: Capacity::ONE,
                weight: Weight::USUAL,
                interval: Duration::from_secs(1),
                expire: Duration::from_secs(3),
                claim: Claim::Own,
                coverage: Coverage::Whole,
                addresses: Vec::new(),
            };
            let reports = states.iter().map(report).collect();
            let beat = Heartbeat { reports, ..beat(1, sequence, 1000) };
            peers.admit(arrival(1000, 0), &beat, TERMS).unwrap();
            (peers.present(HostId([9; 16])), peers.present(HostId([1; 16])))
        };
        assert_eq!(present(5, &[State::Up]), (1, 0));
        assert_eq!(present(6, &[State::Up, State::Leaving]), (1, 0));
        assert_eq!(present(9, &[State::Leaving, State::Leaving]), (0, 0));
        assert_eq!(present(8, &[State::Up]), (0, 0), "overtaken");
        assert_eq!(present(10, &[]), (1, 0));
        peers.presume_left(|_| false);
        assert_eq!(peers.present(HostId([9; 16])), 0);
    }
}
