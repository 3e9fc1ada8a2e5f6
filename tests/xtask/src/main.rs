//! Benchmarks and chores: `cargo xtask --help`.

mod bench;
/// The model that the virtual-time tests of the core play with.
#[path = "../../../core/proto/tests/site/model/mod.rs"]
mod model;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use rais_runtime::host;

/// Benchmarks and chores of rais.
///
/// Built in release, so that its figures are those of what ships. Nothing is measured against a
/// limit: a figure is for people to compare with the last one.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
#[command(after_help = "Examples:\n  \
    cargo xtask bench day                a day of the paper's site, 100 hosts\n  \
    cargo xtask bench day --hosts 1000   how it grows\n  \
    cargo xtask bench detection          how soon a failure is told, by real processes\n  \
    cargo xtask bench probes             3,000 HTTP probes a second\n  \
    cargo xtask bench idle               a monitor of ten services, beside node_exporter\n  \
    cargo xtask bench publish            how soon what is decided is served\n  \
    cargo xtask bench dns                the name server, beside others\n  \
    cargo xtask bench changes            10,000 changes under dnsperf\n  \
    cargo xtask bench secondaries        how soon other servers have a change\n  \
    cargo xtask bench attacks            the name server under attack\n  \
    cargo xtask bench flood              a binder under junk and replays\n  \
    cargo xtask bench spread             real servers of 1, 2 and 4 workers, by weights and by turns\n  \
    cargo xtask bench plugins            a plugin built in, loaded and isolated, side by side\n  \
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
    /// Be the process of a library's trial or of an isolated plugin, as `rais plugin-host` is
    #[command(hide = true)]
    PluginHost { task: String },
    /// Be the server that the probes of a bench ask
    #[command(hide = true)]
    Pages { ports: u16, interval_ms: u64 },
    /// Be the servers of a host of a bench, one a port
    #[command(hide = true)]
    Works { workers: usize, ports: Vec<u16> },
}

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().task {
        Task::Bench(bench) => bench.run().map(|()| ExitCode::SUCCESS),
        Task::PluginHost { task } => match task.as_str() {
            "vet" => Ok(host::vet_child()),
            "serve" => Ok(host::serve()),
            other => anyhow::bail!("no such task: {other}"),
        },
        Task::Pages { ports, interval_ms } => {
            bench::pages::serve(ports, Duration::from_millis(interval_ms))?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Works { workers, ports } => {
            bench::spread::works::serve(workers, &ports)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
