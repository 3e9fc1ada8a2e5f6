//! The command line as it is typed. Each subcommand's own arguments stand beside it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::cmd::{
    check, demo, drain, import, key, plugin_host, plugins, probe, reload, run, status,
};
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
    /// Leave a host, a service or an address alone for a while
    Drain(drain::DrainArgs),
    /// Leave it alone no longer
    Undrain(drain::UndrainArgs),
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

/// A whole number and its unit, from 1 ms to `most` days.
pub(crate) fn duration(text: &str, most: u32) -> Result<Duration, String> {
    let longest = Duration::from_secs(86_400) * most;
    let allowed = || {
        let days = if most == 1 { "24h".to_owned() } else { format!("{most}d") };
        format!("allowed: a whole number and one of ms, s, m, h, d, from 1ms to {days}, as in 20s")
    };
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(allowed()),
    };
    let duration = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(millis));
    let duration = duration.map(Duration::from_millis);
    let fits = |duration: &Duration| (Duration::from_millis(1)..=longest).contains(duration);
    duration.filter(fits).ok_or_else(allowed)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        let of_a_day = |text| duration(text, 1);
        assert_eq!(of_a_day("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(of_a_day("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(of_a_day("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(of_a_day("24h"), Ok(Duration::from_secs(86_400)));
        for wrong in ["", "20", "s", "0s", "-1s", "1.5s", "25h", "20 s", "99999999999999999999h"] {
            of_a_day(wrong).unwrap_err();
        }
        assert_eq!(duration("7d", 365), Ok(Duration::from_secs(7 * 86_400)));
        assert!(duration("366d", 365).unwrap_err().contains("365d"));
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
