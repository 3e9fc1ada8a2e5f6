//! Load `pressure`: time in which work waits for CPU, memory or disks.

mod stall;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rais_sdk::prelude::*;
use rais_system::{Cgroup, System, SystemError};

use stall::{Stall, total};

/// The share of the time since the sample before in which work waited.
#[derive(Debug)]
pub struct Pressure {
    source: Source,
    kind: Kind,
    full: f64,
    stall: Mutex<Stall>,
}

/// The table of a load of type `pressure`.
#[config]
#[derive(Debug)]
pub struct Config {
    /// What work waits for.
    #[default = "cpu"]
    resource: Resource,
    /// "some": time in which at least one process waited; "full": in which all that had work did,
    /// and nothing was done.
    #[default = "some"]
    kind: Kind,
    /// So many percent of the time are 100 %; more than 0, at most 100.
    #[default = 100.0]
    full: f64,
    /// The cgroup (version 2) whose processes count: "self", or a path below the cgroup root, as in
    /// "/system.slice/www.service". Without it all of the host.
    cgroup: Option<String>,
}

#[config]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Resource {
    Cpu,
    Memory,
    Io,
}

#[config]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Some,
    Full,
}

/// Whose pressure.
#[derive(Debug)]
enum Source {
    Host(System, Resource),
    Cgroup(Cgroup, Resource),
}

impl Load for Pressure {
    const NAME: &'static str = "pressure";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    const SCOPE: Scope = Scope::Host;
    type Config = Config;

    fn new(config: Config) -> Result<Self, Fault> {
        Self::on(&System::here(), config)
    }

    fn sample(&self, _: &Subject) -> Result<Reading, Fault> {
        self.sample_at(Instant::now)
    }
}

impl Pressure {
    fn on(system: &System, config: Config) -> Result<Self, Fault> {
        let Config { resource, kind, full, cgroup } = config;
        if !(full > 0.0 && full <= 100.0) {
            return Err(Fault::config("full", "must be more than 0, and at most 100"));
        }
        if (resource, kind, &cgroup) == (Resource::Cpu, Kind::Full, &None) {
            let text = "a host's CPUs always do something: \"full\" is for \"memory\", \"io\" or a \
                        cgroup";
            return Err(Fault::config("kind", text));
        }
        // The kernel has it for the host and for all groups, or not at all.
        let of_host = Source::Host(system.clone(), resource);
        let told = of_host.read().and_then(|text| of_host.total(&text, Kind::Some));
        told.map_err(|error| {
            let advice = "it takes CONFIG_PSI, and psi=1 on the command line of some kernels";
            let text = format!("this kernel tells no pressure (PSI): {error}; {advice}");
            Fault::config("resource", text)
        })?;
        let source = match cgroup {
            None => of_host,
            Some(name) => {
                let found = Cgroup::named(system, &name);
                Source::Cgroup(found.map_err(|error| Fault::config("cgroup", error))?, resource)
            }
        };
        Ok(Self { source, kind, full, stall: Mutex::default() })
    }

    fn sample_at(&self, clock: impl FnOnce() -> Instant) -> Result<Reading, Fault> {
        let mut stall = self.stall.lock().unwrap_or_else(PoisonError::into_inner);
        let told = self.source.read().map(|text| (text, clock()));
        let told = told.and_then(|(text, now)| Ok((self.source.total(&text, self.kind)?, now)));
        match told {
            Ok((total, now)) => Ok(match stall.percent(total, now) {
                Some(percent) => Reading::load(percent / self.full * 100.0),
                None => Reading::unknown("1 more pressure sample is needed"),
            }),
            Err(error) => {
                *stall = Stall::default();
                Err(Fault::io(error))
            }
        }
    }
}

impl Source {
    fn read(&self) -> Result<String, SystemError> {
        match self {
            Self::Host(system, _) => system.read(&self.path()),
            Self::Cgroup(cgroup, resource) => cgroup.require(&format!("{resource}.pressure")),
        }
    }

    fn total(&self, text: &str, kind: Kind) -> Result<u64, SystemError> {
        let (word, what) = match kind {
            Kind::Some => ("some", "total of \"some\""),
            Kind::Full => ("full", "total of \"full\""),
        };
        total(text, word).ok_or_else(|| SystemError::malformed(self.path(), what))
    }

    fn path(&self) -> String {
        match self {
            Self::Host(_, resource) => format!("/proc/pressure/{resource}"),
            Self::Cgroup(cgroup, resource) => cgroup.file(&format!("{resource}.pressure")),
        }
    }
}

/// As the kernel calls its file.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Io => "io",
        })
    }
}

rais_sdk::plugin!(load Pressure);

#[cfg(test)]
mod tests;
