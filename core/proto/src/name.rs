//! Names and numbers that tell hosts, services and clusters apart.

use std::fmt;
use std::str::FromStr;

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Empty, or longer than fits a beat.
    #[error("a {what} has 1 to {most} octets, this has {len}")]
    Length {
        /// Which kind of name.
        what: &'static str,
        /// Octets allowed.
        most: usize,
        /// Octets given.
        len: usize,
    },
    /// A character that would need quoting in a log, a path or a command line.
    #[error(
        "a {what} is made of letters, digits, '-', '_' and '.', and starts with a letter or a digit; {found:?} is none of them here"
    )]
    Character {
        /// Which kind of name.
        what: &'static str,
        /// The offender.
        found: char,
    },
}

fn check(what: &'static str, most: usize, text: &str) -> Result<(), NameError> {
    if text.is_empty() || text.len() > most {
        return Err(NameError::Length { what, most, len: text.len() });
    }
    let fits = |(at, c): (usize, char)| {
        c.is_ascii_alphanumeric() || (at > 0 && matches!(c, '-' | '_' | '.'))
    };
    match text.char_indices().find(|&place| !fits(place)) {
        Some((_, found)) => Err(NameError::Character { what, found }),
        None => Ok(()),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $most:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The longest that fits a beat, in octets.
            pub const MAX_LEN: usize = $most;

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check($what, $most, text)?;
                Ok($name(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    };
}

name!(
    /// A service, as monitors announce it and binders bind it: `http`.
    ServiceName, "service name", 63
);
name!(
    /// A cluster: beats of another one are refused.
    ClusterName, "cluster name", 63
);
name!(
    /// What people call a host; [`HostId`] is what tells it apart.
    HostName, "host name", 253
);
name!(
    /// A zone, without its final dot.
    ZoneName, "zone name", 253
);

/// A host, told apart by 16 random octets that it keeps for life: names and addresses change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub [u8; 16]);

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostId({self})")
    }
}

/// One life of a monitor: greater after every start, so that an old life's beats are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// The number of a beat within its epoch, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_is_allowed() {
        let err = "no spaces".parse::<ServiceName>().unwrap_err();
        assert_eq!(err, NameError::Character { what: "service name", found: ' ' });
        assert!("".parse::<ServiceName>().is_err());
        assert!("-x".parse::<ServiceName>().is_err());
        assert!("x".repeat(64).parse::<ServiceName>().is_err());
        assert_eq!("news-2.eu".parse::<ServiceName>().unwrap().as_str(), "news-2.eu");
    }
}
