//! Plugins that do everything wrong, one thing at a time: what a host must outlive.
//!
//! `type = "faulty"` is a probe, a load and a sink, `type = "faulty-blocking"` a blocking probe. The
//! table says which fault, and from which call on; until then all is well.

mod fault;
mod plan;

use rais_sdk::prelude::*;

use fault::Bomb;
use plan::{Plan, PlanConfig};

/// A probe on the host's reactor.
#[derive(Debug)]
pub struct Faulty(Plan);

impl Probe for Faulty {
    const NAME: &'static str = "faulty";
    const SAMPLE: &'static str = "type = \"faulty\"\nfault = \"none\"";
    type Config = PlanConfig;

    fn new(config: PlanConfig) -> Result<Self, Fault> {
        Plan::new(config).map(Self)
    }

    async fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
        cx.phase("failing");
        let step = self.0.next();
        step.at_once();
        let _dropped_half_finished = step.goes_off_when_dropped().then(|| Bomb);
        if step.stays_pending() {
            cx.sleep(cx.left() * 2).await;
        }
        if step.fails_later() {
            cx.sleep(std::time::Duration::from_millis(1)).await;
            fault::panic("in a later poll");
        }
        Ok(Up::new(cx.elapsed()))
    }
}

/// The same on a thread of the host's pool.
#[derive(Debug)]
pub struct FaultyBlocking(Plan);

impl BlockingProbe for FaultyBlocking {
    const NAME: &'static str = "faulty-blocking";
    const SAMPLE: &'static str = "type = \"faulty-blocking\"\nfault = \"none\"";
    type Config = PlanConfig;

    fn new(config: PlanConfig) -> Result<Self, Fault> {
        Plan::without_future(config).map(Self)
    }

    fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
        self.0.next().at_once();
        Ok(Up::new(cx.elapsed()))
    }
}

/// A load of 50 %, while it lasts.
#[derive(Debug)]
pub struct FaultyLoad(Plan);

impl Load for FaultyLoad {
    const NAME: &'static str = "faulty";
    const SAMPLE: &'static str = "type = \"faulty\"\nfault = \"none\"";
    const SCOPE: Scope = Scope::Host;
    type Config = PlanConfig;

    fn new(config: PlanConfig) -> Result<Self, Fault> {
        Plan::without_future(config).map(Self)
    }

    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        self.0.next().at_once();
        Ok(Reading::load(50.0))
    }
}

/// Publishes nowhere.
#[derive(Debug)]
pub struct FaultySink(Plan);

impl Sink for FaultySink {
    const NAME: &'static str = "faulty";
    const SAMPLE: &'static str = "type = \"faulty\"\nfault = \"none\"";
    type Config = PlanConfig;

    fn new(config: PlanConfig, _: Host) -> Result<Self, Fault> {
        Plan::without_future(config).map(Self)
    }

    fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
        self.0.next().at_once();
        Ok(zone.head.serial)
    }
}

plugin!(probe Faulty);
plugin!(blocking_probe FaultyBlocking);
plugin!(load FaultyLoad);
plugin!(sink FaultySink);
