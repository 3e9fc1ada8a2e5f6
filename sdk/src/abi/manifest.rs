//! What a library says of itself before anything in it is called: plain text at one symbol.
//!
//! It is read before the layouts are, so that a library of another ABI, or one whose layouts
//! cannot even be compared, is refused in words. New keys may come; those not known are passed over.
#![allow(unsafe_code)] // one exported symbol

use super::ABI_VERSION;

/// Where the text stands: [`ROOM`] octets, the rest of them zero.
#[cfg(feature = "host")]
pub(crate) const SYMBOL: &str = "rais_plugin_manifest";

/// Frozen: a host reads so many octets, whoever wrote them.
pub(crate) const ROOM: usize = 512;

#[cfg(panic = "unwind")]
const PANIC: &str = "unwind";
#[cfg(not(panic = "unwind"))]
const PANIC: &str = "abort";

#[doc(hidden)]
#[unsafe(export_name = "rais_plugin_manifest")]
pub static MANIFEST: [u8; ROOM] = text(&[
    "abi=",
    ABI_VERSION,
    "\nsdk=",
    env!("CARGO_PKG_VERSION"),
    "\nrustc=",
    env!("RAIS_RUSTC"),
    "\npanic=",
    PANIC,
    "\n",
]);

/// What a library says of itself.
#[cfg(feature = "host")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Manifest {
    /// Version of the boundary: `1.0`.
    pub abi: String,
    /// Version of rais-sdk.
    pub sdk: String,
    /// The compiler, as `rustc -V` tells it, without its name.
    pub rustc: String,
    /// What a panic does: `unwind` or `abort`.
    pub panic: String,
}

#[cfg(feature = "host")]
impl Manifest {
    /// That of a library that is not loaded: the octets at its symbol.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(octets: &[u8]) -> Result<Self, String> {
        let text = octets.split(|&octet| octet == 0).next().unwrap_or_default();
        let text = std::str::from_utf8(text).map_err(|_| "it is no text".to_owned())?;
        let value = |key: &str| {
            let mut pairs = text.lines().filter_map(|line| line.split_once('='));
            match pairs.find(|(name, _)| *name == key) {
                Some((_, value)) => Ok(value.to_owned()),
                None => Err(format!("it lacks `{key}=`")),
            }
        };
        Ok(Self {
            abi: value("abi")?,
            sdk: value("sdk")?,
            rustc: value("rustc")?,
            panic: value("panic")?,
        })
    }
}

/// Major and minor, where `version` is these two numbers.
#[cfg(feature = "host")]
pub(crate) fn version(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The parts in a row. Fails to compile where they do not fit.
const fn text(parts: &[&str]) -> [u8; ROOM] {
    let mut text = [0; ROOM];
    let mut length = 0;
    let mut part = 0;
    while part < parts.len() {
        let octets = parts[part].as_bytes();
        let mut octet = 0;
        while octet < octets.len() {
            text[length] = octets[octet];
            length += 1;
            octet += 1;
        }
        part += 1;
    }
    // One zero is left, so that the text has an end.
    assert!(length < ROOM);
    text
}

#[cfg(all(test, feature = "host"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let manifest = Manifest::read(&MANIFEST).unwrap();
        assert_eq!(manifest.abi, ABI_VERSION);
        assert_eq!(manifest.sdk, env!("CARGO_PKG_VERSION"));
        assert_eq!(manifest.panic, "unwind");
        assert!(manifest.rustc.starts_with("1."), "{manifest:?}");
    }

    #[test]
    fn keys_of_later_versions_are_passed_over() {
        let text = b"new=1\nabi=1.7\nsdk=3.0.0\nother\nrustc=2.0.0 (x=y)\npanic=abort\n\0junk=\xff";
        let manifest = Manifest::read(text).unwrap();
        assert_eq!((manifest.abi.as_str(), manifest.panic.as_str()), ("1.7", "abort"));
        assert_eq!(manifest.rustc, "2.0.0 (x=y)");
    }

    #[test]
    fn what_is_wrong_is_told() {
        let fault = |octets: &[u8]| Manifest::read(octets).unwrap_err();
        assert_eq!(fault(b""), "it lacks `abi=`");
        assert_eq!(fault(b"abi=1.0\nsdk=1\nrustc=1\n"), "it lacks `panic=`");
        assert_eq!(fault(b"abi=\xff\n\0"), "it is no text");
    }

    #[test]
    fn versions_are_two_numbers() {
        assert_eq!(version("1.0"), Some((1, 0)));
        assert_eq!(version("12.34"), Some((12, 34)));
        for text in ["", "1", "1.", ".0", "1.0.0", "a.b", "-1.0"] {
            assert_eq!(version(text), None, "{text}");
        }
    }
}
