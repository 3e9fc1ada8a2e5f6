//! What probes send to a server, and what they expect of its answer.
//!
//! Keys that probes share: `send` or `send_hex` become a [`message`], `expect` or `expect_hex` are
//! what is [`Expected`]. Each plugin has them in its own table:
//!
//! ```
//! use rais_sdk::prelude::*;
//! use rais_talk::{Expected, HexText, Judgement, Pattern};
//!
//! #[config]
//! struct Table {
//!     /// What is sent.
//!     send: Option<String>,
//!     /// The same in hex.
//!     send_hex: Option<HexText>,
//!     /// Regular expression that the answer must match.
//!     expect: Option<Pattern>,
//!     /// What the answer must begin with, in hex.
//!     expect_hex: Option<HexText>,
//! }
//!
//! fn fits(table: Table, answer: &[u8]) -> Result<bool, Fault> {
//!     let expected = Expected::new(table.expect, table.expect_hex)?;
//!     Ok(expected.is_none_or(|it| it.judge(answer) == Judgement::Fits))
//! }
//! ```

mod expected;
mod hex;
mod line;

use rais_sdk::Fault;

pub use expected::{Expected, Judgement, Pattern};
pub use hex::HexText;
pub use line::first_line;

/// What is sent, of a table's `send` or `send_hex`.
///
/// # Errors
/// [`Fault::config`] where both are there, or `send` is empty.
pub fn message(send: Option<String>, send_hex: Option<HexText>) -> Result<Option<Vec<u8>>, Fault> {
    match (send, send_hex) {
        (Some(_), Some(_)) => Err(both("send_hex", "send")),
        (Some(text), None) if text.is_empty() => {
            Err(Fault::config("send", "is empty; leave it out to send nothing"))
        }
        (Some(text), None) => Ok(Some(text.into_bytes())),
        (None, hex) => Ok(hex.map(HexText::into_octets)),
    }
}

fn both(second: &str, first: &str) -> Fault {
    Fault::config(second, format!("`{first}` is there too; only one of them is allowed"))
}

#[cfg(test)]
mod tests {
    use rais_sdk::serde::Deserialize;
    use rais_sdk::serde::de::IntoDeserializer;
    use rais_sdk::serde::de::value::{Error, StrDeserializer};

    use super::*;

    pub(crate) fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, String> {
        let text: StrDeserializer<'de, Error> = text.into_deserializer();
        T::deserialize(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_message_is_a_text_or_octets_and_never_empty() {
        let hex = || Some(read::<HexText>("00 ff").unwrap());
        assert_eq!(message(None, None), Ok(None));
        assert_eq!(message(Some("a\r\n".into()), None), Ok(Some(b"a\r\n".to_vec())));
        assert_eq!(message(None, hex()), Ok(Some(vec![0, 0xff])));
        let at = |fault: Fault| fault.at;
        assert_eq!(message(Some("a".into()), hex()).map_err(at), Err("send_hex".into()));
        assert_eq!(message(Some(String::new()), None).map_err(at), Err("send".into()));
    }
}
