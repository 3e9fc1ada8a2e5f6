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
use crate::exit::Stop;

/// Arguments of `rais demo`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct DemoArgs {
    /// End after so long, as in 20s; web2 is killed and revived on the way
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
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

/// A whole number and its unit.
fn duration(text: &str) -> Result<Duration, String> {
    let allowed = "allowed: a whole number and one of ms, s, m, h, from 1ms to 24h, as in 20s";
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(allowed.to_owned()),
    };
    let duration = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(millis));
    let duration = duration.map(Duration::from_millis);
    let fits = |duration: &Duration| {
        (Duration::from_millis(1)..=Duration::from_secs(86_400)).contains(duration)
    };
    duration.filter(fits).ok_or_else(|| allowed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("24h"), Ok(Duration::from_secs(86_400)));
        for wrong in ["", "20", "s", "0s", "-1s", "1.5s", "25h", "20 s", "99999999999999999999h"] {
            duration(wrong).unwrap_err();
        }
    }
}
