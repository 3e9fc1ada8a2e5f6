//! `probe` and `load`: one plugin's table each, or several put together.

use std::net::IpAddr;
use std::time::Duration;

use super::plugin::PluginTable;

/// How a service's health is judged.
#[derive(Debug, Clone, PartialEq)]
pub enum Probe {
    /// By one probe.
    One(Call),
    /// Up where all say so.
    All(Vec<Probe>),
    /// Up where one says so.
    Any(Vec<Probe>),
    /// Up where so many say so.
    Of(usize, Vec<Probe>),
}

/// How a service's load is measured.
#[derive(Debug, Clone, PartialEq)]
pub enum LoadRule {
    /// By one load.
    One(Call),
    /// The highest of these.
    Max(Vec<LoadRule>),
    /// The mean of these.
    Mean(Vec<LoadRule>),
}

/// One probe's or load's table: what the core takes of it, and the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What the plugin is given.
    pub table: PluginTable,
    /// Makes the target's socket address.
    pub port: Option<u16>,
    /// Probed in place of the target's own address.
    pub address: Option<IpAddr>,
    /// Of one call; the service's `timeout` where none.
    pub timeout: Option<Duration>,
    /// Its own period.
    pub every: Option<Duration>,
}

impl Probe {
    /// Every probe in it, in the order written.
    pub fn calls(&self) -> Vec<&Call> {
        match self {
            Probe::One(call) => vec![call],
            Probe::All(parts) | Probe::Any(parts) | Probe::Of(_, parts) => {
                parts.iter().flat_map(Probe::calls).collect()
            }
        }
    }
}

impl LoadRule {
    /// Every load in it, in the order written.
    pub fn calls(&self) -> Vec<&Call> {
        match self {
            LoadRule::One(call) => vec![call],
            LoadRule::Max(parts) | LoadRule::Mean(parts) => {
                parts.iter().flat_map(LoadRule::calls).collect()
            }
        }
    }
}
