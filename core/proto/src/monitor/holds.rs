//! Who is held down for flapping: of many machines only a few at a time.

use std::collections::{BTreeMap, BTreeSet};

use super::Monitor;
use super::config::Members;
use super::group::ServiceId;
use super::target::TargetId;
use crate::time::Time;

/// Of so many watched machines of a service one is held, as Envoy ejects no more than 10 %: where
/// more of them come and go, it is the way to them that does.
const ONE_IN: usize = 10;

/// The watched targets that are held, by service; some may have been let up since.
#[derive(Debug, Default)]
pub(super) struct Holds(BTreeMap<ServiceId, BTreeSet<TargetId>>);

impl Monitor {
    /// A target is held from now on, unless too many of its service's are. A host's own addresses
    /// are one machine, and are held together.
    pub(super) fn limit_holds(&mut self, id: TargetId, now: Time) {
        let Some(target) = self.targets.get(&id) else { return };
        let Some(service) = self.groups.get(&target.group).map(|group| group.service) else {
            return;
        };
        let Some(Members::Watched(all)) = self.services.get(&service).map(|s| &s.members) else {
            return;
        };
        let most = (all.len() / ONE_IN).max(1);
        let targets = &mut self.targets;
        let held = self.holds.0.entry(service).or_default();
        held.retain(|held| {
            let target = targets.get(held);
            target.is_some_and(|target| target.health.flapping().held(now).is_some())
        });
        if held.len() < most {
            held.insert(id);
        } else if !held.contains(&id)
            && let Some(target) = targets.get_mut(&id)
        {
            target.health.release();
        }
    }

    pub(super) fn forget_holds(&mut self, service: ServiceId) {
        self.holds.0.remove(&service);
    }
}
