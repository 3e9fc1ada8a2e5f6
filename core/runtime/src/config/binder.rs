//! `[binder]`: what becomes of the beats.

use std::collections::BTreeMap;
use std::time::Duration;

use rais_proto::name::ServiceName;

use super::bound::BinderService;
use super::control::Http;
use super::dns::DomainName;

/// `[binder]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Binder {
    /// Least time between publications of a zone.
    pub gap: Duration,
    /// Name servers of zones without a header.
    pub ns: Vec<DomainName>,
    /// SOA RNAME of zones without a header.
    pub mailbox: Option<DomainName>,
    /// Overrides `[control] http` for this role.
    pub http: Option<Http>,
    /// Overrides `[control] log` for this role.
    pub log: Option<String>,
    /// `[binder.service.NAME]`.
    pub services: BTreeMap<ServiceName, BinderService>,
}
