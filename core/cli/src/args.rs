//! The command line as it is typed. Each subcommand's own arguments stand beside it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::cmd::{check, demo, import, key, plugin_host, plugins, probe, reload, run, status};
use crate::output::Format;

/// Keeps dead and overloaded servers out of the DNS answers.
///
/// A monitor on every server's host probes its services and sends heartbeats; a binder beside
/// every name server turns them into zones.
#[derive(Debug, Parser)]
#[command(name = "rais", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  rais check -c rais.toml       is the configuration sound, and how fast would it react?
  rais probe -c rais.toml       what do its probes and loads say now?
  rais run -c rais.toml         do what the file configures until SIGTERM
  rais status                   who is in the zones, and who is not and why

Exit codes: 0 done, 1 it failed, 2 usage or configuration.
RAIS_LOG=debug, or a filter as in RAIS_LOG=info,rais_runtime=debug, overrides the log's level.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take the roles that the file configures, until SIGTERM
    Run(run::RunArgs),
    /// Be a monitor: probe this host's services and announce them
    Monitor(run::RunArgs),
    /// Be a binder: hear monitors and publish zones
    Binder(run::RunArgs),
    /// Judge a configuration as a start would, and start nothing
    Check(check::CheckArgs),
    /// Show the plugins there are
    Plugins(plugins::PluginsArgs),
    /// Run each probe and load of a configuration once, and send nothing
    Probe(probe::ProbeArgs),
    /// Show what a running rais knows
    Status(status::StatusArgs),
    /// Have a running rais read its configuration again
    Reload(reload::ReloadArgs),
    /// Make and list the keys that beats are signed with
    Key(key::KeyArgs),
    /// Turn the configuration files of EP 0 817 020 (Figs. 7 to 9) into one of ours
    Import(import::ImportArgs),
    /// Show the main job with nothing configured: three servers, one is killed, one comes back
    Demo(demo::DemoArgs),
    /// The process in which foreign code runs
    #[command(hide = true)]
    PluginHost(plugin_host::PluginHostArgs),
    /// A server of the demo
    #[command(hide = true)]
    DemoServer(demo::ServerArgs),
}

/// Which configuration.
#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration; `conf.d/*.toml` beside it is read after it
    #[arg(short = 'c', long = "config", value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(crate) path: PathBuf,
}

/// Where the configuration is looked for.
pub(crate) const DEFAULT_CONFIG: &str = "/etc/rais/rais.toml";

/// For whom the output is.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// A table for people, or JSON for programs
    #[arg(long = "output", value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) format: Format,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
