//! Mistakes in sinks. They publish nowhere.

use std::sync::atomic::{AtomicU32, Ordering};

use rais_sdk::prelude::*;

/// Tells a serial that goes back after a while.
struct Rewinds(AtomicU32);

impl Sink for Rewinds {
    const NAME: &'static str = "rewinds";
    const SAMPLE: &'static str = "type = \"rewinds\"";
    type Config = NoConfig;

    fn new(_: NoConfig, _: Host) -> Result<Self, Fault> {
        Ok(Self(AtomicU32::new(0)))
    }

    fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            5 => Ok(zone.head.serial - 100),
            _ => Ok(zone.head.serial),
        }
    }
}

/// Tells what is served, and it is not what was published.
struct Misreads;

impl Sink for Misreads {
    const NAME: &'static str = "misreads";
    const SAMPLE: &'static str = "type = \"misreads\"";
    type Config = NoConfig;

    fn new(_: NoConfig, _: Host) -> Result<Self, Fault> {
        Ok(Self)
    }

    fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
        Ok(zone.head.serial)
    }

    fn served(&self, _: &str) -> Result<Option<Served>, Fault> {
        let record = Record::new(0, [198, 51, 100, 9].into());
        Ok(Some(Served::new(None, vec![Owner::new("@", 10)], vec![record])))
    }
}

plugin!(sink Rewinds);
plugin!(sink Misreads);
