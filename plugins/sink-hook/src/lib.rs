//! A sink for everything that no sink is for: a command is told what a zone is now.

mod message;

use std::collections::BTreeMap;
use std::time::Duration;

use rais_exec::{Command, Order, Placeholder, RunError, Runs, TableError, Values};
use rais_sdk::prelude::*;

use message::Message;

/// The host waits for a publication for a minute; a hook must have ended by then.
const LONGEST: Duration = Duration::from_secs(50);

/// Runs a command for each publication.
#[derive(Debug)]
pub struct Hook {
    command: Command,
    timeout: Duration,
    runs: Runs,
}

/// The table of a sink of type `hook`.
#[config]
#[derive(Debug)]
pub struct Config {
    /// The command and its arguments, run without a shell. A command by its name is looked up in
    /// `PATH`, else it is an absolute path. `{zone}` is filled in, `{{zone}}` stands for `{zone}`
    /// itself.
    argv: Vec<String>,
    /// After so long the command is killed with all that it started; 50s at most.
    #[default = "5s"]
    timeout: DurationText,
    /// Variables that the command is given beside `PATH` and `LC_ALL=C`, which they may replace.
    #[default]
    env: BTreeMap<String, String>,
}

impl Sink for Hook {
    const NAME: &'static str = "hook";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = Config;

    fn new(config: Config, _: Host) -> Result<Hook, Fault> {
        let Config { argv, timeout, env } = config;
        let timeout = timeout.get();
        if timeout > LONGEST {
            let text = format!("{timeout:?} is too long: at most {LONGEST:?} is allowed");
            return Err(Fault::config("timeout", text));
        }
        let command = Command::new(&argv, &env, &[Placeholder::Zone]).map_err(refused)?;
        let runs = Runs::new().map_err(Fault::io)?;
        Ok(Hook { command, timeout, runs })
    }

    fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
        let input = serde_json::to_vec(&Message::of(zone)).map_err(Fault::io)?;
        let values = Values { zone: Some(zone.name), ..Values::default() };
        let order = Order { input: Some(&input), limit: self.timeout, runs: &self.runs };
        self.command.carry_out(&values, &order).map_err(|error| failed(&error))?;
        Ok(zone.head.serial)
    }

    fn stop(&self) {
        self.runs.end();
    }
}

fn refused(error: TableError) -> Fault {
    Fault::config(error.at, error.text)
}

fn failed(error: &RunError) -> Fault {
    let kind = match error {
        RunError::Failed { .. } => FaultKind::Refused,
        RunError::Timeout { .. } => FaultKind::Timeout,
        RunError::Unwanted { .. } => FaultKind::Busy,
        _ => FaultKind::Io,
    };
    Fault::new(kind, error)
}

rais_sdk::plugin!(sink Hook);
