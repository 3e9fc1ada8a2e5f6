//! What a binder shows of itself, for `rais status`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::drains::DrainView;
use super::hushing::why_hushed;
use super::peers::{STRANGERS_SHOWN, Stranger};
use super::service::{Phase, Service};
use super::zones::ZoneView;
use super::{Binder, Counters, RefusedView};
use crate::heartbeat::key::KeyId;
use crate::heartbeat::{Claim, State};
use crate::load::Load;
use crate::name::{Epoch, HostId, HostName, Sequence, ServiceName, ZoneName};
use crate::policy::{AddressSet, React, Verdict};
use crate::table::{Claimed, Revival, Row, Standing, Watch};
use crate::time::Time;

/// A binder at one moment.
#[derive(Debug, Clone)]
pub struct BinderView {
    /// In the order of their names.
    pub services: Vec<ServiceView>,
    /// In the order of their names.
    pub zones: Vec<ZoneView>,
    /// In the order of their ids.
    pub hosts: Vec<HostView>,
    /// What an operator has drained.
    pub drains: Vec<DrainView>,
    /// What somebody should look at.
    pub alarms: Vec<Alarm>,
    /// Since the start.
    pub counters: Counters,
    /// The last datagram that was refused, for each reason.
    pub refused: Vec<RefusedView>,
}

/// One service.
#[derive(Debug, Clone)]
pub struct ServiceView {
    /// Its name.
    pub name: ServiceName,
    /// Where its addresses go.
    pub zone: ZoneName,
    /// When it is judged.
    pub react: React,
    /// What several watchers of an address must say.
    pub watch: Watch,
    /// How far its silence is believed.
    pub phase: Phase,
    /// Who is in the answers.
    pub set: AddressSet,
    /// Every address that is known or in the answers, in order.
    pub members: Vec<MemberView>,
}

/// One address.
#[derive(Debug, Clone)]
pub struct MemberView {
    /// The address.
    pub address: IpAddr,
    /// Why it is in the answers, or not.
    pub verdict: Verdict,
    /// What is known of it; none where it is only stored.
    pub known: Option<KnownView>,
    /// What each who watches it says, by their ids; nobody where its own host speaks for it.
    pub watchers: Vec<WatcherView>,
    /// How much of the answers it is to have, in percent of its service's; none where no weights are
    /// made, and of who is out.
    pub share: Option<f64>,
}

/// What is known of an address.
#[derive(Debug, Clone)]
pub struct KnownView {
    /// What was last said of it.
    pub state: State,
    /// Why.
    pub reason: String,
    /// Its load; none where it is unknown.
    pub load: Option<Load>,
    /// Who says so.
    pub host: HostId,
    /// What people call that host.
    pub host_name: Option<HostName>,
    /// Of itself, or of a machine it watches.
    pub claim: Claim,
    /// How long ago.
    pub heard_ago: Duration,
    /// Silence longer than this is death.
    pub expire: Duration,
}

/// One who watches an address.
#[derive(Debug, Clone)]
pub struct WatcherView {
    /// Who.
    pub host: HostId,
    /// What people call it.
    pub host_name: Option<HostName>,
    /// What it last said.
    pub state: State,
    /// Why.
    pub reason: String,
    /// Whether that counts.
    pub vote: Vote,
    /// How long ago.
    pub heard_ago: Duration,
}

/// Whether what a watcher says counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vote {
    /// It does.
    Counts,
    /// It is silent itself.
    Silent,
    /// It was, and was heard once since: it does where no other one's does.
    Reviving,
}

impl Vote {
    /// In one word, as in status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Vote::Counts => "counts",
            Vote::Silent => "silent",
            Vote::Reviving => "reviving",
        }
    }
}

/// One host.
#[derive(Debug, Clone)]
pub struct HostView {
    /// Who.
    pub id: HostId,
    /// What people call it.
    pub name: HostName,
    /// Which life of its monitor.
    pub epoch: Epoch,
    /// Its newest beat.
    pub sequence: Sequence,
    /// How long ago it was heard.
    pub heard_ago: Duration,
    /// Where from; none where it is only remembered.
    pub source: Option<SocketAddr>,
    /// The key that signed its newest beat; none where none did, or it is only remembered.
    pub key: Option<KeyId>,
    /// The others that claims of it were last said with, which still count, and of which services those
    /// are: such as beat seldom. None stands for no key.
    pub older_keys: OlderKeys,
}

/// By what key, or none, of which services was spoken.
pub type OlderKeys = BTreeMap<Option<KeyId>, BTreeSet<ServiceName>>;

/// Something somebody should look at.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Alarm {
    /// No other host at all is heard: the set of every service that reacts at once is frozen.
    Deaf {
        /// For how long.
        silent_for: Duration,
    },
    /// Nobody was heard with "up" in the last period (on-timer).
    NobodyHeard {
        /// The service.
        service: ServiceName,
    },
    /// Too many went silent at once, and are held.
    Held {
        /// The service.
        service: ServiceName,
        /// Who.
        members: Vec<IpAddr>,
    },
    /// Fewer are live than `panic` asks for: all that are known are in.
    Panic {
        /// The service.
        service: ServiceName,
    },
    /// Those in carry more together than a share of `max_load`.
    Loaded {
        /// The service.
        service: ServiceName,
        /// By capacity, of those whose load is known.
        load: Load,
        /// The most that it should be.
        max_load: Load,
    },
    /// Nothing is published of a zone: nobody is in it, and nobody asked for an empty one.
    Unpublished {
        /// The zone.
        zone: ZoneName,
    },
    /// Nobody is left: `when_none` decides.
    LastResort {
        /// The service.
        service: ServiceName,
    },
    /// Two hosts say that an address is their own.
    Owned {
        /// The service.
        service: ServiceName,
        /// The address.
        address: IpAddr,
        /// Who is believed, having been there first.
        owner: Who,
        /// Who is not.
        claimant: Who,
    },
    /// A host is refused at first contact, or says what its key may not say.
    Refused {
        /// Who.
        host: HostId,
        /// How and why.
        stranger: Stranger,
    },
}

/// A host, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Its id.
    pub id: HostId,
    /// What people call it.
    pub name: Option<HostName>,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            // Two machines from one image have one name.
            Some(name) => write!(f, "{name} ({})", self.id),
            None => write!(f, "{}", self.id),
        }
    }
}

impl Binder {
    /// Shows everything.
    pub fn view(&self, now: Time) -> BinderView {
        self.settled().shown(now)
    }

    fn shown(&self, now: Time) -> BinderView {
        let mut older_keys = self.older_keys(now);
        BinderView {
            services: self.services.iter().map(|s| self.service_view(s, now)).collect(),
            zones: self.zones.view().collect(),
            hosts: self
                .peers
                .iter()
                .map(|(id, peer)| HostView {
                    id,
                    name: peer.name.clone(),
                    epoch: peer.epoch,
                    sequence: peer.sequence(),
                    heard_ago: now.since(peer.heard),
                    source: peer.source,
                    key: peer.key,
                    older_keys: older_keys.remove(&id).unwrap_or_default(),
                })
                .collect(),
            drains: self.drains.view(now).collect(),
            alarms: self.alarms(now),
            counters: self.counters,
            refused: self.refused.view(now).collect(),
        }
    }

    /// Of each host the keys that its claims stand by, other than that of its newest beat.
    fn older_keys(&self, now: Time) -> BTreeMap<HostId, OlderKeys> {
        let mut older: BTreeMap<HostId, OlderKeys> = BTreeMap::new();
        for service in &self.services {
            let live = service.table.claims().filter(|(_, claimed)| claimed.is_live(now));
            for (_, claimed) in live {
                if self.peers.key(claimed.host).is_some_and(|newest| newest != claimed.key) {
                    let of_host = older.entry(claimed.host).or_default();
                    of_host.entry(claimed.key).or_default().insert(service.name.clone());
                }
            }
        }
        older
    }

    fn service_view(&self, service: &Service, now: Time) -> ServiceView {
        let verdicts = &service.decision.verdicts;
        let shares = service.percentages();
        let share = |address: &IpAddr| shares.get(address).copied();
        let mut members: Vec<MemberView> = service
            .table
            .rows(now)
            .map(|row| MemberView {
                address: row.address,
                verdict: verdicts.get(&row.address).copied().unwrap_or(match row.standing {
                    Standing::Out(state) => Verdict::Out(state),
                    _ => Verdict::Awaiting,
                }),
                known: Some(KnownView {
                    state: row.claimed.state,
                    reason: self.reason(service, &row),
                    load: row.claimed.load,
                    host: row.claimed.host,
                    host_name: self.peers.name(row.claimed.host).cloned(),
                    claim: row.claimed.claim,
                    heard_ago: now.since(row.claimed.heard),
                    expire: row.claimed.expire.get(),
                }),
                watchers: self.watchers(service, &row, now),
                share: share(&row.address),
            })
            .collect();
        // In the table's order until here.
        let heard = |address: &IpAddr| members.binary_search_by_key(address, |m| m.address).is_ok();
        let stored: Vec<MemberView> = verdicts
            .iter()
            .filter(|(address, _)| !heard(address))
            .map(|(&address, &verdict)| {
                let share = share(&address);
                MemberView { address, verdict, known: None, watchers: Vec::new(), share }
            })
            .collect();
        members.extend(stored);
        members.sort_by_key(|member| member.address);
        ServiceView {
            name: service.name.clone(),
            zone: service.policy.zone.clone(),
            react: service.policy.react,
            watch: service.policy.watch,
            phase: service.phase,
            set: service.decision.set.clone(),
            members,
        }
    }

    fn watchers(&self, service: &Service, row: &Row<'_>, now: Time) -> Vec<WatcherView> {
        if row.claimed.claim == Claim::Own {
            return Vec::new();
        }
        let watchers = service.table.watchers(row.address).into_iter();
        let view = |claimed: &Claimed| WatcherView {
            host: claimed.host,
            host_name: self.peers.name(claimed.host).cloned(),
            state: claimed.state,
            reason: self.said(service, row.address, claimed),
            vote: match claimed.revival {
                _ if claimed.is_expired(now) => Vote::Silent,
                Revival::OneBeat | Revival::Hushed => Vote::Reviving,
                Revival::Done => Vote::Counts,
            },
            heard_ago: now.since(claimed.heard),
        };
        watchers.map(view).collect()
    }

    /// Why an address stands where it does; an operator's words come first.
    fn reason(&self, service: &Service, row: &Row<'_>) -> String {
        match self.drains.reason(service, row.address) {
            Some(by_operator) => by_operator.to_owned(),
            None if matches!(row.claimed.state, State::Up | State::Unknown) => {
                self.said(service, row.address, row.claimed)
            }
            // Who was out anyway is out for what was said.
            None => row.claimed.reason.as_str().to_owned(),
        }
    }

    /// Why a claim counts no longer, or else what was said with it.
    fn said(&self, service: &Service, address: IpAddr, claimed: &Claimed) -> String {
        let (trust, peers) = (&self.config.trust, &self.peers);
        let hushed = why_hushed(trust, peers, &service.name, address, claimed);
        hushed.unwrap_or_else(|| claimed.reason.as_str().to_owned())
    }

    fn alarms(&self, now: Time) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        if self.hearing.deaf {
            alarms.push(Alarm::Deaf { silent_for: now.since(self.hearing.last) });
        }
        let unpublished = self.of_zone.keys().filter(|zone| self.is_unpublished(zone));
        alarms.extend(unpublished.map(|zone| Alarm::Unpublished { zone: zone.clone() }));
        for service in &self.services {
            let with = |verdict: Verdict| -> Vec<IpAddr> {
                let verdicts = service.decision.verdicts.iter();
                verdicts.filter(|&(_, &v)| v == verdict).map(|(&address, _)| address).collect()
            };
            let held = with(Verdict::Held);
            if service.phase == Phase::NobodyHeard {
                alarms.push(Alarm::NobodyHeard { service: service.name.clone() });
            } else if !with(Verdict::LastResort).is_empty() {
                alarms.push(Alarm::LastResort { service: service.name.clone() });
            }
            if !with(Verdict::Panic).is_empty() {
                alarms.push(Alarm::Panic { service: service.name.clone() });
            }
            alarms.extend(service.overload().map(|(load, max_load)| Alarm::Loaded {
                service: service.name.clone(),
                load,
                max_load,
            }));
            if !held.is_empty() {
                alarms.push(Alarm::Held { service: service.name.clone(), members: held });
            }
        }
        let who = |id: HostId| Who { id, name: self.peers.name(id).cloned() };
        alarms.extend(self.conflicts.current(now).map(|(service, address, conflict)| {
            let (owner, claimant) = (who(conflict.owner), who(conflict.claimant));
            Alarm::Owned { service: service.clone(), address, owner, claimant }
        }));
        let strangers = self.peers.strangers(now - STRANGERS_SHOWN);
        let strangers = strangers.filter(|(host, s)| self.is_still_refused(*host, s));
        alarms.extend(strangers.map(|(host, s)| Alarm::Refused { host, stranger: s.clone() }));
        alarms
    }
}
