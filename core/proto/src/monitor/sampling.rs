//! Samples of loads: when each is taken, and what follows from what it says.

use super::Monitor;
use super::config::ServiceConfig;
use super::event::{LoadSubject, Output, SampleId};
use super::loads::{Heard, Sampled};
use super::reading::Reading;
use super::target::{Target, TargetId};
use super::timers::Timer;
use crate::load::Load;
use crate::time::Time;

impl Monitor {
    /// The time of a sample has come.
    pub(super) fn sample(&mut self, of: Sampled, now: Time) {
        let Some((id, next)) = self.loads.ask(of, now) else { return };
        self.timers.set(Timer::Sample(of), next);
        let (Some(id), Some(subject)) = (id, self.subject(of)) else { return };
        self.outputs.push_back(Output::SampleLoad { id, source: of.source, of: subject });
    }

    /// A sample has come in.
    pub(super) fn sample_ended(&mut self, id: SampleId, reading: Option<Reading>, now: Time) {
        let Heard::Wish(of) = self.loads.take(id, reading, now) else { return };
        match of.target {
            Some(target) => self.hear_wishes(target, now),
            None => {
                let all: Vec<TargetId> = self.targets.keys().copied().collect();
                all.into_iter().for_each(|target| self.hear_wishes(target, now));
            }
        }
    }

    /// The load that goes with a target: measured, or else what its probe found.
    pub(super) fn load_of(
        &self,
        service: &ServiceConfig,
        id: TargetId,
        target: &Target,
        now: Time,
    ) -> Option<Load> {
        match &service.load {
            Some(load) => self.loads.of(load, id, now),
            None => target.proof?.load,
        }
    }

    /// Samples of a target what its service's load is made of, and nothing else.
    pub(super) fn sync_samples(&mut self, id: TargetId, now: Time) {
        let Some(target) = self.targets.get(&id) else { return };
        let service = self.groups.get(&target.group).and_then(|g| self.services.get(&g.service));
        let load = service.and_then(|service| service.load.as_ref());
        let wanted = load.map_or_else(Vec::new, |load| self.loads.of_target(load, id));
        for of in self.loads.sampled_of(id) {
            if !wanted.contains(&of) {
                self.forget_sample(of);
            }
        }
        for of in wanted {
            if self.loads.begin(of, now) {
                self.timers.set(Timer::Sample(of), now);
            }
        }
    }

    pub(super) fn stop_samples(&mut self, id: TargetId) {
        self.loads.sampled_of(id).into_iter().for_each(|of| self.forget_sample(of));
    }

    fn forget_sample(&mut self, of: Sampled) {
        self.loads.forget(of);
        self.timers.cancel(Timer::Sample(of));
    }

    /// Announces a target as its loads say that it asks for.
    pub(super) fn hear_wishes(&mut self, id: TargetId, now: Time) {
        let Some(target) = self.targets.get_mut(&id) else { return };
        let Some(group) = self.groups.get(&target.group) else { return };
        let Some(service) = self.services.get(&group.service) else { return };
        let load = service.load.as_ref();
        let wanted = load.map(|load| self.loads.wanted(load, id)).unwrap_or_default();
        if wanted == target.wanted {
            return;
        }
        let from = target.state();
        target.wanted = wanted;
        let Some(to) = target.state() else { return };
        if Some(to) != from {
            target.since = now;
            self.outputs.extend(target.changed(&service.name, from, to));
        }
        // Another weight is to be known at once, too.
        let group = target.group;
        self.mark_urgent(group, now);
    }

    fn subject(&self, of: Sampled) -> Option<LoadSubject> {
        let Some(id) = of.target else { return Some(LoadSubject::Host) };
        let target = self.targets.get(&id)?;
        let service = self.services.get(&self.groups.get(&target.group)?.service)?;
        Some(LoadSubject::Target {
            service: service.name.clone(),
            target: target.at.clone(),
            last: target.proof,
        })
    }
}
