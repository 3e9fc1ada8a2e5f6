//! Messages of the rndc protocol (ISC's `isccc`): a signed table of tables of octet strings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rais_dns::{Algorithm, Key};
use ring::hmac;

/// The only version there is.
const VERSION: u32 = 1;
/// Type of an octet string in a table.
const BINARY: u8 = 1;
/// Type of a table in a table.
const TABLE: u8 = 2;
/// Octets of the signature: the algorithm, then base64 filled up with zeroes.
const SIGNATURE: usize = 1 + 88;
/// What stands between the version and the signature: `_auth`, a table with `hsha` in it.
const AUTH: &[u8] = b"\x05_auth\x02\x00\x00\x00\x63\x04hsha\x01\x00\x00\x00\x59";

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Message {
    /// `_ctrl`: serial, times, nonce.
    pub(crate) control: Table,
    /// `_data`: command or result.
    pub(crate) data: Table,
}

/// Named octet strings in their order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Table(Vec<(String, Vec<u8>)>);

/// Why octets are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum WireError {
    #[error("the answer is cut short or malformed")]
    Malformed,
    #[error("the answer has version {0}, we know 1")]
    Version(u32),
    #[error("the answer's signature does not fit our key")]
    Signature,
    #[error("too long a value for a message")]
    TooLong,
}

impl Table {
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Table {
        self.0.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    /// A value as text; what is not UTF-8 is replaced.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| {
            String::from_utf8_lossy(value).trim_end_matches(['\0', '\n']).trim().to_owned()
        })
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), WireError> {
        for (name, value) in &self.0 {
            entry(name, BINARY, value, out)?;
        }
        Ok(())
    }
}

impl Message {
    /// The octets that stand behind the length on the wire, signed.
    pub(crate) fn sign(&self, key: &Key) -> Result<Vec<u8>, WireError> {
        let mut signed = Vec::new();
        for (name, table) in [("_ctrl", &self.control), ("_data", &self.data)] {
            let mut inner = Vec::new();
            table.write(&mut inner)?;
            entry(name, TABLE, &inner, &mut signed)?;
        }
        let mut out = VERSION.to_be_bytes().to_vec();
        out.extend_from_slice(AUTH);
        out.extend_from_slice(&signature(key, &signed));
        out.extend_from_slice(&signed);
        Ok(out)
    }

    /// Reads what stood behind the length; the signature is checked before anything else is read.
    pub(crate) fn verify(octets: &[u8], key: &Key) -> Result<Message, WireError> {
        let (version, rest) = octets.split_first_chunk().ok_or(WireError::Malformed)?;
        match u32::from_be_bytes(*version) {
            VERSION => {}
            other => return Err(WireError::Version(other)),
        }
        let rest = rest.strip_prefix(AUTH).ok_or(WireError::Signature)?;
        let (given, signed) = rest.split_first_chunk::<SIGNATURE>().ok_or(WireError::Malformed)?;
        check(key, given, signed)?;
        let mut message = Message::default();
        for (name, kind, value) in entries(signed)? {
            match (name, kind) {
                ("_ctrl", TABLE) => message.control = table(value)?,
                ("_data", TABLE) => message.data = table(value)?,
                _ => {}
            }
        }
        Ok(message)
    }
}

fn signature(key: &Key, signed: &[u8]) -> [u8; SIGNATURE] {
    let mut octets = [0; SIGNATURE];
    octets[0] = code(key.algorithm());
    let text = STANDARD.encode(hmac::sign(&hmac_key(key), signed));
    for (octet, digit) in octets[1..].iter_mut().zip(text.bytes()) {
        *octet = digit;
    }
    octets
}

/// The number that stands for a hash in a message (ISC's `isccc/types.h`).
fn code(algorithm: Algorithm) -> u8 {
    match algorithm {
        Algorithm::Sha1 => 161,
        Algorithm::Sha256 => 163,
        Algorithm::Sha384 => 164,
        Algorithm::Sha512 => 165,
    }
}

/// For one message.
fn hmac_key(key: &Key) -> hmac::Key {
    let algorithm = match key.algorithm() {
        Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Algorithm::Sha256 => hmac::HMAC_SHA256,
        Algorithm::Sha384 => hmac::HMAC_SHA384,
        Algorithm::Sha512 => hmac::HMAC_SHA512,
    };
    hmac::Key::new(algorithm, key.secret())
}

/// Compares in constant time.
fn check(key: &Key, given: &[u8; SIGNATURE], signed: &[u8]) -> Result<(), WireError> {
    let (algorithm, text) = given.split_first().ok_or(WireError::Malformed)?;
    let end = text.iter().position(|octet| *octet == 0).unwrap_or(text.len());
    let tag = STANDARD.decode(&text[..end]).map_err(|_| WireError::Signature)?;
    if *algorithm != code(key.algorithm()) {
        return Err(WireError::Signature);
    }
    hmac::verify(&hmac_key(key), signed, &tag).map_err(|_| WireError::Signature)
}

fn entry(name: &str, kind: u8, value: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
    let length = u32::try_from(value.len()).map_err(|_| WireError::TooLong)?;
    out.push(u8::try_from(name.len()).map_err(|_| WireError::TooLong)?);
    out.extend_from_slice(name.as_bytes());
    out.push(kind);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
    Ok(())
}

/// Name, type and value of an entry of a table.
type Entry<'a> = (&'a str, u8, &'a [u8]);

fn entries(mut octets: &[u8]) -> Result<Vec<Entry<'_>>, WireError> {
    let mut found = Vec::new();
    while let Some((&length, rest)) = octets.split_first() {
        let (name, rest) =
            rest.split_at_checked(usize::from(length)).ok_or(WireError::Malformed)?;
        let (kind, rest) = rest.split_first().ok_or(WireError::Malformed)?;
        let (size, rest) = rest.split_first_chunk().ok_or(WireError::Malformed)?;
        let size = usize::try_from(u32::from_be_bytes(*size)).map_err(|_| WireError::Malformed)?;
        let (value, rest) = rest.split_at_checked(size).ok_or(WireError::Malformed)?;
        found.push((std::str::from_utf8(name).map_err(|_| WireError::Malformed)?, *kind, value));
        octets = rest;
    }
    Ok(found)
}

fn table(octets: &[u8]) -> Result<Table, WireError> {
    let values = entries(octets)?.into_iter().filter(|(_, kind, _)| *kind <= BINARY);
    Ok(Table(values.map(|(name, _, value)| (name.to_owned(), value.to_vec())).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::parse(&format!("key k {{ algorithm {name}; secret AAECAwQFBgcICQ==; }};")).unwrap()
    }

    fn message() -> Message {
        Message {
            control: Table::default().with("_ser", "1").with("_tim", "2"),
            data: Table::default().with("type", "null").with("text", "two\nlines\n\0"),
        }
    }

    #[test]
    fn what_is_signed_verifies() {
        for algorithm in ["hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"] {
            let key = key(algorithm);
            let octets = message().sign(&key).unwrap();
            let back = Message::verify(&octets, &key).unwrap();
            assert_eq!(back, message());
            assert_eq!(back.data.text("text").unwrap(), "two\nlines");
        }
    }

    #[test]
    fn every_changed_or_missing_octet_is_noticed() {
        let key = key("hmac-sha256");
        let octets = message().sign(&key).unwrap();
        for at in 0..octets.len() {
            let mut changed = octets.clone();
            changed[at] ^= 1;
            // Beyond the signature's text stand zeroes that say nothing.
            if let Ok(back) = Message::verify(&changed, &key) {
                assert_eq!(back, message());
                assert!((4 + AUTH.len() + 1 + 44..4 + AUTH.len() + SIGNATURE).contains(&at));
            }
            assert!(Message::verify(&octets[..at], &key).is_err());
        }
        assert_eq!(Message::verify(&octets, &self::key("hmac-sha512")), Err(WireError::Signature));
    }

    #[test]
    fn malformed_tables_are_refused() {
        for octets in
            [&b"\x05ab"[..], b"\x01a\x01\x00\x00\x00\x02x", b"\x01a", b"\x01\xff\x01\0\0\0\0"]
        {
            assert!(table(octets).is_err(), "{octets:?}");
        }
        assert_eq!(table(b"").unwrap(), Table::default());
    }
}
