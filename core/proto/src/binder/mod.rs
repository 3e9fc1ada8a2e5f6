//! The binder (the paper's Name Binder Modifier, Figs. 5 and 6): heartbeats in, zones out.
//!
//! Hand in datagrams with [`Binder::handle_datagram`] and the time with [`Binder::handle_timeout`];
//! after either drain [`Binder::poll_output`], then wait until [`Binder::poll_timeout`]. Before a
//! publication is handed to a sink, store [`Binder::snapshot`]: that keeps the serial from ever
//! going back.

mod conflicts;
mod intake;
pub mod peers;
mod reasons;
mod service;
pub mod snapshot;
pub mod view;
mod zones;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use crate::heartbeat::refusal::Refusal;
use crate::heartbeat::trust::Trust;
use crate::heartbeat::{Capacity, Weight};
use crate::load::Load;
use crate::name::{HostId, ServiceName, ZoneName};
use crate::policy::{ServicePolicy, Verdict, WhenNone};
use crate::serial::Serial;
use crate::table::{Change, FORGET_AFTER};
use crate::time::{Time, WallTime};

use conflicts::Conflicts;
use peers::Peers;
use reasons::Reasons;
use service::Service;
use zones::{Renewal, Zones};

pub use peers::{Arrival, TransportId};
pub use service::Phase;
pub use zones::{ZoneMemory, ZonePolicy, ZoneView};

/// How often what is a day old is looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(600);

/// What is heard, and who falls silent, makes a service judge no sooner than this after it last
/// did so: where thousands come or go, each judgement goes through thousands.
const PACE: Duration = Duration::from_millis(10);

/// What a binder is told once, and at a reload.
#[derive(Debug, Clone)]
pub struct BinderConfig {
    /// The host it runs on: its beats do not prove that the network works.
    pub host: HostId,
    /// Whose beats it believes.
    pub trust: Trust,
    /// How far apart wall clocks may be at first contact.
    pub max_skew: Duration,
    /// Least time between publications of a zone.
    pub gap: Duration,
    /// The services it binds.
    pub services: BTreeMap<ServiceName, ServicePolicy>,
    /// The zones it publishes.
    pub zones: BTreeMap<ZoneName, ZonePolicy>,
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// Hand it to the zone's sinks, after storing a snapshot.
    Publish(Publication),
    /// For the log: where an address stands now.
    Judged {
        /// The service.
        service: ServiceName,
        /// The address.
        address: IpAddr,
        /// None where it is no longer known.
        verdict: Option<Verdict>,
    },
}

/// A zone's whole address data.
#[derive(Debug, Clone, PartialEq)]
pub struct Publication {
    /// The zone.
    pub zone: ZoneName,
    /// To be published under exactly this serial.
    pub serial: Serial,
    /// Every service of the zone and its addresses, in order.
    pub services: Vec<(ServiceName, Vec<Published>)>,
    /// What changed, for people.
    pub reason: String,
}

/// One address of a publication.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Published {
    /// The address.
    pub address: IpAddr,
    /// Its last known load.
    pub load: Option<Load>,
    /// What its host can carry.
    pub capacity: Capacity,
    /// The operator's static weight.
    pub weight: Weight,
}

/// What a binder counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Beats taken in.
    pub accepted: u64,
    /// Datagrams and claims refused, by [`Refusal::index`].
    pub refused: [u64; Refusal::COUNT],
}

impl Counters {
    fn refuse(&mut self, refusal: Refusal) {
        self.refused[refusal.index()] += 1;
    }
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Binder {
    config: BinderConfig,
    /// In the order of their names.
    services: Vec<Service>,
    /// Each zone's services, by their place in `services`.
    of_zone: BTreeMap<ZoneName, Vec<usize>>,
    zones: Zones,
    peers: Peers,
    conflicts: Conflicts,
    counters: Counters,
    outputs: VecDeque<Output>,
    /// When each service wants to be judged.
    wakes: Wakes,
    /// Services that heard what is still to be judged, and when they did.
    unjudged: BTreeMap<usize, Time>,
    /// Why each zone is to be published.
    reasons: Reasons,
    hearing: RemoteHearing,
    housekeeping: Time,
}

/// Step 1: whether any other host is heard.
#[derive(Debug, Clone, Copy)]
struct RemoteHearing {
    deaf: bool,
    /// When another host was last heard.
    last: Time,
    /// The longest `expire` heard or remembered; shrinks only when it is looked at.
    longest: Duration,
}

/// One time a service, in order.
#[derive(Debug, Clone, Default)]
struct Wakes {
    order: BTreeSet<(Time, usize)>,
    at: Vec<Time>,
    /// Before this a service is not judged again.
    rested: BTreeMap<usize, Time>,
}

impl Wakes {
    fn set(&mut self, service: usize, at: Time) {
        if self.at.len() <= service {
            self.at.resize(service + 1, Time::from_nanos(u64::MAX));
        }
        if self.at[service] != at || !self.order.contains(&(at, service)) {
            self.order.remove(&(self.at[service], service));
            self.at[service] = at;
            self.order.insert((at, service));
        }
    }

    fn next(&self) -> Option<Time> {
        self.order.first().map(|&(at, _)| at)
    }

    fn take_due(&mut self, now: Time) -> Option<usize> {
        (self.next()? <= now).then(|| self.order.pop_first().map(|(_, service)| service))?
    }
}

impl Binder {
    /// A binder that begins to listen at `now`, with nothing remembered.
    pub fn new(now: Time, config: BinderConfig) -> Binder {
        let mut binder = Binder {
            services: Vec::new(),
            of_zone: BTreeMap::new(),
            zones: Zones::default(),
            peers: Peers::default(),
            conflicts: Conflicts::default(),
            counters: Counters::default(),
            outputs: VecDeque::new(),
            wakes: Wakes::default(),
            unjudged: BTreeMap::new(),
            reasons: Reasons::default(),
            hearing: RemoteHearing { deaf: false, last: now, longest: Duration::ZERO },
            housekeeping: now + HOUSEKEEPING,
            config: BinderConfig {
                services: BTreeMap::new(),
                zones: BTreeMap::new(),
                ..config.clone()
            },
        };
        binder.handle_config(now, config);
        binder
    }

    /// Takes another configuration whole. What was heard, decided and published stays where it
    /// still applies.
    pub fn handle_config(&mut self, now: Time, config: BinderConfig) {
        self.zones.configure(now, config.gap, &config.zones);
        let before = std::mem::take(&mut self.services);
        let mut before: BTreeMap<ServiceName, Service> =
            before.into_iter().map(|service| (service.name.clone(), service)).collect();
        self.wakes = Wakes::default();
        self.unjudged.clear();
        self.of_zone.clear();
        let mut joining = Vec::new();
        for (index, (name, policy)) in config.services.iter().enumerate() {
            let service = match before.remove(name) {
                Some(mut service) => {
                    let set = service.decision.set.clone();
                    service.reconfigure(now, policy.clone());
                    if service.decision.set != set {
                        self.zones.mark(now, config.gap, &policy.zone, Renewal::Changed);
                    }
                    service
                }
                None => {
                    let service = Service::new(now, name.clone(), policy.clone());
                    joining.extend(service.soon_listened_to().map(|at| (policy.zone.clone(), at)));
                    service
                }
            };
            self.wakes.set(index, service.next_wake());
            self.services.push(service);
            self.of_zone.entry(policy.zone.clone()).or_default().push(index);
        }
        self.config = config;
        for index in 0..self.services.len() {
            self.judge(now, index);
        }
        self.mark_unpublished(now);
        // A zone that is served already waits until a service that joins it has been listened to:
        // renamed by a reload, its addresses would be gone for a while.
        for (zone, until) in joining {
            self.zones.delay(&zone, until);
        }
    }

    /// Lets time act: expiry, timers, gaps. Call when [`Binder::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Time, wall: WallTime) {
        self.check_deafness(now);
        while let Some(index) = self.wakes.take_due(now) {
            self.rest(now, index);
            self.judge(now, index);
        }
        if now >= self.housekeeping {
            self.keep_house(now);
        }
        self.publish_due(now, wall);
    }

    /// The end is near: what is to be published does not wait for its gap. Drain the outputs, hand
    /// them to the sinks, store a last [`Binder::snapshot`].
    pub fn handle_shutdown(&mut self, now: Time, wall: WallTime) {
        self.settle();
        self.zones.hurry(now);
        self.publish_due(now, wall);
    }

    /// What the shell is to do next; call until it is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Binder::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Time {
        [self.wakes.next(), self.zones.next_due(), self.deaf_from()]
            .into_iter()
            .flatten()
            .fold(self.housekeeping, Time::min)
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// When nobody else will have been heard for too long; none while that is so, or where too
    /// few others are known for it to mean anything.
    fn deaf_from(&self) -> Option<Time> {
        let enough = self.remote_hosts() >= 2 && self.hearing.longest > Duration::ZERO;
        (enough && !self.hearing.deaf).then(|| self.hearing.last + self.hearing.longest)
    }

    fn remote_hosts(&self) -> usize {
        self.peers.present(self.config.host)
    }

    fn check_deafness(&mut self, now: Time) {
        if self.deaf_from().is_none_or(|from| from > now) {
            return;
        }
        let tables = self.services.iter().map(|service| &service.table);
        let longest = tables.filter_map(crate::table::Table::longest_expire).max();
        self.hearing.longest = longest.unwrap_or_default();
        if self.deaf_from().is_some_and(|from| from <= now) {
            self.settle();
            self.hearing.deaf = true;
            (0..self.services.len()).for_each(|index| self.judge(now, index));
        }
    }

    /// Another host was heard: silence is to be believed again only after a full period.
    fn hear_remote(&mut self, now: Time) {
        self.hearing.last = now;
        if self.hearing.deaf {
            self.hearing.deaf = false;
            self.services.iter_mut().for_each(|service| service.listen_anew(now));
            for index in 0..self.services.len() {
                if self.services.get(index).is_some_and(Service::judges_beats) {
                    self.judge(now, index);
                }
            }
        }
    }

    /// A service heard something to judge: it is judged at once, or when its zone may be
    /// published again. Until then nobody would see it.
    fn judge_soon(&mut self, now: Time, index: usize) {
        self.unjudged.insert(index, now);
        if self.judges_from(index) <= now {
            self.judge(now, index);
        } else {
            self.reschedule(index);
        }
    }

    fn judges_from(&self, index: usize) -> Time {
        let zone = self.services.get(index).map(|service| &service.policy.zone);
        let open = zone.map_or(Time::ZERO, |zone| self.zones.open_from(zone, self.config.gap));
        self.wakes.rested.get(&index).map_or(open, |&rested| open.max(rested))
    }

    fn rest(&mut self, now: Time, index: usize) {
        self.wakes.rested.insert(index, now + PACE);
    }

    fn reschedule(&mut self, index: usize) {
        let Some(service) = self.services.get(index) else { return };
        let rested = self.wakes.rested.get(&index).copied().unwrap_or_default();
        let own = service.next_wake().max(rested);
        let unjudged = self.unjudged.contains_key(&index).then(|| self.judges_from(index));
        self.wakes.set(index, unjudged.map_or(own, |from| own.min(from)));
    }

    /// Judges what was heard and not judged yet, as of when it was heard.
    fn settle(&mut self) {
        while let Some((&index, &at)) = self.unjudged.first_key_value() {
            self.judge(at, index);
        }
    }

    /// As it would be, had it judged all that it heard.
    fn settled(&self) -> Cow<'_, Binder> {
        if self.unjudged.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut settled = self.clone();
        settled.settle();
        Cow::Owned(settled)
    }

    fn judge(&mut self, now: Time, index: usize) {
        if self.unjudged.remove(&index).is_some() {
            self.rest(now, index);
        }
        let deaf = self.hearing.deaf;
        let Some(service) = self.services.get_mut(index) else { return };
        let before = service.decision.set.clone();
        let changed = service.judge(now, deaf);
        let rested = self.wakes.rested.get(&index).copied().unwrap_or_default();
        self.wakes.set(index, service.next_wake().max(rested));
        let (name, zone) = (&service.name, &service.policy.zone);
        let is_another = service.decision.set != before;
        for address in changed {
            let verdict = service.decision.verdicts.get(&address).copied();
            if is_another {
                self.reasons.note(zone, name, address, verdict);
            }
            let judged = Output::Judged { service: name.clone(), address, verdict };
            self.outputs.push_back(judged);
        }
        let emptied_on_purpose = service.policy.when_none == WhenNone::Empty
            && !matches!(service.phase, Phase::Listening | Phase::Deaf)
            && !self.zones.was_published(zone);
        if is_another || emptied_on_purpose {
            let gap = self.config.gap;
            if service.phase == Phase::Listening {
                self.zones.mark_patiently(now, gap, zone, Renewal::Changed);
            } else {
                self.zones.mark(now, gap, zone, Renewal::Changed);
            }
        }
    }

    /// Zones that were never published though somebody is in them: new ones of a reload, and those
    /// of a crash between a decision and its publication.
    fn mark_unpublished(&mut self, now: Time) {
        for service in self.services.iter().filter(|service| !service.decision.set.is_empty()) {
            if !self.zones.was_published(&service.policy.zone) {
                self.zones.mark(now, self.config.gap, &service.policy.zone, Renewal::Changed);
            }
        }
    }

    /// Judges what was heard for zones that may be published: it is not to wait a gap more.
    fn judge_open(&mut self, now: Time) {
        let is_open = |index: &usize| {
            let zone = self.services.get(*index).map(|service| &service.policy.zone);
            zone.is_some_and(|zone| self.zones.open_from(zone, self.config.gap) <= now)
        };
        let open: Vec<usize> = self.unjudged.keys().copied().filter(is_open).collect();
        open.into_iter().for_each(|index| self.judge(now, index));
    }

    fn publish_due(&mut self, now: Time, wall: WallTime) {
        if self.zones.next_due().is_some_and(|due| due <= now) {
            self.judge_open(now);
        }
        while let Some((zone, renewal)) = self.zones.take_due(now) {
            if !self.may_publish(&zone) {
                continue;
            }
            let Some(serial) = self.zones.publish(now, wall, &zone, renewal) else { continue };
            let services = self.services_of(&zone);
            let reason = self.reasons.take(&zone).unwrap_or_else(|| match renewal {
                Renewal::Again => "as published before the start".to_owned(),
                Renewal::Changed => "the zone's fixed part changed".to_owned(),
            });
            let publication = Publication { zone, serial, services, reason };
            self.outputs.push_back(Output::Publish(publication));
        }
    }

    /// Whether anybody is in the zone, or nobody is meant to be: a zone is never emptied unasked.
    fn may_publish(&self, zone: &ZoneName) -> bool {
        let indices = self.of_zone.get(zone).into_iter().flatten();
        let mut services = indices.filter_map(|&index| self.services.get(index));
        services.any(|service| {
            !service.decision.set.is_empty() || service.policy.when_none == WhenNone::Empty
        })
    }

    fn services_of(&self, zone: &ZoneName) -> Vec<(ServiceName, Vec<Published>)> {
        let indices = self.of_zone.get(zone).into_iter().flatten();
        let services = indices.filter_map(|&index| self.services.get(index));
        services.map(|service| (service.name.clone(), service.published())).collect()
    }

    fn keep_house(&mut self, now: Time) {
        self.housekeeping = now + HOUSEKEEPING;
        // A deaf binder remembers everybody: that nobody was heard is its own doing.
        if !self.hearing.deaf {
            self.peers.forget(now);
            for index in 0..self.services.len() {
                let Some(service) = self.services.get_mut(index) else { continue };
                let change = service.table.forget(now - FORGET_AFTER, |_| true);
                if change == Change::Standing && service.judges_beats() {
                    self.judge_soon(now, index);
                }
            }
        }
    }
}
