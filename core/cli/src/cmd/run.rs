//! `rais run`, `monitor` and `binder`: until SIGTERM.

use std::env;
use std::io::{self, IsTerminal};

use clap::Args;
use rais_runtime::config::{self, Asked, Config, LogFormat, Look, Role};
use rais_runtime::daemon::{self, DaemonError, Options, Relog};
use rais_runtime::privileges::{self, PrivilegeError};

use crate::args::ConfigFile;
use crate::exit::Stop;
use crate::{logging, output};

/// Arguments of `rais run`, `monitor` and `binder`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    config: ConfigFile,
}

const EXAMPLES: &str = "\
Logs go to standard error. SIGTERM and SIGINT end it, with a goodbye to the binders; SIGHUP has it
read its configuration again, as `rais reload` does.

Examples:
  rais run                        every role that /etc/rais/rais.toml configures
  rais monitor -c site.toml       on a server: what of the site's file a monitor needs
  rais binder -c site.toml        beside a name server: what a binder needs";

/// Runs the roles `asked` until a signal ends them.
///
/// # Errors
/// Why nothing was started, or what ended it.
pub(crate) fn run(args: &RunArgs, asked: Asked) -> Result<(), Stop> {
    // What is wrong with the file is told below, by who would use it.
    let loaded = config::load_for(&args.config.path, asked);
    if let Ok(loaded) = &loaded
        && let Ok(roles) = loaded.config.roles_for(asked)
    {
        // Before the log or anything else has a thread.
        privileges::take_on(&loaded.config, &roles).map_err(|error| match error {
            PrivilegeError::Config(fault) => Stop::Said { text: fault.render(look()), code: 2 },
            error => Stop::Failed(error.into()),
        })?;
    }
    let log = match &loaded {
        Ok(loaded) => {
            let control = &loaded.config.control;
            logging::start(&filter(&loaded.config, asked), control.log_format)?
        }
        Err(_) => logging::start(logging::QUIET, LogFormat::Human)?,
    };
    let options = Options {
        config: args.config.path.clone(),
        roles: asked,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        look: look(),
        relog: Relog::new(move |config| log.follow(&filter(config, asked))),
    };
    daemon::run(options).map_err(|error| {
        let code = error.exit_code();
        let text = match &error {
            DaemonError::Config(..) => error.to_string(),
            _ => output::titled_error(&error.to_string()),
        };
        Stop::Said { text, code }
    })
}

/// The filter of the log: `[control] log`, and each role's own.
fn filter(config: &Config, asked: Asked) -> String {
    let own = |role| match role {
        Role::Monitor => config.monitor.log.as_deref(),
        Role::Binder => config.binder.log.as_deref(),
    };
    if let Asked::Only(role) = asked {
        return own(role).unwrap_or(&config.control.log).to_owned();
    }
    let mut filter = config.control.log.clone();
    for role in config.roles() {
        for directive in own(role).into_iter().flat_map(|filter| filter.split(',')) {
            filter.push(',');
            if !directive.contains('=') {
                filter.push_str(&format!("rais_runtime::shell::{role}="));
            }
            filter.push_str(directive);
        }
    }
    filter
}

/// What becomes part of log lines is coloured for a terminal only, and not where the user says so.
fn look() -> Look {
    let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match io::stderr().is_terminal() && !plain {
        true => Look::Styled,
        false => Look::Plain,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_roles_own_level_is_its_own() {
        let text = "[host]\nname = \"h\"\n[control]\nlog = \"warn\"\n[monitor]\nlog = \"debug\"\n\
                    [monitor.service.s]\nprobe = { type = \"tcp\", port = 1 }\n";
        let config = config::parse(Path::new("rais.toml"), text).unwrap().config;
        assert_eq!(filter(&config, Asked::Only(Role::Monitor)), "debug");
        assert_eq!(filter(&config, Asked::Only(Role::Binder)), "warn");
        assert_eq!(filter(&config, Asked::All), "warn,rais_runtime::shell::monitor=debug");
    }
}
