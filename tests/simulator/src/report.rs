//! Several seeds of one run, put together.

use std::ops::RangeInclusive;

use crate::contender::Contender;
use crate::measure::Outcome;
use crate::scenario::Scenario;
use crate::world::run;

/// Seeds that constants were chosen by.
pub const TUNING: RangeInclusive<u64> = 1..=9;
/// Seeds that nothing was chosen by: what is claimed is shown on these.
pub const HELD_OUT: RangeInclusive<u64> = 101..=104;

/// What came out over some seeds.
#[derive(Debug, Clone, Copy)]
pub struct Summary {
    /// The mean of every figure.
    pub mean: Outcome,
    /// The largest of every figure.
    pub worst: Outcome,
}

/// Lives through `scenario` once with each of `seeds`, on all the machine's cores.
pub fn summarize(scenario: &Scenario, who: Contender, seeds: RangeInclusive<u64>) -> Summary {
    let rule = who.rule(&scenario.times);
    let seeds: Vec<u64> = seeds.collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut outcomes = Vec::with_capacity(seeds.len());
    for some in seeds.chunks(cores) {
        std::thread::scope(|scope| {
            let runs: Vec<_> =
                some.iter().map(|&seed| scope.spawn(move || run(scenario, rule, seed))).collect();
            // A run that panicked has said why, and is missing in the count.
            outcomes.extend(runs.into_iter().filter_map(|run| run.join().ok()));
        });
    }
    assert_eq!(outcomes.len(), seeds.len(), "a run failed");
    let count = outcomes.len() as f64;
    Summary {
        mean: Outcome::together(&outcomes, |values| values.sum::<f64>() / count),
        worst: Outcome::together(&outcomes, |values| values.fold(0.0, f64::max)),
    }
}
