//! Names of zones and of the owners in them, checked once.

use std::fmt;

/// Octets of a name in text, without the last dot (255 on the wire, RFC 1035 §2.3.4).
const MAX_NAME: usize = 253;
/// Octets of a label (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// The name of a zone: lower case, without the last dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneName(String);

/// The name of an owner of addresses: absolute, lower case, without the last dot, inside its zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerName(String);

/// Why a name is not taken; each message says what is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing, or the root alone.
    #[error("{0:?} is not a name: it needs at least one label, as in \"www.example\"")]
    Empty(String),
    /// Two dots in a row, or one in front.
    #[error("{0:?} holds an empty label: dots stand between labels, and one may end the name")]
    EmptyLabel(String),
    /// A label is too long.
    #[error("the label {0:?} has {1} characters, 63 are allowed")]
    LongLabel(String, usize),
    /// The whole name is too long.
    #[error("{0:?} has {1} characters, 253 are allowed")]
    Long(String, usize),
    /// A character outside letters, digits, hyphen, underscore.
    #[error("{1:?} in the name {0:?}: letters, digits, hyphens and underscores are allowed")]
    Character(String, char),
    /// A label begins or ends with a hyphen.
    #[error("the label {0:?} begins or ends with a hyphen: a letter, digit or underscore must")]
    Hyphen(String),
    /// An absolute owner of another zone.
    #[error("{owner:?} lies outside the zone {zone:?}: write it without the last dot, or \"@\"")]
    Outside {
        /// As written.
        owner: String,
        /// The zone's name.
        zone: String,
    },
    /// Not a mailbox.
    #[error("{0:?} is not a mailbox: allowed is user@domain, or user.domain as in an SOA record")]
    Mailbox(String),
}

impl ZoneName {
    /// Reads a zone's name, with or without the last dot.
    ///
    /// # Errors
    /// Labels are letters, digits, hyphens (not at their ends) and underscores, 63 at most; the
    /// whole at most 253. The root is refused.
    pub fn parse(text: &str) -> Result<ZoneName, NameError> {
        checked(text, text.strip_suffix('.').unwrap_or(text), Leftmost::Label).map(ZoneName)
    }

    /// Lower case, without the last dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl OwnerName {
    /// Reads an owner as a configuration has it: `@` is the apex, a name with a last dot is
    /// absolute, any other is relative to the zone; the leftmost label may be `*`.
    ///
    /// # Errors
    /// As [`ZoneName::parse`]; an absolute name must lie in the zone.
    pub fn parse(text: &str, zone: &ZoneName) -> Result<OwnerName, NameError> {
        if text == "@" {
            return Ok(OwnerName(zone.0.clone()));
        }
        let Some(absolute) = text.strip_suffix('.') else {
            let joined = format!("{text}.{}", zone.0);
            if text.is_empty() {
                return Err(NameError::Empty(text.to_owned()));
            }
            return checked(text, &joined, Leftmost::LabelOrStar).map(OwnerName);
        };
        OwnerName::absolute(absolute, zone).map_err(|error| match error {
            NameError::Outside { zone, .. } => NameError::Outside { owner: text.to_owned(), zone },
            other => other,
        })
    }

    /// Reads an absolute name, with or without the last dot.
    ///
    /// # Errors
    /// As [`ZoneName::parse`]; it must lie in the zone.
    pub fn absolute(text: &str, zone: &ZoneName) -> Result<OwnerName, NameError> {
        let name = checked(text, text.strip_suffix('.').unwrap_or(text), Leftmost::LabelOrStar)?;
        if zone.holds(&name) {
            Ok(OwnerName(name))
        } else {
            Err(NameError::Outside { owner: text.to_owned(), zone: zone.0.clone() })
        }
    }

    /// Lower case, absolute, without the last dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ZoneName {
    /// Whether an absolute name (lower case, no last dot) is this zone's or lies below it.
    fn holds(&self, name: &str) -> bool {
        name.strip_suffix(&self.0).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mailbox as an SOA record has it (RFC 1035 §8), absolute with the last dot.
pub(crate) fn mailbox(text: &str) -> Result<String, NameError> {
    let bad = || NameError::Mailbox(text.to_owned());
    let (user, host) = match text.split_once('@') {
        Some((user, host)) => (user, host),
        // The first dot stands for the at sign.
        None => text.split_once('.').ok_or_else(bad)?,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_+.".contains(c);
    if user.is_empty() || user.len() > MAX_LABEL || !user.chars().all(plain) {
        return Err(bad());
    }
    let host = ZoneName::parse(host)?;
    let whole = format!("{}.{host}.", user.replace('.', "\\."));
    if user.len() + 1 + host.0.len() > MAX_NAME { Err(bad()) } else { Ok(whole) }
}

/// What the leftmost label may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leftmost {
    Label,
    LabelOrStar,
}

/// Checks `name` (no last dot) and lowers its case; errors show `written`.
fn checked(written: &str, name: &str, leftmost: Leftmost) -> Result<String, NameError> {
    if name.is_empty() {
        return Err(NameError::Empty(written.to_owned()));
    }
    for (index, label) in name.split('.').enumerate() {
        if label == "*" && index == 0 && leftmost == Leftmost::LabelOrStar {
            continue;
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if label.is_empty() {
            return Err(NameError::EmptyLabel(written.to_owned()));
        }
        if let Some(odd) = label.chars().find(|c| !allowed(*c)) {
            return Err(NameError::Character(written.to_owned(), odd));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(NameError::Hyphen(label.to_owned()));
        }
        if label.len() > MAX_LABEL {
            return Err(NameError::LongLabel(label.to_owned(), label.len()));
        }
    }
    if name.len() > MAX_NAME {
        return Err(NameError::Long(written.to_owned(), name.len()));
    }
    Ok(name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(text: &str) -> ZoneName {
        ZoneName::parse(text).unwrap()
    }

    #[test]
    fn zone_names_lose_case_and_last_dot() {
        assert_eq!(zone("WWW.Example.").as_str(), "www.example");
        assert_eq!(zone("_tcp.x1-2.example").as_str(), "_tcp.x1-2.example");
    }

    #[test]
    fn bad_names_say_what_is_allowed() {
        let cases = [
            ("", "at least one label"),
            (".", "at least one label"),
            ("a..b", "empty label"),
            (".a", "empty label"),
            ("a b", "letters, digits"),
            ("ä.example", "letters, digits"),
            ("*.example", "letters, digits"),
            ("-a.example", "hyphen"),
            ("a-.example", "hyphen"),
        ];
        for (name, says) in cases {
            let error = ZoneName::parse(name).unwrap_err().to_string();
            assert!(error.contains(says), "{name:?}: {error}");
        }
        let long = "x".repeat(64);
        assert!(ZoneName::parse(&long).unwrap_err().to_string().contains("63 are allowed"));
        let name = vec!["x".repeat(63); 4].join(".");
        assert!(ZoneName::parse(&name).unwrap_err().to_string().contains("253 are allowed"));
        assert!(ZoneName::parse(&name[2..]).is_ok());
    }

    #[test]
    fn owners_become_absolute() {
        let zone = zone("example.com");
        let owner = |text| OwnerName::parse(text, &zone).map(|name| name.0);
        assert_eq!(owner("@").unwrap(), "example.com");
        assert_eq!(owner("API").unwrap(), "api.example.com");
        assert_eq!(owner("a.b").unwrap(), "a.b.example.com");
        assert_eq!(owner("*.b").unwrap(), "*.b.example.com");
        assert_eq!(owner("api.example.com.").unwrap(), "api.example.com");
        // Relative, so the zone's name is added: as in a zone file.
        assert_eq!(owner("api.example.com").unwrap(), "api.example.com.example.com");
        assert!(owner("api.example.org.").unwrap_err().to_string().contains("outside the zone"));
        assert!(owner("notexample.com.").is_err());
        assert!(owner("").is_err());
        assert!(owner("a.*").is_err());
        assert_eq!(
            OwnerName::absolute("Api.Example.Com", &zone).unwrap().as_str(),
            "api.example.com"
        );
    }

    #[test]
    fn mailboxes() {
        assert_eq!(mailbox("hostmaster@example").unwrap(), "hostmaster.example.");
        assert_eq!(mailbox("hostmaster.example.").unwrap(), "hostmaster.example.");
        assert_eq!(mailbox("a.b@Example.Com").unwrap(), "a\\.b.example.com.");
        for bad in ["", "nobody", "@example", "a b@example"] {
            assert!(mailbox(bad).is_err(), "{bad:?}");
        }
        assert!(mailbox("a@").is_err());
    }
}
