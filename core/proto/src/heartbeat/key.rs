//! Keys that sign beats, what each may speak of, and the ring of them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::str::FromStr;

use ipnet::IpNet;
use ring::{digest, hmac};
use zeroize::Zeroizing;

use super::breach::Limit;
use super::{Claim, Heartbeat};
use crate::name::{HostName, ServiceName};

/// How many octets of HMAC-SHA256 end a signed beat (RFC 2104 §5 allows no fewer).
pub const TAG_LEN: usize = 16;

/// Which key: the first four octets of the secret's SHA-256, big-endian. Not secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(NonZeroU32);

impl KeyId {
    /// None for 0, which stands for "unsigned" in a datagram.
    pub const fn new(id: u32) -> Option<KeyId> {
        match NonZeroU32::new(id) {
            Some(id) => Some(KeyId(id)),
            None => None,
        }
    }

    /// As in a datagram.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// Why a text is no key's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's id has eight hexadecimal digits and is not 0, as in f6c35988")]
pub struct KeyIdError;

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<KeyId, KeyIdError> {
        let digits = text.len() == 8 && text.bytes().all(|octet| octet.is_ascii_hexdigit());
        let id = u32::from_str_radix(text, 16).ok().filter(|_| digits);
        id.and_then(KeyId::new).ok_or(KeyIdError)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// The 32 random octets behind a key; wiped when dropped, never shown.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// Octets of a secret.
    pub const LEN: usize = 32;
}

impl From<[u8; 32]> for Secret {
    fn from(octets: [u8; 32]) -> Secret {
        Secret(Zeroizing::new(octets))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a key may speak of; none means everything of the kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyLimits {
    /// Hosts, by the name in the beat.
    pub hosts: Option<Vec<HostName>>,
    /// Services.
    pub services: Option<Vec<ServiceName>>,
    /// Ranges that every address in a beat is in.
    pub addresses: Option<Vec<IpNet>>,
}

impl KeyLimits {
    /// Whether the key names `address` in a range of its own: what a watched claim, or an own one
    /// from another source, needs (design: ownership). A key without ranges names none.
    pub fn names(&self, address: IpAddr) -> bool {
        self.addresses.as_ref().is_some_and(|ranges| within(ranges, address))
    }

    /// Whether it may speak for the host of that name.
    pub fn allow_host(&self, name: &HostName) -> bool {
        self.hosts.as_ref().is_none_or(|hosts| hosts.contains(name))
    }

    /// Whether it may speak of that service.
    pub fn allow_service(&self, name: &ServiceName) -> bool {
        self.services.as_ref().is_none_or(|services| services.contains(name))
    }

    /// Whether it may speak of `address`.
    pub fn allow_address(&self, address: IpAddr) -> bool {
        self.addresses.as_ref().is_none_or(|ranges| within(ranges, address))
    }

    /// Whether it may say `claim` of any address: bound to its source it may not speak of others.
    pub fn allow_claim(&self, claim: Claim) -> bool {
        claim == Claim::Own || !self.is_bound_to_source()
    }

    /// Bound to hosts and to no ranges, a key vouches for the machine that sends and for no other.
    pub fn is_bound_to_source(&self) -> bool {
        self.hosts.is_some() && self.addresses.is_none()
    }

    /// Whether all that `beat` speaks of is within the limits.
    pub fn allow(&self, beat: &Heartbeat) -> bool {
        self.broken_by(beat).is_none()
    }

    /// The first limit that `beat` is beyond.
    pub fn broken_by(&self, beat: &Heartbeat) -> Option<Limit> {
        if !self.allow_host(&beat.host_name) {
            return Some(Limit::Host);
        }
        let mut services = beat.reports.iter().map(|report| &report.service);
        if let Some(service) = services.find(|service| !self.allow_service(service)) {
            return Some(Limit::Service(service.clone()));
        }
        let mut named = beat.reports.iter().flat_map(|report| report.addresses.iter().copied());
        named.find(|&address| !self.allow_address(address)).map(Limit::Address)
    }
}

fn within(ranges: &[IpNet], address: IpAddr) -> bool {
    ranges.iter().any(|range| range.contains(&address))
}

/// A key, ready to sign and to verify.
#[derive(Clone)]
pub struct Key {
    id: KeyId,
    /// Prepared once: the two padded blocks of HMAC are half of the work for a short beat.
    hmac: hmac::Key,
    limits: KeyLimits,
}

impl Key {
    /// The key of `secret`, whose last copy here is wiped on return.
    pub fn new(secret: impl Into<Secret>, limits: KeyLimits) -> Key {
        let secret = secret.into();
        let hash = digest::digest(&digest::SHA256, &*secret.0);
        let first = hash.as_ref().first_chunk::<4>().map_or(0, |four| u32::from_be_bytes(*four));
        Key {
            // One hash in four thousand million starts with zeros, and any id does for it.
            id: KeyId(NonZeroU32::new(first).unwrap_or(NonZeroU32::MIN)),
            hmac: hmac::Key::new(hmac::HMAC_SHA256, &*secret.0),
            limits,
        }
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What it may speak of.
    pub fn limits(&self) -> &KeyLimits {
        &self.limits
    }

    /// The tag of `octets`.
    pub(super) fn tag(&self, octets: &[u8]) -> [u8; TAG_LEN] {
        let full = hmac::sign(&self.hmac, octets);
        full.as_ref().first_chunk().copied().unwrap_or_default()
    }

    /// Whether `tag` is that of `octets`, in a time that does not depend on either's content.
    pub(super) fn verifies(&self, octets: &[u8], tag: &[u8; TAG_LEN]) -> bool {
        // One comparison of all 128 bits: nothing to stop early at.
        u128::from_ne_bytes(self.tag(octets)) == u128::from_ne_bytes(*tag)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Keys that are accepted, of which at most one signs.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    keys: BTreeMap<KeyId, Key>,
    signer: Option<KeyId>,
}

/// Why keys make no ring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// Two keys share an id: the same secret twice, or (hardly ever) two that collide.
    #[error("two keys of the ring have the id {0}; each may stand once")]
    Twice(KeyId),
    /// The key that is to sign is not in the ring.
    #[error("the key {0} is to sign, but is not in the ring")]
    NoSigner(KeyId),
}

impl KeyRing {
    /// The ring of `keys`, of which `signer` signs.
    ///
    /// # Errors
    /// Two keys of the same id, or a signer that is not among them.
    pub fn new(
        keys: impl IntoIterator<Item = Key>,
        signer: Option<KeyId>,
    ) -> Result<KeyRing, KeyRingError> {
        let mut ring = KeyRing { keys: BTreeMap::new(), signer };
        for key in keys {
            let id = key.id;
            if ring.keys.insert(id, key).is_some() {
                return Err(KeyRingError::Twice(id));
            }
        }
        match signer.filter(|id| !ring.keys.contains_key(id)) {
            Some(id) => Err(KeyRingError::NoSigner(id)),
            None => Ok(ring),
        }
    }

    /// The key that signs.
    pub fn signing(&self) -> Option<&Key> {
        self.signer.and_then(|id| self.get(id))
    }

    /// The key of that id.
    pub fn get(&self, id: KeyId) -> Option<&Key> {
        self.keys.get(&id)
    }

    /// All, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(octet: u8) -> Key {
        Key::new([octet; 32], KeyLimits::default())
    }

    #[test]
    fn the_id_is_the_start_of_the_hash() {
        // sha256sum of 32 zero octets: 66687aad…
        assert_eq!(key(0).id().to_string(), "66687aad");
    }

    #[test]
    fn an_id_is_read_as_it_is_shown() {
        let id = key(0).id();
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in
            ["", "0", "00000000", "66687aa", "+6687aad", "66687aadf", "6668 aad", "wwwwwwww"]
        {
            assert_eq!(wrong.parse::<KeyId>(), Err(KeyIdError), "{wrong}");
        }
    }

    #[test]
    fn nothing_shows_a_secret() {
        let shown = format!("{:?} {:?}", Secret::from([0xab; 32]), key(0xab));
        assert!(!shown.contains("171") && !shown.to_lowercase().contains("abab"), "{shown}");
    }

    #[test]
    fn a_ring_takes_each_key_once_and_its_signer_is_in_it() {
        let ids = [key(1).id(), key(2).id()];
        let ring = KeyRing::new([key(1), key(2)], Some(ids[1])).unwrap();
        assert_eq!(ring.signing().map(Key::id), Some(ids[1]));
        assert!(ids.iter().all(|&id| ring.get(id).is_some()));
        assert!(ring.get(key(3).id()).is_none());
        assert_eq!(KeyRing::new([key(1), key(1)], None).unwrap_err(), KeyRingError::Twice(ids[0]));
        let missing = KeyRing::new([key(1)], Some(ids[1])).unwrap_err();
        assert_eq!(missing, KeyRingError::NoSigner(ids[1]));
    }

    #[test]
    fn one_wrong_bit_anywhere_fails() {
        let key = key(7);
        let tag = key.tag(b"octets");
        assert!(key.verifies(b"octets", &tag));
        assert!(!key.verifies(b"0ctets", &tag));
        for bit in 0..TAG_LEN * 8 {
            let mut wrong = tag;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verifies(b"octets", &wrong));
        }
    }

    #[test]
    fn a_key_names_only_what_stands_in_its_ranges() {
        let limits = KeyLimits {
            addresses: Some(vec!["192.0.2.0/24".parse().unwrap()]),
            ..KeyLimits::default()
        };
        assert!(limits.names("192.0.2.9".parse().unwrap()));
        assert!(!limits.names("198.51.100.9".parse().unwrap()));
        assert!(!limits.names("::ffff:192.0.2.9".parse().unwrap()));
        assert!(!KeyLimits::default().names("192.0.2.9".parse().unwrap()));
    }
}
