//! Which status codes are well.

use std::fmt;

use http::StatusCode;
use rais_sdk::Describe;
use rais_sdk::serde::de::value::SeqAccessDeserializer;
use rais_sdk::serde::de::{
    Deserialize, Deserializer, Error, IntoDeserializer, SeqAccess, Unexpected, Visitor,
};

/// One status code, written `204`, or several from the lowest to the highest, written `"200-299"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusRange {
    lowest: u16,
    highest: u16,
}

/// A list of codes and ranges, not empty; one alone needs no list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRanges(Vec<StatusRange>);

/// What RFC 9110 §15 calls the code, `"Not Found"`; empty where it has no name.
#[must_use]
pub fn reason(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason()).unwrap_or_default()
}

impl StatusRange {
    fn new(lowest: u64, highest: u64) -> Option<Self> {
        // RFC 9110 §15: the first digit is one of 1 to 5.
        let code = |number| u16::try_from(number).ok().filter(|code| (100..=599).contains(code));
        let (lowest, highest) = (code(lowest)?, code(highest)?);
        (lowest <= highest).then_some(Self { lowest, highest })
    }

    fn read(text: &str) -> Option<Self> {
        let (lowest, highest) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| {
            let digits = text.len() == 3 && text.bytes().all(|digit| digit.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        Self::new(number(lowest)?, number(highest)?)
    }
}

impl StatusRanges {
    /// Whether `status` is among them.
    #[must_use]
    pub fn contain(&self, status: u16) -> bool {
        self.0.iter().any(|range| (range.lowest..=range.highest).contains(&status))
    }
}

impl<'de> Deserialize<'de> for StatusRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Range;

        impl Visitor<'_> for Range {
            type Value = StatusRange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status code from 100 to 599, or a range as in \"200-299\"")
            }

            fn visit_u64<E: Error>(self, code: u64) -> Result<StatusRange, E> {
                StatusRange::new(code, code)
                    .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(code), &self))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<StatusRange, E> {
                StatusRange::read(text)
                    .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Range)
    }
}

impl<'de> Deserialize<'de> for StatusRanges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ranges;

        impl<'de> Visitor<'de> for Ranges {
            type Value = StatusRanges;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("status codes and ranges, as in [\"200-299\", 401]")
            }

            fn visit_u64<E: Error>(self, code: u64) -> Result<StatusRanges, E> {
                StatusRange::deserialize(code.into_deserializer())
                    .map(|one| StatusRanges(vec![one]))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<StatusRanges, E> {
                StatusRange::deserialize(text.into_deserializer())
                    .map(|one| StatusRanges(vec![one]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<StatusRanges, A::Error> {
                let ranges = Vec::deserialize(SeqAccessDeserializer::new(list))?;
                if ranges.is_empty() {
                    let text = "no status would be well; name one, or leave it out";
                    return Err(A::Error::custom(text));
                }
                Ok(StatusRanges(ranges))
            }
        }

        deserializer.deserialize_any(Ranges)
    }
}

impl Describe for StatusRanges {
    fn words() -> String {
        "list of status codes and ranges".into()
    }

    fn written(&self) -> Option<String> {
        let ranges: Vec<_> = self
            .0
            .iter()
            .map(|range| match (range.lowest, range.highest) {
                (lowest, highest) if lowest == highest => lowest.to_string(),
                (lowest, highest) => format!("\"{lowest}-{highest}\""),
            })
            .collect();
        Some(format!("[{}]", ranges.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_or_a_range_of_them() {
        let range = |lowest, highest| Some(StatusRange { lowest, highest });
        assert_eq!(StatusRange::read("200-399"), range(200, 399));
        assert_eq!(StatusRange::read("204"), range(204, 204));
        assert_eq!(StatusRange::new(599, 599), range(599, 599));
        for wrong in ["", "-", "200-", "-299", "299-200", "2xx", "99", "600", "200 - 299", "+20"] {
            assert_eq!(StatusRange::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ranges_contain_their_ends() {
        let ranges = StatusRanges(
            ["200-299", "401"].iter().map(|text| StatusRange::read(text).unwrap()).collect(),
        );
        let among: Vec<_> = (100..600).filter(|status| ranges.contain(*status)).collect();
        assert_eq!((among[0], among[99], among[100], among.len()), (200, 299, 401, 101));
        assert_eq!(ranges.written().unwrap(), "[\"200-299\", 401]");
    }

    #[test]
    fn codes_have_their_names() {
        assert_eq!((reason(200), reason(404), reason(599)), ("OK", "Not Found", ""));
    }
}
