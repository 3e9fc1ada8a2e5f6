//! What holds of every beat and of any octets at all.

use proptest::prelude::*;
use proptest::sample::Index;
use rais_proto::heartbeat::MAX_DATAGRAM;
use rais_proto::heartbeat::codec::{EncodeError, HEADER_LEN, encode, encoded_len, open};

use crate::sample::{any_beat, cluster, enforcing, insecure, key, page_beat, permissive};

/// A change to a datagram.
#[derive(Debug, Clone)]
enum Damage {
    Flip(Index, u8),
    Set(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let some = || prop::collection::vec(any::<u8>(), 1..40);
    prop_oneof![
        (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, octet)| Damage::Set(at, octet)),
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), some()).prop_map(|(at, octets)| Damage::Insert(at, octets)),
        any::<Index>().prop_map(Damage::Remove),
    ]
}

fn damage(datagram: &mut Vec<u8>, damage: Damage) {
    if datagram.is_empty() {
        return;
    }
    let len = datagram.len();
    match damage {
        Damage::Flip(at, bit) => datagram[at.index(len)] ^= 1 << bit,
        Damage::Set(at, octet) => datagram[at.index(len)] = octet,
        Damage::Cut(at) => datagram.truncate(at.index(len)),
        Damage::Insert(at, octets) => {
            let at = at.index(len);
            datagram.splice(at..at, octets);
        }
        Damage::Remove(at) => {
            datagram.remove(at.index(len));
        }
    }
}

proptest! {
    #[test]
    fn what_is_sent_is_what_is_heard(beat in any_beat()) {
        for (signing, trust) in [(None, insecure()), (Some(key()), enforcing())] {
            let len = encoded_len(&beat, &cluster(), signing.as_ref());
            match encode(&beat, &cluster(), signing.as_ref()) {
                Ok(datagram) => {
                    prop_assert_eq!(datagram.len(), len);
                    let opened = open(&datagram, &trust).unwrap();
                    prop_assert_eq!(&opened.beat, &beat);
                    prop_assert_eq!(opened.key, signing.map(|key| key.id()));
                }
                Err(error) => {
                    prop_assert_eq!(error, EncodeError::TooLong(len));
                    prop_assert!(len > MAX_DATAGRAM);
                }
            }
        }
    }

    #[test]
    fn any_octets_are_read_without_harm(octets in prop::collection::vec(any::<u8>(), 0..1300)) {
        prop_assert!(open(&octets, &insecure()).is_err());
        prop_assert!(open(&octets, &enforcing()).is_err());
    }

    /// Past the header, where strangers' octets are parsed only if nobody is asked for a tag.
    #[test]
    fn what_is_heard_could_have_been_sent(
        beat in any_beat(),
        changes in prop::collection::vec(any_damage(), 1..6),
    ) {
        prop_assume!(encoded_len(&beat, &cluster(), None) <= MAX_DATAGRAM);
        let mut datagram = encode(&beat, &cluster(), None).unwrap();
        let mut body = datagram.split_off(HEADER_LEN + cluster().as_str().len());
        changes.into_iter().for_each(|change| damage(&mut body, change));
        datagram.extend(body);
        let announced = u16::try_from(datagram.len()).unwrap();
        datagram[6..8].copy_from_slice(&announced.to_be_bytes());
        if let Ok(opened) = open(&datagram, &insecure()) {
            let again = encode(&opened.beat, &cluster(), None).unwrap();
            prop_assert!(again.len() <= datagram.len());
            prop_assert_eq!(open(&again, &insecure()).unwrap(), opened);
        }
    }

    #[test]
    fn a_changed_signed_beat_is_refused(
        changes in prop::collection::vec(any_damage(), 1..4),
    ) {
        let original = encode(&page_beat(), &cluster(), Some(&key())).unwrap();
        let mut datagram = original.clone();
        changes.into_iter().for_each(|change| damage(&mut datagram, change));
        prop_assume!(datagram != original);
        prop_assert!(open(&datagram, &enforcing()).is_err());
        prop_assert!(open(&datagram, &permissive()).is_err());
    }
}
