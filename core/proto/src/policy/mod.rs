//! The binder's judgement: from where each address stands to who is in the answers.
//!
//! Each rule is a pure function of what it is given; [`crate::binder`] keeps what must be kept.

pub mod at_once;
pub mod none_left;
pub mod paper;
pub mod prune;
pub mod silence;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::heartbeat::State;
use crate::load::Load;
use crate::name::ZoneName;

/// The addresses of a service that are in the answers.
pub type AddressSet = BTreeSet<IpAddr>;

/// How one service is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct ServicePolicy {
    /// Where its addresses go.
    pub zone: ZoneName,
    /// When it is judged.
    pub react: React,
    /// The load timer; the paper's update interval.
    pub interval: Duration,
    /// Prune above it.
    pub max_load: Option<Load>,
    /// At once: who was pruned returns at it or below; none: at `max_load`.
    pub return_load: Option<Load>,
    /// Overloaded members come back to reach it, dead ones never.
    pub min_servers: MinServers,
    /// What stands where nobody is left.
    pub when_none: WhenNone,
    /// How long silent members are held after a mass silence.
    pub hold: Duration,
    /// Ranges the service may hold; empty for all.
    pub allow: Vec<IpNet>,
}

impl ServicePolicy {
    /// Whether the service may hold `address`.
    pub fn allows(&self, address: IpAddr) -> bool {
        self.allow.is_empty() || self.allow.iter().any(|net| net.contains(&address))
    }

    /// By what load is judged where `known` addresses are known and not drained; none where it
    /// takes nobody out.
    pub fn load_limits(&self, known: usize) -> Option<prune::Limits> {
        let max_load = self.max_load?;
        Some(prune::Limits {
            max_load,
            return_load: self.return_load.unwrap_or(max_load),
            min_servers: self.min_servers.of(known),
            interval: self.interval,
        })
    }
}

/// When a service is judged, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum React {
    /// At every event, by the table of the design's section 7.
    AtOnce,
    /// At the service's timer, by the paper's algorithm (Figs. 5, 6).
    OnTimer,
}

/// The least number of addresses that load may leave in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinServers {
    /// So many.
    Count(u32),
    /// Percent of the known, not drained addresses, rounded up.
    Percent(u8),
}

impl MinServers {
    /// In addresses, where `known` are known and not drained.
    pub fn of(self, known: usize) -> usize {
        match self {
            MinServers::Count(count) => count as usize,
            MinServers::Percent(percent) => (known * usize::from(percent)).div_ceil(100),
        }
    }
}

/// What stands where no member is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenNone {
    /// The last set that was not empty.
    Hold,
    /// All that are known and not drained.
    All,
    /// Nothing.
    Empty,
}

/// Why an address is in the answers, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// In: live.
    In,
    /// In, though not heard yet: it was there before this binder started listening.
    Stored,
    /// In, though silent: too many went silent at once.
    Held,
    /// In, as everything was when the binder went deaf.
    Frozen,
    /// In, since nobody is left: `when_none`.
    LastResort,
    /// Out: explicitly down, in maintenance or gone.
    Out(State),
    /// Out: silent for its `expire`.
    Expired,
    /// Out until its second beat since a silence.
    Reviving,
    /// Out: to be left alone.
    Draining,
    /// Out: no beat that says up within the period (the paper's rule).
    Unheard,
    /// Out: its load is above `max_load`.
    Pruned,
    /// In from the next judgement: heard within this period (the paper's rule).
    Awaiting,
}

impl Verdict {
    /// In one word, as in status and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::In => "in",
            Verdict::Stored => "stored",
            Verdict::Held => "held",
            Verdict::Frozen => "frozen",
            Verdict::LastResort => "last-resort",
            Verdict::Out(state) => state.as_str(),
            Verdict::Expired => "expired",
            Verdict::Reviving => "reviving",
            Verdict::Draining => "draining",
            Verdict::Unheard => "unheard",
            Verdict::Pruned => "pruned",
            Verdict::Awaiting => "awaiting",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One judgement: the set, and why each known address is in it or not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// Who is in.
    pub set: AddressSet,
    /// Every address that is known or in.
    pub verdicts: BTreeMap<IpAddr, Verdict>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_up() {
        assert_eq!(MinServers::Percent(50).of(3), 2);
        assert_eq!(MinServers::Percent(50).of(0), 0);
        assert_eq!(MinServers::Count(2).of(100), 2);
    }
}
