//! The tables and plots of docs/explanation/balance.md, and single runs.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use rais_simulator::contender::Contender;
use rais_simulator::report::{HELD_OUT, Summary, summarize};
use rais_simulator::tables::Table;
use rais_simulator::{catalogue, plots};

/// Servers, resolvers and sessions in virtual time, around the product's own rules of balance.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the page's tables, or one of them.
    Table {
        /// `rules`, `paper`, `goals`, `eleven`, `single`, `limits`, `pairs` or `prune`
        which: Option<String>,
    },
    /// Draw the page's plots.
    Plots {
        /// Where to.
        #[arg(default_value = "docs/explanation")]
        folder: PathBuf,
    },
    /// Live through one scenario under some rules.
    Run {
        /// Its name; none that there is lists all.
        scenario: String,
        /// `split`, `robin`, `paper:60`, `prune:80`, `duty`, `capacity`, `weights`, `both:60`
        #[arg(required = true)]
        rules: Vec<String>,
        /// The first and the last seed.
        #[arg(long, num_args = 2, default_values_t = [*HELD_OUT.start(), *HELD_OUT.end()])]
        seeds: Vec<u64>,
    },
}

fn main() -> anyhow::Result<()> {
    match Args::parse().command {
        Command::Table { which } => print_tables(which.as_deref()),
        Command::Plots { folder } => {
            for (name, chart) in plots::all() {
                let file = folder.join(name);
                std::fs::write(&file, chart.svg()).with_context(|| file.display().to_string())?;
            }
            Ok(())
        }
        Command::Run { scenario, rules, seeds } => run(&scenario, &rules, seeds[0]..=seeds[1]),
    }
}

fn print_tables(which: Option<&str>) -> anyhow::Result<()> {
    let name = |table: &Table| format!("{table:?}").to_lowercase();
    let wanted: Vec<Table> =
        Table::ALL.into_iter().filter(|table| which.is_none_or(|w| w == name(table))).collect();
    if wanted.is_empty() {
        bail!(
            "there is no such table: {}",
            Table::ALL.iter().map(name).collect::<Vec<_>>().join(", ")
        );
    }
    for table in wanted {
        println!("{}", table.text());
    }
    Ok(())
}

fn run(scenario: &str, rules: &[String], seeds: RangeInclusive<u64>) -> anyhow::Result<()> {
    let Some(named) = catalogue::named(scenario) else {
        let all: Vec<String> =
            catalogue::all().map(|one| format!("  {}: {}", one.name, one.about)).collect();
        bail!("there is no scenario {scenario}; there are\n{}", all.join("\n"));
    };
    println!("{}: {}", named.name, named.about);
    println!(
        "rule         imbal. lasting swing   p99 ms  dropped  (worst)   sets/h publ/h  peak nobody"
    );
    for rule in rules {
        let Summary { mean, worst } = summarize(&named.scenario, contender(rule)?, seeds.clone());
        println!(
            "{rule:12} {:6.3} {:7.3} {:5.3} {:8.0} {:8.4} {:8.4} % {:8.1} {:6.1} {:5.2} {:6.1}",
            mean.imbalance,
            mean.lasting_imbalance,
            mean.swing,
            mean.p99_ms,
            mean.dropped * 100.0,
            worst.dropped * 100.0,
            mean.set_changes,
            mean.publications,
            mean.peak_of_returned,
            mean.nobody,
        );
    }
    Ok(())
}

fn contender(text: &str) -> anyhow::Result<Contender> {
    let (name, max_load) = text.split_once(':').unwrap_or((text, "60"));
    let max_load = max_load.parse().with_context(|| format!("{text}: a max_load in percent"))?;
    Ok(match name {
        "split" => Contender::Split,
        "robin" => Contender::RoundRobin,
        "paper" => Contender::Paper(max_load),
        "prune" => Contender::Prune(max_load),
        "duty" => Contender::DutyCycle,
        "capacity" => Contender::CapacityOnly,
        "weights" => Contender::Weights,
        "both" => Contender::PrunedWeights(max_load),
        _ => bail!("there is no rule {name}"),
    })
}
