//! The log: on standard error, as `[control] log` and `log_format` say; `RAIS_LOG` overrides the
//! level.

use std::env::{self, VarError};
use std::io::{self, IsTerminal};

use rais_runtime::config::LogFormat;
use rais_runtime::daemon::Relogging;
use tracing_subscriber::{EnvFilter, reload};

use crate::exit::Stop;

/// Overrides the level.
const VARIABLE: &str = "RAIS_LOG";

/// What a command logs that ends by itself: only what goes wrong.
pub(crate) const QUIET: &str = "warn";

/// A log that has been started, and can be told to say more or less.
pub(crate) struct Log(Option<Follow>);

/// Has the log follow another filter.
type Follow = Box<dyn Fn(&str) -> Result<Relogging, String> + Send + Sync>;

impl Log {
    /// What makes the log follow `filter`, once it is called; nothing, where `RAIS_LOG` overrides
    /// it.
    ///
    /// # Errors
    /// Why that is no filter.
    pub(crate) fn follow(&self, filter: &str) -> Result<Relogging, String> {
        match &self.0 {
            Some(follow) => follow(filter),
            None => read(filter).map(|_| Box::new(|| {}) as Relogging),
        }
    }
}

/// Starts the log of this process. `filter` is a level or a filter.
///
/// # Errors
/// `RAIS_LOG` cannot be read.
pub(crate) fn start(filter: &str, format: LogFormat) -> Result<Log, Stop> {
    let overriding = env::var(VARIABLE);
    let follows = matches!(overriding, Err(VarError::NotPresent));
    let filter = match overriding {
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
    let (started, follow) = match format {
        LogFormat::Json => {
            let log = log.json().flatten_event(true).with_filter_reloading();
            let follow = following(log.reload_handle());
            (log.try_init(), follow)
        }
        LogFormat::Human | LogFormat::Journald => {
            let log = log.with_ansi(colour).with_filter_reloading();
            let follow = following(log.reload_handle());
            (log.try_init(), follow)
        }
    };
    started.map_err(|why| Stop::Failed(anyhow::anyhow!("the log: {why}")))?;
    Ok(Log(follows.then_some(follow)))
}

fn following<S: 'static>(handle: reload::Handle<EnvFilter, S>) -> Follow {
    Box::new(move |filter| {
        let (filter, handle) = (read(filter)?, handle.clone());
        // The log is there as long as the process.
        Ok(Box::new(move || drop(handle.reload(filter))))
    })
}

/// The log of a command that ends by itself.
///
/// # Errors
/// As [`start`].
pub(crate) fn quiet() -> Result<(), Stop> {
    start(QUIET, LogFormat::Human).map(drop)
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
