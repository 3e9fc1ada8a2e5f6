//! `[zone."NAME"]`: what is around the bound addresses and where it goes.

use std::path::PathBuf;

use super::dns::{DomainName, Scheme, Ttl};

/// `[zone."NAME"]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// The fixed part.
    pub head: Head,
    /// Name of the zone file, `{zone}` filled in.
    pub file: String,
    /// Of bound addresses.
    pub ttl: Ttl,
    /// How answers are put together: the key, else the header's line, else round robin.
    pub scheme: Scheme,
    /// Most addresses in one answer.
    pub max_addresses: MaxAddresses,
    /// Names of `[sink.NAME]`, at least one, none twice.
    pub sinks: Vec<String>,
}

/// The fixed part of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// Kept byte for byte but for the SOA serial.
    File(HeaderFile),
    /// Made from `[binder] ns` and `mailbox`.
    Synthesised {
        /// Names of the name servers, at least one.
        ns: Vec<DomainName>,
        /// The SOA's RNAME.
        mailbox: DomainName,
    },
    /// None: the zone is somebody else's and its sinks send updates only.
    Foreign,
}

/// A header as it was read and found sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderFile {
    /// Where it was read.
    pub path: PathBuf,
    /// The whole of it.
    pub text: String,
}

/// Most addresses in one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxAddresses {
    /// IPv4.
    pub a: u16,
    /// IPv6.
    pub aaaa: u16,
}
