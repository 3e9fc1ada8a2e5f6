//! Why a name server gave nothing of use.

use std::io;

use domain::base::iana::Rcode;

/// What went wrong in a conversation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// A socket's error.
    #[error("{phase}: {error}")]
    Io {
        /// What was being done.
        phase: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// Nothing came in time.
    #[error("no answer in time")]
    Timeout {
        /// What was being done.
        phase: &'static str,
    },
    /// The sink was stopped meanwhile.
    #[error("the sink is stopped")]
    Ended,
    /// The server said no.
    #[error("{about}: answered {rcode}")]
    Rcode {
        /// What was asked for.
        about: String,
        /// Its word.
        rcode: Rcode,
    },
    /// The server does not know the name of our key, or not with this algorithm.
    #[error("the server does not know the key (BADKEY)")]
    BadKey,
    /// The server found our signature wrong, or we its: the secrets differ.
    #[error("the secrets of the key differ (BADSIG)")]
    BadSignature,
    /// The clocks differ by more than is allowed. Seconds since 1970.
    #[error("the clocks differ (BADTIME): {ours} here, {theirs} there")]
    BadTime {
        /// When we signed.
        ours: u64,
        /// What the server's clock said.
        theirs: u64,
    },
    /// The server takes our signature for none, and does not say why: PowerDNS does so for a key that
    /// it does not know, another secret, and clocks that differ.
    #[error("the server does not take the signature (NOTAUTH)")]
    NotTaken,
    /// What came is not what RFC 8945 has a server that knows our key answer.
    #[error("the answer is not signed by the key: {0}")]
    Unsigned(String),
    /// The name lies in a zone of the server's, and is none itself.
    #[error("{name} is no zone, but lies in the zone {zone}")]
    Within {
        /// What was asked for.
        name: String,
        /// Where it lies.
        zone: String,
    },
    /// The server does not serve the name itself.
    #[error("{0}: answered without authority")]
    NoAuthority(String),
    /// An alias stands where addresses are asked for.
    #[error("{0} is an alias (CNAME)")]
    Alias(String),
    /// The answer lacks what it must have.
    #[error("{0}: the answer holds no such record")]
    NoRecord(String),
    /// The answer makes no sense.
    #[error("{0}: the answer cannot be read")]
    Malformed(String),
    /// Not a name.
    #[error("{0:?} is not a domain name")]
    Name(String),
    /// More than a message can hold (65,535 octets).
    #[error("{0}: too long for a message")]
    TooLong(String),
}

impl DnsError {
    /// Whether the request may have been heard though no answer came.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(self, DnsError::Timeout { .. } | DnsError::Io { .. })
    }

    /// Whether another key may do.
    #[must_use]
    pub fn is_of_key(&self) -> bool {
        matches!(self, DnsError::BadKey | DnsError::BadSignature | DnsError::NotTaken)
    }

    /// What an error of a socket is, while this was being done.
    pub fn at(phase: &'static str) -> impl Fn(io::Error) -> DnsError {
        move |error| match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => DnsError::Timeout { phase },
            _ => DnsError::Io { phase, error },
        }
    }
}
