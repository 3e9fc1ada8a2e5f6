//! `rais plugins`: which plugins there are, and how each is configured.

use std::fmt::Write as _;

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use rais_runtime::config::{Asked, Isolation, Kind};
use rais_runtime::host::{Plugin, PluginHost, PluginRow, Registry};
use serde::Serialize;

use crate::args::Output;
use crate::exit::Stop;
use crate::output::{self, Format, Side, Table, Tone};

/// Arguments of `rais plugins`.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct PluginsArgs {
    #[command(subcommand)]
    command: PluginsCommand,
}

const EXAMPLES: &str = "\
Examples:
  rais plugins list                        every plugin, one a line
  rais plugins list -c rais.toml           the same, and which of them the file uses
  rais plugins sample bind                 what stands below [sink.NAME], to start from
  rais plugins info tcp";

#[derive(Debug, Subcommand)]
enum PluginsCommand {
    /// List every plugin: kind, name, version, ABI, origin, isolation, state
    List(ListArgs),
    /// Show all there is to know of a plugin, its sample included
    Info(InfoArgs),
    /// Print the table that configures a plugin, ready to be changed
    Sample(NameArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Make what this configuration names, and say which plugins it uses
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    config: Option<std::path::PathBuf>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct NameArgs {
    /// The plugin's name: the `type` of a table
    name: String,
    /// Which one, where several kinds have the name
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
}

#[derive(Debug, Args)]
struct InfoArgs {
    #[command(flatten)]
    which: NameArgs,
    #[command(flatten)]
    output: Output,
}

/// A plugin, as JSON.
#[derive(Debug, Serialize)]
struct Row {
    kind: &'static str,
    name: String,
    version: String,
    abi: String,
    origin: String,
    isolation: &'static str,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<&'static str>,
}

/// Shows what was asked for.
///
/// # Errors
/// A plugin that is not there; a configuration that is at fault.
pub(crate) fn run(args: &PluginsArgs) -> Result<(), Stop> {
    match &args.command {
        PluginsCommand::List(args) => list(args),
        PluginsCommand::Info(args) => info(args),
        PluginsCommand::Sample(args) => sample(args),
    }
}

fn list(args: &ListArgs) -> Result<(), Stop> {
    let registry = registry()?;
    let rows: Vec<Row> = match &args.config {
        None => registry.list().into_iter().map(Row::from).collect(),
        Some(path) => {
            crate::logging::quiet()?;
            let host = PluginHost::new(registry).context("the plugins' own thread")?;
            // Kept until the list is made: what nothing holds is unused.
            let _made = super::check::checked(path, Asked::All, &host)?;
            host.list().into_iter().map(Row::from).collect()
        }
    };
    if args.output.format == Format::Json {
        return output::json(&rows);
    }
    let columns = ["kind", "name", "version", "abi", "origin", "isolation", "state"];
    let mut table = Table::new(&columns.map(|name| (name, Side::Left)));
    for row in rows {
        let tone = match row.state.as_str() {
            "ready" => Tone::Good,
            "unused" => Tone::Faint,
            _ => Tone::Bad,
        };
        let plain = |text: String| (text, Tone::Plain);
        table.row([
            plain(row.kind.to_owned()),
            plain(row.name),
            plain(row.version),
            plain(row.abi),
            plain(row.origin),
            plain(row.isolation.to_owned()),
            (row.state, tone),
        ]);
    }
    output::text(&table.to_string())
}

fn info(args: &InfoArgs) -> Result<(), Stop> {
    let registry = registry()?;
    let found = find(&registry, &args.which)?;
    let rows = found.into_iter().map(|plugin| {
        let mut row = Row::from(plugin.row());
        row.sample = Some(plugin.sample());
        row
    });
    let rows: Vec<Row> = rows.collect();
    if args.output.format == Format::Json {
        return output::json(&rows);
    }
    let texts: Vec<String> = rows.iter().map(Row::text).collect();
    output::text(texts.join("\n").trim_end())
}

fn sample(args: &NameArgs) -> Result<(), Stop> {
    let registry = registry()?;
    let found = find(&registry, args)?;
    let titled = found.len() > 1;
    let samples = found.iter().map(|plugin| match titled {
        true => format!("# {} {}\n{}", plugin.kind(), plugin.name(), plugin.sample().trim_end()),
        false => plugin.sample().trim_end().to_owned(),
    });
    let samples: Vec<String> = samples.collect();
    output::text(&samples.join("\n\n"))
}

/// The plugins of that name, of which there is at least one.
fn find<'a>(registry: &'a Registry, args: &NameArgs) -> Result<Vec<&'a Plugin>, Stop> {
    let wanted = |plugin: &&Plugin| {
        plugin.name() == args.name && args.kind.is_none_or(|kind| kind == plugin.kind())
    };
    let found: Vec<&Plugin> = registry.iter().filter(wanted).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let all = registry.iter().map(|plugin| format!("{} {}", plugin.kind(), plugin.name()));
    let all: Vec<String> = all.collect();
    let what = args.kind.map_or("plugin".to_owned(), |kind| format!("{kind} plugin"));
    Err(Stop::Failed(anyhow!("no {what} is called `{}`; there are: {}", args.name, all.join(", "))))
}

pub(super) fn registry() -> Result<Registry, Stop> {
    Ok(Registry::built_in().context("the built-in plugins")?)
}

fn kind(text: &str) -> Result<Kind, String> {
    let mut all = Kind::ALL.into_iter();
    all.find(|kind| kind.as_str() == text)
        .ok_or_else(|| format!("allowed: {}", Kind::ALL.map(Kind::as_str).join(", ")))
}

impl From<PluginRow> for Row {
    fn from(row: PluginRow) -> Row {
        Row {
            kind: row.kind.as_str(),
            name: row.name,
            version: row.version,
            abi: row.abi,
            origin: row.origin.to_string(),
            isolation: match row.isolation {
                Isolation::None => "none",
                Isolation::Process => "process",
            },
            state: row.state.to_string(),
            sample: None,
        }
    }
}

impl Row {
    fn text(&self) -> String {
        let mut text = format!("{} {}\n", self.kind, self.name);
        let lines = [
            ("version", self.version.as_str()),
            ("abi", &self.abi),
            ("origin", &self.origin),
            ("isolation", self.isolation),
            ("state", &self.state),
        ];
        for (name, value) in lines {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:<9}  {value}");
        }
        text.push_str("  sample\n");
        for line in self.sample.unwrap_or_default().lines() {
            let _ = writeln!(text, "    {line}");
        }
        text
    }
}
