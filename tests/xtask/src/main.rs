//! Benchmarks and chores: `cargo xtask --help`.

mod bench;
/// The model that the virtual-time tests of the core play with.
#[path = "../../../core/proto/tests/site/model/mod.rs"]
mod model;

use clap::{Parser, Subcommand};

/// Benchmarks and chores of rais.
///
/// Built in release, so that its figures are those of what ships. Nothing is measured against a
/// limit: a figure is for people to compare with the last one.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
#[command(after_help = "Examples:\n  \
    cargo xtask bench day                a day of the paper's site, 100 hosts\n  \
    cargo xtask bench day --hosts 1000   how it grows\n  \
    cargo xtask help bench day           what is played, and every option")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measures something and prints a table.
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Bench(bench) => bench.run(),
    }
}
