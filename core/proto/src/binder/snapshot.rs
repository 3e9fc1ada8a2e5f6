//! What a binder remembers over a restart and a crash.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::drains::DrainMemory;
use super::peers::HostMemory;
use super::zones::{Renewal, ZoneMemory};
use super::{Binder, BinderConfig};
use crate::heartbeat::{Capacity, Claim, Reason, State, Weight};
use crate::name::{HostId, ServiceName, ZoneName};
use crate::policy::AddressSet;
use crate::policy::weights::MemberMemory;
use crate::table::{Claimed, Revival};
use crate::time::Time;

/// The last sets, serials and epochs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Each zone that was ever published.
    pub zones: BTreeMap<ZoneName, ZoneMemory>,
    /// Each service.
    pub services: BTreeMap<ServiceName, ServiceMemory>,
    /// Each host that was heard.
    pub hosts: Vec<HostMemory>,
    /// What an operator has drained.
    pub drains: Vec<DrainMemory>,
}

/// One service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceMemory {
    /// Who was in the answers.
    pub set: AddressSet,
    /// Who claimed what.
    pub claims: Vec<ClaimMemory>,
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
}

impl Binder {
    /// A binder that begins to listen at `now` and remembers `snapshot`: the sets stand, and
    /// silence counts for nothing for a full period.
    pub fn restore(now: Time, config: BinderConfig, snapshot: Snapshot) -> Binder {
        let mut binder = Binder::new(now, config);
        for memory in snapshot.hosts {
            binder.peers.restore(now, memory);
        }
        for memory in snapshot.drains {
            binder.drains.restore(now, memory);
        }
        let mut narrowed = Vec::new();
        for (name, memory) in snapshot.services {
            narrowed.extend(binder.restore_service(now, &name, memory));
        }
        binder.presume_left();
        for service in &mut binder.services {
            service.drained = binder.drains.of(service);
            service.weigh_what_is_restored(now);
        }
        for (zone, memory) in snapshot.zones {
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

    /// What is to be stored: before each publication, every second, and at the end.
    pub fn snapshot(&self, now: Time) -> Snapshot {
        self.settled().remembered(now)
    }

    fn remembered(&self, now: Time) -> Snapshot {
        // After a start nobody is held, so what was published of those who were is something else.
        let lasting = |name: &ZoneName, memory: ZoneMemory| ZoneMemory {
            fingerprint: memory.fingerprint.filter(|_| self.pending_of(name).is_empty()),
            ..memory
        };
        let zones = self.zones.memory();
        Snapshot {
            zones: zones.map(|(name, memory)| (name.clone(), lasting(name, memory))).collect(),
            services: self
                .services
                .iter()
                .map(|service| {
                    let claims = service.table.claims().filter(|(_, c)| c.state != State::Leaving);
                    let memory = ServiceMemory {
                        set: service.decision.set.clone(),
                        claims: claims.map(|(address, c)| ClaimMemory::of(address, c)).collect(),
                        balance: service.balance_memory().collect(),
                    };
                    (service.name.clone(), memory)
                })
                .collect(),
            hosts: self.peers.memory().collect(),
            drains: self.drains.memory(now).collect(),
        }
    }

    /// Gives the zone that must be published anew, since not all that was published is allowed now.
    fn restore_service(
        &mut self,
        now: Time,
        name: &ServiceName,
        memory: ServiceMemory,
    ) -> Option<ZoneName> {
        let index = self.services.binary_search_by(|s| s.name.cmp(name)).ok()?;
        let service = self.services.get_mut(index)?;
        let policy = service.policy.clone();
        service.restore(&memory.set);
        service.restore_balance(memory.balance);
        let narrowed = service.decision.set != memory.set;
        for claim in memory.claims.into_iter().filter(|c| policy.allows(c.address)) {
            if claim.host != self.config.host {
                self.hearing.longest = self.hearing.longest.max(claim.expire);
            }
            service.restore_claim(claim.address, claim.into_claimed(now));
        }
        self.wakes.set(index, service.next_wake());
        narrowed.then_some(policy.zone)
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
            interval: claimed.interval,
            expire: claimed.expire,
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
            interval: self.interval,
            expire: self.expire,
            heard: now,
            // What stood stands; its first beat makes it live, and who was out stays out until then.
            revival: Revival::OneBeat,
        }
    }
}
