//! Words of the DNS: names, owners, TTLs, balancing schemes.

use std::fmt;

/// An absolute domain name in lower case, without its final dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(Box<str>);

/// An owner in lower case, relative to its zone; `@` is the zone itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerName(Box<str>);

/// A TTL in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ttl(u32);

/// Which addresses an answer gives, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Each first in its turn.
    RoundRobin,
    /// By the binder's weights.
    Weighted,
    /// Any order.
    Random,
    /// The least loaded first.
    LeastLoad,
    /// Always the same order.
    Fixed,
    /// By the client's address.
    ClientHash,
}

impl DomainName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OwnerName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ttl {
    /// Seconds.
    pub const fn as_secs(self) -> u32 {
        self.0
    }
}

impl Scheme {
    /// The word of the configuration and of the header's line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::RoundRobin => "round-robin",
            Scheme::Weighted => "weighted",
            Scheme::Random => "random",
            Scheme::LeastLoad => "least-load",
            Scheme::Fixed => "fixed",
            Scheme::ClientHash => "client-hash",
        }
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
