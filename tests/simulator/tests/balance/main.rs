//! What we hold ourselves to: docs/explanation/balance.md has the same figures, measured longer.
//!
//! Seeds are those that nothing was chosen by. `RAIS_TEST_LONG=1` takes eight of them and an hour
//! of each run; else it is two and half an hour.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod goals;
mod page;
mod prune;
mod traps;

use rais_simulator::contender::Contender;
use rais_simulator::measure::Outcome;
use rais_simulator::report::{HELD_OUT, Summary, summarize};
use rais_simulator::scenario::Scenario;

/// Whether the full counts are asked for.
fn is_long() -> bool {
    std::env::var("RAIS_TEST_LONG").is_ok_and(|long| long == "1")
}

/// What came of it, over seeds.
fn over_seeds(scenario: &Scenario, who: Contender) -> Summary {
    let first = *HELD_OUT.start();
    if is_long() {
        return summarize(scenario, who, first..=first + 7);
    }
    let measured = if scenario.plot.is_empty() { 1_800 } else { scenario.measured };
    summarize(&Scenario { measured, ..scenario.clone() }, who, first..=first + 1)
}

fn means(scenario: &Scenario, who: Contender) -> Outcome {
    over_seeds(scenario, who).mean
}

/// A figure, and the most that it may be.
#[track_caller]
fn at_most(what: &str, figure: f64, most: f64) {
    assert!(figure <= most, "{what}: {figure} is more than {most}");
}

#[track_caller]
fn at_least(what: &str, figure: f64, least: f64) {
    assert!(figure >= least, "{what}: {figure} is less than {least}");
}

const PERCENT: f64 = 0.01;
