//! Mistakes in transports. They send nothing.

use std::thread;
use std::time::Duration;

use rais_sdk::prelude::*;

/// Has who sends wait.
struct HoldsOn;

impl Transport for HoldsOn {
    const NAME: &'static str = "holds-on";
    const SAMPLE: &'static str = "type = \"holds-on\"";
    type Config = NoConfig;

    fn new(_: NoConfig, _: Host) -> Result<Self, Fault> {
        Ok(Self)
    }

    fn start(&self, _: Inbox) -> Result<(), Fault> {
        Ok(())
    }

    fn send(&self, _: &[u8]) -> Result<(), Fault> {
        thread::sleep(Duration::from_secs(5));
        Ok(())
    }
}

plugin!(transport HoldsOn);
