//! A name server's host: the binder, what it stored, and the answers that it left behind.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rais_proto::binder::snapshot::Snapshot;
use rais_proto::binder::view::{Alarm, BinderView};
use rais_proto::binder::{
    Arrival, Binder, BinderConfig, Output, Publication, TransportId, ZonePolicy,
};
use rais_proto::heartbeat::refusal::Refusal;
use rais_proto::name::{HostId, ServiceName};
use rais_proto::policy::AddressSet;
use rais_proto::serial::Serial;
use rais_proto::time::Time;

use super::queue::Parcel;
use super::{service, wall};

/// Between two snapshots.
const SNAPSHOTS: Duration = Duration::from_secs(1);

/// What every zone has besides its addresses.
pub(super) fn fixed_part() -> ZonePolicy {
    ZonePolicy { header_serial: Some(Serial(1)), fingerprint: 1 }
}

/// In what order a binder hears what arrives at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hears {
    /// As it was sent.
    AsSent,
    /// Each host's in its order, the hosts' among each other in any.
    Shuffled,
}

/// Whether snapshots are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storing {
    /// Before each publication and every second.
    Kept,
    /// Not at all.
    Off,
}

/// A binder and its surroundings.
pub(crate) struct Bindery {
    /// Everything that it published, over restarts too.
    pub(crate) published: Vec<(Time, Publication)>,
    pub(crate) hears: Hears,
    pub(crate) storing: Storing,
    /// How far its wall clock is ahead, in milliseconds.
    pub(crate) ahead: i64,
    pub(super) wakes_at: Option<Time>,
    config: BinderConfig,
    /// None while it is off.
    binder: Option<Binder>,
    stored: Snapshot,
    next_snapshot: Time,
    answers: BTreeMap<ServiceName, AddressSet>,
    rng: fastrand::Rng,
}

impl Bindery {
    pub(super) fn new(now: Time, config: BinderConfig, rng: fastrand::Rng) -> Bindery {
        Bindery {
            published: Vec::new(),
            hears: Hears::AsSent,
            storing: Storing::Off,
            ahead: 0,
            wakes_at: None,
            binder: Some(Binder::new(now, config.clone())),
            config,
            stored: Snapshot::default(),
            next_snapshot: now,
            answers: BTreeMap::new(),
            rng,
        }
    }

    // --- what can be seen

    /// Who is in the name server's answers, as last published.
    pub(crate) fn answers(&self, name: &str) -> Vec<IpAddr> {
        self.answers.get(&service(name)).into_iter().flatten().copied().collect()
    }

    /// Whether `address` is in the answers.
    pub(crate) fn answers_with(&self, name: &str, address: IpAddr) -> bool {
        self.answers.get(&service(name)).is_some_and(|set| set.contains(&address))
    }

    /// Every service's set, as it is now decided.
    pub(crate) fn sets(&self, now: Time) -> Vec<AddressSet> {
        self.view(now).services.into_iter().map(|service| service.set).collect()
    }

    /// All that it shows.
    pub(crate) fn view(&self, now: Time) -> BinderView {
        self.on().view(now)
    }

    /// What it thinks somebody should look at.
    pub(crate) fn alarms(&self, now: Time) -> Vec<Alarm> {
        self.view(now).alarms
    }

    /// When it last heard `host`.
    pub(crate) fn heard_ago(&self, now: Time, host: HostId) -> Option<Duration> {
        self.view(now).hosts.iter().find(|h| h.id == host).map(|h| h.heard_ago)
    }

    /// How many datagrams it has taken in since it was started.
    pub(crate) fn accepted(&self) -> u64 {
        self.on().counters().accepted
    }

    /// How many it refused for this since it was started.
    pub(crate) fn refused(&self, refusal: Refusal) -> u64 {
        self.on().counters().refused[refusal.index()]
    }

    /// Every address that a publication since `from` took out of a service's answers, and when.
    pub(crate) fn removals(&self, from: Time) -> Vec<(Time, IpAddr)> {
        let mut before: BTreeMap<&ServiceName, AddressSet> = BTreeMap::new();
        let mut removals = Vec::new();
        for (at, publication) in &self.published {
            for (name, published) in &publication.services {
                let set: AddressSet = published.iter().map(|one| one.address).collect();
                let old = before.insert(name, set.clone()).unwrap_or_default();
                removals.extend(old.difference(&set).map(|&gone| (*at, gone)));
            }
        }
        removals.retain(|&(at, _)| at >= from);
        removals
    }

    /// Whether each publication of a zone bears a serial after the one before, or publishes the
    /// same again under the same one.
    pub(crate) fn serials_rise(&self) -> bool {
        let mut before: BTreeMap<_, (Serial, Vec<IpAddr>)> = BTreeMap::new();
        self.published.iter().all(|(_, publication)| {
            let all = publication.services.iter().flat_map(|(_, published)| published);
            let addresses: Vec<IpAddr> = all.map(|one| one.address).collect();
            let this = (publication.serial, addresses);
            let old = before.insert(&publication.zone, this.clone());
            old.is_none_or(|old| this.0.is_after(old.0) || this == old)
        })
    }

    // --- what drives it

    pub(super) fn hear(&mut self, now: Time, source: SocketAddr, datagram: &[u8]) {
        let wall = wall(now, self.ahead);
        let arrival = Arrival { now, wall, source, transport: TransportId(0) };
        if let Some(binder) = &mut self.binder {
            binder.handle_datagram(arrival, datagram);
        }
    }

    pub(super) fn wake(&mut self, now: Time) {
        self.wakes_at = None;
        let wall = wall(now, self.ahead);
        if let Some(binder) = &mut self.binder {
            if binder.poll_timeout() <= now {
                binder.handle_timeout(now, wall);
            }
            if self.storing == Storing::Kept && self.next_snapshot <= now {
                self.stored = binder.snapshot(now);
                self.next_snapshot = now + SNAPSHOTS;
            }
        }
    }

    pub(super) fn next_wake(&self) -> Option<Time> {
        let timeout = self.binder.as_ref()?.poll_timeout();
        Some(match self.storing {
            Storing::Kept => timeout.min(self.next_snapshot),
            Storing::Off => timeout,
        })
    }

    pub(super) fn drain(&mut self, now: Time) {
        let Some(binder) = &mut self.binder else { return };
        while let Some(output) = binder.poll_output() {
            let Output::Publish(publication) = output else { continue };
            if self.storing == Storing::Kept {
                self.stored = binder.snapshot(now);
            }
            for (name, published) in &publication.services {
                let set = published.iter().map(|one| one.address).collect();
                self.answers.insert(name.clone(), set);
            }
            self.published.push((now, publication));
        }
    }

    pub(super) fn crash(&mut self) {
        self.binder = None;
    }

    pub(super) fn restart(&mut self, now: Time) {
        self.binder = Some(Binder::restore(now, self.config.clone(), self.stored.clone()));
        self.next_snapshot = now;
    }

    /// Any order that keeps each host's own.
    pub(super) fn shuffle(&mut self, parcels: Vec<Parcel>) -> Vec<Parcel> {
        let mut turns: Vec<usize> = parcels.iter().map(|parcel| parcel.host).collect();
        self.rng.shuffle(&mut turns);
        let mut of_host: BTreeMap<usize, VecDeque<Parcel>> = BTreeMap::new();
        for parcel in parcels {
            of_host.entry(parcel.host).or_default().push_back(parcel);
        }
        let next = |host| of_host.get_mut(&host)?.pop_front();
        turns.into_iter().filter_map(next).collect()
    }

    fn on(&self) -> &Binder {
        self.binder.as_ref().expect("the binder is on")
    }
}
