//! Where the plugins' types and the core's meet: nowhere else does one become the other.

use std::sync::Arc;

use rais_proto::binder::{self, PublicationChange};
use rais_proto::heartbeat::Reason;
use rais_proto::load::Load;
use rais_proto::monitor::{self, ProbeOutcome};
use rais_sdk::{
    Change, Fault, FaultKind, MaxAddresses, Owner, Reading, Record, Up, Wish, ZoneHead,
};

use crate::host::Publication;
use crate::plan::binder::ZonePlan;

/// What a probe's answer says of its target.
///
/// Only what the target itself did counts against it: a plugin that panicked, is busy or lacks the
/// means says nothing.
pub(crate) fn outcome(answer: Result<Up, Fault>) -> ProbeOutcome {
    match answer {
        Ok(up) => ProbeOutcome::Up(monitor::Proof {
            took: up.took,
            load: up.load.and_then(Load::from_percent),
            detail: up.detail.into(),
        }),
        Err(fault) => {
            let reason = Reason::new(&fault.text);
            match fault.kind {
                FaultKind::Down | FaultKind::Refused => ProbeOutcome::Down(reason),
                FaultKind::Timeout if fault.at.is_empty() => ProbeOutcome::TimedOut(reason),
                FaultKind::Timeout => {
                    ProbeOutcome::TimedOut(Reason::new(&format!("timeout at {}", fault.at)))
                }
                _ => ProbeOutcome::NoOpinion(reason),
            }
        }
    }
}

/// What a sample gave; none where it gave nothing.
pub(crate) fn reading(answer: &Result<Reading, Fault>) -> Option<monitor::Reading> {
    let reading = answer.as_ref().ok()?;
    Some(monitor::Reading {
        load: reading.load.and_then(Load::from_percent),
        wish: match reading.wish {
            Wish::Ready => Some(monitor::Wish::Ready),
            Wish::Drain => Some(monitor::Wish::Drain),
            Wish::Maintenance => Some(monitor::Wish::Maintenance),
            Wish::Down => Some(monitor::Wish::Down),
            Wish::Up => Some(monitor::Wish::Up),
            // Those of a later version are not known here.
            _ => None,
        },
        weight: reading.weight,
        reason: Reason::new(&reading.reason),
    })
}

/// What a probe last found, for those who measure a load by it.
pub(crate) fn up(proof: &monitor::Proof) -> Up {
    let up = Up::new(proof.took).with_detail(&*proof.detail);
    match proof.load {
        Some(load) => up.with_load(load.as_percent()),
        None => up,
    }
}

/// A publication as sinks take it, its difference to the one `before` worked out.
pub(crate) fn publication(
    what: &binder::Publication,
    plan: &ZonePlan,
    before: Option<&Publication>,
) -> Publication {
    let mut owners = Vec::new();
    let mut records = Vec::new();
    for (service, published) in &what.services {
        for owner in plan.owners_of(service) {
            #[allow(clippy::cast_possible_truncation)] // a zone of 2^32 owners has no header
            let index = owners.len() as u32;
            let ttl = if what.pending.contains(service) { soon(owner.ttl) } else { owner.ttl };
            let mut head = Owner::new(owner.name.clone(), ttl);
            head.scheme.clone_from(&owner.scheme);
            owners.push(head);
            records.extend(published.iter().map(|one| {
                let record = Record::new(index, one.address).with_weight(one.share.get());
                one.load.map_or(record, |load| record.with_load(load.as_percent()))
            }));
        }
    }
    let mut head = ZoneHead::new(owners, what.serial.0);
    head.header = plan.header.as_ref().map(|header| header.to_string());
    head.file = Some(plan.file.clone());
    head.max_addresses = MaxAddresses::new(plan.max_addresses.a, plan.max_addresses.aaaa);
    head.reason.clone_from(&what.reason);
    // Of other owners, indices mean something else: then everything is new.
    let alike = before.filter(|before| names(&before.head).eq(names(&head)));
    let there = alike.map_or(&[][..], |before| &before.records);
    let (added, removed) = (those_not_in(&records, there), those_not_in(there, &records));
    // To the sink it is more than weights where it has missed what changed before.
    let (owners, header) = (&head.owners, &head.header);
    let has_all = alike.is_some_and(|it| (&it.head.owners, &it.head.header) == (owners, header))
        && added.is_empty()
        && removed.is_empty();
    head.change = match what.change {
        PublicationChange::Shares if has_all => Change::Weights,
        PublicationChange::Shares | PublicationChange::Sets => Change::Set,
    };
    Publication { zone: what.zone.to_string(), added, removed, head, records }
}

/// The TTL of a set that is soon to change, where `ttl` is the usual one; both in seconds.
fn soon(ttl: u32) -> u32 {
    (ttl / 10).max(1).min(ttl)
}

fn names(head: &ZoneHead) -> impl Iterator<Item = &str> {
    head.owners.iter().map(|owner| &*owner.name)
}

/// Both are in the order of owners and addresses, as a publication is.
fn those_not_in(of: &[Record], other: &[Record]) -> Vec<Record> {
    let key = |record: &Record| (record.owner, record.ip);
    let mut others = other.iter().peekable();
    let mut is_there = |record: &&Record| {
        while others.next_if(|&other| key(other) < key(record)).is_some() {}
        others.next_if(|&other| key(other) == key(record)).is_some()
    };
    of.iter().filter(|record| !is_there(record)).copied().collect()
}

/// Of what a fault says to people, with its phase or key.
pub(crate) fn describe(fault: &Fault) -> String {
    match (fault.at.as_str(), fault.kind) {
        ("", _) => fault.text.clone(),
        (at, FaultKind::Timeout) => format!("timeout at {at}: {}", fault.text),
        (at, _) => format!("{at}: {}", fault.text),
    }
}

/// Shared, since every sink of a zone is handed the same.
pub(crate) type SharedText = Arc<str>;

#[cfg(test)]
mod tests;
