//! Load `memory`: how much of the host's memory is in use, and of what a control group may have.

use rais_sdk::prelude::*;
use rais_system::{Cgroup, CgroupName, System, SystemError, field};

/// The fullest of the host and the limits that a control group is under.
#[derive(Debug)]
pub struct Memory {
    system: System,
    within: Option<Cgroup>,
}

/// The table of a load of type `memory`.
#[config]
#[derive(Debug)]
pub struct Config {
    /// The cgroup (version 2) whose limits count beside the host's memory: "self", or a path below
    /// the cgroup root, as in "/system.slice/www.service". "/" is the host alone, but in a
    /// container. Without it "self" where there is such a cgroup.
    cgroup: Option<String>,
}

/// What is in use, in percent.
#[derive(Debug, PartialEq)]
struct Use {
    percent: f64,
    /// The folder of the cgroup whose limit it is; `None` for the host.
    limit_of: Option<String>,
}

impl Load for Memory {
    const NAME: &'static str = "memory";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    const SCOPE: Scope = Scope::Host;
    type Config = Config;

    fn new(config: Config) -> Result<Self, Fault> {
        Self::on(System::here(), config)
    }

    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        let fullest = self.fullest().map_err(Fault::io)?;
        let reading = Reading::load(fullest.percent);
        Ok(match fullest.limit_of {
            Some(cgroup) => reading.with_reason(format!("limit of {cgroup}")),
            None => reading,
        })
    }
}

impl Memory {
    fn on(system: System, config: Config) -> Result<Self, Fault> {
        let within = match config.cgroup {
            Some(name) => {
                let found = Cgroup::named(&system, &name);
                Some(found.map_err(|error| Fault::config("cgroup", error))?)
            }
            // Nobody asked for it: without one the host is all there is.
            None => Cgroup::find(&system, &CgroupName::Own).ok(),
        };
        Ok(Self { system, within })
    }

    fn fullest(&self) -> Result<Use, SystemError> {
        let mut fullest = Use { percent: of_host(&self.system)?, limit_of: None };
        for cgroup in self.within.iter().flat_map(Cgroup::lineage) {
            match of_limit(&cgroup)? {
                Some(percent) if percent > fullest.percent => {
                    fullest = Use { percent, limit_of: Some(cgroup.folder()) };
                }
                _ => {}
            }
        }
        Ok(fullest)
    }
}

/// What cannot be had without swapping: caches that the kernel would give back are free.
fn of_host(system: &System) -> Result<f64, SystemError> {
    const MEMINFO: &str = "/proc/meminfo";
    let text = system.read(MEMINFO)?;
    let size = |key, what| field(&text, key).ok_or_else(|| SystemError::malformed(MEMINFO, what));
    let total = size("MemTotal:", "MemTotal")?;
    let available = size("MemAvailable:", "MemAvailable")?;
    Ok(share(total.saturating_sub(available), total))
}

/// `None` where this cgroup itself has no limit.
fn of_limit(cgroup: &Cgroup) -> Result<Option<f64>, SystemError> {
    let mut limit = None;
    // From `high` on its processes are slowed down, at `max` they are killed.
    for file in ["memory.max", "memory.high"] {
        let Some(text) = cgroup.read(file)? else { continue };
        if text.trim() != "max" {
            let octets = octets(cgroup, file, &text)?;
            limit = Some(limit.map_or(octets, |least: u64| least.min(octets)));
        }
    }
    let Some(limit) = limit else { return Ok(None) };
    let current = octets(cgroup, "memory.current", &cgroup.require("memory.current")?)?;
    let cache = field(&cgroup.require("memory.stat")?, "inactive_file").unwrap_or(0);
    Ok(Some(share(current.saturating_sub(cache), limit)))
}

fn octets(cgroup: &Cgroup, file: &str, text: &str) -> Result<u64, SystemError> {
    text.trim().parse().map_err(|_| SystemError::malformed(cgroup.file(file), "number"))
}

/// In percent. Of a limit of nothing any use is too much.
#[allow(clippy::cast_precision_loss)] // octets, to a hundredth of a percent
fn share(used: u64, of: u64) -> f64 {
    used as f64 / of.max(1) as f64 * 100.0
}

rais_sdk::plugin!(load Memory);

#[cfg(test)]
mod tests;
