//! `rais status`: what a running rais knows.

use std::io::{IsTerminal, stdout};
use std::thread::sleep;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use rais_runtime::control::{Request, Response};
use rais_runtime::status::Status;

use super::socket::SocketArgs;
use super::status_text;
use crate::args::Output;
use crate::exit::Stop;
use crate::output::{self, Format};

/// Arguments of `rais status`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    socket: SocketArgs,
    /// Show it again every second, until interrupted
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Without --socket every role that runs is asked. JSON is a list with one object a role.

Examples:
  rais status
  rais status --watch
  rais status --socket /run/rais/binder.sock --output json";

/// Between two looks of `--watch`.
const PAUSE: Duration = Duration::from_secs(1);
/// Clears what is seen of the terminal and starts at its top; what was scrolled away stays.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

/// Shows it, once or again and again.
///
/// # Errors
/// Nobody is there, or does not answer.
pub(crate) fn run(args: &StatusArgs) -> Result<(), Stop> {
    if !args.watch {
        let found = found(args)?;
        return match args.output.format {
            Format::Json => output::json(&found),
            Format::Human => output::text(&status_text::all(&found)),
        };
    }
    let redraw = stdout().is_terminal() && args.output.format == Format::Human;
    loop {
        // One that is being restarted is back at one of the next looks.
        match (found(args), args.output.format) {
            (Ok(found), Format::Json) => output::json_line(&found)?,
            (Ok(found), Format::Human) if redraw => {
                output::text(&frame(&status_text::all(&found)))?;
            }
            (Ok(found), Format::Human) => output::text(&status_text::all(&found))?,
            (Err(Stop::Failed(why)), _) => {
                output::error(&output::titled_error(&format!("{why:#}")));
            }
            (Err(stop), _) => return Err(stop),
        }
        sleep(PAUSE);
    }
}

/// One look on a terminal.
fn frame(text: &str) -> String {
    format!("{CLEAR}{text}")
}

fn found(args: &StatusArgs) -> Result<Vec<Status>, Stop> {
    let answers = args.socket.ask(&Request::Status)?;
    let status = answers.into_iter().map(|(path, response)| match response {
        Response::Status(status) => Ok(*status),
        Response::Error { text } => Err(Stop::Failed(anyhow!("{}: {text}", path.display()))),
        _ => Err(Stop::Failed(anyhow!("{}: another answer than asked", path.display()))),
    });
    status.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_leaves_what_was_scrolled_away() {
        let shown = frame("status");
        assert!(shown.starts_with("\u{1b}[H\u{1b}[J") && shown.ends_with("status"), "{shown:?}");
        // ED 3 erases the scrollback (xterm's control sequences), ED 2 moves a screen into it with some.
        assert!(!shown.contains("[3J") && !shown.contains("[2J"), "{shown:?}");
    }
}
