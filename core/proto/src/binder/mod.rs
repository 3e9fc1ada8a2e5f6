//! The binder (the paper's Name Binder Modifier, Figs. 5 and 6): heartbeats in, zones out.
//!
//! Hand in datagrams with [`Binder::handle_datagram`] and the time with [`Binder::handle_timeout`];
//! after either drain [`Binder::poll_output`], then wait until [`Binder::poll_timeout`]. Before a
//! publication is handed to a sink, store [`Binder::decided`]: that keeps the serial from ever
//! going back.

mod conflicts;
mod drain_target;
pub mod drains;
mod hushing;
mod intake;
mod judging;
pub mod peers;
mod rations;
mod reasons;
mod refused;
mod refusing;
mod service;
pub mod snapshot;
mod unnamed;
pub mod view;
mod zones;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::heartbeat::cause::Cause;
use crate::heartbeat::refusal::Refusal;
use crate::heartbeat::trust::Trust;
use crate::heartbeat::{Capacity, Reason, State, Weight};
use crate::load::Load;
use crate::name::{HostId, HostName, ServiceName, ZoneName};
use crate::policy::weights::Share;
use crate::policy::{ServicePolicy, Verdict};
use crate::serial::Serial;
use crate::table::{Change, FORGET_AFTER};
use crate::time::{Time, WallTime};

use conflicts::Conflicts;
use drains::Drains;
use judging::Wakes;
use peers::Peers;
use rations::Rations;
use reasons::Reasons;
use refused::Refused;
use service::Service;
use zones::{Renewal, Zones};

pub use drain_target::{DrainTarget, TargetFault};
pub use peers::{Arrival, TransportId};
pub use refused::RefusedView;
pub use service::Phase;
pub use zones::{ZoneMemory, ZonePolicy, ZoneView};

/// How often what is a day old is looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(600);

/// Room for so many outputs is kept.
const MOST_SPARE: usize = 1024;

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
    /// Hand it to the zone's sinks, after storing what is decided.
    Publish(Publication),
    /// For the journal: of an address something else is said than before.
    Heard {
        /// The service.
        service: ServiceName,
        /// The address.
        address: IpAddr,
        /// Who says so.
        host: HostId,
        /// What.
        state: State,
        /// Why.
        reason: Reason,
    },
    /// For the log and the journal: where an address stands now.
    Judged {
        /// The service.
        service: ServiceName,
        /// The address.
        address: IpAddr,
        /// None where it is no longer known.
        verdict: Option<Verdict>,
        /// More of why it is out, for people; may be empty.
        reason: String,
        /// What was last said of it; none where it is only remembered, or no longer known.
        state: Option<State>,
    },
    /// For the log: a zone of which nothing can be published yet, though its services were listened
    /// to: nobody is in it, and what a server may have of it is not emptied unasked.
    Unpublished {
        /// The zone.
        zone: ZoneName,
    },
    /// For the log: a datagram is refused. Not every one is told.
    Refused {
        /// Why.
        refusal: Refusal,
        /// Where it came from.
        source: SocketAddr,
        /// What more is known of that.
        cause: Option<Cause>,
    },
    /// For the log and the journal: a drain has run out.
    DrainOver {
        /// What was drained.
        target: DrainTarget,
        /// Why it was.
        reason: String,
        /// What it was over.
        places: Vec<drains::Place>,
    },
}

/// A zone's whole address data.
#[derive(Debug, Clone, PartialEq)]
pub struct Publication {
    /// The zone.
    pub zone: ZoneName,
    /// To be published under exactly this serial.
    pub serial: Serial,
    /// What of it is new.
    pub change: PublicationChange,
    /// Every service of the zone and its addresses, in order.
    pub services: Vec<(ServiceName, Vec<Published>)>,
    /// Those of them whose silent members are held, to be taken out or to come back: what is
    /// answered of these is soon to change, and is not to be kept for long.
    pub pending: BTreeSet<ServiceName>,
    /// What changed, for people.
    pub reason: String,
}

/// What a publication changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicationChange {
    /// Sets of addresses, or anything else.
    Sets,
    /// Shares alone: every set is the same.
    Shares,
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
    /// How much of the answers it is to have, against the others of its service.
    pub share: Share,
}

/// What a binder counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Beats taken in.
    pub accepted: u64,
    /// Of these, such as nobody signed, where keys are being rolled out.
    pub unsigned: u64,
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
    /// How many publications there were, in all lives.
    published: u64,
    peers: Peers,
    conflicts: Conflicts,
    drains: Drains,
    counters: Counters,
    refused: Refused,
    rations: Rations,
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

impl Binder {
    /// A binder that begins to listen at `now`, with nothing remembered.
    pub fn new(now: Time, config: BinderConfig) -> Binder {
        let mut binder = Binder {
            services: Vec::new(),
            of_zone: BTreeMap::new(),
            zones: Zones::default(),
            published: 0,
            peers: Peers::default(),
            conflicts: Conflicts::default(),
            drains: Drains::default(),
            counters: Counters::default(),
            refused: Refused::default(),
            rations: Rations::new(config.host),
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
        self.hush_unbelieved(now);
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
        self.end_drains(now);
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
        let output = self.outputs.pop_front();
        if output.is_none() && self.outputs.capacity() > MOST_SPARE {
            self.outputs = VecDeque::new(); // what a crowd needed is given back
        }
        output
    }

    /// When [`Binder::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Time {
        [self.wakes.next(), self.zones.next_due(), self.deaf_from(), self.drains.next_end()]
            .into_iter()
            .flatten()
            .fold(self.housekeeping, Time::min)
    }

    /// Whether a zone is still to be published as it was decided.
    pub fn is_due(&self, zone: &ZoneName) -> bool {
        self.zones.is_due(zone)
    }

    /// Where the addresses of a service go; none where it is not bound.
    pub fn zone_of(&self, service: &ServiceName) -> Option<&ZoneName> {
        let index = self.services.binary_search_by(|one| one.name.cmp(service)).ok()?;
        self.services.get(index).map(|service| &service.policy.zone)
    }

    /// What people call a host; none where it is not known.
    pub fn host_name(&self, host: HostId) -> Option<&HostName> {
        self.peers.name(host)
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

    /// Zones that were never published though somebody is in them: new ones of a reload, and those
    /// of a crash between a decision and its publication.
    fn mark_unpublished(&mut self, now: Time) {
        for service in self.services.iter().filter(|service| !service.decision.set.is_empty()) {
            if !self.zones.was_published(&service.policy.zone) {
                self.zones.mark(now, self.config.gap, &service.policy.zone, Renewal::Changed);
            }
        }
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
            self.published += 1;
            let services = self.services_of(&zone);
            let pending = self.pending_of(&zone);
            for &index in self.of_zone.get(&zone).into_iter().flatten() {
                if let Some(service) = self.services.get_mut(index) {
                    service.note_published();
                }
            }
            let change = match renewal {
                Renewal::Weighed => PublicationChange::Shares,
                Renewal::Again | Renewal::Changed => PublicationChange::Sets,
            };
            let reason = self.reasons.take(&zone).unwrap_or_else(|| match renewal {
                Renewal::Again => "as published before the start".to_owned(),
                Renewal::Weighed => "weights".to_owned(),
                Renewal::Changed => "its header or settings changed".to_owned(),
            });
            let publication = Publication { zone, serial, change, services, pending, reason };
            self.outputs.push_back(Output::Publish(publication));
        }
    }

    /// Whether nothing can be published of a zone: its services were listened to, and nobody is in.
    fn is_unpublished(&self, zone: &ZoneName) -> bool {
        let indices = self.of_zone.get(zone).into_iter().flatten();
        let mut services = indices.filter_map(|&index| self.services.get(index));
        !self.zones.was_published(zone) && services.all(|s| s.phase != Phase::Listening)
    }

    /// Whether anybody is in the zone, or nobody is meant to be: a zone is never emptied unasked.
    fn may_publish(&self, zone: &ZoneName) -> bool {
        let indices = self.of_zone.get(zone).into_iter().flatten();
        let mut services = indices.filter_map(|&index| self.services.get(index));
        services.any(|service| !service.decision.set.is_empty() || service.may_be_empty())
    }

    fn services_of(&self, zone: &ZoneName) -> Vec<(ServiceName, Vec<Published>)> {
        let indices = self.of_zone.get(zone).into_iter().flatten();
        let services = indices.filter_map(|&index| self.services.get(index));
        services.map(|service| (service.name.clone(), service.published())).collect()
    }

    fn has_pending(&self, zone: &ZoneName) -> bool {
        let indices = self.of_zone.get(zone).into_iter().flatten();
        indices.filter_map(|&index| self.services.get(index)).any(Service::is_pending)
    }

    fn pending_of(&self, zone: &ZoneName) -> BTreeSet<ServiceName> {
        let indices = self.of_zone.get(zone).into_iter().flatten();
        let services = indices.filter_map(|&index| self.services.get(index));
        services
            .filter(|service| service.is_pending())
            .map(|service| service.name.clone())
            .collect()
    }

    fn keep_house(&mut self, now: Time) {
        self.housekeeping = now + HOUSEKEEPING;
        // A deaf binder remembers everybody: that nobody was heard is its own doing.
        if !self.hearing.deaf {
            self.peers.forget(now);
            for index in 0..self.services.len() {
                let Some(service) = self.services.get_mut(index) else { continue };
                let change = service.table.forget(now - FORGET_AFTER, |_| true);
                service.forget_balance();
                if change == Change::Standing && service.judges_beats() {
                    self.judge_soon(now, index);
                }
            }
        }
    }
}
