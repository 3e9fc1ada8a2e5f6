//! `[binder.service.NAME]`: by which rule a service's addresses stand in its zone.

use std::time::Duration;

use ipnet::IpNet;
use rais_proto::load::Load;
use rais_proto::name::ZoneName;

use super::dns::{OwnerName, Scheme, Ttl};

/// `[binder.service.NAME]`, every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct BinderService {
    /// Where its addresses go.
    pub zone: ZoneName,
    /// Under which names there, at least one, none twice.
    pub owners: Vec<OwnerName>,
    /// When it decides.
    pub react: React,
    /// The load timer; on-timer: the update interval.
    pub interval: Duration,
    /// Pruned (or alarmed) above it.
    pub max_load: Option<Load>,
    /// Overloaded addresses come back to reach it.
    pub min_servers: MinServers,
    /// How load is spread.
    pub balance: Balance,
    /// Return band of prune.
    pub return_load: Option<Load>,
    /// Constants of the weights.
    pub weights: Weights,
    /// Fewer live than that percentage: all known and not drained.
    pub panic: Option<Percent>,
    /// What is published where nobody is left.
    pub when_none: WhenNone,
    /// How long silent members are held after a mass silence.
    pub hold: Duration,
    /// The least loaded so many.
    pub max_servers: Option<u32>,
    /// How long a weight ramps up after a return.
    pub slow_start: Duration,
    /// The first tier with a candidate serves; none written: one tier of all.
    pub tiers: Vec<Vec<IpNet>>,
    /// Address ranges that the service may hold; none written: all.
    pub allow: Option<Vec<IpNet>>,
    /// What several watchers of one address must say.
    pub watch: Watch,
    /// How answers are put together, the zone's where not written.
    pub scheme: Scheme,
    /// Of its addresses, the zone's where not written.
    pub ttl: Ttl,
}

/// When a service's set is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum React {
    /// On every event.
    AtOnce,
    /// By the paper, at the end of every `interval`.
    OnTimer,
}

/// How many addresses load may not take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinServers {
    /// So many; from 1.
    Count(u32),
    /// So many of the known and not drained, rounded up.
    Percent(Percent),
}

/// 1–100 percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

/// How load is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// By weights in the answers.
    Weights,
    /// By taking the overloaded out.
    Prune,
    /// By turns in the set.
    DutyCycle,
    /// Not.
    None,
}

/// `weights = { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Of the loads; 10 s, or none for prune, where not written.
    pub smoothing: Option<Duration>,
    /// Of the slow correction; by rule where not written.
    pub trim_time: Option<Duration>,
    /// The correction's bound: from 1/bound to bound.
    pub trim_bound: f64,
    /// The quick correction's power, below 1.
    pub quick: f64,
}

/// What is published where nobody is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenNone {
    /// The last set that was not empty.
    Hold,
    /// All known and not drained.
    All,
    /// Nothing.
    Empty,
}

/// What several watchers of one address must say for it to be up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// One of them.
    Any,
    /// Most of them.
    Majority,
}

impl Percent {
    /// 1–100; none outside.
    pub fn new(percent: u8) -> Option<Percent> {
        (1..=100).contains(&percent).then_some(Percent(percent))
    }

    /// Percent.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl BinderService {
    /// The load above which an address is pruned; none where load takes none away.
    pub fn prune_above(&self) -> Option<Load> {
        self.max_load.filter(|_| self.balance == Balance::Prune)
    }
}
