//! Samples of loads: when each is taken, and what follows from what it says.

use std::time::Duration;

use super::Monitor;
use super::config::ServiceConfig;
use super::event::{LoadSubject, Output, SampleId};
use super::loads::{Heard, Sampled, Worth};
use super::reading::Reading;
use super::target::{Target, TargetId};
use super::timers::Timer;
use crate::heartbeat::{Claim, State};
use crate::load::Load;
use crate::time::Time;

/// Own addresses are first sampled within this.
const SOON: Duration = Duration::from_millis(500);

impl Monitor {
    /// The time of a sample has come. Of a target that does not answer none is taken: it would be
    /// waited for in vain, or tell of a time that has passed.
    pub(super) fn sample(&mut self, of: Sampled, now: Time) {
        let target = of.target.and_then(|id| self.targets.get(&id));
        let state = target.and_then(|target| target.health.state());
        let worth = match state {
            None | Some(State::Up) => Worth::Asking,
            Some(_) => Worth::Nothing,
        };
        let Some((id, next)) = self.loads.ask(of, worth, now) else { return };
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
            None => target.proof.as_ref()?.load,
        }
    }

    /// Samples of a target what its service's load is made of, and nothing else.
    pub(super) fn sync_samples(&mut self, id: TargetId, now: Time) {
        let Some(target) = self.targets.get(&id) else { return };
        let group = self.groups.get(&target.group);
        let claim = group.map(|group| group.claim);
        let service = group.and_then(|group| self.services.get(&group.service));
        let load = service.and_then(|service| service.load.as_ref());
        let wanted = load.map_or_else(Vec::new, |load| self.loads.of_target(load, id));
        for of in self.loads.sampled_of(id) {
            if !wanted.contains(&of) {
                self.forget_sample(of);
            }
        }
        for of in wanted {
            // Thousands of targets are not sampled all at once, own addresses soon.
            let every = self.loads.every(of.source);
            let most = if claim == Some(Claim::Own) { every.min(SOON) } else { every };
            let first = now + most.mul_f64(self.rng.f64());
            if self.loads.begin(of, first) {
                self.timers.set(Timer::Sample(of), first);
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
        // Another weight or reason is in the next beat.
        let Some(to) = target.state().filter(|&to| Some(to) != from) else { return };
        target.since = now;
        self.outputs.extend(target.changed(&service.name, from, to));
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
            last: target.proof.clone(),
        })
    }
}
