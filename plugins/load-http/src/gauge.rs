//! Which number of an answer is the load.

use std::fmt;

use rais_http::{Keep, Limits, Reader, Size};
use rais_sdk::{Fault, Reading, config};
use rais_talk::Pattern;
use serde_json::Value;

use crate::orca;

/// Where the number stands.
#[config]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// In the header `endpoint-load-metrics`.
    Orca,
    /// In a field of the body.
    Json,
    /// In the body itself.
    Text,
}

/// Makes a load of an answer.
#[derive(Debug)]
pub(crate) struct Gauge {
    place: Place,
    /// So much is 100 %.
    full: f64,
    max_body: Size,
}

#[derive(Debug)]
enum Place {
    /// A metric of this name, or the usual ones.
    Orca(Option<String>),
    Field(String),
    /// The whole body.
    Body,
    /// Its one group.
    Pattern(Pattern),
}

impl Gauge {
    pub(crate) fn new(
        format: Option<Format>,
        field: Option<String>,
        pattern: Option<Pattern>,
        full: Option<f64>,
        max_body: Size,
    ) -> Result<Self, Fault> {
        let format = format.unwrap_or(match (&field, &pattern) {
            (Some(_), _) => Format::Json,
            (None, Some(_)) => Format::Text,
            (None, None) => Format::Orca,
        });
        let stray = |key, text| Err(Fault::config(key, text));
        let place = match (format, field, pattern) {
            (Format::Orca | Format::Json, _, Some(_)) => {
                return stray("pattern", "is about the format \"text\"; write it without `field`");
            }
            (Format::Text, Some(_), _) => {
                return stray("field", "is about the formats \"json\" and \"orca\"");
            }
            (Format::Json, None, None) => {
                return stray("field", "missing; which number of the body is the load?");
            }
            (Format::Json, Some(field), None) => Place::Field(field),
            (Format::Orca, field, None) => Place::Orca(field),
            (Format::Text, None, Some(pattern)) if pattern.groups() == 1 => Place::Pattern(pattern),
            (Format::Text, None, Some(_)) => {
                return stray("pattern", "needs one group, the number: as in \"load: ([0-9.]+)\"");
            }
            (Format::Text, None, None) => Place::Body,
        };
        let full = full.unwrap_or(if format == Format::Orca { 1.0 } else { 100.0 });
        if !(full.is_finite() && full > 0.0) {
            return stray("full", "is to be more than zero");
        }
        Ok(Self { place, full, max_body })
    }

    /// What is to be kept of an answer.
    pub(crate) fn limits(&self) -> Limits {
        match self.place {
            Place::Orca(_) => Limits { body: 0, keep: Keep::Nothing, header: Some(orca::HEADER) },
            _ => Limits::body(self.max_body.octets()),
        }
    }

    pub(crate) fn read(&self, answer: &Reader) -> Result<Reading, Fault> {
        let (name, number) = match &self.place {
            Place::Orca(metric) => {
                let header = answer.header();
                let header = header.ok_or_else(|| {
                    Fault::unknown(format!("the answer has no header {}", orca::HEADER))
                })?;
                orca::read(header, metric.as_deref())?
            }
            _ if answer.is_cut() => {
                return Err(Fault::unknown(format!("the body is longer than {}", self.max_body)));
            }
            Place::Field(field) => (field.clone(), in_json(answer.body(), field)?),
            Place::Body => ("the body".to_owned(), number(answer.body())),
            Place::Pattern(pattern) => {
                let found = pattern.first_group(answer.body()).ok_or_else(|| {
                    Fault::unknown(format!("the body does not match \"{pattern}\""))
                })?;
                ("what `pattern` found".to_owned(), number(found))
            }
        };
        match number {
            Some(number) if number >= 0.0 => {
                let percent = number / self.full * 100.0;
                Ok(Reading::load(percent).with_reason(format!("{name}: {}", Short(number))))
            }
            Some(number) => {
                let text = format!("{name} is {}, less than zero", Short(number));
                Err(Fault::unknown(text))
            }
            None => Err(Fault::unknown(format!("{name} is no number"))),
        }
    }
}

/// The number at `path` in a text of JSON; `None` where what stands there is none.
fn in_json(text: &[u8], path: &str) -> Result<Option<f64>, Fault> {
    let value = serde_json::from_slice(text)
        .map_err(|error| Fault::unknown(format!("the body is no JSON: {error}")))?;
    match at(&value, path) {
        Some(value) => Ok(number_of(value)),
        None => Err(Fault::unknown(format!("the body has no `{path}`"))),
    }
}

/// The value at the end of names, or of numbers in lists, joined by dots.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, name| match value {
        Value::Array(list) => list.get(index(name)?),
        value => value.get(name),
    })
}

fn index(digits: &str) -> Option<usize> {
    let is_plain = digits.bytes().all(|digit| digit.is_ascii_digit());
    is_plain.then(|| digits.parse().ok()).flatten()
}

/// Some programs write numbers as texts.
pub(crate) fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => number(text.as_bytes()),
        _ => None,
    }
}

/// Finite, with space around it.
pub(crate) fn number(text: &[u8]) -> Option<f64> {
    let number = std::str::from_utf8(text.trim_ascii()).ok()?.parse::<f64>().ok()?;
    number.is_finite().then_some(number)
}

/// In at most some twenty digits.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.abs() {
            0.0 | 1e-4..1e15 => write!(f, "{}", self.0),
            _ => write!(f, "{:e}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_shortly() {
        for (number, shown) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (-42.0, "-42"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e308, "1e308"),
            (-2.5e-308, "-2.5e-308"),
        ] {
            assert_eq!(Short(number).to_string(), shown);
        }
    }

    #[test]
    fn a_place_in_a_list_is_a_number_in_digits() {
        let value = serde_json::json!({ "list": [1, 2] });
        assert_eq!(at(&value, "list.1"), Some(&Value::from(2)));
        for path in ["list.+1", "list.-1", "list.", "list.2", "list.1x"] {
            assert_eq!(at(&value, path), None, "{path}");
        }
    }
}
