//! The tables of docs/explanation/balance.md, in Markdown.

use std::fmt::Write;

use crate::catalogue::{self, eleven};
use crate::contender::Contender;
use crate::report::{HELD_OUT, Summary, summarize};
use crate::scenario::Scenario;

/// One of the page's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// All rules side by side.
    Rules,
    /// What we hold ourselves to.
    Goals,
    /// The eleven scenarios.
    Eleven,
    /// What lies outside.
    Limits,
    /// What the death of one of two leaves to clients.
    Pairs,
    /// The paper's rule at the paper's own times.
    Paper,
    /// All rules where nobody stays with a server.
    Single,
    /// How `prune` does in fleets of several shapes.
    Prune,
}

impl Table {
    /// All of them, in the page's order.
    pub const ALL: [Table; 8] = [
        Table::Rules,
        Table::Paper,
        Table::Goals,
        Table::Eleven,
        Table::Single,
        Table::Limits,
        Table::Pairs,
        Table::Prune,
    ];

    /// The table, its heading first. Takes a minute or so.
    pub fn text(self) -> String {
        match self {
            Table::Rules => rules(),
            Table::Goals => goals(),
            Table::Eleven => the_eleven(),
            Table::Limits => limits(),
            Table::Pairs => pairs(),
            Table::Paper => papers_times(),
            Table::Single => single(),
            Table::Prune => prune(),
        }
    }
}

fn of(scenario: &Scenario, who: Contender) -> Summary {
    summarize(scenario, who, HELD_OUT)
}

fn rules() -> String {
    use Contender::{CapacityOnly, DutyCycle, Paper, Prune, RoundRobin, Split, Weights};
    let usual = catalogue::twenty();
    let quick = catalogue::quick(catalogue::twenty());
    let rows = [
        (Split, &usual, ""),
        (RoundRobin, &usual, ""),
        (Paper(60), &usual, ""),
        (Paper(80), &usual, ""),
        (Paper(80), &quick, ", every 2 s"),
        (Prune(80), &usual, ""),
        (Prune(80), &quick, ", every 2 s"),
        (DutyCycle, &usual, ""),
        (DutyCycle, &quick, ", every 2 s"),
        (CapacityOnly, &usual, ""),
        (Weights, &usual, ""),
    ];
    let mut text = String::from(
        "| rule | imbalance | lasting | p99 ms | dropped | set changes an hour | publications an hour |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (who, scenario, times) in rows {
        let Summary { mean, .. } = of(scenario, who);
        let _ = writeln!(
            text,
            "| {who}{times} | {:.2} | {:.3} | {:.0} | {} | {:.0} | {:.0} |",
            mean.imbalance,
            mean.lasting_imbalance,
            mean.p99_ms,
            percent(mean.dropped),
            mean.set_changes,
            mean.publications,
        );
    }
    text
}

fn goals() -> String {
    let mut text = String::from(
        "| | goal | `weights` | round robin | split |\n\
         |---|---|---|---|---|\n",
    );
    let mut row =
        |what: &str, goal: &str, scenario: &Scenario, show: &dyn Fn(&Summary) -> String| {
            let [ours, robin, split] =
                [Contender::Weights, Contender::RoundRobin, Contender::Split]
                    .map(|who| show(&of(scenario, who)));
            let _ = writeln!(text, "| {what} | {goal} | {ours} | {robin} | {split} |");
        };
    let imbalances =
        |s: &Summary| format!("{:.3} / {:.3}", s.mean.imbalance, s.mean.lasting_imbalance);
    let dropped = |s: &Summary| percent(s.mean.dropped);
    let imbalance_and_dropped =
        |s: &Summary| format!("{:.3}; {}", s.mean.imbalance, percent(s.mean.dropped));
    let against_split = |scenario: &Scenario| {
        let split = of(scenario, Contender::Split).mean.p99_ms;
        move |s: &Summary| format!("{:.2}; {}", s.mean.p99_ms / split, percent(s.mean.dropped))
    };
    let steady = catalogue::steady(0.75);
    row(
        "24 servers of 1 to 4 ×, 75 %: imbalance / lasting",
        "≤ 1.20 / ≤ 1.03",
        &steady,
        &imbalances,
    );
    row("the same: p99 ÷ split; dropped", "≤ 1.15; ≤ .01 %", &steady, &against_split(&steady));
    let busy = catalogue::steady(0.85);
    row("85 %: imbalance / lasting", "≤ 1.20 / –", &busy, &imbalances);
    row("the same: p99 ÷ split; dropped", "≤ 3; ≤ .05 %", &busy, &against_split(&busy));
    row(
        "told alike, 65 %: imbalance; dropped",
        "≤ 1.22; ≤ .01 %",
        &catalogue::told_alike(),
        &imbalance_and_dropped,
    );
    row(
        "others take 40 % of 5 of 24, 65 %: dropped",
        "≤ .05 %",
        &catalogue::background(),
        &dropped,
    );
    row(
        "sessions of one request, 75 %: imbalance; dropped",
        "≤ 1.45; ≤ .25 %",
        &catalogue::one_request(),
        &imbalance_and_dropped,
    );
    row("every resolver keeps for 300 s: swing", "≤ .2", &catalogue::stubborn(), &|s| {
        format!("{:.3}", s.mean.swing)
    });
    row("returned cold: peak ÷ mean", "≤ 1.3", &catalogue::cold_return(), &|s| {
        format!("{:.2}", s.mean.peak_of_returned)
    });
    row("the same: requests that found no server", "0", &catalogue::cold_return(), &|s| {
        format!("{:.0}", s.worst.nobody)
    });
    row("set changes an hour in steady load", "0", &steady, &|s| {
        format!("{:.0}", s.worst.set_changes)
    });
    text
}

fn the_eleven() -> String {
    let mut text = String::from(
        "| scenario | split | round robin | capacity alone | `duty-cycle`, every 2 s | `weights` | imbalance of `weights` |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let mut worst = [0.0_f64; 5];
    for named in eleven() {
        use Contender::{CapacityOnly, DutyCycle, RoundRobin, Split, Weights};
        // The duty cycle at the times that it is for.
        let quick = catalogue::quick(named.scenario.clone());
        let all = [Split, RoundRobin, CapacityOnly, DutyCycle, Weights]
            .map(|who| of(if who == DutyCycle { &quick } else { &named.scenario }, who));
        let drops = all.map(|summary| summary.mean.dropped);
        worst.iter_mut().zip(drops).for_each(|(worst, drop)| *worst = worst.max(drop));
        let imbalance = all.last().map_or(0.0, |ours| ours.mean.imbalance);
        let drops = drops.map(percent).join(" | ");
        let _ = writeln!(text, "| {}: {} | {drops} | {imbalance:.2} |", named.name, named.about);
    }
    let _ = writeln!(text, "| the worst | {} | |", worst.map(percent).join(" | "));
    text
}

/// What the table of limits shows.
pub const BEYOND: [&str; 5] = ["heavy", "two-hundred", "ttl-60", "ttl-300", "half-gone"];

fn limits() -> String {
    let mut text = String::from(
        "| scenario | imbalance: round robin | capacity alone | `weights` | dropped: round robin | capacity alone | `weights` |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for name in BEYOND {
        let Some(named) = catalogue::named(name) else { continue };
        use Contender::{CapacityOnly, RoundRobin, Weights};
        let all = [RoundRobin, CapacityOnly, Weights].map(|who| of(&named.scenario, who).mean);
        let _ = writeln!(
            text,
            "| {name}: {} | {} | {} |",
            named.about,
            all.map(|mean| format!("{:.2}", mean.imbalance)).join(" | "),
            all.map(|mean| percent(mean.dropped)).join(" | "),
        );
    }
    text
}

fn single() -> String {
    use Contender::{CapacityOnly, DutyCycle, Paper, Prune, RoundRobin, Weights};
    let usual = catalogue::one_request();
    let quick = catalogue::quick(catalogue::one_request());
    let mut text = String::from(
        "| rule | dropped: judged every 10 s | every 2 s |\n\
         |---|---|---|\n",
    );
    for who in [CapacityOnly, Weights, DutyCycle, Prune(80), Prune(95), Paper(80), RoundRobin] {
        let [usual, quick] =
            [&usual, &quick].map(|scenario| percent(of(scenario, who).mean.dropped));
        let _ = writeln!(text, "| {who} | {usual} | {quick} |");
    }
    text
}

fn pairs() -> String {
    let mut text = String::from(
        "| two servers, of which one dies | round robin | capacity alone | `weights` |\n\
         |---|---|---|---|\n",
    );
    for named in catalogue::pairs() {
        use Contender::{CapacityOnly, RoundRobin, Weights};
        let deaths = named.scenario.deaths() as f64;
        let nobody = [RoundRobin, CapacityOnly, Weights]
            .map(|who| format!("{:.1}", of(&named.scenario, who).mean.nobody / deaths))
            .join(" | ");
        let _ = writeln!(text, "| {} | {nobody} |", named.about);
    }
    text
}

fn papers_times() -> String {
    let mut text = String::from(
        "| demand | rule | imbalance | lasting | p99 ms | dropped | set changes an hour |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for demand in [0.6, 0.8] {
        for who in [Contender::RoundRobin, Contender::Paper(60), Contender::Paper(90)] {
            let Summary { mean, .. } = of(&catalogue::paper_times(demand), who);
            let _ = writeln!(
                text,
                "| {:.0} % | {who} | {:.2} | {:.3} | {:.0} | {} | {:.0} |",
                demand * 100.0,
                mean.imbalance,
                mean.lasting_imbalance,
                mean.p99_ms,
                percent(mean.dropped),
                mean.set_changes,
            );
        }
    }
    text
}

/// Fleets of several shapes, by what people call them.
pub fn shapes() -> [(&'static str, Vec<u32>); 4] {
    [
        ("24 alike", vec![2; 24]),
        ("4 alike", vec![2; 4]),
        ("24 of 1 to 4 ×", crate::scenario::unequal(24)),
        ("4 of 1 to 4 ×", vec![1, 2, 3, 4]),
    ]
}

fn prune() -> String {
    let demands = [0.4, 0.6, 0.75, 0.85, 0.95];
    let mut text = String::from("| fleet, `max_load` |");
    for demand in demands {
        let _ = write!(text, " at {:.0} % |", demand * 100.0);
    }
    text.push_str("\n|---|---|---|---|---|---|\n");
    for (shape, units) in shapes() {
        for max_load in [80, 95] {
            let _ = write!(text, "| {shape}, {max_load} |");
            for demand in demands {
                let scenario = Scenario::steady(units.clone(), demand);
                let mean = of(&scenario, Contender::Prune(max_load)).mean;
                let _ = write!(text, " {:.0}; {} |", mean.set_changes, percent(mean.dropped));
            }
            text.push('\n');
        }
    }
    text
}

/// With as many digits as say something: drops lie far apart.
fn percent(part: f64) -> String {
    match part * 100.0 {
        0.0 => "0".to_owned(),
        percent if percent < 0.0001 => "< .0001 %".to_owned(),
        percent if percent < 0.1 => {
            let digits = (1.0 - percent.log10().floor()).max(2.0) as usize;
            format!("{percent:.digits$} %").trim_start_matches('0').to_owned()
        }
        percent if percent < 1.0 => format!("{percent:.2} %").trim_start_matches('0').to_owned(),
        percent => format!("{percent:.1} %"),
    }
}
