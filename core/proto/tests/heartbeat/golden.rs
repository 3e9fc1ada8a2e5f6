//! The octets, written down once by hand and never to change within version 1.

use rais_proto::heartbeat::codec::{encode, encoded_len, open};
use rais_proto::heartbeat::refusal::Refusal;

use crate::sample::{cluster, enforcing, insecure, key, page_beat};

/// The worked example of the reference page, unsigned. Octets after `;` on a line are for people.
const UNSIGNED: &str = "
    52 41 49 53                                       ; RAIS
    01 00 00 af                                       ; version, flags, length
    00 00 00 00                                       ; key id
    00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f   ; host id
    00 00 01 9b 76 da a8 00                           ; epoch
    00 00 00 00 00 00 00 07                           ; sequence
    00 00 01 9b 76 da d8 39                           ; wall time
    04 73 68 6f 70                                    ; cluster
    00 01 00 04 77 65 62 31                           ; host name
    00 02 00 30 04 68 74 74 70                        ; report: service
    01 00 00 00 04 d2 00 00 0f a0 00 64               ; state, flags, load, capacity, weight
    00 00 01 f4 00 00 06 72 00                        ; interval, expire, reason
    01 c0 00 02 0b                                    ; IPv4
    01 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 11 ; IPv6
    00 02 00 36 04 6e 65 77 73
    02 03 ff ff ff ff 00 00 03 e8 00 32
    00 00 07 d0 00 00 19 c8
    12 63 6f 6e 6e 65 63 74 69 6f 6e 20 72 65 66 75 73 65 64
    02 c0 00 02 14 c0 00 02 15
    00";

/// What signing with the key of the octets 0 to 31 changes: flags, length, key id, and the tag.
const SIGNED_FLAGS: u8 = 0x01;
const SIGNED_LEN: [u8; 2] = [0x00, 0xbf];
const SIGNED_KEY_ID: [u8; 4] = [0x63, 0x0d, 0xcd, 0x29];
const TAG: &str = "f8 8f fa b8 fe 4d 09 cc 36 1f b1 e7 f2 f8 f1 62";

const PAGE: &str = include_str!("../../../../docs/reference/heartbeat.md");

fn octets(dump: &str) -> Vec<u8> {
    let without_comments = dump.lines().flat_map(|line| line.split(';').next());
    let words = without_comments.flat_map(str::split_whitespace);
    words.map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect()
}

fn signed() -> Vec<u8> {
    let mut signed = octets(UNSIGNED);
    signed[5] = SIGNED_FLAGS;
    signed[6..8].copy_from_slice(&SIGNED_LEN);
    signed[8..12].copy_from_slice(&SIGNED_KEY_ID);
    signed.extend(octets(TAG));
    signed
}

#[test]
fn an_unsigned_beat_has_these_octets() {
    let encoded = encode(&page_beat(), &cluster(), None).unwrap();
    assert_eq!(encoded, octets(UNSIGNED));
    assert_eq!(encoded.len(), encoded_len(&page_beat(), &cluster(), None));
    let opened = open(&encoded, &insecure()).unwrap();
    assert_eq!((opened.beat, opened.key), (page_beat(), None));
}

#[test]
fn a_signed_beat_has_these_octets() {
    let encoded = encode(&page_beat(), &cluster(), Some(&key())).unwrap();
    assert_eq!(encoded, signed());
    assert_eq!(encoded.len(), encoded_len(&page_beat(), &cluster(), Some(&key())));
    let opened = open(&encoded, &enforcing()).unwrap();
    assert_eq!((opened.beat, opened.key), (page_beat(), Some(key().id())));
}

#[test]
fn the_reference_page_shows_the_same_octets() {
    let dump = PAGE.split("```hex").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(octets(dump), signed());
}

#[test]
fn the_reference_page_names_every_refusal() {
    for refusal in Refusal::ALL {
        let word = format!("`{}`", refusal.as_str());
        assert!(PAGE.contains(&word), "{word}");
    }
}
