//! The hosts a binder hears: each one's life, window and last sign of life.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::heartbeat::breach::Breach;
use crate::heartbeat::key::{KeyId, KeyLimits};
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

/// And each is shown for so long after its last try.
pub(super) const STRANGERS_SHOWN: Duration = Duration::from_secs(600);

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
    /// The key that signed it; none where none did, or no tag is asked for.
    pub key: Option<KeyId>,
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
    /// The key that signed its newest beat; none where none did.
    pub key: Option<KeyId>,
    /// Over which transport its newest beat came first.
    transport: TransportId,
    /// Whether its newest beat was a goodbye and no more.
    left: bool,
    /// Since when none of its beats is missing, and none says that it does not know.
    unbroken: Time,
    /// The shortest `expire` that it was heard to name in this life: not heard for as long it is away.
    patience: Option<Duration>,
}

/// A host whose first contact or new epoch was refused, or what it says beyond its key.
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
    /// What it says beyond its key, where that is why.
    pub breach: Option<Breach>,
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
    /// The key that signed its newest beat.
    pub key: Option<KeyId>,
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
            key: memory.key,
            transport: TransportId(u16::MAX),
            left: false,
            unbroken: now,
            patience: None,
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
            key: peer.key,
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
            Ok(None) => self.begin(arrival, beat, terms.key),
            Ok(Some(_)) => {}
            // What is heard again and again of everybody; and of a key's limits more is known elsewhere.
            Err(Refusal::Duplicate | Refusal::Replay | Refusal::KeyLimit) => {}
            Err(refusal) => self.note_stranger(arrival, beat, refusal, None),
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
            if terms.limits.is_some_and(|limits| !limits.allow_host(&peer.name)) {
                return Err(Refusal::KeyLimit); // another host's id
            }
            if beat.epoch < peer.epoch {
                return Err(Refusal::OldEpoch);
            }
            if beat.epoch == peer.epoch {
                let before = usize::from(peer.left);
                let order = peer.accept(arrival, beat, terms.key)?;
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

    /// From when to when all that `host` said was heard; none where it was not heard yet. What it named
    /// in none of those beats is not lost on the way: it was not said.
    pub fn heard_whole(&self, host: HostId) -> Option<RangeInclusive<Time>> {
        let peer = self.hosts.get(&host).filter(|peer| peer.patience.is_some())?;
        Some(peer.unbroken..=peer.heard)
    }

    /// Something that a beat of `host` said was refused: it was not heard whole, and what is missing was
    /// said all the same.
    pub fn mishear(&mut self, host: HostId, now: Time) {
        if let Some(peer) = self.hosts.get_mut(&host) {
            peer.unbroken = now;
        }
    }

    /// What people call `host`.
    pub fn name(&self, host: HostId) -> Option<&HostName> {
        self.hosts.get(&host).map(|peer| &peer.name)
    }

    /// The key of `host`'s newest beat, or that none signed it; none where it is not known.
    pub fn key(&self, host: HostId) -> Option<Option<KeyId>> {
        self.hosts.get(&host).map(|peer| peer.key)
    }

    /// Whether `host` is not known, or was not heard for longer than it means to be silent.
    pub fn is_away(&self, host: HostId, now: Time) -> bool {
        self.hosts.get(&host).is_none_or(|peer| peer.is_away(now))
    }

    /// When `host` was last heard, and from where, if not only remembered.
    pub fn last_heard(&self, host: HostId) -> Option<(Time, Option<SocketAddr>)> {
        self.hosts.get(&host).map(|peer| (peer.heard, peer.source))
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

    fn begin(&mut self, arrival: Arrival, beat: &Heartbeat, key: Option<KeyId>) {
        let mut window = Window::new();
        window.accept(beat.sequence);
        // What is beyond its key may be one service of several.
        self.strangers.retain(|&host, s| host != beat.host || s.breach.is_some());
        let peer = Peer {
            name: beat.host_name.clone(),
            epoch: beat.epoch,
            window,
            heard: arrival.now,
            source: Some(arrival.source),
            key,
            transport: arrival.transport,
            left: is_goodbye(beat),
            unbroken: arrival.now,
            patience: shortest_expire(beat),
        };
        self.insert(beat.host, peer);
    }

    /// Whether `beat`, or one after it, was heard before: what comes now is a copy.
    pub fn has_overtaken(&self, beat: &Heartbeat) -> bool {
        let number = (beat.epoch, beat.sequence);
        self.hosts.get(&beat.host).is_some_and(|peer| number <= (peer.epoch, peer.sequence()))
    }

    /// Whether what else is known of `host` tells more than that beats of it came from elsewhere: a copy
    /// may do so of each that is refused for another cause.
    fn is_refused_anyway(&self, host: HostId, now: Time) -> bool {
        let stranger = self.strangers.get(&host).filter(|s| now < s.at + STRANGERS_SHOWN);
        stranger.is_some_and(|stranger| stranger.breach.is_none())
    }

    /// Remembers who is refused, for people.
    pub fn note_stranger(
        &mut self,
        arrival: Arrival,
        beat: &Heartbeat,
        refusal: Refusal,
        breach: Option<Breach>,
    ) {
        let is_of_source = breach.as_ref().is_some_and(|breach| breach.limit.is_of_source());
        if is_of_source && self.is_refused_anyway(beat.host, arrival.now) {
            return;
        }
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
            breach,
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

    fn is_away(&self, now: Time) -> bool {
        self.patience.is_none_or(|patience| now.since(self.heard) >= patience)
    }

    /// Whether a beat that was heard before came by two paths at once: no attack.
    fn is_second_copy(&self, arrival: Arrival, beat: &Heartbeat) -> bool {
        let behind = self.sequence().0.saturating_sub(beat.sequence.0);
        let prompt = arrival.now.since(self.heard) <= SECOND_COPY_WITHIN && behind <= OVERTAKEN_BY;
        arrival.transport != self.transport || prompt
    }

    fn accept(
        &mut self,
        arrival: Arrival,
        beat: &Heartbeat,
        key: Option<KeyId>,
    ) -> Result<Order, Refusal> {
        let before = self.sequence();
        let order = match self.window.accept(beat.sequence) {
            Seen::Newest => Order::Newest,
            Seen::Older => Order::Overtaken,
            Seen::Duplicate if self.is_second_copy(arrival, beat) => {
                return Err(Refusal::Duplicate);
            }
            Seen::Duplicate | Seen::TooOld => return Err(Refusal::Replay),
        };
        let was_away = self.is_away(arrival.now);
        self.heard = arrival.now;
        self.source = Some(arrival.source);
        if order == Order::Newest {
            let is_next = beat.sequence.0 == before.0.saturating_add(1);
            if was_away || !is_next || says_unknown(beat) {
                self.unbroken = arrival.now;
            }
            self.patience = shortest_expire(beat).into_iter().chain(self.patience).min();
            self.transport = arrival.transport;
            self.key = key;
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

/// Whether it names what it has nothing to say of: that ages like silence, and is none.
fn says_unknown(beat: &Heartbeat) -> bool {
    beat.reports.iter().any(|report| report.state == State::Unknown)
}

fn shortest_expire(beat: &Heartbeat) -> Option<Duration> {
    beat.reports.iter().map(|report| report.expire).min()
}

#[cfg(test)]
mod tests;
