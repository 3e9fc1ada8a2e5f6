//! The log: on standard error, as `[control] log` and `log_format` say; `RAIS_LOG` overrides the
//! level.

use std::env::{self, VarError};
use std::io::{self, IsTerminal};

use rais_runtime::config::LogFormat;
use tracing_subscriber::EnvFilter;

use crate::exit::Stop;

/// Overrides the level.
const VARIABLE: &str = "RAIS_LOG";

/// What a command logs that ends by itself: only what goes wrong.
pub(crate) const QUIET: &str = "warn";

/// Starts the log of this process. `filter` is a level or a filter.
///
/// # Errors
/// `RAIS_LOG` cannot be read.
pub(crate) fn start(filter: &str, format: LogFormat) -> Result<(), Stop> {
    let filter = match env::var(VARIABLE) {
        Ok(text) => read(&text).map_err(|why| {
            let allowed = "a level (off, error, warn, info, debug, trace) or a filter as in \
                           info,rais_runtime=debug";
            Stop::Usage(format!("{VARIABLE}={text:?}: {why}; allowed: {allowed}"))
        })?,
        Err(VarError::NotUnicode(_)) => {
            return Err(Stop::Usage(format!("{VARIABLE} is not UTF-8")));
        }
        Err(VarError::NotPresent) => {
            read(filter).map_err(|why| Stop::Usage(format!("log = {filter:?}: {why}")))?
        }
    };
    let colour = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A line that cannot be written would be complained of by eprintln, which panics where standard
    // error is full or gone: no daemon ends for its log.
    let log = log.log_internal_errors(false);
    let started = match format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Human | LogFormat::Journald => log.with_ansi(colour).try_init(),
    };
    started.map_err(|why| Stop::Failed(anyhow::anyhow!("the log: {why}")))
}

/// The log of a command that ends by itself.
///
/// # Errors
/// As [`start`].
pub(crate) fn quiet() -> Result<(), Stop> {
    start(QUIET, LogFormat::Human)
}

fn read(filter: &str) -> Result<EnvFilter, String> {
    EnvFilter::builder().parse(filter).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read() {
        for sound in ["info", "off", "info,rais_runtime=debug", "rais_runtime::binder=trace"] {
            read(sound).unwrap();
        }
        read("info,=x=y").unwrap_err();
    }
}
