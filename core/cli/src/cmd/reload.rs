//! `rais reload`: a running rais reads its configuration again.

use anyhow::anyhow;
use clap::Args;
use rais_runtime::control::{Request, Response};

use super::socket::SocketArgs;
use crate::exit::Stop;
use crate::output;

/// Arguments of `rais reload`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReloadArgs {
    #[command(flatten)]
    socket: SocketArgs,
}

const EXAMPLES: &str = "\
The new configuration is judged whole, then taken whole or refused whole. Exit code 0 means that it
is in force; 2 that it is refused, its faults told here, and the old one goes on.

Examples:
  rais reload
  rais reload --socket /run/rais/monitor.sock";

/// Has every rais that is found, or the one that is named, reload.
///
/// # Errors
/// Nobody is there; the configuration is refused.
pub(crate) fn run(args: &ReloadArgs) -> Result<(), Stop> {
    let (mut doubts, mut refused) = (Vec::new(), Vec::new());
    for (path, response) in args.socket.ask_processes(&Request::Reload)? {
        match response {
            Response::Reloaded { warnings } => add(&mut doubts, warnings),
            Response::Refused { faults } => add(&mut refused, faults),
            Response::Error { text } => {
                return Err(Stop::Failed(anyhow!("{}: {text}", path.display())));
            }
            _ => {
                return Err(Stop::Failed(anyhow!("{}: another answer than asked", path.display())));
            }
        }
    }
    for doubt in &doubts {
        output::error(&format!("{doubt}\n"));
    }
    if refused.is_empty() {
        return Ok(());
    }
    refused.push("refused whole: the old configuration goes on".to_owned());
    Err(Stop::Said { text: refused.join("\n\n"), code: 2 })
}

/// Two processes of one configuration say the same.
fn add(all: &mut Vec<String>, more: Vec<String>) {
    for text in more {
        if !all.contains(&text) {
            all.push(text);
        }
    }
}
