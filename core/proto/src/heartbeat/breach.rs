//! What a beat says that its key may not say: told of senders whose tag is right.

use std::fmt;
use std::net::IpAddr;

use super::key::KeyId;
use crate::name::{HostName, ServiceName};

/// An authentic beat beyond its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Whose the beat says that it is.
    pub host: HostName,
    /// The key that signed it.
    pub key: KeyId,
    /// Which of the key's limits it is beyond.
    pub limit: Limit,
}

/// A limit of a key, with what is beyond it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// The host itself.
    Host,
    /// One of its services.
    Service(ServiceName),
    /// One of its addresses.
    Address(IpAddr),
    /// Its id, which was heard under this name.
    Id(HostName),
    /// The key vouches for the machine that sends, and the beat came from none of the host's own
    /// addresses.
    Source,
    /// The same, and nobody saw where it came from.
    NoSource,
}

impl Limit {
    /// Whether the same beat may be in order by another way.
    pub(crate) fn is_of_source(&self) -> bool {
        matches!(self, Limit::Source | Limit::NoSource)
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Breach { host, key, limit } = self;
        write!(f, "host `{host}` signs with the key {key}, {limit}")
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Host => write!(f, "which is limited to other hosts"),
            Limit::Service(name) => write!(f, "which may not speak of the service `{name}`"),
            Limit::Address(address) => write!(f, "which may not speak of the address {address}"),
            Limit::Id(name) => {
                write!(f, "which may not speak for `{name}`, under which name its id is known")
            }
            Limit::Source => write!(
                f,
                "which is limited to hosts and to no addresses, so that beats must come from an \
                 address that the host calls its own"
            ),
            Limit::NoSource => write!(
                f,
                "which is limited to hosts and to no addresses, so that beats must come from an \
                 address that the host calls its own, and over this transport nobody sees where they \
                 come from: make a key with addresses (`--allow`)"
            ),
        }
    }
}
