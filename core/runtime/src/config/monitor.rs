//! `[monitor]`: what this host announces of itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use rais_proto::heartbeat::Capacity;
use rais_proto::name::ServiceName;

use super::address::Advertise;
use super::control::Http;
use super::service::MonitorService;

/// `[monitor]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    /// Host loads are means over the last so long.
    pub sample: Duration,
    /// What this host can carry; its CPU count where none.
    pub capacity: Option<Capacity>,
    /// Which of its own addresses are announced.
    pub advertise: Advertise,
    /// Own addresses that are never announced.
    pub exclude: Vec<IpNet>,
    /// Where HAProxy's agent-check is answered.
    pub agent: Option<SocketAddr>,
    /// Probes in flight at once, at most.
    pub concurrency: usize,
    /// Overrides `[control] http` for this role.
    pub http: Option<Http>,
    /// Overrides `[control] log` for this role.
    pub log: Option<String>,
    /// `[monitor.service.NAME]`.
    pub services: BTreeMap<ServiceName, MonitorService>,
}
