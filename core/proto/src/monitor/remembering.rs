//! Health that is kept over a restart of the monitor.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Monitor;
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
}

/// What an earlier life knew, until this one has looked for itself.
#[derive(Debug, Default)]
pub(super) struct Memory(BTreeMap<(ServiceName, IpAddr), (Settled, u8)>);

impl Monitor {
    /// Tells what an earlier life knew, before any address is known here. What is remembered as up
    /// falls by `fall` failures, what is remembered as down rises by `rise` successes; both are
    /// announced with their first verdict only, so that the dead are not brought back.
    pub fn remember(&mut self, now: Time, healths: impl IntoIterator<Item = Remembered>) {
        let of = |it: Remembered| ((it.service, it.address), (it.settled, it.falls));
        self.memory.0.extend(healths.into_iter().map(of));
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
    pub fn healths(&self) -> Vec<Remembered> {
        let known = self.targets.values().filter_map(|target| {
            let service = self.services.get(&self.groups.get(&target.group)?.service)?;
            Some(Remembered {
                service: service.name.clone(),
                address: target.at.address,
                settled: target.health.settled()?,
                falls: target.health.falls(),
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
        let name = self.services.get(&service).map(|service| service.name.clone());
        match name.and_then(|name| self.memory.0.remove(&(name, address))) {
            Some((settled, falls)) => Health::remembered(limits, settled, falls, now),
            None => Health::new(limits),
        }
    }
}
