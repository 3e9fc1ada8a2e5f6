//! One probe plugin in the three places where it can run, side by side in one run.

mod black_hole;
mod calls;
mod place;
mod start;

use std::process::Command;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::place::Place;

/// Measures the probe `tcp` built in, loaded from its library, and isolated in a process.
///
/// Calls: a connect to a listener of this process, one after the other and with many under way.
/// Start: what a library costs until its first answer. Black hole: probes of an address that never
/// answers, all at once; not one may come out up. Each figure is taken in a process of its own.
///
/// The goals: 10,000 probes into a black hole with a timeout of 2 s in 2.5 s, on at most 8 threads
/// and in at most 40 MB.
#[derive(Args)]
pub(crate) struct Plugins {
    /// Calls of each kind
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..))]
    calls: u32,
    /// Probes into the black hole
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=25_000))]
    probes: u32,
    /// One figure alone, as JSON: what this task runs itself as
    #[arg(long, hide = true)]
    part: Option<Part>,
    /// For which place
    #[arg(long, hide = true, default_value = "built-in")]
    place: Place,
}

/// What is measured in a process of its own.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Part {
    Calls,
    Start,
    BlackHole,
}

impl Plugins {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.part {
            Some(Part::Calls) => print(&calls::measure(self.place, self.calls)?),
            Some(Part::Start) => print(&start::measure(self.place)?),
            Some(Part::BlackHole) => print(&black_hole::measure(self.place, self.probes)?),
            None => self.all(),
        }
    }

    fn all(&self) -> anyhow::Result<()> {
        build()?;
        println!(
            "probe tcp, {} calls of each kind, {} probes into a black hole, timeout 2 s",
            self.calls, self.probes
        );
        let mut rows = vec![Vec::from(["", "built-in", "loaded", "isolated"].map(str::to_owned))];
        self.part(Part::Start, &mut rows, start::Start::rows)?;
        self.part(Part::Calls, &mut rows, calls::Calls::rows)?;
        self.part(Part::BlackHole, &mut rows, black_hole::BlackHole::rows)?;
        for row in rows {
            let (what, values) = row.split_first().context("a row")?;
            let values: String = values.iter().map(|value| format!("{value:>14}")).collect();
            println!("  {what:<34}{values}");
        }
        Ok(())
    }

    /// Adds the rows of a part, a column for each place.
    fn part<T: DeserializeOwned>(
        &self,
        part: Part,
        rows: &mut Vec<Vec<String>>,
        told: fn(&T) -> Vec<(&'static str, String)>,
    ) -> anyhow::Result<()> {
        let first = rows.len();
        for place in Place::value_variants() {
            let measured: T = self.apart(part, *place)?;
            for (at, (what, value)) in told(&measured).into_iter().enumerate() {
                if rows.len() == first + at {
                    rows.push(vec![what.to_owned()]);
                }
                rows[first + at].push(value);
            }
        }
        Ok(())
    }

    fn apart<T: DeserializeOwned>(&self, part: Part, place: Place) -> anyhow::Result<T> {
        let name = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
            value().map_or_else(String::new, |value| value.get_name().to_owned())
        };
        let run = Command::new(std::env::current_exe()?)
            .args(["bench", "plugins", "--calls", &self.calls.to_string()])
            .args(["--probes", &self.probes.to_string()])
            .args(["--part", &name(&|| part.to_possible_value())])
            .args(["--place", &name(&|| place.to_possible_value())])
            .output()?;
        if !run.status.success() {
            bail!("{part:?} {place:?}: {}", String::from_utf8_lossy(&run.stderr));
        }
        Ok(serde_json::from_slice(&run.stdout)?)
    }
}

fn print(measured: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(measured)?);
    Ok(())
}

/// The library, in the profile of this task.
fn build() -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--package", "rais-plugin-probe-tcp"])
        .status()?;
    if built.success() { Ok(()) } else { bail!("the library does not build") }
}
