//! What can be measured.

mod day;
mod plugins;

use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Bench {
    Day(day::Day),
    Plugins(plugins::Plugins),
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Bench::Day(day) => day.run(),
            Bench::Plugins(plugins) => plugins.run(),
        }
    }
}
