//! What a plugin says when something is wrong.

use std::fmt::{self, Display};
use std::io;

/// Why a call of a plugin gave no result.
///
/// `at` says where: the key path for [`FaultKind::Config`] (`"tls.name"`), the phase for
/// [`FaultKind::Timeout`] (`"connecting"`), empty otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// What sort of fault; the host acts on this alone.
    pub kind: FaultKind,
    /// For people: what was wrong, and what is allowed where that helps.
    pub text: String,
    /// Key path or phase; empty where neither applies.
    pub at: String,
}

/// What a [`Fault`] means to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The plugin's table is wrong; [`Fault::at`] is the key path in it.
    Config,
    /// The target answered that it is not well, or cannot be reached. Counts as a failed probe.
    Down,
    /// No answer in time; [`Fault::at`] is the phase. Counts as a failed probe.
    Timeout,
    /// The plugin has no opinion: nothing is concluded about the target.
    Unknown,
    /// Not now: a queue is full, a limit is reached. The host tries again.
    Busy,
    /// The other side refused: not authorised, not its zone. Trying again alone does not help.
    Refused,
    /// A file, socket or other means of this machine failed. Says nothing about the target.
    Io,
    /// The plugin panicked: a mistake in the plugin, not in what it looked at.
    Panicked,
}

impl Fault {
    /// A fault of `kind`, told by `text`.
    #[must_use]
    pub fn new(kind: FaultKind, text: impl Display) -> Self {
        Self { kind, text: text.to_string(), at: String::new() }
    }

    /// The key at path `at` of the plugin's table is wrong; `text` says what is allowed.
    #[must_use]
    pub fn config(at: impl Into<String>, text: impl Display) -> Self {
        Self::new(FaultKind::Config, text).at(at)
    }

    /// The target is not well.
    #[must_use]
    pub fn down(text: impl Display) -> Self {
        Self::new(FaultKind::Down, text)
    }

    /// No answer in time, while in phase `at`.
    #[must_use]
    pub fn timeout(at: impl Into<String>, text: impl Display) -> Self {
        Self::new(FaultKind::Timeout, text).at(at)
    }

    /// No opinion on the target.
    #[must_use]
    pub fn unknown(text: impl Display) -> Self {
        Self::new(FaultKind::Unknown, text)
    }

    /// Not now.
    #[must_use]
    pub fn busy(text: impl Display) -> Self {
        Self::new(FaultKind::Busy, text)
    }

    /// The other side refused.
    #[must_use]
    pub fn refused(text: impl Display) -> Self {
        Self::new(FaultKind::Refused, text)
    }

    /// Means of this machine failed.
    #[must_use]
    pub fn io(text: impl Display) -> Self {
        Self::new(FaultKind::Io, text)
    }

    /// The same fault, placed.
    #[must_use]
    pub fn at(mut self, at: impl Into<String>) -> Self {
        self.at = at.into();
        self
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.at.as_str()) {
            (_, "") => f.write_str(&self.text),
            (FaultKind::Config, at) => write!(f, "{at}: {}", self.text),
            (_, at) => write!(f, "{} at \"{at}\"", self.text),
        }
    }
}

impl std::error::Error for Fault {}

/// Errors that a peer causes become [`FaultKind::Down`], a socket's own time limit
/// [`FaultKind::Timeout`], everything else [`FaultKind::Io`].
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NotConnected
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => FaultKind::Down,
            io::ErrorKind::TimedOut => FaultKind::Timeout,
            _ => FaultKind::Io,
        };
        Self::new(kind, error)
    }
}

impl Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config",
            Self::Down => "down",
            Self::Timeout => "timeout",
            Self::Unknown => "unknown",
            Self::Busy => "busy",
            Self::Refused => "refused",
            Self::Io => "io",
            Self::Panicked => "panicked",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_places_the_fault() {
        assert_eq!(Fault::down("connection refused").to_string(), "connection refused");
        assert_eq!(
            Fault::config("tls.name", "must not be empty").to_string(),
            "tls.name: must not be empty"
        );
        assert_eq!(
            Fault::timeout("TLS handshake", "no answer").to_string(),
            "no answer at \"TLS handshake\""
        );
    }

    #[test]
    fn io_errors_tell_the_peers_fault_from_ours() {
        let of = |kind| Fault::from(io::Error::from(kind)).kind;
        assert_eq!(of(io::ErrorKind::ConnectionRefused), FaultKind::Down);
        assert_eq!(of(io::ErrorKind::UnexpectedEof), FaultKind::Down);
        assert_eq!(of(io::ErrorKind::TimedOut), FaultKind::Timeout);
        assert_eq!(of(io::ErrorKind::PermissionDenied), FaultKind::Io);
        assert_eq!(Fault::from(io::Error::from_raw_os_error(24)).kind, FaultKind::Io);
    }
}
