//! `rais plugins list`.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use rais_runtime::config::Asked;
use rais_runtime::control::{Request, Response};
use rais_runtime::host::{Foreign, PluginTold};

use super::find::configured;
use super::host;
use crate::args::Output;
use crate::cmd::socket::SocketArgs;
use crate::exit::Stop;
use crate::output::{self, Format, Side, Table, Tone};

/// Arguments of `rais plugins list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Ask a running rais what its plugins do now
    #[arg(long)]
    running: bool,
    /// Make what the configuration names, and say which plugins it uses; with --running, find the
    /// sockets by it
    #[command(flatten)]
    place: SocketArgs,
    #[command(flatten)]
    output: Output,
}

/// Lists.
///
/// # Errors
/// A configuration that is at fault, nobody who runs.
pub(super) fn run(args: &ListArgs) -> Result<(), Stop> {
    let rows = if args.running { running(&args.place)? } else { found(args.place.config())? };
    if args.output.format == Format::Json {
        return output::json(&rows);
    }
    // One a process: two may hold the same plugin, and hold it otherwise.
    for rows in rows.chunk_by(|one, next| one.role == next.role) {
        if let Some(role) = rows[0].role.as_ref().filter(|_| args.running) {
            output::text(&format!("{}\n", output::bold(role)))?;
        }
        output::text(&table(rows).to_string())?;
    }
    for row in &rows {
        if let Some(why) = &row.why {
            let what = if row.kind.is_empty() { &row.origin } else { &row.name };
            output::error(&output::titled_warning(&format!("{what}: {why}")));
        }
    }
    Ok(())
}

fn found(config: Option<&PathBuf>) -> Result<Vec<PluginTold>, Stop> {
    crate::logging::quiet()?;
    let host = host(Foreign::Apart)?;
    let Some(path) = config else { return Ok(configured(&host, None)?.told()) };
    // Kept until the list is made: what nothing holds is unused.
    let checked = crate::cmd::check::checked(path, Asked::All, &host)?;
    Ok(checked.host.told())
}

fn running(place: &SocketArgs) -> Result<Vec<PluginTold>, Stop> {
    let mut all = Vec::new();
    for (path, response) in place.ask_processes(&Request::Plugins)? {
        match response {
            Response::Plugins { rows } => all.extend(rows),
            other => {
                let path = path.display();
                return Err(Stop::Failed(anyhow!("{path} does not tell its plugins: {other:?}")));
            }
        }
    }
    Ok(all)
}

fn table(rows: &[PluginTold]) -> Table {
    let columns = ["kind", "name", "version", "abi", "origin", "isolation", "state"];
    let mut table = Table::new(&columns.map(|name| (name, Side::Left)));
    for row in rows {
        let tone = match row.state.as_str() {
            "ready" => Tone::Good,
            "unused" => Tone::Faint,
            _ => Tone::Bad,
        };
        let plain = |text: &str| match text {
            "" => ("–".to_owned(), Tone::Faint),
            text => (text.to_owned(), Tone::Plain),
        };
        table.row([
            plain(&row.kind),
            plain(&row.name),
            plain(&row.version),
            plain(&row.abi),
            plain(&row.origin),
            plain(&row.isolation),
            (row.state.clone(), tone),
        ]);
    }
    table
}
