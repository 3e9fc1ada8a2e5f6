//! What an operator orders a binder to do, and when it has happened.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use rais_proto::binder::drains::{Drain, DrainRefusal, Place};
use rais_proto::binder::{Binder, DrainTarget, TargetFault};
use rais_proto::name::ZoneName;
use rais_proto::policy::drained::Force;
use rais_proto::time::Time;
use tokio::sync::oneshot;

use crate::config::nearest;
use crate::control::{Drained, DrainedPlace};

/// The publications that follow from an order are waited for so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// No drain is longer.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// An order to a binder.
#[derive(Debug)]
pub enum Order {
    /// To leave it alone.
    Drain {
        /// A host, a service or an address.
        target: String,
        /// For how long.
        time: Duration,
        /// Why.
        reason: String,
        /// Whether a service may be left without addresses.
        force: Force,
    },
    /// To leave it alone no longer.
    Undrain {
        /// A host, a service or an address.
        target: String,
    },
}

/// Who is told what came of an order, or why it was not carried out.
pub type Answer = oneshot::Sender<Result<Drained, String>>;

/// An order that has been carried out and is to be published.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) drained: Drained,
    /// What it is over.
    pub(super) places: Vec<Place>,
    /// Those whose publications are waited for.
    pub(super) zones: BTreeSet<ZoneName>,
}

impl Order {
    /// Whether it may be done, before it is written anywhere: its words become part of a line. The
    /// command line says the same earlier; whoever else writes to the socket is told here.
    ///
    /// # Errors
    /// Why it may not, for people.
    pub(super) fn judge(&self) -> Result<(), String> {
        let (Order::Drain { target, .. } | Order::Undrain { target }) = self;
        if target.chars().any(char::is_control) {
            return Err(format!("{target:?} is no name: it has control characters"));
        }
        if let Order::Drain { reason, time, .. } = self {
            if reason.trim().is_empty() || reason.chars().any(char::is_control) {
                return Err("a reason is a line of text".to_owned());
            }
            if time.is_zero() || *time > LONGEST {
                return Err("a drain lasts from 1 ms to 365 days".to_owned());
            }
        }
        Ok(())
    }

    /// Has `machine` do it, once it was judged.
    ///
    /// # Errors
    /// Why it does not, for people.
    pub(super) fn carry_out(self, now: Time, machine: &mut Binder) -> Result<Done, String> {
        let places = match self {
            Order::Drain { target, time, reason, force } => {
                let target = called(machine.target_called(&target), &target)?;
                machine
                    .drain(now, Drain { target, time, reason, force })
                    .map_err(|refusal| refused(&refusal))?
            }
            Order::Undrain { target: word } => {
                let target = called(machine.drain_called(&word), &word)?;
                let places = machine.drained_by(&target);
                if !machine.undrain(now, &target) {
                    return Err(format!("`{word}` is not drained"));
                }
                places
            }
        };
        Ok(done(now, machine, places))
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Order::Drain { target, time, reason, force } => {
                let force = if *force == Force::Given { " by force" } else { "" };
                write!(f, "drain {target} for {time:?}{force}: {reason}")
            }
            Order::Undrain { target } => write!(f, "undrain {target}"),
        }
    }
}

fn done(now: Time, machine: &Binder, places: Vec<Place>) -> Done {
    let view = machine.view(now);
    let place = |(service, address): &Place| {
        let found = view.services.binary_search_by(|one| one.name.cmp(service));
        let found = found.ok().and_then(|index| view.services.get(index));
        let mut members = found.iter().flat_map(|one| &one.members);
        let member = members.find(|member| member.address == *address);
        let reason = member.and_then(|member| member.known.as_ref()).map(|known| &known.reason);
        DrainedPlace {
            service: service.to_string(),
            address: *address,
            in_set: found.is_some_and(|one| one.set.contains(address)),
            verdict: member.map(|member| member.verdict.to_string()).unwrap_or_default(),
            reason: reason.cloned().unwrap_or_default(),
        }
    };
    let zones = places.iter().filter_map(|(service, _)| machine.zone_of(service)).cloned();
    Done {
        zones: zones.collect(),
        drained: Drained { places: places.iter().map(place).collect(), unpublished: Vec::new() },
        places,
    }
}

fn called(found: Result<DrainTarget, TargetFault>, word: &str) -> Result<DrainTarget, String> {
    found.map_err(|fault| {
        let meant = match &fault {
            TargetFault::Unknown { names } => nearest(word, names.iter().map(String::as_str)),
            _ => None,
        };
        let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        format!("`{word}`: {fault}{meant}")
    })
}

fn refused(refusal: &DrainRefusal) -> String {
    let help = match refusal {
        DrainRefusal::Empties(_) => "; with --force it is done all the same",
        _ => "",
    };
    format!("{refusal}{help}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(target: &str, reason: &str) -> Order {
        let (target, reason) = (target.to_owned(), reason.to_owned());
        Order::Drain { target, time: Duration::from_secs(1), reason, force: Force::Withheld }
    }

    #[test]
    fn an_order_is_one_line_or_none() {
        drain("web1", "new disk").judge().unwrap();
        Order::Undrain { target: "web1".to_owned() }.judge().unwrap();
        let forged = "x\n2026-11-30T15:00:00Z ERROR rais_runtime: forged";
        let undrain = Order::Undrain { target: forged.to_owned() };
        for order in [drain(forged, "new disk"), drain("web1", forged), undrain] {
            let why = order.judge().unwrap_err();
            assert!(!why.contains(char::is_control), "{why}");
        }
    }
}
