//! `[binder]`: what becomes of the beats.

use std::collections::BTreeMap;
use std::time::Duration;

use rais_proto::name::ServiceName;
use rais_zone::ZoneName;

use super::bound::BinderService;
use super::control::{self, Http};
use super::dns;
use super::fault::Notes;
use super::section::Section;
use super::value::Value;

/// `[binder]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Binder {
    /// Least time between publications of a zone.
    pub gap: Duration,
    /// Name servers of zones without a header.
    pub ns: Vec<ZoneName>,
    /// SOA RNAME of zones without a header.
    pub mailbox: Option<String>,
    /// Overrides `[control] http` for this role.
    pub http: Option<Http>,
    /// Overrides `[control] log` for this role.
    pub log: Option<String>,
    /// Whether something was wrong with it: then more than that need not follow from it.
    pub(super) is_at_fault: bool,
    /// `[binder.service.NAME]`.
    pub services: BTreeMap<ServiceName, BinderService>,
}

impl Binder {
    /// All but the services, which need the zones.
    pub(super) fn read(section: &Section<'_>, notes: &Notes) -> Binder {
        let mut binder = Binder {
            gap: section.get("gap", Value::duration).unwrap_or(Duration::from_millis(100)),
            ns: section.get("ns", |value| value.some(dns::domain)).unwrap_or_default(),
            mailbox: section.get("mailbox", dns::mailbox),
            http: section.get("http", Http::read),
            log: section.get("log", control::log),
            is_at_fault: false,
            services: BTreeMap::new(),
        };
        binder.is_at_fault = notes.has_below("binder");
        binder
    }

    pub(super) fn ns_text(&self) -> Vec<&str> {
        self.ns.iter().map(ZoneName::as_str).collect()
    }
}
