//! When a service is judged: what nobody could see yet is judged once for all.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::drains::Drains;
use super::hushing::why_hushed;
use super::intake::heard;
use super::service::Service;
use super::zones::{Renewal, Told};
use super::{Binder, Output, Phase};
use crate::policy::Verdict;
use crate::table::Claimed;
use crate::time::Time;

/// What is heard, and who falls silent, makes a service judge no sooner than this after it last
/// did so: where thousands come or go, each judgement goes through thousands.
const PACE: Duration = Duration::from_millis(10);

/// One time a service, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Wakes {
    order: BTreeSet<(Time, usize)>,
    at: Vec<Time>,
    /// Before this a service is not judged again.
    rested: BTreeMap<usize, Time>,
}

impl Wakes {
    pub(super) fn set(&mut self, service: usize, at: Time) {
        if self.at.len() <= service {
            self.at.resize(service + 1, Time::from_nanos(u64::MAX));
        }
        if self.at[service] != at || !self.order.contains(&(at, service)) {
            self.order.remove(&(self.at[service], service));
            self.at[service] = at;
            self.order.insert((at, service));
        }
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.order.first().map(|&(at, _)| at)
    }

    pub(super) fn take_due(&mut self, now: Time) -> Option<usize> {
        (self.next()? <= now).then(|| self.order.pop_first().map(|(_, service)| service))?
    }
}

impl Binder {
    /// A service heard something to judge: it is judged at once, or when its zone may be
    /// published again. Until then nobody would see it.
    pub(super) fn judge_soon(&mut self, now: Time, index: usize) {
        self.unjudged.insert(index, now);
        if self.judges_from(index) <= now {
            self.judge(now, index);
        } else {
            self.reschedule(index);
        }
    }

    fn judges_from(&self, index: usize) -> Time {
        let zone = self.services.get(index).map(|service| &service.policy.zone);
        let open = zone.map_or(Time::ZERO, |zone| self.zones.open_from(zone, self.config.gap));
        self.wakes.rested.get(&index).map_or(open, |&rested| open.max(rested))
    }

    pub(super) fn rest(&mut self, now: Time, index: usize) {
        self.wakes.rested.insert(index, now + PACE);
    }

    pub(super) fn reschedule(&mut self, index: usize) {
        let Some(service) = self.services.get(index) else { return };
        let rested = self.wakes.rested.get(&index).copied().unwrap_or_default();
        let own = service.next_wake().max(rested);
        let unjudged = self.unjudged.contains_key(&index).then(|| self.judges_from(index));
        self.wakes.set(index, unjudged.map_or(own, |from| own.min(from)));
    }

    /// Judges what was heard and not judged yet, as of when it was heard.
    pub(super) fn settle(&mut self) {
        while let Some((&index, &at)) = self.unjudged.first_key_value() {
            self.judge(at, index);
        }
    }

    /// As it would be, had it judged all that it heard.
    pub(super) fn settled(&self) -> Cow<'_, Binder> {
        if self.unjudged.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut settled = self.clone();
        settled.settle();
        Cow::Owned(settled)
    }

    pub(super) fn judge(&mut self, now: Time, index: usize) {
        if self.unjudged.remove(&index).is_some() {
            self.rest(now, index);
        }
        let deaf = self.hearing.deaf;
        let Some(service) = self.services.get_mut(index) else { return };
        let before = service.decision.set.clone();
        let was_pending = service.is_pending();
        let heard_whole = |host| self.peers.heard_whole(host);
        for (address, host) in service.give_up_unnamed(now, heard_whole) {
            self.outputs.extend(heard(service, address, host));
        }
        let drained = self.drains.of(service);
        let changed = service.judge(now, deaf, drained);
        service.note_unnamed(now, heard_whole);
        let rested = self.wakes.rested.get(&index).copied().unwrap_or_default();
        self.wakes.set(index, service.next_wake().max(rested));
        let (name, zone) = (&service.name, &service.policy.zone);
        let is_another = service.decision.set != before || service.is_pending() != was_pending;
        if service.is_pending() && !was_pending {
            let held = service.decision.verdicts.iter().filter(|&(_, &v)| v == Verdict::Held);
            held.for_each(|(&at, &verdict)| self.reasons.note(zone, name, at, Some(verdict)));
        }
        self.outputs.reserve(changed.len());
        for (address, verdict) in changed {
            if is_another {
                self.reasons.note(zone, name, address, verdict);
            }
            let claimed = service.table.deciding(address, now);
            let reason = match verdict {
                Some(verdict) => {
                    let (trust, peers) = (&self.config.trust, &self.peers);
                    let hushed = claimed.and_then(|c| why_hushed(trust, peers, name, address, c));
                    let reason = reason_of(service, address, claimed, verdict, &self.drains);
                    reason.or(hushed).unwrap_or_default()
                }
                None => String::new(),
            };
            let state = claimed.map(|claimed| claimed.state);
            let judged = Output::Judged { service: name.clone(), address, verdict, reason, state };
            self.outputs.push_back(judged);
        }
        let emptied_on_purpose = service.may_be_empty()
            && !matches!(service.phase, Phase::Listening | Phase::Deaf)
            && !self.zones.was_published(zone);
        let (is_weighed_anew, gap) = (service.is_weighed_anew(), self.config.gap);
        if is_another || emptied_on_purpose {
            if service.phase == Phase::Listening {
                self.zones.mark_patiently(now, gap, zone, Renewal::Changed);
            } else {
                self.zones.mark(now, gap, zone, Renewal::Changed);
            }
        } else if is_weighed_anew && self.zones.was_published(zone) {
            self.zones.mark_patiently(now, gap, zone, Renewal::Weighed);
        }
        let unpublished = (!self.zones.was_published(zone)).then(|| zone.clone());
        if let Some(zone) = unpublished
            && self.is_unpublished(&zone)
            && self.zones.tell(&zone) == Told::NotYet
        {
            self.outputs.push_back(Output::Unpublished { zone });
        }
    }

    /// Judges what was heard for zones that may be published: it is not to wait a gap more.
    pub(super) fn judge_open(&mut self, now: Time) {
        let is_open = |index: &usize| {
            let zone = self.services.get(*index).map(|service| &service.policy.zone);
            zone.is_some_and(|zone| self.zones.open_from(zone, self.config.gap) <= now)
        };
        let open: Vec<usize> = self.unjudged.keys().copied().filter(is_open).collect();
        open.into_iter().for_each(|index| self.judge(now, index));
    }
}

/// More of why `address`, for which `claimed` decides, has `verdict`, where that is a reason to
/// be out of which more is known; where nobody has said more it may be empty.
fn reason_of(
    service: &Service,
    address: IpAddr,
    claimed: Option<&Claimed>,
    verdict: Verdict,
    drains: &Drains,
) -> Option<String> {
    let said = || claimed.map(|claimed| claimed.reason.as_str()).unwrap_or_default().to_owned();
    Some(match verdict {
        Verdict::Draining => match drains.reason(service, address) {
            Some(words) => words.to_owned(),
            None => said(),
        },
        Verdict::Out(_) => said(),
        Verdict::Pruned => {
            let load = claimed.and_then(|claimed| claimed.load);
            let load = load.map_or("an unknown load".to_owned(), |load| format!("load {load}"));
            match service.policy.max_load {
                Some(limit) => format!("{load}, max_load {limit}"),
                None => load,
            }
        }
        _ => return None,
    })
}
