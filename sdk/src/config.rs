//! A plugin's table: how it is read, and types for what stands in many.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::path::read_in_folder;
use crate::{Describe, Fault, OptionInfo};

/// For a plugin whose table has no keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

impl Describe for NoConfig {
    fn options() -> Vec<OptionInfo> {
        Vec::new()
    }
}

/// A duration in a table: a string of a whole number and its unit, `"100ms"`, `"2s"`, `"5m"`,
/// `"1h"`; more than zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DurationText(Duration);

/// Why a string is not a [`DurationText`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// Neither number nor unit can be made out.
    #[error(
        "`{0}` is not a duration; write a whole number and a unit: \"100ms\", \"2s\", \"5m\", \"1h\""
    )]
    Malformed(String),
    /// A bare number.
    #[error("`{0}` lacks a unit; write \"{0}ms\", \"{0}s\", \"{0}m\" or \"{0}h\"")]
    NoUnit(String),
    /// `"0s"`.
    #[error("`{0}` must be more than zero")]
    Zero(String),
    /// Over a year.
    #[error("`{0}` is too long; at most a year (8760h) is allowed")]
    TooLong(String),
}

const YEAR: Duration = Duration::from_secs(8760 * 3600);

impl DurationText {
    /// The duration.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    /// For defaults in code; zero is taken as 1 ms.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(if millis == 0 { 1 } else { millis }))
    }
}

impl From<DurationText> for Duration {
    fn from(text: DurationText) -> Self {
        text.0
    }
}

impl FromStr for DurationText {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let millis_per_unit: u64 = match unit {
            _ if number.is_empty() => return Err(DurationError::Malformed(text.to_owned())),
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "" => return Err(DurationError::NoUnit(text.to_owned())),
            _ => return Err(DurationError::Malformed(text.to_owned())),
        };
        let millis = number.parse::<u64>().ok().and_then(|n| n.checked_mul(millis_per_unit));
        match millis.map(Duration::from_millis) {
            Some(Duration::ZERO) => Err(DurationError::Zero(text.to_owned())),
            Some(duration) if duration <= YEAR => Ok(Self(duration)),
            _ => Err(DurationError::TooLong(text.to_owned())),
        }
    }
}

/// In the largest unit that keeps it whole.
impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        match millis {
            _ if millis % 3_600_000 == 0 => write!(f, "{}h", millis / 3_600_000),
            _ if millis % 60_000 == 0 => write!(f, "{}m", millis / 60_000),
            _ if millis % 1000 == 0 => write!(f, "{}s", millis / 1000),
            _ => write!(f, "{millis}ms"),
        }
    }
}

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = DurationText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration with a unit: \"100ms\", \"2s\", \"5m\", \"1h\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<DurationText, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl Serialize for DurationText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads a table that crossed the boundary as JSON. The fault's place is the key path in it.
pub(crate) fn parse<C: DeserializeOwned>(json: &str) -> Result<C, Fault> {
    let table = serde_json::from_str(json).map_err(|error| Fault::config("", error))?;
    // From the value and not the text: positions in the JSON mean nothing to who wrote TOML.
    read_in_folder(table, |table| {
        serde_path_to_error::deserialize(table).map_err(|error| {
            let path = error.path().to_string();
            // "." is the table itself, "?" a place in it that serde did not name.
            let at = path.trim_end_matches(['.', '?']);
            Fault::config(at, error.inner())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(default)]
        #[allow(dead_code)]
        inner: Option<Inner>,
        #[serde(default)]
        #[allow(dead_code)]
        wait: Option<DurationText>,
        #[serde(default)]
        #[allow(dead_code)]
        many: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[allow(dead_code)]
        port: u16,
    }

    fn fault(json: &str) -> (String, String) {
        let fault = parse::<Outer>(json).unwrap_err();
        (fault.at, fault.text)
    }

    #[test]
    fn faults_have_their_key_path_and_no_position() {
        let at = |at: &str, text: &str| (at.to_owned(), text.to_owned());
        assert_eq!(
            fault(r#"{"inner":{"prot":80}}"#),
            at("inner.prot", "unknown field `prot`, expected `port`")
        );
        assert_eq!(
            fault(r#"{"inner":{"port":-1}}"#),
            at("inner.port", "invalid value: integer `-1`, expected u16")
        );
        assert_eq!(fault(r#"{"inner":{}}"#), at("inner", "missing field `port`"));
        assert_eq!(
            fault(r#"{"many":[{"port":1},{"port":"x"}]}"#),
            at("many[1].port", "invalid type: string \"x\", expected u16")
        );
        assert_eq!(fault("5"), at("", "invalid type: integer `5`, expected struct Outer"));
        let (place, text) = fault(r#"{"wait":"5"}"#);
        assert_eq!(place, "wait");
        assert!(text.contains("lacks a unit"), "{text}");
        let (place, text) = fault(r#"{"wait":5}"#);
        assert_eq!(place, "wait");
        assert!(text.contains("expected a duration with a unit"), "{text}");
    }

    #[test]
    fn durations_need_a_unit_and_more_than_zero() {
        let parse = |text: &str| text.parse::<DurationText>().map(DurationText::get);
        assert_eq!(parse("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(parse("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(parse("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(parse("8760h"), Ok(YEAR));
        assert_eq!(parse("5"), Err(DurationError::NoUnit("5".into())));
        assert_eq!(parse("0ms"), Err(DurationError::Zero("0ms".into())));
        assert_eq!(parse("8761h"), Err(DurationError::TooLong("8761h".into())));
        let huge = "99999999999999999999s";
        assert_eq!(parse(huge), Err(DurationError::TooLong(huge.into())));
        for text in ["", "s", "-1s", "1.5s", "1 s", " 1s", "1S", "1d", "1s ", "+1s"] {
            assert_eq!(parse(text), Err(DurationError::Malformed(text.into())), "{text:?}");
        }
    }

    #[test]
    fn durations_print_as_they_are_read() {
        for text in ["100ms", "1500ms", "2s", "90s", "5m", "1h", "25h"] {
            assert_eq!(text.parse::<DurationText>().unwrap().to_string(), text);
        }
    }
}
