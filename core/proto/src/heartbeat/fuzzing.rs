//! What fuzzers feed: octets to whoever reads datagrams. A panic says that something is wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the finding"
)]

use std::array;

use ipnet::IpNet;

use super::Heartbeat;
use super::codec::{HEADER_LEN, MAGIC, Opened, VERSION, encode, encoded_len, open};
use super::key::{Key, KeyLimits, KeyRing, TAG_LEN};
use super::refusal::Refusal;
use super::trust::{Policy, Trust};
use crate::name::ClusterName;

/// As on the reference page.
const CLUSTER: &str = "shop";
/// Where the TLVs begin.
const BODY: usize = HEADER_LEN + CLUSTER.len();

/// What became of the octets.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// As they came, by who asks for no tag.
    pub unsigned: Result<Heartbeat, Refusal>,
    /// As a body that somebody with a key has put a header before and signed.
    pub signed: Result<Heartbeat, Refusal>,
}

/// A datagram, whatever it is: as it came, and signed, so that nothing of the parser is behind the
/// tag. What is read could have been sent, and says the same then.
pub fn heartbeat(octets: &[u8]) -> Read {
    let unlimited = key(KeyLimits::default());
    let enforcing = trust(Policy::Enforce(ring(&unlimited)));
    let unsigned = survives(octets, &trust(Policy::Insecure));
    // Strangers' octets: no tag of theirs fits, so that none is ever read.
    let forged = open(octets, &enforcing);
    assert!(forged.is_err() || is_signed_by(octets, &unlimited), "an unsigned beat is believed");
    let permissive = survives(octets, &trust(Policy::Permissive(ring(&unlimited))));
    assert!(permissive.is_err() || unsigned.is_ok(), "only with a tag it is readable");

    let datagram = signed(octets, &unlimited);
    let signed = survives(&datagram, &enforcing);
    if let Ok(Opened { beat, key }) = &signed {
        assert_eq!(*key, Some(unlimited.id()));
        agrees_with_limits(&datagram, beat);
    }
    Read { unsigned: unsigned.map(|opened| opened.beat), signed: signed.map(|opened| opened.beat) }
}

/// What is read, sent again and read again, is the same; and it is no longer than it was.
fn survives(octets: &[u8], trust: &Trust) -> Result<Opened, Refusal> {
    let opened = open(octets, trust)?;
    let signing = opened.key.map(|_| key(KeyLimits::default()));
    let again = encode(&opened.beat, &trust.cluster, signing.as_ref()).expect("what was read");
    assert_eq!(again.len(), encoded_len(&opened.beat, &trust.cluster, signing.as_ref()));
    // Where no tag is looked at, one may have been there.
    assert!(again.len() <= octets.len(), "longer than it was");
    assert_eq!(open(&again, trust).as_ref(), Ok(&opened), "sent again it says something else");
    Ok(opened)
}

/// A key with limits lets through exactly what its limits allow.
fn agrees_with_limits(datagram: &[u8], beat: &Heartbeat) {
    let net = |text: &str| text.parse::<IpNet>().expect("a range");
    let limits = KeyLimits {
        hosts: Some(vec!["web1".parse().expect("a name")]),
        services: Some(vec!["http".parse().expect("a name")]),
        addresses: Some(vec![net("192.0.2.0/24"), net("2001:db8::/32")]),
    };
    let allowed = limits.allow(beat);
    let opened = open(datagram, &trust(Policy::Enforce(ring(&key(limits)))));
    match opened {
        Ok(opened) => assert!(allowed && opened.beat == *beat, "past the limits"),
        Err(refusal) => assert!(!allowed && refusal == Refusal::KeyLimit, "{refusal:?}"),
    }
}

/// The TLVs in `octets`, under a header that is in order and a tag that fits.
fn signed(octets: &[u8], key: &Key) -> Vec<u8> {
    let mut datagram = Vec::from(MAGIC);
    datagram.extend([VERSION, 1, 0, 0]);
    datagram.extend(key.id().get().to_be_bytes());
    datagram.extend(array::from_fn::<u8, 16, _>(|at| at as u8));
    datagram.extend([0, 0, 0, 0, 0, 0, 0, 1].repeat(3));
    datagram.push(CLUSTER.len() as u8);
    datagram.extend(CLUSTER.as_bytes());
    datagram.extend(tlvs(octets));
    let len = u16::try_from(datagram.len() + TAG_LEN).unwrap_or(u16::MAX);
    datagram[6..8].copy_from_slice(&len.to_be_bytes());
    let tag = key.tag(&datagram);
    datagram.extend(tag);
    datagram
}

/// A whole datagram gives its TLVs, so that one seed serves both ways; anything else is TLVs.
fn tlvs(octets: &[u8]) -> &[u8] {
    if !octets.starts_with(&MAGIC) {
        return octets;
    }
    let tag = if octets.get(5) == Some(&1) { TAG_LEN } else { 0 };
    octets.get(BODY..octets.len().saturating_sub(tag)).unwrap_or_default()
}

fn is_signed_by(octets: &[u8], key: &Key) -> bool {
    octets.split_last_chunk::<TAG_LEN>().is_some_and(|(body, tag)| key.verifies(body, tag))
}

/// The key of the reference page.
fn key(limits: KeyLimits) -> Key {
    Key::new(array::from_fn(|at| at as u8), limits)
}

fn ring(key: &Key) -> KeyRing {
    KeyRing::new([key.clone()], Some(key.id())).expect("one key")
}

fn trust(policy: Policy) -> Trust {
    let cluster: ClusterName = CLUSTER.parse().expect("a name");
    Trust { cluster, policy }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What fuzzers begin with, and what they have found: `tests/fuzz`.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test reads files")]
    fn seeds_of_fuzzers_do_no_harm() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz/seeds/heartbeat");
        let mut all = Vec::new();
        for seed in std::fs::read_dir(folder).unwrap() {
            all.push(heartbeat(&std::fs::read(seed.unwrap().path()).unwrap()));
        }
        // They go everywhere: what nobody reads is no seed.
        let read = |what: fn(&Read) -> bool| all.iter().filter(|read| what(read)).count();
        assert!(read(|read| read.unsigned.is_ok()) >= 10, "{}", all.len());
        assert!(read(|read| read.signed.is_ok()) >= 10, "{}", all.len());
        for refusal in [
            Refusal::TooLong,
            Refusal::NotABeat,
            Refusal::Version,
            Refusal::Truncated,
            Refusal::Malformed,
            Refusal::Cluster,
            Refusal::AddressTwice,
        ] {
            assert!(all.iter().any(|read| read.unsigned == Err(refusal)), "{refusal:?}");
        }
        for refusal in [Refusal::Truncated, Refusal::Malformed, Refusal::AddressTwice] {
            assert!(all.iter().any(|read| read.signed == Err(refusal)), "{refusal:?}");
        }
    }

    /// The harness's own header and tag hold: the page's body is read as the page has it.
    #[test]
    fn a_body_is_read_behind_a_tag() {
        let body = b"\0\x01\0\x04web1";
        let read = heartbeat(body);
        assert_eq!(read.unsigned, Err(Refusal::NotABeat));
        assert_eq!(read.signed.unwrap().host_name.as_str(), "web1");
    }
}
