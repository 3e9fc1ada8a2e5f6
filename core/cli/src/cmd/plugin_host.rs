//! `rais plugin-host`: this program as the process in which foreign code runs. Started by rais
//! alone, with a socket as its standard input.

use clap::{Args, Subcommand};
use rais_runtime::{conformance, host};

use crate::exit::Stop;

#[derive(Debug, Args)]
pub(crate) struct PluginHostArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Load a library, say what is in it, and be thrown away
    Vet,
    /// Hold one isolated plugin for the rais that started this
    Serve,
    /// Hold one plugin as rais itself would, and see what it does
    Conformance,
}

/// Does the task; nothing that foreign code may not see has been read before.
///
/// # Errors
/// How the process is to end.
pub(crate) fn run(args: &PluginHostArgs) -> Result<(), Stop> {
    Err(Stop::Ended(match args.task {
        Task::Vet => host::vet_child(),
        Task::Serve => host::serve(),
        Task::Conformance => conformance::child(),
    }))
}
