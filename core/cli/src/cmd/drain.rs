//! `rais drain` and `rais undrain`: an operator takes servers out of the answers, and lets them back.

use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use rais_runtime::control::{Drained, Request, Response};
use serde::Serialize;

use super::socket::SocketArgs;
use crate::args::{Output, duration};
use crate::exit::Stop;
use crate::output::{self, Format, Side, Table, Tone};

/// Arguments of `rais drain`.
#[derive(Debug, Args)]
#[command(after_help = DRAIN_EXAMPLES)]
pub(crate) struct DrainArgs {
    /// A host, a service or an address; `host:NAME` or `service:NAME` where two have one name
    target: String,
    /// When it is over by itself, as in 30m, 12h or 7d
    #[arg(long = "for", value_name = "DURATION", value_parser = time)]
    time: Duration,
    /// Why; whoever asks for the status reads it
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// Also where it leaves a service without addresses
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    socket: SocketArgs,
    #[command(flatten)]
    output: Output,
}

const DRAIN_EXAMPLES: &str = "\
Whoever is drained is out of the answers of this binder, whatever its monitor says and however few are
left; resolvers may still answer from what they have, for the TTL. A second drain of the same takes
the place of the first. Each binder is told on its own.

Examples:
  rais drain web3 --for 30m --reason \"new disk\"       every own address of a host
  rais drain 192.0.2.3 --for 1h --reason \"bad cable\"  one address, in every service
  rais drain www --for 5m --reason moved --force       a whole service: nobody serves it then

Exit code 0 means that it has happened and is published; 1 that it has not, and why.";

/// Arguments of `rais undrain`.
#[derive(Debug, Args)]
#[command(after_help = UNDRAIN_EXAMPLES)]
pub(crate) struct UndrainArgs {
    /// What was drained
    target: String,
    #[command(flatten)]
    socket: SocketArgs,
    #[command(flatten)]
    output: Output,
}

const UNDRAIN_EXAMPLES: &str = "\
Who is up is back in the answers at once; where `react = \"on-timer\"`, at the next update.

Example:
  rais undrain web3";

/// As in the files: longer is a slip.
fn time(text: &str) -> Result<Duration, String> {
    duration(text, 365)
}

/// More is no reason, but a story.
const LONGEST_REASON: usize = 200;

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text {
        "" => Err("a reason is for whoever finds it drained".to_owned()),
        _ if text.chars().count() > LONGEST_REASON => {
            Err(format!("longer than {LONGEST_REASON} characters"))
        }
        _ if text.chars().any(char::is_control) => Err("has control characters".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

/// Drains.
///
/// # Errors
/// Nobody is there, or refuses it; it is not published.
pub(crate) fn drain(args: &DrainArgs) -> Result<(), Stop> {
    let request = Request::Drain {
        target: args.target.clone(),
        time_ms: u64::try_from(args.time.as_millis()).unwrap_or(u64::MAX),
        reason: args.reason.clone(),
        force: args.force,
    };
    ask(&args.socket, &request, args.output.format)
}

/// Ends a drain.
///
/// # Errors
/// As [`drain`].
pub(crate) fn undrain(args: &UndrainArgs) -> Result<(), Stop> {
    let request = Request::Undrain { target: args.target.clone() };
    ask(&args.socket, &request, args.output.format)
}

/// What a binder has done, and where it listens.
#[derive(Serialize)]
struct Told {
    socket: String,
    #[serde(flatten)]
    drained: Drained,
}

fn ask(socket: &SocketArgs, request: &Request, format: Format) -> Result<(), Stop> {
    let mut told = Vec::new();
    for (path, response) in socket.ask_binders(request)? {
        let socket = path.display().to_string();
        match response {
            Response::Drained(drained) => told.push(Told { socket, drained }),
            Response::Error { text } => return Err(Stop::Failed(anyhow!("{socket}: {text}"))),
            _ => return Err(Stop::Failed(anyhow!("{socket}: another answer than asked"))),
        }
    }
    match format {
        Format::Json => output::json(&told)?,
        Format::Human => told.iter().try_for_each(|told| output::text(&text(&told.drained)))?,
    }
    let unpublished: Vec<&str> =
        told.iter().flat_map(|told| &told.drained.unpublished).map(String::as_str).collect();
    match unpublished.as_slice() {
        [] => Ok(()),
        why => Err(Stop::Failed(anyhow!("decided, but not published:\n{}", why.join("\n")))),
    }
}

fn text(drained: &Drained) -> String {
    if drained.places.is_empty() {
        return "it has no address here".to_owned();
    }
    let mut table = Table::new(&[
        ("service", Side::Left),
        ("address", Side::Left),
        ("answer", Side::Left),
        ("why", Side::Left),
        ("reason", Side::Left),
    ]);
    for place in &drained.places {
        let (answer, tone) =
            if place.in_set { ("in", Tone::Good) } else { ("out", Tone::Doubtful) };
        table.row([
            (place.service.clone(), Tone::Plain),
            (place.address.to_string(), Tone::Plain),
            (answer.to_owned(), tone),
            (place.verdict.clone(), Tone::Plain),
            (place.reason.clone(), Tone::Faint),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use rais_runtime::control::DrainedPlace;

    use super::*;

    #[test]
    fn who_is_still_out_is_shown_with_why() {
        let place = DrainedPlace {
            service: "www".to_owned(),
            address: "192.0.2.2".parse().unwrap(),
            in_set: false,
            verdict: "down".to_owned(),
            reason: "connection refused".to_owned(),
        };
        let text = text(&Drained { places: vec![place], unpublished: Vec::new() });
        let text = anstream::adapter::strip_str(&text).to_string();
        let row: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(row, ["www", "192.0.2.2", "out", "down", "connection", "refused"]);
    }

    #[test]
    fn a_reason_is_a_line_that_says_something() {
        assert_eq!(reason(" new disk ").unwrap(), "new disk");
        for wrong in ["", "  ", "a\nb", "\u{1b}[2J"] {
            reason(wrong).unwrap_err();
        }
        reason(&"x".repeat(LONGEST_REASON)).unwrap();
        reason(&"x".repeat(LONGEST_REASON + 1)).unwrap_err();
    }
}
