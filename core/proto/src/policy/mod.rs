//! The binder's judgement: from where each address stands to who is in the answers.
//!
//! Each rule is a pure function of what it is given; [`crate::binder`] keeps what must be kept.

mod address_set;
pub mod at_once;
pub mod cut;
pub mod drained;
pub mod duty_cycle;
pub mod none_left;
pub mod panic;
pub mod paper;
pub mod prune;
pub mod silence;
pub mod tiers;
mod verdicts;
pub mod weights;

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;

use crate::heartbeat::State;
use crate::load::Load;
use crate::name::ZoneName;
use crate::table::Watch;

pub use address_set::AddressSet;
pub(crate) use address_set::Ascending;
pub use verdicts::Verdicts;

/// How one service is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct ServicePolicy {
    /// Where its addresses go.
    pub zone: ZoneName,
    /// When it is judged.
    pub react: React,
    /// The load timer; the paper's update interval.
    pub interval: Duration,
    /// How load is spread.
    pub balance: Balance,
    /// Prune above it; where load takes nobody out, somebody should look above it.
    pub max_load: Option<Load>,
    /// At once: who was pruned returns at it or below; none: at `max_load`.
    pub return_load: Option<Load>,
    /// Overloaded members come back to reach it, dead ones never.
    pub min_servers: MinServers,
    /// Fewer live than that: all that are known and not drained.
    pub panic: Option<Percent>,
    /// The first with a candidate serves; what is in none of them is the last. None for one of all.
    pub tiers: Vec<Vec<IpNet>>,
    /// No more than these.
    pub max_servers: Option<NonZeroU32>,
    /// What stands where nobody is left.
    pub when_none: WhenNone,
    /// How long silent members are held after a mass silence.
    pub hold: Duration,
    /// What several watchers of one address must say for it to be up.
    pub watch: Watch,
    /// Ranges the service may hold; empty for all.
    pub allow: Vec<IpNet>,
}

impl ServicePolicy {
    /// Where nothing is said but the zone (config.md). It prunes once there is a `max_load`.
    pub fn usual(zone: ZoneName) -> ServicePolicy {
        ServicePolicy {
            zone,
            react: React::AtOnce,
            interval: Duration::from_secs(10),
            balance: Balance::Prune,
            max_load: None,
            return_load: None,
            min_servers: MinServers::Count(1),
            panic: None,
            tiers: Vec::new(),
            max_servers: None,
            when_none: WhenNone::Hold,
            hold: Duration::from_secs(300),
            watch: Watch::Any,
            allow: Vec::new(),
        }
    }

    /// Whether the service may hold `address`.
    pub fn allows(&self, address: IpAddr) -> bool {
        self.allow.is_empty() || self.allow.iter().any(|net| net.contains(&address))
    }

    /// The load above which an address is taken out; none where load takes none out.
    pub fn prune_above(&self) -> Option<Load> {
        self.max_load.filter(|_| self.balance == Balance::Prune)
    }

    /// Whether anything is done at the load timer.
    pub fn has_load_timer(&self) -> bool {
        self.prune_above().is_some()
            || self.max_servers.is_some()
            || self.balance.constants().is_some()
    }

    /// By what load is judged where `known` addresses are known and not drained; none where it
    /// takes nobody out.
    pub fn load_limits(&self, known: usize) -> Option<prune::Limits> {
        let max_load = self.prune_above()?;
        Some(prune::Limits {
            max_load,
            return_load: self.return_load.unwrap_or(max_load),
            min_servers: self.min_servers.of(known),
            max_servers: self.max_servers,
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

/// How load is spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Balance {
    /// Not.
    None,
    /// By taking the overloaded out.
    Prune,
    /// By weights in the answers; health alone says who is in.
    Weights(weights::Constants),
    /// By turns in the set.
    DutyCycle(weights::Constants),
}

impl Balance {
    /// By what weights are made, where they are.
    pub fn constants(&self) -> Option<&weights::Constants> {
        match self {
            Balance::Weights(constants) | Balance::DutyCycle(constants) => Some(constants),
            Balance::None | Balance::Prune => None,
        }
    }
}

/// A share of a service's addresses that are known and not drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(pub u8);

impl Percent {
    /// In addresses, rounded up, where `known` are known and not drained.
    pub fn of(self, known: usize) -> usize {
        (known * usize::from(self.0)).div_ceil(100)
    }
}

/// The least number of addresses that load may leave in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinServers {
    /// So many.
    Count(u32),
    /// Such a share.
    Percent(Percent),
}

impl MinServers {
    /// In addresses, where `known` are known and not drained.
    pub fn of(self, known: usize) -> usize {
        match self {
            MinServers::Count(count) => count as usize,
            MinServers::Percent(percent) => percent.of(known),
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
    /// In, since too few are live: `panic`.
    Panic,
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
    /// Out: a tier before its own has a candidate.
    LowerTier,
    /// Out: its load is above `max_load`.
    Pruned,
    /// Out until its next turn (`balance = "duty-cycle"`).
    OffDuty,
    /// Out: `max_servers` others are in.
    Surplus,
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
            Verdict::Panic => "panic",
            Verdict::LastResort => "last-resort",
            Verdict::Out(state) => state.as_str(),
            Verdict::Expired => "expired",
            Verdict::Reviving => "reviving",
            Verdict::Draining => "draining",
            Verdict::Unheard => "unheard",
            Verdict::LowerTier => "lower-tier",
            Verdict::Pruned => "pruned",
            Verdict::OffDuty => "off-duty",
            Verdict::Surplus => "surplus",
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
    pub verdicts: Verdicts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_up() {
        assert_eq!(MinServers::Percent(Percent(50)).of(3), 2);
        assert_eq!(Percent(50).of(0), 0);
        assert_eq!(Percent(1).of(1), 1);
        assert_eq!(MinServers::Count(2).of(100), 2);
    }
}
