//! Commands to a running rais: one line of JSON each way over a Unix socket.
//!
//! Synchronous: the answer means that it has happened.

pub mod client;
mod server;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::host::PluginTold;
use crate::status::Status;

pub(crate) use server::{Asked as ServerAsked, Server};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase")]
pub enum Request {
    /// Which process the role is in.
    Hello,
    /// What the role says of itself.
    Status,
    /// Its plugins.
    Plugins,
    /// The configuration, read anew by all roles of the process.
    Reload,
    /// To leave a host, a service or an address alone, by a binder.
    Drain {
        /// Its name.
        target: String,
        /// For how long.
        time_ms: u64,
        /// Why.
        reason: String,
        /// Whether a service may be left without addresses.
        force: bool,
    },
    /// To leave it alone no longer.
    Undrain {
        /// Its name, as it was drained.
        target: String,
    },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "lowercase")]
pub enum Response {
    /// To [`Request::Hello`].
    Hello(ProcessId),
    /// To [`Request::Status`].
    Status(Box<Status>),
    /// To [`Request::Plugins`].
    Plugins {
        /// One a plugin, then one a library that is not used.
        rows: Vec<PluginTold>,
    },
    /// The new configuration runs.
    Reloaded {
        /// What somebody should look at, rendered.
        warnings: Vec<String>,
    },
    /// The new configuration is refused whole; the old one goes on.
    Refused {
        /// Each fault, rendered.
        faults: Vec<String>,
    },
    /// To [`Request::Drain`] and [`Request::Undrain`]: it has happened.
    Drained(Drained),
    /// The request itself was no good, or comes at a bad time.
    Error {
        /// Why.
        text: String,
    },
}

/// What came of a drain, or of its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// What it is over.
    pub places: Vec<DrainedPlace>,
    /// What has not been published yet, and why not.
    pub unpublished: Vec<String>,
}

/// An address of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainedPlace {
    /// The service.
    pub service: String,
    /// The address.
    pub address: IpAddr,
    /// Whether it is in the answers now.
    pub in_set: bool,
    /// Why it is, or is not, in the words of status.
    #[serde(default)]
    pub verdict: String,
    /// More of why; may be empty.
    #[serde(default)]
    pub reason: String,
}

/// Tells a process from every other, also where it is seen through several sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its number; two in different containers may have the same.
    pub pid: u32,
    /// When it was started, in milliseconds of Unix time.
    pub started: u64,
}
