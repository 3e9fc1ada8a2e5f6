//! A host's own addresses, as they come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Monitor;
use super::config::{AddressSet, Members, ServiceConfig};
use super::event::ProbeTarget;
use super::group::{GroupId, ServiceId};
use super::health::Health;
use super::target::{Target, TargetId};
use crate::heartbeat::{Reason, Report, State};
use crate::name::ServiceName;
use crate::time::Time;

const GONE: &str = "address gone";

impl Monitor {
    /// Own addresses have changed.
    pub(super) fn take_addresses(&mut self, set: AddressSet, addresses: &[IpAddr], now: Time) {
        let of_set = |service: &ServiceConfig| match &service.members {
            Members::Own { addresses, .. } => *addresses == set,
            Members::Watched(_) => false,
        };
        let services: BTreeSet<ServiceId> =
            self.services.iter().filter(|(_, s)| of_set(s)).map(|(&id, _)| id).collect();
        let addresses: BTreeSet<IpAddr> = addresses.iter().copied().collect();
        self.addresses.insert(set, addresses.into_iter().collect());
        for id in self.groups_of(&services) {
            self.sync_own(id, now);
        }
        self.set_pace();
    }

    /// Brings a group of own addresses in line with what the host has, and says what changed.
    pub(super) fn sync_own(&mut self, id: GroupId, now: Time) {
        let Some(group) = self.groups.get(&id) else { return };
        let Some(service) = self.services.get(&group.service) else { return };
        let Members::Own { addresses, probe_at } = &service.members else { return };
        let (service, of) = (group.service, service);
        let (name, limits, started) = (of.name.clone(), of.limits(), group.rounds > 0);
        let has = self.addresses.get(addresses).cloned().unwrap_or_default();
        let wanted: Vec<(IpAddr, Vec<IpAddr>)> = match *probe_at {
            Some(_) if has.is_empty() => Vec::new(),
            Some(at) => vec![(at, has)],
            None => has.into_iter().map(|address| (address, vec![address])).collect(),
        };
        let was = self.announced(id);
        let leaving = self.reports(&BTreeSet::from([id]), Some(&Reason::new(GONE)), now);
        let old = group.targets.clone();

        let mut kept = Vec::new();
        let mut new = Vec::new();
        for (at, speaks_for) in wanted {
            match old.iter().find(|id| self.targets.get(id).is_some_and(|t| t.at.address == at)) {
                Some(&target) => {
                    if let Some(target) = self.targets.get_mut(&target) {
                        target.speaks_for = speaks_for;
                        target.at.name = self.config.host_name.as_str().into();
                    }
                    kept.push(target);
                }
                None => {
                    let name = self.config.host_name.as_str().into();
                    let health = self.health_of(&old, &speaks_for);
                    let health =
                        health.unwrap_or_else(|| self.health_at_first(service, at, limits, now));
                    let at = ProbeTarget { address: at, name };
                    let target = Target::new(id, at, speaks_for, health, now);
                    let target = self.add_target(target, now);
                    kept.push(target);
                    new.push(target);
                }
            }
        }
        for target in old {
            if !kept.contains(&target) {
                self.remove_target(target, now);
            }
        }
        if let Some(group) = self.groups.get_mut(&id) {
            group.targets = kept;
        }
        for target in new {
            if started {
                self.start_trial(target, None, now);
            }
        }
        self.say_own_change(id, &name, &was, leaving, now);
    }

    /// Says which own addresses came with their health, and which went.
    fn say_own_change(
        &mut self,
        id: GroupId,
        service: &ServiceName,
        was: &BTreeMap<IpAddr, State>,
        mut leaving: Vec<Report>,
        now: Time,
    ) {
        let is = self.announced(id);
        let gone: Vec<IpAddr> = was.keys().filter(|at| !is.contains_key(at)).copied().collect();
        let came: Vec<_> = is.iter().filter(|(at, _)| !was.contains_key(at)).collect();
        for &(&address, &to) in &came {
            self.say(service, address, None, to, "");
        }
        for &address in &gone {
            self.say(service, address, was.get(&address).copied(), State::Leaving, GONE);
        }
        if gone.is_empty() && came.is_empty() {
            return;
        }
        if !is.is_empty() {
            self.mark_urgent(id, now);
        }
        if !gone.is_empty() && (is.is_empty() || !self.omission_tells(service)) {
            leaving.iter_mut().for_each(|report| report.addresses.retain(|at| gone.contains(at)));
            self.depart(leaving, now);
        }
    }

    /// The health of the first of `targets` that speaks for one of `addresses`.
    fn health_of(&self, targets: &[TargetId], addresses: &[IpAddr]) -> Option<Health> {
        let mut targets = targets.iter().filter_map(|id| self.targets.get(id));
        let of_these = |target: &&Target| target.speaks_for.iter().any(|at| addresses.contains(at));
        targets.find(of_these).map(|target| target.health.clone())
    }
}
