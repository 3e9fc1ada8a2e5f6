//! Octets in hex.

use rais_sdk::Describe;
use rais_sdk::serde::de::{Error, Unexpected};
use rais_sdk::serde::{Deserialize, Deserializer};

/// Octets of a table, written as pairs of hex digits: `"0a ff"`. Not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HexText(Vec<u8>);

impl HexText {
    /// The octets.
    #[must_use]
    pub fn into_octets(self) -> Vec<u8> {
        self.0
    }
}

impl<'de> Deserialize<'de> for HexText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match octets(&text) {
            Some(octets) if !octets.is_empty() => Ok(Self(octets)),
            _ => {
                let allowed = "pairs of hex digits, with or without spaces: \"0a ff\"";
                Err(D::Error::invalid_value(Unexpected::Str(&text), &allowed))
            }
        }
    }
}

impl Describe for HexText {
    fn words() -> String {
        "octets in hex".into()
    }
}

fn octets(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    for word in text.split_ascii_whitespace() {
        for pair in word.as_bytes().chunks(2) {
            let &[high, low] = pair else { return None };
            octets.push((digit(high)? << 4) | digit(low)?);
        }
    }
    Some(octets)
}

fn digit(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::read;

    #[test]
    fn hex_is_pairs_of_digits() {
        for text in ["00ff1a", "00 FF 1A", " 00ff\n1a "] {
            assert_eq!(read::<HexText>(text).unwrap().into_octets(), [0, 0xff, 0x1a], "{text:?}");
        }
        for text in ["", " ", "0", "0 0", "000", "0x00", "gg", "+1", "ü"] {
            let error = read::<HexText>(text).unwrap_err();
            assert!(error.contains("expected pairs of hex digits"), "{text:?}: {error}");
        }
    }
}
