//! The rules that are put side by side.

use std::time::Duration;

use rais_proto::load::Load;
use rais_proto::policy::prune::Limits;
use rais_proto::policy::weights::{Constants, Quick, TrimBound};

use crate::bindery::{PaperPrune, Rule};
use crate::scenario::Times;

/// A rule with the numbers that it would have at given times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// No name service: every request by true capacity. The floor.
    Split,
    /// All that live, in turns.
    RoundRobin,
    /// The paper's, with this `max_load`.
    Paper(u32),
    /// Ours at once, with this `max_load` and the usual return band.
    Prune(u32),
    /// Ours for plain zones.
    DutyCycle,
    /// Weights by capacity, and nothing else: no load, no slow start.
    CapacityOnly,
    /// Ours.
    Weights,
    /// The paper's with this `max_load`, on top of the weights.
    PrunedWeights(u32),
}

impl Contender {
    /// The rule where things happen at `times`.
    pub fn rule(self, times: &Times) -> Rule {
        let constants = Constants::usual(times.ttl, times.interval);
        match self {
            Contender::Split => Rule::Split,
            Contender::RoundRobin => Rule::RoundRobin,
            Contender::Paper(max_load) => Rule::PaperPrune(paper(max_load)),
            Contender::Prune(max_load) => Rule::Prune(Limits {
                max_load: percent(max_load),
                return_load: Load::from_hundredths(max_load * 90),
                min_servers: 1,
                max_servers: None,
                interval: times.interval,
            }),
            Contender::DutyCycle => Rule::DutyCycle(constants),
            Contender::CapacityOnly => Rule::Weights(Constants {
                trim_bound: TrimBound::NONE,
                quick: Quick::NONE,
                slow_start: Duration::ZERO,
                ..constants
            }),
            Contender::Weights => Rule::Weights(constants),
            Contender::PrunedWeights(max_load) => Rule::PrunedWeights(constants, paper(max_load)),
        }
    }
}

impl std::fmt::Display for Contender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Contender::Split => f.pad("split"),
            Contender::RoundRobin => f.pad("round robin"),
            Contender::Paper(max_load) => f.pad(&format!("the paper's prune, max {max_load}")),
            Contender::Prune(max_load) => f.pad(&format!("`prune`, max {max_load}")),
            Contender::DutyCycle => f.pad("`duty-cycle`"),
            Contender::CapacityOnly => f.pad("capacity alone"),
            Contender::Weights => f.pad("`weights`"),
            Contender::PrunedWeights(max_load) => {
                f.pad(&format!("the paper's prune, max {max_load}, on `weights`"))
            }
        }
    }
}

fn paper(max_load: u32) -> PaperPrune {
    PaperPrune { max_load: percent(max_load), min_servers: 1 }
}

fn percent(percent: u32) -> Load {
    Load::from_hundredths(percent * 100)
}
