//! `[monitor]`: what this host announces of itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use rais_proto::heartbeat::Capacity;
use rais_proto::name::ServiceName;

use super::address::Advertise;
use super::control::{self, Http};
use super::section::Section;
use super::service::{self, MonitorService};
use super::value::Value;

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

impl Monitor {
    pub(super) fn read(section: &Section<'_>) -> Monitor {
        let mut monitor = Monitor {
            sample: section.get("sample", Value::duration).unwrap_or(Duration::from_secs(10)),
            capacity: section.get("capacity", service::capacity),
            advertise: section.get("advertise", Advertise::read).unwrap_or(Advertise::Auto),
            exclude: section.get("exclude", |value| value.list(Value::net)).unwrap_or_default(),
            agent: section.get("agent", Value::socket),
            concurrency: section
                .get("concurrency", |value| value.whole(1, 1_000_000))
                .map_or(10_000, |number| number as usize),
            http: section.get("http", Http::read),
            log: section.get("log", control::log),
            services: BTreeMap::new(),
        };
        for (name, place, value) in section.named("service") {
            let name = service::name(name, place, &value);
            let service = MonitorService::read(&value, &monitor);
            if let (Some(name), Some(service)) = (name, service) {
                monitor.services.insert(name, service);
            }
        }
        monitor
    }
}
