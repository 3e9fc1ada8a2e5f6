//! Commands to a running rais: one line of JSON each way over a Unix socket.
//!
//! Synchronous: the answer means that it has happened.

pub mod client;
mod server;

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
    /// The request itself was no good, or comes at a bad time.
    Error {
        /// Why.
        text: String,
    },
}

/// Tells a process from every other, also where it is seen through several sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its number; two in different containers may have the same.
    pub pid: u32,
    /// When it was started, in milliseconds of Unix time.
    pub started: u64,
}
