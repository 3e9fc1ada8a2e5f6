//! What an operator can drain, and what it is called.

use std::fmt;
use std::net::IpAddr;

use super::Binder;
use super::service::Service;
use crate::heartbeat::Claim;
use crate::name::{HostId, ServiceName, ZoneName};
use crate::policy::AddressSet;

/// What is drained.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DrainTarget {
    /// Every own address of a host, in every service.
    Host(HostId),
    /// Every address of a service.
    Service(ServiceName),
    /// An address, in every service.
    Address(IpAddr),
}

/// Why a word names nothing that can be drained.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetFault {
    /// Nothing here is called so; these are the names that there are.
    Unknown {
        /// Every host and service.
        names: Vec<String>,
    },
    /// It is a zone, and these services are in it.
    Zone {
        /// In order.
        services: Vec<ServiceName>,
    },
    /// Several are.
    Ambiguous {
        /// Each in a word that names it alone.
        meant: Vec<String>,
    },
}

impl fmt::Display for TargetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TargetFault::Unknown { .. } => f.write_str(
                "no host, service or address here is called so; names of targets are known to \
                     their monitors alone, here they have their addresses",
            ),
            TargetFault::Zone { services } => {
                let names: Vec<String> = services.iter().map(|name| format!("`{name}`")).collect();
                write!(f, "it is a zone; what is drained is a service of it: {}", names.join(", "))
            }
            TargetFault::Ambiguous { meant } => {
                write!(f, "it may mean {}", meant.join(" or "))
            }
        }
    }
}

impl std::error::Error for TargetFault {}

/// Tells a host from a service of the same name.
const HOST: &str = "host:";
const SERVICE: &str = "service:";

impl DrainTarget {
    /// Which addresses of `service` it is over.
    pub(super) fn addresses_of(&self, service: &Service) -> AddressSet {
        match self {
            DrainTarget::Host(host) => service.table.own_addresses(*host).collect(),
            DrainTarget::Service(name) if *name == service.name => service.addresses(),
            DrainTarget::Service(_) => AddressSet::new(),
            DrainTarget::Address(one) => {
                Some(*one).filter(|&address| service.knows(address)).into_iter().collect()
            }
        }
    }

    /// Whether `word` names it, whatever else is known of it.
    pub(super) fn is_called(&self, word: &str) -> bool {
        let (prefix, name) = match self {
            DrainTarget::Host(id) => (HOST, id.to_string()),
            DrainTarget::Service(name) => (SERVICE, name.to_string()),
            DrainTarget::Address(address) => ("", address.to_string()),
        };
        word == name || word.strip_prefix(prefix).is_some_and(|rest| rest == name)
    }

    /// Whether it is over `address` of `service`.
    pub(super) fn has(&self, service: &Service, address: IpAddr) -> bool {
        match self {
            DrainTarget::Host(host) => service.table.claim_of(*host, address, Claim::Own).is_some(),
            DrainTarget::Service(name) => *name == service.name,
            DrainTarget::Address(one) => *one == address,
        }
    }
}

impl Binder {
    /// What a person means by `word`: an address, a service, the name or id of a host;
    /// `service:NAME` and `host:NAME` where two have one name.
    ///
    /// # Errors
    /// Nothing here is called so, or several are.
    pub fn target_called(&self, word: &str) -> Result<DrainTarget, TargetFault> {
        if let Ok(address) = word.parse() {
            let is_known = self.services.iter().any(|service| service.knows(address));
            return match is_known {
                true => Ok(DrainTarget::Address(address)),
                false => Err(self.unknown()),
            };
        }
        let (hosts, services) = match (word.strip_prefix(HOST), word.strip_prefix(SERVICE)) {
            (Some(name), _) => (self.hosts_called(name), None),
            (None, Some(name)) => (Vec::new(), self.service_called(name)),
            (None, None) => (self.hosts_called(word), self.service_called(word)),
        };
        match (hosts.as_slice(), services) {
            ([], None) => match self.zone_called(word) {
                services if services.is_empty() => Err(self.unknown()),
                services => Err(TargetFault::Zone { services }),
            },
            ([], Some(service)) => Ok(DrainTarget::Service(service)),
            ([host], None) => Ok(DrainTarget::Host(*host)),
            (hosts, service) => {
                let service = service.map(|name| format!("{SERVICE}{name}"));
                let hosts = hosts.iter().map(|id| format!("{HOST}{id}"));
                Err(TargetFault::Ambiguous { meant: service.into_iter().chain(hosts).collect() })
            }
        }
    }

    /// The drain that stands under `word`: by what it is called, or by what status shows of it where
    /// nothing is known of that any more.
    ///
    /// # Errors
    /// As [`Binder::target_called`].
    pub fn drain_called(&self, word: &str) -> Result<DrainTarget, TargetFault> {
        self.target_called(word).or_else(|fault| self.drains.called(word).ok_or(fault))
    }

    fn hosts_called(&self, name: &str) -> Vec<HostId> {
        let is_called = |id: HostId, its: &str| its == name || id.to_string() == name;
        let called = self.peers.iter().filter(|(id, peer)| is_called(*id, peer.name.as_str()));
        called.map(|(id, _)| id).collect()
    }

    fn service_called(&self, name: &str) -> Option<ServiceName> {
        let mut services = self.services.iter().map(|service| &service.name);
        services.find(|its| its.as_str() == name).cloned()
    }

    /// The services of the zone of that name.
    fn zone_called(&self, name: &str) -> Vec<ServiceName> {
        let Ok(zone) = name.parse::<ZoneName>() else { return Vec::new() };
        let of_zone = self.services.iter().filter(|service| service.policy.zone == zone);
        of_zone.map(|service| service.name.clone()).collect()
    }

    /// Which addresses `host` watches, where it has none of its own in any service.
    pub(super) fn watched_only(&self, host: HostId) -> AddressSet {
        let mut tables = self.services.iter().map(|service| &service.table);
        if tables.clone().any(|table| table.own_addresses(host).next().is_some()) {
            return AddressSet::new();
        }
        tables.by_ref().flat_map(|table| table.watched_addresses(host)).collect()
    }

    fn unknown(&self) -> TargetFault {
        let hosts = self.peers.iter().map(|(_, peer)| peer.name.to_string());
        let services = self.services.iter().map(|service| service.name.to_string());
        TargetFault::Unknown { names: hosts.chain(services).collect() }
    }
}
