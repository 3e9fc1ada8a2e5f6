//! Load `cpu`: how busy the processors of the host are, or those that a control group may use.

mod group;
mod processors;
mod sampler;

use std::sync::{Mutex, PoisonError};

use rais_sdk::prelude::*;
use rais_system::{Cgroup, System};

use group::Group;
use processors::Processors;
use sampler::{Meter, Sample, Sampler};

/// Mean utilisation since the sample before, in percent.
#[derive(Debug)]
pub struct Cpu {
    of: Of,
}

/// The table of a load of type `cpu`.
#[config]
#[derive(Debug)]
pub struct Config {
    /// The cgroup (version 2) whose CPU time counts, as a share of what it may use: "self", or a
    /// path below the cgroup root, as in "/system.slice/www.service". Without it all of the host.
    cgroup: Option<String>,
}

#[derive(Debug)]
enum Of {
    Host,
    Group(Box<Mutex<Sampler<Group>>>),
}

/// One for all instances: what is measured is the host, and two that refresh side by side would
/// cut each other's intervals short.
static HOST: Mutex<Sampler<Processors>> = Mutex::new(Sampler::new(Processors::new()));

impl Load for Cpu {
    const NAME: &'static str = "cpu";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    const SCOPE: Scope = Scope::Host;
    type Config = Config;

    fn new(config: Config) -> Result<Self, Fault> {
        let Some(name) = config.cgroup else { return Ok(Self { of: Of::Host }) };
        let system = System::here();
        let cgroup = Cgroup::named(&system, &name).map_err(|e| Fault::config("cgroup", e))?;
        let group = Sampler::new(Group::new(system, cgroup));
        Ok(Self { of: Of::Group(Box::new(Mutex::new(group))) })
    }

    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        match &self.of {
            Of::Host => sample(&HOST),
            Of::Group(group) => sample(group),
        }
    }
}

fn sample<M: Meter>(sampler: &Mutex<Sampler<M>>) -> Result<Reading, Fault> {
    let mut sampler = sampler.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(match sampler.sample()? {
        Sample::Known(percent) => Reading::load(percent),
        Sample::Missing(missing) => {
            Reading::unknown(format!("{missing} more cpu samples are needed"))
        }
    })
}

rais_sdk::plugin!(load Cpu);
