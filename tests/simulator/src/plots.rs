//! The plots of docs/explanation/balance.md.

use std::time::Duration;

use rais_proto::policy::weights::Constants;

use crate::bindery::Rule;
use crate::catalogue;
use crate::contender::Contender;
use crate::measure::BIN;
use crate::plot::{Axis, Chart, Line, Scale};
use crate::report::{HELD_OUT, summarize};
use crate::scenario::{Scenario, Told, Turn, unequal};
use crate::world::trace;

/// Each plot and its file.
pub fn all() -> [(&'static str, Chart); 4] {
    [
        ("balance-rules.svg", rules()),
        ("balance-drops.svg", drops()),
        ("balance-learning.svg", learning()),
        ("balance-return.svg", returning()),
    ]
}

/// One seed is as good as another for a picture.
const SEED: u64 = *HELD_OUT.start();

/// The highest load over the mean, as time goes on.
fn rules() -> Chart {
    let scenario = Scenario { measured: 1_800, ..catalogue::twenty() };
    let line = |who: Contender| {
        let (_, loads) = trace(&scenario, who.rule(&scenario.times), SEED);
        let points = loads.iter().enumerate().map(|(bin, loads)| {
            let highest = loads.iter().copied().fold(0.0, f64::max);
            (minutes(bin), highest / scenario.demand)
        });
        Line { name: plain(who), points: points.collect() }
    };
    use Contender::{CapacityOnly, Paper, Prune, RoundRobin, Split, Weights};
    let rules = [Split, RoundRobin, Paper(60), Prune(80), CapacityOnly, Weights];
    Chart {
        title: "20 servers of 1 to 4 × capacity at 80 %: highest offered load over the mean".into(),
        x: Axis { name: "minutes", ticks: steps(0.0, 30.0, 5.0), scale: Scale::Linear },
        y: Axis { name: "highest ÷ mean", ticks: steps(1.0, 3.5, 0.5), scale: Scale::Linear },
        lines: rules.map(line).to_vec(),
    }
}

/// How much is dropped, by demand.
fn drops() -> Chart {
    let demands = [0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];
    let line = |(who, name): (Contender, &str)| {
        let point = |demand: f64| {
            let mut scenario = catalogue::steady(demand);
            if who == Contender::DutyCycle {
                scenario = catalogue::quick(scenario);
            }
            (demand * 100.0, summarize(&scenario, who, HELD_OUT).mean.dropped * 100.0)
        };
        Line { name: name.to_owned(), points: demands.map(point).to_vec() }
    };
    let rules = [
        (Contender::Split, "split"),
        (Contender::RoundRobin, "round robin"),
        (Contender::Paper(60), "paper's prune, max 60"),
        (Contender::Prune(80), "prune, max 80"),
        (Contender::DutyCycle, "duty-cycle, every 2 s"),
        (Contender::CapacityOnly, "capacity alone"),
        (Contender::Weights, "weights"),
    ];
    Chart {
        title: "24 servers of 1 to 4 × capacity: requests dropped".into(),
        x: Axis {
            name: "demand, % of the fleet",
            ticks: steps(40.0, 95.0, 5.0),
            scale: Scale::Linear,
        },
        y: Axis {
            name: "% dropped",
            ticks: vec![0.0001, 0.001, 0.01, 0.1, 1.0, 10.0, 100.0],
            scale: Scale::Logarithmic,
        },
        lines: rules.map(line).to_vec(),
    }
}

/// Loads from the first minute on where all say that they can do the same.
fn learning() -> Chart {
    let scenario = Scenario {
        told: Told::AllAlike,
        warm_up: 0,
        measured: 5_400,
        ..Scenario::steady(unequal(24), 0.65)
    };
    let (_, loads) = trace(&scenario, Contender::Weights.rule(&scenario.times), SEED);
    let of = |size: u32| {
        let servers: Vec<usize> =
            (0..scenario.units.len()).filter(|&server| scenario.units[server] == size).collect();
        let mean = move |loads: &Vec<f64>| {
            servers.iter().map(|&server| loads[server]).sum::<f64>() / servers.len() as f64
        };
        let points =
            loads.iter().enumerate().map(|(bin, loads)| (minutes(bin), mean(loads) * 100.0));
        let s = if size == 1 { "" } else { "s" };
        Line { name: format!("6 servers of {size} unit{s}"), points: points.collect() }
    };
    Chart {
        title: "All say they can do the same: what weights learn".into(),
        x: Axis {
            name: "minutes from the start",
            ticks: steps(0.0, 90.0, 10.0),
            scale: Scale::Linear,
        },
        y: Axis { name: "offered load, %", ticks: steps(0.0, 175.0, 25.0), scale: Scale::Linear },
        lines: (1..=4).map(of).collect(),
    }
}

/// One server's load around its return, over the fleet's.
fn returning() -> Chart {
    let mut scenario = Scenario { measured: 900, ..catalogue::steady(0.75) };
    let at = scenario.warm_up + 60;
    scenario.plot = vec![(at, Turn::Death(5)), (at + 240, Turn::Return(5, 60))];
    let line = |(name, change): (&str, fn(&mut Constants))| {
        let mut rule = Contender::Weights.rule(&scenario.times);
        if let Rule::Weights(constants) = &mut rule {
            change(constants);
        }
        let runs: Vec<Vec<Vec<f64>>> =
            HELD_OUT.map(|seed| trace(&scenario, rule, seed).1).collect();
        let bins = runs.iter().map(Vec::len).min().unwrap_or_default();
        let point = |bin: usize| {
            let load = runs.iter().map(|run| run[bin][5]).sum::<f64>() / runs.len() as f64;
            (minutes(bin) - 5.0, load / scenario.demand)
        };
        Line { name: name.to_owned(), points: (0..bins).map(point).collect() }
    };
    Chart {
        title: "A server of two units dies and returns cold".into(),
        x: Axis {
            name: "minutes after its return",
            ticks: steps(-5.0, 10.0, 1.0),
            scale: Scale::Linear,
        },
        y: Axis {
            name: "its load ÷ the fleet's",
            ticks: steps(0.0, 2.0, 0.25),
            scale: Scale::Linear,
        },
        lines: [
            line(("as it is", |_| {})),
            line(("its low load believed", |constants| {
                constants.settle = Duration::ZERO;
            })),
            line(("… and no slow start", |constants| {
                constants.settle = Duration::ZERO;
                constants.slow_start = Duration::ZERO;
            })),
        ]
        .to_vec(),
    }
}

fn minutes(bin: usize) -> f64 {
    (bin as f64 + 0.5) * BIN as f64 / 60.0
}

fn steps(from: f64, to: f64, by: f64) -> Vec<f64> {
    (0..=((to - from) / by).round() as usize).map(|step| from + by * step as f64).collect()
}

/// Without the marks of Markdown.
fn plain(who: Contender) -> String {
    who.to_string().replace('`', "").replace("the paper's", "paper's")
}
