//! Mistakes in loads.

use std::thread;
use std::time::Duration;

use rais_sdk::prelude::*;

/// Starts a thread that nobody ends.
struct StartsThreads;

impl Load for StartsThreads {
    const NAME: &'static str = "starts-threads";
    const SAMPLE: &'static str = "type = \"starts-threads\"";
    const SCOPE: Scope = Scope::Host;
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, Fault> {
        thread::spawn(|| {
            loop {
                thread::park();
            }
        });
        Ok(Self)
    }

    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        Ok(Reading::load(1.0))
    }
}

/// Measures while it is asked.
struct Slow;

impl Load for Slow {
    const NAME: &'static str = "slow";
    const SAMPLE: &'static str = "type = \"slow\"";
    const SCOPE: Scope = Scope::Host;
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }

    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        thread::sleep(Duration::from_millis(1300));
        Ok(Reading::load(1.0))
    }
}

/// Never comes back from its table.
struct StaysInNew;

impl Load for StaysInNew {
    const NAME: &'static str = "stays-in-new";
    const SAMPLE: &'static str = "type = \"stays-in-new\"";
    const SCOPE: Scope = Scope::Host;
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, Fault> {
        loop {
            thread::park();
        }
    }

    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        Ok(Reading::load(1.0))
    }
}

plugin!(load StartsThreads);
plugin!(load StaysInNew);
plugin!(load Slow);
