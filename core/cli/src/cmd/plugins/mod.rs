//! `rais plugins`: which plugins there are, and how each is configured.

mod find;
mod info;
mod list;
mod new;
mod test;

use anyhow::Context;
use clap::{Args, Subcommand};
use rais_runtime::host::{Foreign, PluginHost, Registry};

use self::find::NameArgs;
use self::info::InfoArgs;
use self::list::ListArgs;
use self::new::NewArgs;
use self::test::TestArgs;
use crate::exit::Stop;
use crate::output;

/// Arguments of `rais plugins`.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct PluginsArgs {
    #[command(subcommand)]
    command: PluginsCommand,
}

const EXAMPLES: &str = "\
A library's code runs in a process of its own here, whatever the configuration says.

Examples:
  rais plugins list                        every plugin, one a line
  rais plugins list -c rais.toml           the same with the file's libraries, and which it uses
  rais plugins list --running              those of a running rais, and what they do now
  rais plugins sample bind                 what stands below [sink.NAME], to start from
  rais plugins info ./libprobe_redis.so    every key of its plugins
  rais plugins test ./libprobe_redis.so    do they do as they should?";

#[derive(Debug, Subcommand)]
enum PluginsCommand {
    /// List every plugin: kind, name, version, ABI, origin, isolation, state
    List(ListArgs),
    /// Show all there is to know of a plugin: every key with its type and default, a sample
    Info(InfoArgs),
    /// Print the table that configures a plugin, ready to be changed
    Sample(NameArgs),
    /// Make a crate to start a plugin from
    New(NewArgs),
    /// Try whether a library's plugins do as they should, isolated and not
    Test(TestArgs),
}

/// Shows what was asked for.
///
/// # Errors
/// A plugin that is not there; a configuration that is at fault.
pub(crate) fn run(args: &PluginsArgs) -> Result<(), Stop> {
    match &args.command {
        PluginsCommand::List(args) => list::run(args),
        PluginsCommand::Info(args) => info::run(args),
        PluginsCommand::Sample(args) => sample(args),
        PluginsCommand::New(args) => new::run(args),
        PluginsCommand::Test(args) => test::run(args),
    }
}

fn sample(args: &NameArgs) -> Result<(), Stop> {
    let host = args.host()?;
    let found = args.find(host.registry())?;
    let titled = found.len() > 1;
    let samples = found.iter().map(|plugin| match titled {
        true => format!("# {} {}\n{}", plugin.kind(), plugin.name(), plugin.sample().trim_end()),
        false => plugin.sample().trim_end().to_owned(),
    });
    let samples: Vec<String> = samples.collect();
    output::text(&samples.join("\n\n"))
}

/// A host of the built-in plugins.
///
/// # Errors
/// No thread to be had.
pub(super) fn host(foreign: Foreign) -> Result<PluginHost, Stop> {
    let registry = Registry::built_in().context("the built-in plugins")?;
    Ok(PluginHost::new(registry, foreign).context("the plugins' own thread")?)
}
