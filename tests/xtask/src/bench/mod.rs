//! What can be measured.

mod day;

use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Bench {
    Day(day::Day),
}

impl Bench {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            Bench::Day(day) => day.run(),
        }
    }
}
