//! What is to be lived through: a fleet, its clients, and what happens to them.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::crowd::Resolvers;

/// One run, but for its rule and its seed.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Units of capacity of each server; four workers each.
    pub units: Vec<u32>,
    /// What the servers say of it.
    pub told: Told,
    /// What is asked for, as a part of what the fleet can do.
    pub demand: f64,
    /// Servers with others on their host, and what part of it these take.
    pub background: Vec<(usize, f64)>,
    /// What clients do.
    pub sessions: Sessions,
    /// Who stands between them and the name server.
    pub resolvers: Resolvers,
    /// How often all that is done that is done again and again.
    pub times: Times,
    /// What happens, by seconds from the start, in order.
    pub plot: Vec<(u64, Turn)>,
    /// So many seconds pass before anything is measured.
    pub warm_up: u64,
    /// So many seconds are measured.
    pub measured: u64,
}

/// What the servers say of their capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// What it is.
    Truly,
    /// One unit, all of them.
    AllAlike,
}

/// What clients do: each asks one server for something so many times.
#[derive(Debug, Clone)]
pub struct Sessions {
    /// Any number of these alike.
    pub requests: RangeInclusive<u32>,
    /// From one request to the next, in the mean.
    pub pause: Duration,
}

/// How often all that is done that is done again and again.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// From one beat of a host to the next.
    pub beat: Duration,
    /// The part of beats that are lost.
    pub beat_loss: f64,
    /// Over this a host's load is the mean; whole seconds.
    pub sample: Duration,
    /// The load timer.
    pub interval: Duration,
    /// Of the answers.
    pub ttl: Duration,
    /// From a death, or a return, to the publication without, or with, the server.
    pub notice: Duration,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Turn {
    /// A server dies, and what it had is lost.
    Death(usize),
    /// It is there again, as quick as it was after so many seconds.
    Return(usize, u64),
    /// From now on so much is asked for.
    Demand(f64),
}

impl Scenario {
    /// `units` at `demand`, as they are without anything special.
    pub fn steady(units: Vec<u32>, demand: f64) -> Scenario {
        Scenario {
            units,
            told: Told::Truly,
            demand,
            background: Vec::new(),
            sessions: Sessions { requests: 1..=60, pause: Duration::from_secs(3) },
            resolvers: Resolvers::default(),
            times: Times::default(),
            plot: Vec::new(),
            warm_up: 1_200,
            measured: 3_600,
        }
    }

    /// How often a server dies.
    pub fn deaths(&self) -> usize {
        self.plot.iter().filter(|(_, turn)| matches!(turn, Turn::Death(_))).count()
    }
}

impl Default for Times {
    fn default() -> Times {
        Times {
            beat: Duration::from_secs(1),
            beat_loss: 0.0,
            sample: Duration::from_secs(10),
            interval: Duration::from_secs(10),
            ttl: Duration::from_secs(10),
            notice: Duration::from_millis(500),
        }
    }
}

/// So many servers of 1 to 4 units, as many of each.
pub fn unequal(count: usize) -> Vec<u32> {
    (1..=4).cycle().take(count).collect()
}
