//! `rais demo`: the main job with nothing configured. The three servers of the paper's Fig. 2 as
//! real HTTP servers on loopback addresses, a monitor beside each, and a binder.

mod child;
mod command;
mod folder;
mod keys;
mod recipe;
mod screen;
mod script;
mod server;
mod show;
mod site;
mod story;
mod table;
mod view;
mod watch;
mod which;

use std::time::Duration;

use clap::{Args, Subcommand};

use self::command::Order;
pub(crate) use self::server::{ServerArgs, serve};
use self::which::Which;
use crate::args::duration;
use crate::exit::Stop;

/// Arguments of `rais demo`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct DemoArgs {
    /// End after so long, as in 20s; web2 is killed and revived on the way
    #[arg(long = "for", value_name = "DURATION", value_parser = length)]
    length: Option<Duration>,
    #[command(subcommand)]
    command: Option<DemoCommand>,
}

const EXAMPLES: &str = "\
Examples:
  rais demo                  until q or Ctrl-C; the keys 1, 2 and 3 kill and revive a server
  rais demo --for 20s        ends by itself
  rais demo kill web2        from a second terminal; returns when web2 is out of the answers
  rais demo revive web2      the same until it is back

Everything runs on loopback addresses and in a folder of its own, and is gone afterwards.
Without a terminal every change is a line, and web2 is killed and revived once.";

#[derive(Debug, Subcommand)]
enum DemoCommand {
    /// Kill a server of the running demo, and wait until it is out of the answers
    Kill(Server),
    /// Start a killed server again, and wait until it is back in the answers
    Revive(Server),
}

#[derive(Debug, Args)]
struct Server {
    /// Which server
    #[arg(value_enum)]
    server: Which,
}

/// Runs a demo, or speaks to one that runs.
///
/// # Errors
/// What could not be started, or did not happen.
pub(crate) fn run(args: &DemoArgs) -> Result<(), Stop> {
    match &args.command {
        None => show::run(args.length),
        Some(DemoCommand::Kill(args)) => command::send(Order::Kill(args.server)),
        Some(DemoCommand::Revive(args)) => command::send(Order::Revive(args.server)),
    }
}

/// A demo of more than a day is a slip.
fn length(text: &str) -> Result<Duration, String> {
    duration(text, 1)
}
