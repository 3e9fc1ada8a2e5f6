//! `[control]`: how a running process is spoken to, and how it speaks.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::role::Role;

/// `[control]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    /// The socket, with `{role}` still in it; [`Control::socket`] fills it in.
    pub socket_pattern: PathBuf,
    /// Where metrics and status are served over HTTP.
    pub http: Http,
    /// A level or a filter.
    pub log: String,
    /// How a line of the log looks.
    pub log_format: LogFormat,
}

/// Where HTTP is served, if anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Http {
    /// Nowhere.
    Off,
    /// There.
    At(SocketAddr),
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One object a line.
    Json,
    /// Straight to the journal.
    Journald,
}

impl Control {
    /// The socket of one role.
    pub fn socket(&self, role: Role) -> PathBuf {
        PathBuf::from(self.socket_pattern.to_string_lossy().replace("{role}", role.as_str()))
    }
}
