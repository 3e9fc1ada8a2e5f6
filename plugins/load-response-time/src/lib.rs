//! Load `response-time`: how long the service took to answer its own probe.

use std::time::Duration;

use rais_sdk::prelude::*;

/// The time of the last successful probe, as a share of the time that is 100 %.
#[derive(Debug)]
pub struct ResponseTime {
    full: Duration,
}

/// The table of a load of type `response-time`.
#[config]
#[derive(Debug)]
pub struct Config {
    /// The time that is 100 %.
    full: DurationText,
}

impl Load for ResponseTime {
    const NAME: &'static str = "response-time";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    const SCOPE: Scope = Scope::Target;
    type Config = Config;

    fn new(config: Config) -> Result<Self, Fault> {
        Ok(Self { full: config.full.get() })
    }

    fn sample(&self, of: &Subject) -> Result<Reading, Fault> {
        Ok(match &of.last {
            // A DurationText is never zero.
            Some(up) => Reading::load(up.took.div_duration_f64(self.full) * 100.0),
            None => Reading::unknown("no probe has succeeded yet"),
        })
    }
}

rais_sdk::plugin!(load ResponseTime);
