//! `[monitor.service.NAME]`: how one service of this host is probed and announced.

use std::net::IpAddr;
use std::time::Duration;

use rais_proto::heartbeat::{Capacity, Weight};

use super::address::Advertise;
use super::probe::{LoadRule, Probe};

/// `[monitor.service.NAME]`, every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorService {
    /// Between probes, and between beats.
    pub interval: Duration,
    /// Of one probe.
    pub timeout: Duration,
    /// From a probe that failed, or did not answer by then, to the next.
    pub fast_interval: Duration,
    /// Successes until up; from 1.
    pub rise: u8,
    /// Failures until down; from 1.
    pub fall: u8,
    /// Percent of `interval`.
    pub jitter: u8,
    /// Silence longer than this is death.
    pub expire: Duration,
    /// How health is judged.
    pub probe: Probe,
    /// How load is measured; none where it is not.
    pub load: Option<LoadRule>,
    /// Of this service on this host, `[monitor] capacity` where not written; the CPU count where none.
    pub capacity: Option<Capacity>,
    /// The static weight.
    pub weight: Weight,
    /// Which own addresses are announced, `[monitor] advertise` where not written.
    pub addresses: Advertise,
    /// Machines without a monitor that this host speaks for; where there are any, they take the
    /// place of `addresses`.
    pub targets: Vec<Target>,
}

/// A machine without a monitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Probed and announced.
    pub address: IpAddr,
    /// What people call it.
    pub name: Option<String>,
    /// The static weight, the service's where not written.
    pub weight: Weight,
}
