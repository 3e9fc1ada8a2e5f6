//! Services, groups and targets as they come and go: by a configuration, and by goodbye.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::config::{Members, MonitorConfig, ServiceConfig, WatchedTarget};
use super::event::{Change, Output, ProbeTarget};
use super::group::{Group, GroupId, ServiceId};
use super::target::{Target, TargetId};
use super::timers::Timer;
use super::{Monitor, Phase};
use crate::heartbeat::{Claim, Reason, State};
use crate::name::ServiceName;
use crate::time::Time;

/// Within how long a service of our own is first probed.
const FIRST_ROUND: Duration = Duration::from_millis(500);

/// Why nothing more is said of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parting {
    Unconfigured,
    Goodbye,
}

impl Parting {
    /// A watcher that goes says nothing of the machines that it watched: they stay as they are.
    const fn reason(self, claim: Claim) -> &'static str {
        match (self, claim) {
            (Parting::Unconfigured, Claim::Own) => "no longer configured",
            (Parting::Goodbye, Claim::Own) => "goodbye",
            (Parting::Unconfigured, Claim::Watched) => "no longer watched",
            (Parting::Goodbye, Claim::Watched) => "no longer watched: goodbye of the watcher",
        }
    }
}

impl Monitor {
    /// Takes on a configuration: what is unchanged in it goes on as it was.
    pub(super) fn take_config(&mut self, mut config: MonitorConfig, now: Time) {
        let (new, gone) = self.loads.configure(config.sample, &config.loads, now);
        for of in gone {
            self.timers.cancel(Timer::Sample(of));
        }
        for of in new {
            self.timers.set(Timer::Sample(of), now);
        }
        let services = std::mem::take(&mut config.services);
        (config.host, config.epoch) = (self.config.host, self.config.epoch);
        self.config = config;

        let mut wanted: BTreeMap<ServiceName, ServiceConfig> = BTreeMap::new();
        for service in services {
            wanted.entry(service.name.clone()).or_insert(service);
        }
        let before: Vec<ServiceId> = self.services.keys().copied().collect();
        for id in before {
            let Some(old) = self.services.get(&id) else { continue };
            let stays = wanted.get(&old.name).is_some_and(|new| new.claim() == old.claim());
            match stays.then(|| wanted.remove(&old.name)).flatten() {
                Some(new) => self.change_service(id, &new, now),
                None => self.remove_service(id, Parting::Unconfigured, now),
            }
        }
        for service in wanted.into_values() {
            self.add_service(service, now);
        }
        self.set_pace();
        self.set_gap();
        // `concurrency` may have grown.
        self.start_waiting(now);
    }

    /// Everything leaves, and nothing more is probed.
    pub(super) fn say_goodbye(&mut self, now: Time) {
        self.phase = Phase::Leaving;
        let services: Vec<ServiceId> = self.services.keys().copied().collect();
        for id in services {
            self.remove_service(id, Parting::Goodbye, now);
        }
        let gone = self.loads.configure(Duration::ZERO, &[], now).1;
        for of in gone {
            self.timers.cancel(Timer::Sample(of));
        }
    }

    fn add_service(&mut self, config: ServiceConfig, now: Time) {
        let service = ServiceId(self.next_id());
        let targets = match &config.members {
            Members::Own { .. } => None,
            Members::Watched(targets) => Some(distinct(targets)),
        };
        self.services.insert(service, config);
        match targets {
            None => {
                let id = self.add_group(service, Claim::Own);
                self.schedule_first(id, 0, 1, now);
                self.sync_own(id, now);
            }
            Some(targets) => {
                let count = targets.len();
                for (place, target) in targets.into_values().enumerate() {
                    self.add_watched(service, &target, place, count, now);
                }
            }
        }
    }

    fn change_service(&mut self, service: ServiceId, new: &ServiceConfig, now: Time) {
        let Some(old) = self.services.insert(service, new.clone()) else { return };
        let groups = self.groups_of(&BTreeSet::from([service]));
        for target in self.targets_of(&groups) {
            if let Some(target) = self.targets.get_mut(&target) {
                target.health.set_limits(new.limits());
            }
            if !new.probes_like(&old) {
                self.abandon_trials(target, now);
            }
            self.sync_samples(target, now);
            self.hear_wishes(target, now);
        }
        match &new.members {
            Members::Own { .. } => groups.iter().for_each(|&id| self.sync_own(id, now)),
            Members::Watched(targets) => self.sync_watched(service, &groups, targets, now),
        }
        if !(new.beats_like(&old) && new.probes_like(&old)) {
            let groups = self.groups_of(&BTreeSet::from([service]));
            for (place, &id) in groups.iter().enumerate() {
                self.schedule_first(id, place, groups.len(), now);
            }
        }
    }

    fn remove_service(&mut self, service: ServiceId, why: Parting, now: Time) {
        self.leave(&self.groups_of(&BTreeSet::from([service])), why, now);
        self.services.remove(&service);
        self.forget_holds(service);
    }

    fn sync_watched(
        &mut self,
        service: ServiceId,
        groups: &[GroupId],
        targets: &[WatchedTarget],
        now: Time,
    ) {
        let mut wanted = distinct(targets);
        let mut gone = Vec::new();
        for &group in groups {
            let mut of_group = self.groups.get(&group).into_iter().flat_map(|g| &g.targets);
            let target = of_group.next().and_then(|id| self.targets.get_mut(id));
            let Some(target) = target else { continue };
            match wanted.remove(&target.at.address) {
                Some(new) => {
                    target.weight = new.weight;
                    target.at.name = name_of(&new);
                }
                None => gone.push(group),
            }
        }
        self.leave(&gone, Parting::Unconfigured, now);
        let count = wanted.len();
        for (place, target) in wanted.into_values().enumerate() {
            self.add_watched(service, &target, place, count, now);
        }
    }

    fn add_watched(
        &mut self,
        service: ServiceId,
        watched: &WatchedTarget,
        place: usize,
        count: usize,
        now: Time,
    ) {
        let Some(limits) = self.services.get(&service).map(ServiceConfig::limits) else { return };
        let id = self.add_group(service, Claim::Watched);
        let at = ProbeTarget { address: watched.address, name: name_of(watched) };
        let health = self.health_at_first(service, watched.address, limits, now);
        let mut target = Target::new(id, at, vec![watched.address], health, now);
        target.weight = watched.weight;
        let target = self.add_target(target, now);
        if let Some(group) = self.groups.get_mut(&id) {
            group.targets.push(target);
        }
        self.schedule_first(id, place, count, now);
    }

    /// Sets a group's timer for the first time: at once, but not all together.
    fn schedule_first(&mut self, id: GroupId, place: usize, count: usize, now: Time) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some(service) = self.services.get(&group.service) else { return };
        let share = self.rng.f64();
        let wait = match group.claim {
            Claim::Own => service.interval().min(FIRST_ROUND).mul_f64(share),
            #[allow(clippy::cast_precision_loss)] // no host watches 2^52 targets
            Claim::Watched => {
                service.interval().mul_f64((place as f64 + share) / count.max(1) as f64)
            }
        };
        group.scheduled = now + wait;
        self.timers.set(Timer::Round(id), group.scheduled);
    }

    fn add_group(&mut self, service: ServiceId, claim: Claim) -> GroupId {
        let id = GroupId(self.next_id());
        self.groups.insert(id, Group::new(service, claim));
        id
    }

    pub(super) fn add_target(&mut self, target: Target, now: Time) -> TargetId {
        let id = TargetId(self.next_id());
        self.targets.insert(id, target);
        self.sync_samples(id, now);
        self.hear_wishes(id, now);
        id
    }

    /// Says goodbye for these groups, all of one service, and drops them.
    fn leave(&mut self, groups: &[GroupId], why: Parting, now: Time) {
        let Some(first) = groups.first().and_then(|id| self.groups.get(id)) else { return };
        let why = why.reason(first.claim);
        let reason = Reason::new(why);
        let reports = self.reports(&groups.iter().copied().collect(), Some(&reason), now);
        if !reports.is_empty() {
            self.depart(reports, now);
        }
        for &id in groups {
            let service = self.groups.get(&id).and_then(|group| self.services.get(&group.service));
            if let Some(name) = service.map(|service| service.name.clone()) {
                for (address, from) in self.announced(id) {
                    self.say(&name, address, Some(from), State::Leaving, why);
                }
            }
            for target in self.targets_of(&[id]) {
                self.remove_target(target, now);
            }
            self.groups.remove(&id);
            for timer in [Timer::Round(id), Timer::Due(id), Timer::Repeat(id)] {
                self.timers.cancel(timer);
            }
            self.forget_beats(id);
        }
    }

    pub(super) fn remove_target(&mut self, id: TargetId, now: Time) {
        self.abandon_trials(id, now);
        self.stop_samples(id);
        self.targets.remove(&id);
    }

    pub(super) fn say(
        &mut self,
        service: &ServiceName,
        at: IpAddr,
        from: Option<State>,
        to: State,
        why: &str,
    ) {
        self.outputs.push_back(Output::Changed(Change {
            service: service.clone(),
            address: at,
            from,
            to,
            reason: Reason::new(why),
        }));
    }

    /// What a group announces, and as what.
    pub(super) fn announced(&self, id: GroupId) -> BTreeMap<IpAddr, State> {
        let targets = self.groups.get(&id).into_iter().flat_map(|group| &group.targets);
        targets
            .filter_map(|id| self.targets.get(id))
            .filter_map(|target| Some((target, target.state()?)))
            .flat_map(|(target, state)| target.speaks_for.iter().map(move |&at| (at, state)))
            .collect()
    }

    pub(super) fn groups_of(&self, services: &BTreeSet<ServiceId>) -> Vec<GroupId> {
        let of_these = |group: &Group| services.contains(&group.service);
        self.groups.iter().filter(|(_, group)| of_these(group)).map(|(&id, _)| id).collect()
    }

    fn targets_of(&self, groups: &[GroupId]) -> Vec<TargetId> {
        groups.iter().filter_map(|id| self.groups.get(id)).flat_map(|g| g.targets.clone()).collect()
    }
}

/// Each address once, the first that names it.
fn distinct(targets: &[WatchedTarget]) -> BTreeMap<IpAddr, WatchedTarget> {
    let mut distinct = BTreeMap::new();
    for target in targets {
        distinct.entry(target.address).or_insert_with(|| target.clone());
    }
    distinct
}

fn name_of(target: &WatchedTarget) -> Box<str> {
    target.name.clone().unwrap_or_else(|| target.address.to_string().into_boxed_str())
}
