//! A size in a plugin's table.

use std::fmt;

use rais_sdk::Describe;
use rais_sdk::serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// A string of a whole number and its unit, `"64KiB"` or `"1MiB"`; more than nothing, at most
/// `"16MiB"`. Read as all sizes of the configuration are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u32);

const UNITS: [(&str, u32); 2] = [("MiB", 1 << 20), ("KiB", 1 << 10)];

/// Thousands of answers may be under way at once.
const MOST: u32 = 16 << 20;

impl Size {
    /// In octets.
    #[must_use]
    pub fn octets(self) -> usize {
        self.0 as usize
    }

    fn read(text: &str) -> Option<Self> {
        let (number, factor) = UNITS
            .iter()
            .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?.trim_end(), factor)))?;
        if !number.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let octets = number.parse::<u32>().ok()?.checked_mul(*factor)?;
        (1..=MOST).contains(&octets).then_some(Self(octets))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, factor)| self.0 % factor == 0) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{} octets", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number with KiB or MiB, \"1KiB\" to \"16MiB\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
                Size::read(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl Describe for Size {
    fn words() -> String {
        "size".into()
    }

    fn written(&self) -> Option<String> {
        Some(format!("\"{self}\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_and_its_unit() {
        let of = |text| Size::read(text).map(Size::octets);
        assert_eq!(of("1KiB"), Some(1024));
        assert_eq!(of("64 KiB"), Some(65_536));
        assert_eq!(of("16MiB"), Some(16 << 20));
        for wrong in ["", "KiB", "0KiB", "17MiB", "+1KiB", "-1KiB", " 1KiB", "1kb", "64", "1.5MiB"]
        {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_eq!(of("99999999999999MiB"), None);
    }

    #[test]
    fn it_is_told_as_it_would_be_written() {
        for text in ["1KiB", "64KiB", "1MiB", "1025KiB"] {
            assert_eq!(Size::read(text).unwrap().to_string(), text);
        }
        assert_eq!(Size::read("2048KiB").unwrap().to_string(), "2MiB");
    }
}
