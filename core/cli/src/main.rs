//! `rais`: the command line. One file a subcommand, below `cmd`.

mod allocator;
mod args;
mod built_in;
mod cmd;
mod exit;
mod logging;
mod output;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    allocator::keep_little();
    match cmd::run(&args::Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => stop.tell(),
    }
}
