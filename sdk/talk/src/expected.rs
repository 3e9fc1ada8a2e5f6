//! What an answer must be.

use std::fmt;

use rais_sdk::serde::de::Error;
use rais_sdk::serde::{Deserialize, Deserializer};
use rais_sdk::{Describe, Fault};
use regex::bytes::{Regex, RegexBuilder};

use crate::both;
use crate::hex::HexText;

/// What must be in an answer.
#[derive(Debug, Clone)]
pub enum Expected {
    /// Something that matches.
    Pattern(Pattern),
    /// These octets, at its beginning.
    Prefix(Vec<u8>),
}

/// What can be said of an answer that has come so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It is as expected, whatever comes then.
    Fits,
    /// More of it may be.
    Open,
    /// It never will be.
    Differs,
}

/// A regular expression of the crate `regex`, over octets: classes are those of ASCII, `.` is any
/// octet but a line feed, `\xff` is an octet. `$` is the end of what has come so far.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Expected {
    /// Of a table's `expect` or `expect_hex`.
    ///
    /// # Errors
    /// [`Fault::config`] where both are there.
    pub fn new(
        expect: Option<Pattern>,
        expect_hex: Option<HexText>,
    ) -> Result<Option<Self>, Fault> {
        match (expect, expect_hex) {
            (Some(_), Some(_)) => Err(both("expect_hex", "expect")),
            (Some(pattern), None) => Ok(Some(Self::Pattern(pattern))),
            (None, hex) => Ok(hex.map(|hex| Self::Prefix(hex.into_octets()))),
        }
    }

    /// Of all that has come so far.
    #[must_use]
    pub fn judge(&self, heard: &[u8]) -> Judgement {
        match self {
            Self::Pattern(Pattern(regex)) if regex.is_match(heard) => Judgement::Fits,
            Self::Pattern(_) => Judgement::Open,
            Self::Prefix(prefix) if heard.starts_with(prefix) => Judgement::Fits,
            Self::Prefix(prefix) if prefix.starts_with(heard) => Judgement::Open,
            Self::Prefix(_) => Judgement::Differs,
        }
    }
}

impl Pattern {
    /// Whether something in `heard` matches.
    #[must_use]
    pub fn is_in(&self, heard: &[u8]) -> bool {
        self.0.is_match(heard)
    }

    /// How many groups it has.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.0.captures_len() - 1
    }

    /// What its first group has found; `None` where nothing matches, or without that group.
    #[must_use]
    pub fn first_group<'h>(&self, heard: &'h [u8]) -> Option<&'h [u8]> {
        Some(self.0.captures(heard)?.get(1)?.as_bytes())
    }
}

/// As it is written.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let regex = RegexBuilder::new(&text).unicode(false).build().map_err(|error| {
            D::Error::custom(format!("`{text}` is no regular expression: {}", in_short(&error)))
        })?;
        // Every answer would do, the empty one that has not come yet among them.
        if regex.is_match(b"") {
            let hint = "leave it out to expect nothing";
            return Err(D::Error::custom(format!("`{text}` matches without an answer; {hint}")));
        }
        Ok(Self(regex))
    }
}

impl Describe for Pattern {
    fn words() -> String {
        "regular expression".into()
    }
}

/// Without the picture of where in the expression.
fn in_short(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::read;

    fn judge(expect: &str, heard: &[u8]) -> Judgement {
        let pattern = read::<Pattern>(expect).unwrap();
        Expected::new(Some(pattern), None).unwrap().unwrap().judge(heard)
    }

    #[test]
    fn a_pattern_is_looked_for_among_octets() {
        for (pattern, heard, wanted) in [
            ("^220", b"220 ready".as_slice(), Judgement::Fits),
            ("^220", b"22", Judgement::Open),
            ("^220", b"554 no", Judgement::Open),
            ("ready", b"220 ready", Judgement::Fits),
            ("(?m)^250 ", b"250-SIZE\r\n250 ok", Judgement::Fits),
            (r"^\xff.\x00$", b"\xff\xfe\x00", Judgement::Fits),
            (r"\d\w", b"\xb2\xe4", Judgement::Open),
            ("ü", "früh".as_bytes(), Judgement::Fits),
        ] {
            assert_eq!(judge(pattern, heard), wanted, "{pattern}");
        }
    }

    #[test]
    fn a_group_of_a_pattern_is_found() {
        let pattern = read::<Pattern>("load: ([0-9]+)(!)?").unwrap();
        assert_eq!((pattern.groups(), pattern.to_string().as_str()), (2, "load: ([0-9]+)(!)?"));
        assert_eq!(pattern.first_group(b"up, load: 42%"), Some(&b"42"[..]));
        assert_eq!(
            (pattern.first_group(b"load: much"), pattern.is_in(b"load: much")),
            (None, false)
        );
        let other = read::<Pattern>("(!)?load").unwrap();
        assert_eq!((other.first_group(b"load"), other.is_in(b"load")), (None, true));
    }

    #[test]
    fn a_prefix_is_all_there_in_part_there_or_not() {
        let hex = read::<HexText>("0102").unwrap();
        let expected = Expected::new(None, Some(hex)).unwrap().unwrap();
        assert_eq!(expected.judge(&[]), Judgement::Open);
        assert_eq!(expected.judge(&[1]), Judgement::Open);
        assert_eq!(expected.judge(&[1, 2]), Judgement::Fits);
        assert_eq!(expected.judge(&[1, 2, 3]), Judgement::Fits);
        assert_eq!(expected.judge(&[2]), Judgement::Differs);
        assert_eq!(expected.judge(&[1, 3, 2]), Judgement::Differs);
    }

    #[test]
    fn what_is_no_expression_or_expects_nothing_is_refused() {
        let refused = |text| read::<Pattern>(text).unwrap_err();
        assert_eq!(refused("(220"), "`(220` is no regular expression: unclosed group");
        assert!(refused("a{9999999}").contains("is no regular expression: "));
        for text in ["", ".*", "^", "(220)?"] {
            assert!(refused(text).contains("matches without an answer"), "{text}");
        }
    }

    #[test]
    fn only_one_of_the_two_is_allowed() {
        let (pattern, hex) = (read("a").unwrap(), read("00").unwrap());
        let fault = Expected::new(Some(pattern), Some(hex)).unwrap_err();
        assert_eq!(fault.at, "expect_hex");
        assert!(Expected::new(None, None).unwrap().is_none());
    }
}
