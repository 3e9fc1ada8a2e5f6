//! What runs: the state machines with a clock, plugins and queues around them.
//!
//! One task a role, on one thread: each waits for an event or its machine's next timeout, hands
//! it in, and does what comes out. No machine is ever locked or waited for.

pub mod agent;
mod alarm;
pub mod assignments;
pub mod binder;
pub mod memory;
pub mod monitor;
pub mod operator;
pub mod publisher;
pub mod recorder;
mod report;
pub mod transports;

use rais_proto::name::HostId;

use crate::clock::Clock;
use crate::status::HostStatus;

/// What every role's shell needs to say who it is.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Both clocks, counted from the process's start.
    pub clock: Clock,
    /// Of rais.
    pub version: String,
    /// Which host.
    pub host: HostId,
    /// What people call it.
    pub host_name: String,
}

impl Facts {
    fn host_status(&self) -> HostStatus {
        HostStatus { name: self.host_name.clone(), id: self.host.to_string() }
    }

    fn uptime_ms(&self) -> u64 {
        self.clock.now().as_nanos() / 1_000_000
    }
}
