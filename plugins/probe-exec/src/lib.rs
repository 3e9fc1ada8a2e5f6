//! Probe `exec`: a server is up where a check of Nagios or monitoring-plugins says so.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use rais_exec::{Answer, Command, Gauge, GaugeError, Placeholder, RunError, TableError};
use rais_exec::{Values, Verdict};
use rais_sdk::prelude::*;

/// Load of an address whose check says WARNING: above every `max_load` below the greatest.
const OVERLOADED: f64 = 1000.0;

/// Runs a check and takes its exit code for the answer.
#[derive(Debug)]
pub struct Exec {
    check: Command,
    gauge: Option<Gauge>,
    /// Whether it was said that no load can be told.
    said: AtomicBool,
}

/// The table of a probe of type `exec`.
#[config]
#[derive(Debug)]
pub struct Config {
    /// The check and its arguments, run without a shell. A check by its name is looked up in `PATH`,
    /// else it is an absolute path. `{address}`, `{port}`, `{name}` and `{service}` are filled in,
    /// `{{port}}` stands for `{port}` itself.
    argv: Vec<String>,
    /// Variables that the check is given beside `PATH` and `LC_ALL=C`, which they may replace.
    #[default]
    env: BTreeMap<String, String>,
    /// Name of the check's value (perfdata) that is the load of the address.
    label: Option<String>,
    /// How much of that value is 100 %, in the check's unit. Without it percent are taken as they
    /// are, and others by the maximum that the check tells.
    full: Option<f64>,
}

impl BlockingProbe for Exec {
    const NAME: &'static str = "exec";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = Config;

    fn new(config: Config) -> Result<Self, Fault> {
        let Config { argv, env, label, full } = config;
        let check = Command::new(&argv, &env, &Placeholder::OF_A_CHECK).map_err(refused)?;
        let gauge = match (label, full) {
            (Some(label), full) => Some(Gauge::new(&label, full).map_err(refused)?),
            (None, Some(_)) => {
                let text = "has no meaning without `label`, the name of the value it is about";
                return Err(Fault::config("full", text));
            }
            (None, None) => None,
        };
        Ok(Self { check, gauge, said: AtomicBool::new(false) })
    }

    fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        let values = Values {
            address: Some(target.address.ip()),
            port: Some(target.address.port()).filter(|port| *port > 0),
            name: Some(&target.name),
            service: Some(&target.service),
            ..Values::default()
        };
        let answer = self.check.run(&values, cx.left()).map_err(|error| failed(&error))?;
        let text = text(&answer);
        match answer.verdict {
            Verdict::Ok => {
                let up = Up::new(cx.elapsed());
                Ok(match self.load(&answer) {
                    None => up.with_detail(text),
                    Some(Ok(load)) => up.with_load(load).with_detail(text),
                    Some(Err(error)) => {
                        self.say_once(cx, &error);
                        up.with_detail(format!("{text} (load unknown: {error})"))
                    }
                })
            }
            Verdict::Warning => Ok(Up::new(cx.elapsed()).with_load(OVERLOADED).with_detail(text)),
            Verdict::Critical => Err(Fault::down(text)),
            Verdict::Unknown => Err(Fault::unknown(text)),
            // Not a check's: nothing is known of the server.
            _ => Err(Fault::unknown(format!("{} ended with {text}", self.check.name()))),
        }
    }
}

impl Exec {
    fn load(&self, answer: &Answer) -> Option<Result<f64, GaugeError>> {
        self.gauge.as_ref().map(|gauge| gauge.percent(&answer.perfdata))
    }

    /// A server is up whatever becomes of its load, so this is no fault; but somebody should know.
    fn say_once(&self, cx: &Cx, error: &GaugeError) {
        if !self.said.swap(true, Ordering::Relaxed) {
            let check = self.check.name();
            cx.log(&format!("{check} tells no load: {}: {error}", error.key()));
        }
    }
}

/// What the check said, or else how it ended.
fn text(answer: &Answer) -> String {
    match (answer.verdict, answer.text.as_str()) {
        (Verdict::Code(_) | Verdict::Signal(_), text) if !text.is_empty() => {
            format!("{}: {text}", answer.verdict)
        }
        (Verdict::Ok, text) => text.to_owned(),
        (verdict, "") => verdict.to_string(),
        (_, text) => text.to_owned(),
    }
}

fn refused(error: TableError) -> Fault {
    Fault::config(error.at, error.text)
}

fn failed(error: &RunError) -> Fault {
    match error {
        // The rest is always known.
        RunError::Missing(_) => {
            Fault::config("port", "`port` is missing: `{port}` stands in `argv`")
        }
        RunError::Timeout { .. } => Fault::new(FaultKind::Timeout, error),
        _ => Fault::io(error),
    }
}

rais_sdk::plugin!(blocking_probe Exec);
