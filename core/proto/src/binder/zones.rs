//! When a zone is published, and under which serial.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::name::ZoneName;
use crate::serial::Serial;
use crate::time::{Time, WallTime};

/// One zone's fixed part, as far as the core needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZonePolicy {
    /// The header's SOA serial: a floor.
    pub header_serial: Option<Serial>,
    /// Of all that a publication holds besides the addresses (header, owners, TTLs): another one
    /// means another zone, and it is published anew.
    pub fingerprint: u64,
}

/// A zone as it is remembered over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneMemory {
    /// What it was last published under.
    pub serial: Serial,
    /// Of what was published under it; none where something newer has been decided since, which
    /// needs a later serial.
    pub fingerprint: Option<u64>,
}

/// A zone at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneView {
    /// Its name.
    pub name: ZoneName,
    /// What it was last published under; none before the first time.
    pub serial: Option<Serial>,
    /// Whether what was decided since is still to be published: it waits for the gap.
    pub due: bool,
}

/// The binder's zones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Zones {
    zones: BTreeMap<ZoneName, Zone>,
    /// Zones to be published, each from a moment on.
    due: BTreeSet<(Time, ZoneName)>,
    /// Of zones that are no longer configured: should one return, its serial goes on.
    retired: BTreeMap<ZoneName, Serial>,
}

#[derive(Debug, Clone)]
struct Zone {
    policy: ZonePolicy,
    memory: Option<ZoneMemory>,
    last_published: Option<Time>,
    due: Option<(Time, Renewal)>,
    /// Whether it was said that nothing is published of it.
    told: Told,
}

/// Whether something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Told {
    #[default]
    NotYet,
    Once,
}

/// Whether a publication is a new state of the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Renewal {
    /// What was last published, after a start: whoever serves it may have missed it.
    Again,
    /// Shares alone changed.
    Weighed,
    /// Something else changed.
    Changed,
}

impl Zones {
    /// Takes the zones of a configuration; those whose fixed part changed become due.
    pub(crate) fn configure(
        &mut self,
        now: Time,
        gap: Duration,
        policies: &BTreeMap<ZoneName, ZonePolicy>,
    ) {
        let retired = &mut self.retired;
        self.zones.retain(|name, zone| {
            let kept = policies.contains_key(name);
            if let (false, Some(memory)) = (kept, zone.memory) {
                retired.insert(name.clone(), memory.serial);
            }
            kept
        });
        self.due.retain(|(_, name)| policies.contains_key(name));
        for (name, &policy) in policies {
            let zone = self.zones.entry(name.clone()).or_insert_with(|| {
                let serial = self.retired.remove(name);
                let memory = serial.map(|serial| ZoneMemory { serial, fingerprint: None });
                Zone { policy, memory, last_published: None, due: None, told: Told::NotYet }
            });
            zone.policy = policy;
            if zone.memory.is_some_and(|memory| memory.fingerprint != Some(policy.fingerprint)) {
                self.mark(now, gap, name, Renewal::Changed);
            }
        }
    }

    /// Puts in what was last published before a restart; it is published again.
    pub(crate) fn restore(
        &mut self,
        now: Time,
        gap: Duration,
        name: &ZoneName,
        memory: ZoneMemory,
    ) {
        let Some(zone) = self.zones.get_mut(name) else {
            self.retired.insert(name.clone(), memory.serial);
            return;
        };
        zone.memory = Some(memory);
        let same = memory.fingerprint == Some(zone.policy.fingerprint);
        self.mark(now, gap, name, if same { Renewal::Again } else { Renewal::Changed });
    }

    /// The zone is to be published: at once after a quiet gap, else when the gap is over.
    pub(crate) fn mark(&mut self, now: Time, gap: Duration, name: &ZoneName, renewal: Renewal) {
        let Some(zone) = self.zones.get(name) else { return };
        let soonest = zone.last_published.map_or(now, |last| now.max(last + gap));
        let (at, renewal) = match zone.due {
            Some((at, before)) => (at.min(soonest), renewal.max(before)),
            None => (soonest, renewal),
        };
        self.set_due(name, at, renewal);
    }

    /// The same, but what waits longer already goes on waiting.
    pub(crate) fn mark_patiently(
        &mut self,
        now: Time,
        gap: Duration,
        name: &ZoneName,
        renewal: Renewal,
    ) {
        match self.zones.get(name).and_then(|zone| zone.due) {
            Some((at, before)) => self.set_due(name, at, renewal.max(before)),
            None => self.mark(now, gap, name, renewal),
        }
    }

    /// What is to be published of a zone that was published before waits until `until`.
    pub(crate) fn delay(&mut self, name: &ZoneName, until: Time) {
        let Some(zone) = self.zones.get(name).filter(|zone| zone.memory.is_some()) else { return };
        if let Some((at, renewal)) = zone.due {
            self.set_due(name, at.max(until), renewal);
        }
    }

    fn set_due(&mut self, name: &ZoneName, at: Time, renewal: Renewal) {
        let Some(zone) = self.zones.get_mut(name) else { return };
        if let Some((before, _)) = zone.due.replace((at, renewal)) {
            self.due.remove(&(before, name.clone()));
        }
        self.due.insert((at, name.clone()));
    }

    /// Before this, `gap` keeps the zone from being published.
    pub(crate) fn open_from(&self, name: &ZoneName, gap: Duration) -> Time {
        let last = self.zones.get(name).and_then(|zone| zone.last_published);
        last.map_or(Time::ZERO, |last| last + gap)
    }

    /// When the next zone is to be published.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.due.first().map(|&(at, _)| at)
    }

    /// The next zone to be published at `now`; it is due no more.
    pub(crate) fn take_due(&mut self, now: Time) -> Option<(ZoneName, Renewal)> {
        if self.next_due()? > now {
            return None;
        }
        let (_, name) = self.due.pop_first()?;
        let (_, renewal) = self.zones.get_mut(&name)?.due.take()?;
        Some((name, renewal))
    }

    /// The serial under which a zone is published at `now`.
    pub(crate) fn publish(
        &mut self,
        now: Time,
        wall: WallTime,
        name: &ZoneName,
        renewal: Renewal,
    ) -> Option<Serial> {
        let zone = self.zones.get_mut(name)?;
        let previous = zone.memory.map(|memory| memory.serial);
        let serial = match (renewal, previous) {
            (Renewal::Again, Some(serial)) => serial,
            _ => Serial::next(previous, wall.as_unix_secs(), zone.policy.header_serial),
        };
        zone.memory = Some(ZoneMemory { serial, fingerprint: Some(zone.policy.fingerprint) });
        zone.last_published = Some(now);
        Some(serial)
    }

    /// Nothing waits for the end of its gap any more.
    pub(crate) fn hurry(&mut self, now: Time) {
        let waiting: Vec<_> = self
            .zones
            .iter()
            .filter_map(|(name, zone)| Some((name.clone(), zone.due?.1)))
            .collect();
        for (name, renewal) in waiting {
            self.set_due(&name, now, renewal);
        }
    }

    /// Whether `name` is to be published.
    pub(crate) fn is_due(&self, name: &ZoneName) -> bool {
        self.zones.get(name).is_some_and(|zone| zone.due.is_some())
    }

    /// Whether `name` ever was, or is about to be.
    pub(crate) fn was_published(&self, name: &ZoneName) -> bool {
        self.zones.get(name).is_some_and(|zone| zone.memory.is_some() || zone.due.is_some())
    }

    /// Says that nothing is published of `name`; what was said of it before.
    pub(crate) fn tell(&mut self, name: &ZoneName) -> Told {
        let zone = self.zones.get_mut(name);
        zone.map_or(Told::Once, |zone| std::mem::replace(&mut zone.told, Told::Once))
    }

    /// What is to be remembered.
    pub(crate) fn memory(&self) -> impl Iterator<Item = (&ZoneName, ZoneMemory)> {
        let retired = self.retired.iter().map(|(name, &serial)| {
            let memory = ZoneMemory { serial, fingerprint: None };
            (name, memory)
        });
        let zones = self.zones.iter().filter_map(|(name, zone)| {
            let ZoneMemory { serial, fingerprint } = zone.memory?;
            let newer = matches!(zone.due, Some((_, Renewal::Changed)));
            Some((name, ZoneMemory { serial, fingerprint: fingerprint.filter(|_| !newer) }))
        });
        zones.chain(retired)
    }

    /// Every zone as it stands.
    pub(crate) fn view(&self) -> impl Iterator<Item = ZoneView> {
        self.zones.iter().map(|(name, zone)| ZoneView {
            name: name.clone(),
            serial: zone.memory.map(|memory| memory.serial),
            due: zone.due.is_some(),
        })
    }
}
