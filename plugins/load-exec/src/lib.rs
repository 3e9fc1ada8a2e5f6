//! Load `exec`: a value that a check of Nagios or monitoring-plugins tells.

use std::collections::BTreeMap;

use rais_exec::{Command, Gauge, GaugeError, RunError, TableError, Values, Verdict};
use rais_sdk::prelude::*;

/// Runs a check and takes one of its values for the load of the host.
#[derive(Debug)]
pub struct Exec {
    check: Command,
    gauge: Gauge,
}

/// The table of a load of type `exec`.
#[config]
#[derive(Debug)]
pub struct Config {
    /// The check and its arguments, run without a shell. A check by its name is looked up in `PATH`,
    /// else it is an absolute path.
    argv: Vec<String>,
    /// Name of the check's value (perfdata) that is the load.
    label: String,
    /// How much of that value is 100 %, in the check's unit. Without it percent are taken as they
    /// are, and others by the maximum that the check tells.
    full: Option<f64>,
    /// Variables that the check is given beside `PATH` and `LC_ALL=C`, which they may replace.
    #[default]
    env: BTreeMap<String, String>,
}

impl Load for Exec {
    const NAME: &'static str = "exec";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    const SCOPE: Scope = Scope::Host;
    type Config = Config;

    fn new(config: Config) -> Result<Self, Fault> {
        let Config { argv, env, label, full } = config;
        let check = Command::new(&argv, &env, &[]).map_err(refused)?;
        let gauge = Gauge::new(&label, full).map_err(refused)?;
        Ok(Self { check, gauge })
    }

    fn sample(&self, of: &Subject) -> Result<Reading, Fault> {
        let answer = self.check.run(&Values::default(), of.timeout);
        let answer = answer.map_err(|error| failed(&error))?;
        let ended = || match answer.text.as_str() {
            "" => answer.verdict.to_string(),
            text => format!("{}: {text}", answer.verdict),
        };
        match answer.verdict {
            // Its thresholds are not ours: `max_load` is.
            Verdict::Ok | Verdict::Warning | Verdict::Critical => {
                match self.gauge.percent(&answer.perfdata) {
                    Ok(percent) => Ok(Reading::load(percent).with_reason(answer.text)),
                    // What is critical need not be the load: the check may have got no further.
                    Err(_) if answer.verdict == Verdict::Critical => Ok(Reading::unknown(ended())),
                    Err(error @ GaugeError::Unknown(_)) => Ok(Reading::unknown(error.to_string())),
                    Err(error) => Err(Fault::config(error.key(), error)),
                }
            }
            Verdict::Unknown => Ok(Reading::unknown(ended())),
            _ => Err(Fault::unknown(format!("{} ended with {}", self.check.name(), ended()))),
        }
    }
}

fn refused(error: TableError) -> Fault {
    Fault::config(error.at, error.text)
}

fn failed(error: &RunError) -> Fault {
    match error {
        RunError::Timeout { .. } => Fault::new(FaultKind::Timeout, error),
        _ => Fault::io(error),
    }
}

rais_sdk::plugin!(load Exec);
