//! A duration in a plugin's table.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A duration in a table: a string of a whole number and its unit, `"100ms"`, `"2s"`, `"5m"`,
/// `"1h"`, `"1d"`; more than zero, at most `"7d"`. Read as all durations of the configuration are.
///
/// ```
/// use rais_sdk::prelude::*;
///
/// #[config]
/// struct Table {
///     /// Between two questions.
///     #[default = "250ms"]
///     pause: DurationText,
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DurationText(Duration);

/// Why a string is not a [`DurationText`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// Neither number nor unit can be made out.
    #[error(
        "`{0}` is not a duration; write a whole number and a unit: \"100ms\", \"2s\", \"5m\", \
         \"1h\", \"1d\""
    )]
    Malformed(String),
    /// A bare number.
    #[error("`{0}` lacks a unit; write \"{0}ms\", \"{0}s\", \"{0}m\", \"{0}h\" or \"{0}d\"")]
    NoUnit(String),
    /// `"0s"`.
    #[error("`{0}` must be more than zero")]
    Zero(String),
    /// Over seven days.
    #[error("`{0}` is too long; at most seven days (\"7d\") are allowed")]
    TooLong(String),
}

/// [`DurationError`] without the text, as far as a constant can be worked out.
#[derive(Clone, Copy)]
enum Wrong {
    Malformed,
    NoUnit,
    Zero,
    TooLong,
}

/// The longest that the core takes too.
const LONGEST_MILLIS: u64 = 7 * 24 * 3_600_000;

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

    /// A duration in the author's code, judged when that is compiled: what `#[default = "5s"]`
    /// expands to.
    ///
    /// # Panics
    /// Where `text` is not a duration; in a constant that is an error of the compiler.
    #[must_use]
    #[doc(hidden)]
    #[allow(clippy::panic)] // an error of the compiler
    pub const fn literal(text: &str) -> Self {
        match millis(text) {
            Ok(millis) => Self(Duration::from_millis(millis)),
            Err(Wrong::NoUnit) => panic!("this duration lacks a unit: ms, s, m, h or d"),
            Err(Wrong::Zero) => panic!("this duration must be more than zero"),
            Err(Wrong::TooLong) => panic!("this duration is too long: at most 7d"),
            Err(Wrong::Malformed) => panic!("not a duration; write \"100ms\", \"2s\", \"5m\""),
        }
    }
}

const fn millis(text: &str) -> Result<u64, Wrong> {
    let text = text.as_bytes();
    let mut digits = 0;
    let mut number: u64 = 0;
    while digits < text.len() && text[digits].is_ascii_digit() {
        // Saturated, it is too long in any unit.
        number = number.saturating_mul(10).saturating_add((text[digits] - b'0') as u64);
        digits += 1;
    }
    if digits == 0 {
        return Err(Wrong::Malformed);
    }
    let per_unit = match text.split_at(digits).1 {
        b"ms" => 1,
        b"s" => 1000,
        b"m" => 60_000,
        b"h" => 3_600_000,
        b"d" => 86_400_000,
        b"" => return Err(Wrong::NoUnit),
        _ => return Err(Wrong::Malformed),
    };
    match number.saturating_mul(per_unit) {
        0 => Err(Wrong::Zero),
        millis if millis <= LONGEST_MILLIS => Ok(millis),
        _ => Err(Wrong::TooLong),
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
        let text = match millis(text) {
            Ok(millis) => return Ok(Self(Duration::from_millis(millis))),
            Err(wrong) => (wrong, text.to_owned()),
        };
        Err(match text {
            (Wrong::Malformed, text) => DurationError::Malformed(text),
            (Wrong::NoUnit, text) => DurationError::NoUnit(text),
            (Wrong::Zero, text) => DurationError::Zero(text),
            (Wrong::TooLong, text) => DurationError::TooLong(text),
        })
    }
}

/// In the largest unit that keeps it whole.
impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        match millis {
            _ if millis % 86_400_000 == 0 => write!(f, "{}d", millis / 86_400_000),
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
                f.write_str("a duration with a unit: \"100ms\", \"2s\", \"5m\", \"1h\", \"1d\"")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_more_than_zero() {
        let parse = |text: &str| text.parse::<DurationText>().map(DurationText::get);
        assert_eq!(parse("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(parse("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(parse("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(parse("7d"), Ok(Duration::from_secs(7 * 24 * 3600)));
        assert_eq!(parse("168h"), parse("7d"));
        assert_eq!(parse("5"), Err(DurationError::NoUnit("5".into())));
        assert_eq!(parse("0ms"), Err(DurationError::Zero("0ms".into())));
        assert_eq!(parse("169h"), Err(DurationError::TooLong("169h".into())));
        assert_eq!(parse("8d"), Err(DurationError::TooLong("8d".into())));
        let huge = "99999999999999999999s";
        assert_eq!(parse(huge), Err(DurationError::TooLong(huge.into())));
        for text in ["", "s", "-1s", "1.5s", "1 s", " 1s", "1S", "1D", "1w", "1s ", "+1s"] {
            assert_eq!(parse(text), Err(DurationError::Malformed(text.into())), "{text:?}");
        }
    }

    #[test]
    fn durations_print_as_they_are_read() {
        for text in ["100ms", "1500ms", "2s", "90s", "5m", "1h", "25h", "1d", "7d"] {
            assert_eq!(text.parse::<DurationText>().unwrap().to_string(), text);
        }
    }
}
