//! What is probed, and what a probe found.

use std::net::SocketAddr;
use std::time::Duration;

/// One address of one service, to be probed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target {
    /// Where the service listens. Port 0 where the service's table names none.
    pub address: SocketAddr,
    /// Name of the machine: our own, or a watched target's.
    pub name: String,
    /// Name of the service in the configuration.
    pub service: String,
}

/// A probe's good news: the target is up.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Up {
    /// From the first packet to the answer.
    pub took: Duration,
    /// Load the target itself reported, in percent (0 to 1000).
    pub load: Option<f64>,
    /// For people, shown in status: `"200 OK"`, `"220 ready"`. May be empty.
    pub detail: String,
}

impl Target {
    /// `address` of `service` on the machine `name`.
    #[must_use]
    pub fn new(address: SocketAddr, name: impl Into<String>, service: impl Into<String>) -> Self {
        Self { address, name: name.into(), service: service.into() }
    }
}

impl Up {
    /// Up, found within `took`.
    #[must_use]
    pub fn new(took: Duration) -> Self {
        Self { took, load: None, detail: String::new() }
    }

    /// The same with the load that the target reported, in percent (0 to 1000).
    #[must_use]
    pub fn with_load(mut self, percent: f64) -> Self {
        self.load = Some(percent);
        self
    }

    /// The same with a word for people.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}
