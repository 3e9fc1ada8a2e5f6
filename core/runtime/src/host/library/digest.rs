//! What tells one content from another.

use std::fmt;

use ring::digest::{SHA256, digest};

/// SHA-256 of a file's octets: what an upgrade is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// That of `octets`.
    pub fn of(octets: &[u8]) -> Digest {
        let mut sum = [0; 32];
        sum.copy_from_slice(digest(&SHA256, octets).as_ref());
        Digest(sum)
    }

    /// All of it, in hex.
    pub fn long(&self) -> String {
        self.0.iter().map(|octet| format!("{octet:02x}")).collect()
    }
}

/// The first 12 hex digits, which is enough for people.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.long()[..12])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_sha_256() {
        // sha256sum of "abc", FIPS 180-2 appendix B.1.
        let digest = Digest::of(b"abc");
        assert_eq!(
            digest.long(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digest.to_string(), "ba7816bf8f01");
    }
}
