//! The processors, as sysinfo sees them.

use std::time::{Duration, Instant};

use rais_sdk::Fault;
use sysinfo::System;

use crate::sampler::Meter;

/// All CPUs of this host. On Linux: the line `cpu` of `/proc/stat`, opened anew at each reading.
pub(crate) struct Processors(Option<System>);

impl Processors {
    pub(crate) const fn new() -> Self {
        Self(None)
    }
}

impl Meter for Processors {
    const LEAST: Duration = sysinfo::MINIMUM_CPU_UPDATE_INTERVAL;
    const MOST: f64 = 100.0;

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn read(&mut self) -> Result<Option<f64>, Fault> {
        let system = match &mut self.0 {
            Some(system) => system,
            none => none.insert(System::new().map_err(Fault::io)?),
        };
        system.refresh_cpu_usage();
        // A refresh has no errors: a file that could not be read leaves the list empty.
        if system.cpus().is_empty() {
            return Err(Fault::io("no CPU can be read from /proc/stat"));
        }
        Ok(Some(f64::from(system.global_cpu_usage())))
    }
}
