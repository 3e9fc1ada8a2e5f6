//! The subcommands.

pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod drain;
pub(crate) mod import;
pub(crate) mod key;
pub(crate) mod plugin_host;
pub(crate) mod plugins;
pub(crate) mod probe;
pub(crate) mod reload;
pub(crate) mod run;
mod socket;
pub(crate) mod status;
mod status_text;
mod worst_case;

use rais_runtime::config::{Asked, Role};

use crate::args::Command;
use crate::exit::Stop;

/// Does what was asked.
///
/// # Errors
/// Why it could not be done.
pub(crate) fn run(command: &Command) -> Result<(), Stop> {
    match command {
        Command::Run(args) => run::run(args, Asked::All),
        Command::Monitor(args) => run::run(args, Asked::Only(Role::Monitor)),
        Command::Binder(args) => run::run(args, Asked::Only(Role::Binder)),
        Command::Check(args) => check::run(args),
        Command::Plugins(args) => plugins::run(args),
        Command::PluginHost(args) => plugin_host::run(args),
        Command::Probe(args) => probe::run(args),
        Command::Status(args) => status::run(args),
        Command::Drain(args) => drain::drain(args),
        Command::Undrain(args) => drain::undrain(args),
        Command::Reload(args) => reload::run(args),
        Command::Key(args) => key::run(args),
        Command::Import(args) => import::run(args),
        Command::Demo(args) => demo::run(args),
        Command::DemoServer(args) => demo::serve(args),
    }
}
