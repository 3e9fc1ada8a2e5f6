//! What a plugin says when something is wrong.

use std::fmt::{self, Display};
use std::io;
use std::time::Duration;

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

    /// No answer within `timeout`, while in phase `at`.
    #[must_use]
    pub fn late(at: impl Into<String>, timeout: Duration) -> Self {
        // What is left of a longer time is no round number.
        let nanos = match timeout.as_nanos() {
            0..1_000_000 => 1_000,
            _ => 1_000_000,
        };
        let rounded = timeout.as_nanos().saturating_add(nanos / 2) / nanos * nanos;
        let shown = u64::try_from(rounded).map_or(timeout, Duration::from_nanos);
        Self::timeout(at, format_args!("no answer within {shown:?}"))
    }

    /// What a socket's error says, met while in phase `at`: the target's fault where the peer, the
    /// way or a firewall on it is at fault, this host's otherwise. In short words for people,
    /// without the numbers of errors.
    #[must_use]
    pub fn of_peer(at: &str, error: &io::Error) -> Self {
        match Blame::of(error) {
            Blame::Peer(words) => Self::down(words),
            Blame::Firewall => Self::down("refused by a firewall or route"),
            Blame::Time => Self::timeout(at, GAVE_UP),
            Blame::Ours => Self::io(format_args!("{at}: {error}")),
        }
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

/// Whose fault a socket's error is.
enum Blame {
    /// The peer's, or that of the way to it; in words.
    Peer(&'static str),
    /// A reject on the way, if it is a socket's error: a file's owner may say so, too.
    Firewall,
    /// Nobody answered the system in time.
    Time,
    /// This host's.
    Ours,
}

const GAVE_UP: &str = "the system gave up";

impl Blame {
    fn of(error: &io::Error) -> Self {
        match error.raw_os_error() {
            // What Linux makes of ICMP's and ICMPv6's "unreachable", and of routes.
            Some(libc::EHOSTDOWN) => return Self::Peer("host unreachable"),
            Some(libc::ENONET) => return Self::Peer("network unreachable"),
            Some(libc::ENOPROTOOPT) => return Self::Peer("protocol unreachable"),
            // Not EPERM: that is a rule of this host's.
            Some(libc::EACCES) => return Self::Firewall,
            _ => {}
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Peer("connection refused"),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected
            | io::ErrorKind::BrokenPipe => Self::Peer("connection reset"),
            io::ErrorKind::UnexpectedEof => Self::Peer("connection closed"),
            io::ErrorKind::HostUnreachable => Self::Peer("host unreachable"),
            io::ErrorKind::NetworkUnreachable => Self::Peer("network unreachable"),
            io::ErrorKind::TimedOut => Self::Time,
            _ => Self::Ours,
        }
    }
}

/// As [`Fault::of_peer`] without a phase, but that a missing permission is this host's: the error
/// may be that of a file.
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match Blame::of(&error) {
            Blame::Peer(words) => Self::down(words),
            Blame::Time => Self::timeout("", GAVE_UP),
            Blame::Firewall | Blame::Ours => Self::io(error),
        }
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
    fn errors_of_the_way_are_the_peers_and_errors_of_this_host_are_not() {
        let of = |errno| Fault::of_peer("connecting", &io::Error::from_raw_os_error(errno));
        for (errno, words) in [
            (libc::ECONNREFUSED, "connection refused"),
            (libc::ECONNRESET, "connection reset"),
            (libc::ECONNABORTED, "connection reset"),
            (libc::EPIPE, "connection reset"),
            (libc::ENOTCONN, "connection reset"),
            (libc::EHOSTUNREACH, "host unreachable"),
            (libc::EHOSTDOWN, "host unreachable"),
            (libc::ENETUNREACH, "network unreachable"),
            (libc::ENONET, "network unreachable"),
            (libc::ENOPROTOOPT, "protocol unreachable"),
            (libc::EACCES, "refused by a firewall or route"),
        ] {
            assert_eq!(of(errno), Fault::down(words), "{errno}");
        }
        let gave_up = Fault::timeout("connecting", "the system gave up");
        assert_eq!(of(libc::ETIMEDOUT), gave_up);
        for errno in [libc::EPERM, libc::EADDRNOTAVAIL, libc::EMFILE, libc::ENOBUFS, libc::EINVAL] {
            let fault = of(errno);
            assert_eq!(fault.kind, FaultKind::Io, "{errno}");
            assert!(fault.text.starts_with("connecting: "), "{fault}");
        }
        let closed = Fault::of_peer("answer", &io::ErrorKind::UnexpectedEof.into());
        assert_eq!(closed, Fault::down("connection closed"));
    }

    #[test]
    fn an_error_without_a_phase_may_be_that_of_a_file() {
        let of = |errno| Fault::from(io::Error::from_raw_os_error(errno));
        assert_eq!(of(libc::ECONNREFUSED), Fault::down("connection refused"));
        assert_eq!(of(libc::EHOSTDOWN), Fault::down("host unreachable"));
        assert_eq!(of(libc::ETIMEDOUT), Fault::timeout("", "the system gave up"));
        for errno in [libc::EACCES, libc::EPERM, libc::EMFILE, libc::ENOENT] {
            assert_eq!(of(errno).kind, FaultKind::Io, "{errno}");
        }
    }

    #[test]
    fn times_are_told_rounded() {
        for (nanos, shown) in [
            (400_000_000, "400ms"),
            (399_932_370, "400ms"),
            (1_499_999_999, "1.5s"),
            (2_000_000_000, "2s"),
            (999_600, "1ms"),
            (12_345, "12µs"),
        ] {
            let fault = Fault::late("answer", Duration::from_nanos(nanos));
            assert_eq!(fault.text, format!("no answer within {shown}"));
        }
    }
}
