//! What a binder remembers over a restart and a crash.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::drains::DrainMemory;
use super::peers::HostMemory;
use super::zones::{Renewal, ZoneMemory};
use super::{Binder, BinderConfig};
use crate::heartbeat::key::KeyId;
use crate::heartbeat::{Capacity, Claim, Reason, State, Weight};
use crate::name::{HostId, ServiceName, ZoneName};
use crate::policy::AddressSet;
use crate::policy::weights::MemberMemory;
use crate::table::{Claimed, Revival};
use crate::time::Time;

/// All of it. Its two parts need not be of one moment: `published` tells which is the later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What it answers for.
    pub decided: Decided,
    /// What it is based on.
    pub heard: Heard,
}

/// The last sets and serials. It is small, since every publication waits until it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    /// How many publications there were, in all lives.
    pub published: u64,
    /// Each zone that was ever published.
    pub zones: BTreeMap<ZoneName, ZoneMemory>,
    /// Each service.
    pub services: BTreeMap<ServiceName, ServiceMemory>,
    /// What an operator has drained.
    pub drains: Vec<DrainMemory>,
}

/// What hosts said. There may be hundreds of thousands of claims, and nobody waits for them: one that is
/// lost is heard again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// How many publications there were by then.
    pub published: u64,
    /// Each host that was heard.
    pub hosts: Vec<HostMemory>,
    /// Who claimed what, of each service.
    pub claims: BTreeMap<ServiceName, Vec<ClaimMemory>>,
}

/// One service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceMemory {
    /// Who was in the answers.
    pub set: AddressSet,
    /// What the weights have learnt of each address.
    pub balance: Vec<(IpAddr, MemberMemory)>,
}

/// One claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimMemory {
    /// The address.
    pub address: IpAddr,
    /// Who claimed it.
    pub host: HostId,
    /// Of itself, or of a machine it watches.
    pub claim: Claim,
    /// What it last said.
    pub state: State,
    /// What the host can carry.
    pub capacity: Capacity,
    /// The operator's static weight.
    pub weight: Weight,
    /// How often it was to be heard.
    pub interval: Duration,
    /// How long a silence was to be death.
    pub expire: Duration,
    /// The key that it was said with; none where nobody signed it.
    pub key: Option<KeyId>,
}

/// Of claims that are remembered, beside the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    /// Something was published since.
    BeforeTheSet,
    /// Or later.
    OfTheSet,
}

impl Binder {
    /// A binder that begins to listen at `now` and remembers `snapshot`: the sets stand, and
    /// silence counts for nothing for a full period.
    pub fn restore(now: Time, config: BinderConfig, snapshot: Snapshot) -> Binder {
        let Snapshot { decided, heard } = snapshot;
        let mut binder = Binder::new(now, config);
        binder.published = decided.published.max(heard.published);
        let age = match heard.published < decided.published {
            true => Age::BeforeTheSet,
            false => Age::OfTheSet,
        };
        for memory in heard.hosts {
            binder.peers.restore(now, memory);
        }
        for memory in decided.drains {
            binder.drains.restore(now, memory);
        }
        let mut narrowed = Vec::new();
        for (name, memory) in decided.services {
            narrowed.extend(binder.restore_set(&name, memory));
        }
        for (name, claims) in heard.claims {
            binder.restore_claims(now, &name, claims, age);
        }
        binder.presume_left();
        binder.hush_unbelieved(now);
        for service in &mut binder.services {
            service.drained = binder.drains.of(service);
            service.weigh_what_is_restored(now);
        }
        for (zone, memory) in decided.zones {
            binder.zones.restore(now, binder.config.gap, &zone, memory);
        }
        for zone in narrowed {
            binder.zones.mark(now, binder.config.gap, &zone, Renewal::Changed);
        }
        binder.mark_unpublished(now);
        // What was judged before there was anything to judge by says nothing.
        binder.outputs.clear();
        binder
    }

    /// What is to be stored every second while beats come in, and at the end. What was heard is judged
    /// first: of two parts of one moment, who is known to be down is not in the set.
    pub fn snapshot(&self, now: Time) -> Snapshot {
        let settled = self.settled();
        Snapshot { decided: settled.decided(now), heard: settled.heard() }
    }

    /// What is to be stored before each publication.
    pub fn decided(&self, now: Time) -> Decided {
        // After a start nobody is held, so what was published of those who were is something else.
        let lasting = |name: &ZoneName, memory: ZoneMemory| ZoneMemory {
            fingerprint: memory.fingerprint.filter(|_| !self.has_pending(name)),
            ..memory
        };
        let zones = self.zones.memory();
        let services = self.services.iter().map(|service| {
            let set = service.decision.set.clone();
            let balance = service.balance_memory().collect();
            (service.name.clone(), ServiceMemory { set, balance })
        });
        Decided {
            published: self.published,
            zones: zones.map(|(name, memory)| (name.clone(), lasting(name, memory))).collect(),
            services: services.collect(),
            drains: self.drains.memory(now).collect(),
        }
    }

    fn heard(&self) -> Heard {
        let claims = self.services.iter().map(|service| {
            let claims = service.table.claims().filter(|(_, c)| c.state != State::Leaving);
            let claims = claims.map(|(address, c)| ClaimMemory::of(address, c)).collect();
            (service.name.clone(), claims)
        });
        let published = self.published;
        Heard { published, hosts: self.peers.memory().collect(), claims: claims.collect() }
    }

    /// Gives the zone that must be published anew, since not all that was published is allowed now.
    fn restore_set(&mut self, name: &ServiceName, memory: ServiceMemory) -> Option<ZoneName> {
        let index = self.services.binary_search_by(|s| s.name.cmp(name)).ok()?;
        let service = self.services.get_mut(index)?;
        service.restore(&memory.set);
        service.restore_balance(memory.balance);
        self.wakes.set(index, service.next_wake());
        (service.decision.set != memory.set).then(|| service.policy.zone.clone())
    }

    /// Where something was published after them, the set is the later word on who is up.
    fn restore_claims(
        &mut self,
        now: Time,
        name: &ServiceName,
        claims: Vec<ClaimMemory>,
        age: Age,
    ) {
        let Ok(index) = self.services.binary_search_by(|s| s.name.cmp(name)) else { return };
        let Some(service) = self.services.get_mut(index) else { return };
        for claim in claims {
            if !service.policy.allows(claim.address) {
                continue;
            }
            if claim.host != self.config.host {
                self.hearing.longest = self.hearing.longest.max(claim.expire);
            }
            let (address, mut claimed) = (claim.address, claim.into_claimed(now));
            if age == Age::BeforeTheSet && service.decision.set.contains(&address) {
                claimed.state = State::Up;
            }
            service.restore_claim(address, claimed);
        }
        self.wakes.set(index, service.next_wake());
    }
}

impl ClaimMemory {
    fn of(address: IpAddr, claimed: &Claimed) -> ClaimMemory {
        ClaimMemory {
            address,
            host: claimed.host,
            claim: claimed.claim,
            state: claimed.state,
            capacity: claimed.capacity,
            weight: claimed.weight,
            interval: claimed.interval.get(),
            expire: claimed.expire.get(),
            key: claimed.key,
        }
    }

    /// As if heard at `now`, the start of listening.
    fn into_claimed(self, now: Time) -> Claimed {
        Claimed {
            host: self.host,
            claim: self.claim,
            state: self.state,
            reason: Reason::new("as remembered"),
            load: None,
            capacity: self.capacity,
            weight: self.weight,
            interval: self.interval.into(),
            expire: self.expire.into(),
            heard: now,
            // What stood stands; its first beat makes it live, and who was out stays out until then.
            revival: Revival::OneBeat,
            key: self.key,
        }
    }
}
