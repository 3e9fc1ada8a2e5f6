//! Health that is kept over a restart of the monitor.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::Monitor;
use super::flapping::Flapping;
use super::group::ServiceId;
use super::health::{Health, Limits, Settled};
use crate::name::ServiceName;
use crate::time::Time;

/// What is known of an address that is probed, for the monitor's next life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The service.
    pub service: ServiceName,
    /// Where it is probed.
    pub address: IpAddr,
    /// What was last decided on evidence.
    pub settled: Settled,
    /// How often it fell of late; flapping is not forgiven by a restart.
    pub falls: u8,
    /// How long it is still to stay down for that.
    pub held: Duration,
}

/// What an earlier life knew, until this one has looked for itself.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Who comes later is looked at as if for the first time.
    until: Time,
    healths: BTreeMap<(ServiceName, IpAddr), Remembered>,
}

/// For how long after the start.
const REMEMBERING: Duration = Duration::from_secs(300);

impl Monitor {
    /// Tells what an earlier life knew, before any address is known here. What is remembered as up
    /// falls by `fall` failures, what is remembered as down rises by `rise` successes; both are
    /// announced with what this life has found out only, so that the dead are not brought back.
    pub fn remember(&mut self, now: Time, healths: impl IntoIterator<Item = Remembered>) {
        self.memory.until = now + REMEMBERING;
        let of = |it: Remembered| ((it.service.clone(), it.address), it);
        self.memory.healths.extend(healths.into_iter().map(of));
        // Watched targets are there from the start.
        let unheard = self.targets.iter().filter(|(_, target)| target.health.settled().is_none());
        let unheard: Vec<_> = unheard
            .filter_map(|(&id, target)| {
                let service = self.groups.get(&target.group)?.service;
                let limits = self.services.get(&service)?.limits();
                Some((id, service, target.at.address, limits))
            })
            .collect();
        for (id, service, address, limits) in unheard {
            let health = self.health_at_first(service, address, limits, now);
            if let Some(target) = self.targets.get_mut(&id) {
                target.health = health;
            }
        }
    }

    /// What is to be told to the next life.
    pub fn healths(&self, now: Time) -> Vec<Remembered> {
        let known = self.targets.values().filter_map(|target| {
            let service = self.services.get(&self.groups.get(&target.group)?.service)?;
            Some(Remembered {
                service: service.name.clone(),
                address: target.at.address,
                settled: target.health.settled()?,
                falls: target.health.flapping().falls(),
                held: target.health.flapping().held(now).unwrap_or_default(),
            })
        });
        known.collect()
    }

    pub(super) fn health_at_first(
        &mut self,
        service: ServiceId,
        address: IpAddr,
        limits: Limits,
        now: Time,
    ) -> Health {
        if now >= self.memory.until {
            self.memory.healths.clear();
        }
        let name = self.services.get(&service).map(|service| service.name.clone());
        let known = name.and_then(|name| self.memory.healths.remove(&(name, address)));
        let Some(Remembered { settled, falls, held, .. }) = known else {
            return Health::new(limits);
        };
        let flapping = match settled {
            Settled::Up => Flapping::remembered_up(falls, now),
            Settled::Down => Flapping::remembered_down(falls, held, now),
        };
        Health::remembered(limits, settled, flapping)
    }
}
