//! What a monitor asks of its shell, and what it is told.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::config::LoadKey;
use super::probes::ProbeKey;
use crate::heartbeat::{Heartbeat, Reason, State};
use crate::load::Load;
use crate::name::ServiceName;

/// One probe of one target, told apart from every other of this monitor's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub u64);

/// One sample of a load, told apart from every other of this monitor's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleId(pub u64);

/// Where a probe goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeTarget {
    /// The address; the probe's own configuration adds the port.
    pub address: IpAddr,
    /// The name that goes with it: the host's, or the watched target's.
    pub name: Box<str>,
}

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The service answers.
    Up(Proof),
    /// It does not: `connection refused`.
    Down(Reason),
    /// It did not answer within the timeout: `timeout at connecting`; empty where no more is known.
    TimedOut(Reason),
    /// The probe itself is at fault, so nothing is known.
    NoOpinion(Reason),
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// Start a probe and hand its end to [`Monitor::handle_probe_result`](super::Monitor::handle_probe_result).
    StartProbe {
        /// What its result is to be called.
        id: ProbeId,
        /// Which probe.
        probe: ProbeKey,
        /// For which service.
        service: ServiceName,
        /// Of whom.
        target: ProbeTarget,
        /// Of the probe, from now: at its end the answer is [`ProbeOutcome::TimedOut`]. A probe
        /// without any answer [`BACKSTOP`](super::BACKSTOP) later is taken to be itself at fault.
        timeout: Duration,
    },
    /// Drop a running probe: its result is no longer wanted.
    CancelProbe {
        /// Which.
        id: ProbeId,
    },
    /// Take a sample and hand it to [`Monitor::handle_load`](super::Monitor::handle_load): each is
    /// answered once, and no second one is asked for before.
    SampleLoad {
        /// What its reading is to be called.
        id: SampleId,
        /// From which source.
        source: LoadKey,
        /// Of what.
        of: LoadSubject,
    },
    /// Sign and send this to every transport.
    Send(Heartbeat),
    /// Something changed, for logs.
    Changed(Change),
    /// The goodbye is said: the monitor wants nothing any more.
    Finished,
}

/// What a load is measured of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadSubject {
    /// The host.
    Host,
    /// What is probed as one.
    Target {
        /// Of which service.
        service: ServiceName,
        /// Where it is probed.
        target: ProbeTarget,
        /// What the last success found.
        last: Option<Proof>,
    },
}

/// A success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// How long it took.
    pub took: Duration,
    /// A load that the answer carried.
    pub load: Option<Load>,
    /// For people: `200 OK`, `certificate ends in 9 days`; may be empty.
    pub detail: Arc<str>,
}

impl Proof {
    /// An answer within `took` that said nothing else.
    pub fn within(took: Duration) -> Proof {
        Proof { took, load: None, detail: Arc::default() }
    }
}

/// An address that changed its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Of which service.
    pub service: ServiceName,
    /// Which address.
    pub address: IpAddr,
    /// What it was announced as; none where it was not.
    pub from: Option<State>,
    /// What it is announced as now.
    pub to: State,
    /// Why.
    pub reason: Reason,
}
