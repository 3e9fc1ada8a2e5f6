//! Load `cpu`: how busy the processors of the host are.

mod processors;
mod sampler;

use std::sync::{Mutex, PoisonError};

use rais_sdk::prelude::*;

use processors::Processors;
use sampler::{Sample, Sampler};

/// Mean utilisation of all CPUs since the sample before, in percent.
#[derive(Debug)]
pub struct Cpu;

/// One for all instances: what is measured is the host, and two that refresh side by side would
/// cut each other's intervals short.
static SAMPLER: Mutex<Sampler<Processors>> = Mutex::new(Sampler::new(Processors::new()));

impl Load for Cpu {
    const NAME: &'static str = "cpu";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    const SCOPE: Scope = Scope::Host;
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }

    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        let mut sampler = SAMPLER.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match sampler.sample()? {
            Sample::Known(percent) => Reading::load(percent),
            Sample::Missing(missing) => {
                Reading::unknown(format!("{missing} more cpu samples are needed"))
            }
        })
    }
}

rais_sdk::plugin!(load Cpu);
