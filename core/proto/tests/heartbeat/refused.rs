//! Each thing that is refused, and that each limit is where the reference page says.

use std::time::Duration;

use rais_proto::heartbeat::codec::{
    EncodeError, HEADER_LEN, MAX_EXPIRE, MAX_INTERVAL, encode, open,
};
use rais_proto::heartbeat::key::KeyLimits;
use rais_proto::heartbeat::refusal::Refusal;
use rais_proto::heartbeat::trust::{Policy, Trust};
use rais_proto::heartbeat::{Heartbeat, MAX_DATAGRAM, Report};
use rais_proto::load::Load;
use rais_proto::name::Sequence;

use crate::sample::{
    addresses, beat, cluster, enforcing, insecure, key, limited, other_key, page_beat, permissive,
    report, ring,
};

/// Where the TLVs begin: after the header and `shop`.
const BODY: usize = HEADER_LEN + 4;

fn signed() -> Vec<u8> {
    encode(&page_beat(), &cluster(), Some(&key())).unwrap()
}

fn unsigned() -> Vec<u8> {
    encode(&page_beat(), &cluster(), None).unwrap()
}

fn refusal(datagram: &[u8], trust: &Trust) -> Refusal {
    open(datagram, trust).unwrap_err()
}

/// An unsigned beat of one host name and `value` as its report.
fn with_report(value: &[u8]) -> Vec<u8> {
    with_tlvs(&[(1, b"web1"), (2, value)])
}

fn with_tlvs(tlvs: &[(u16, &[u8])]) -> Vec<u8> {
    let mut datagram = unsigned()[..BODY].to_vec();
    for (kind, value) in tlvs {
        datagram.extend(kind.to_be_bytes());
        datagram.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        datagram.extend(*value);
    }
    told_its_length(datagram)
}

fn told_its_length(mut datagram: Vec<u8>) -> Vec<u8> {
    let len = u16::try_from(datagram.len()).unwrap();
    datagram[6..8].copy_from_slice(&len.to_be_bytes());
    datagram
}

/// `http`, up, with the address 192.0.2.1, and where its fields begin.
fn value() -> Vec<u8> {
    let mut value = b"\x04http\x01\0".to_vec();
    value.extend(1234u32.to_be_bytes());
    value.extend(4000u32.to_be_bytes());
    value.extend(100u16.to_be_bytes());
    value.extend(500u32.to_be_bytes());
    value.extend(1650u32.to_be_bytes());
    value.extend(b"\x02ok\x01\xc0\0\x02\x01\0");
    value
}
const STATE: usize = 5;
const FLAGS: usize = 6;
const LOAD: usize = 7;
const CAPACITY: usize = 11;
const WEIGHT: usize = 15;
const INTERVAL: usize = 17;
const EXPIRE: usize = 21;
const REASON: usize = 25;
const V4: usize = 28;
const V6: usize = 33;

fn patched(at: usize, octets: &[u8]) -> Vec<u8> {
    let mut value = value();
    value[at..at + octets.len()].copy_from_slice(octets);
    value
}

fn opened(value: &[u8]) -> Result<Report, Refusal> {
    open(&with_report(value), &insecure()).map(|mut opened| opened.beat.reports.remove(0))
}

#[test]
fn the_hand_made_report_is_accepted() {
    let report = opened(&value()).unwrap();
    assert_eq!(report.reason.as_str(), "ok");
    assert_eq!(report.addresses, addresses(&["192.0.2.1"]));
}

#[test]
fn what_is_no_beat_of_this_version_and_cluster() {
    let edit = |at: usize, octet: u8| {
        let mut datagram = signed();
        datagram[at] = octet;
        datagram
    };
    let trust = enforcing();
    assert_eq!(refusal(&[], &trust), Refusal::NotABeat);
    assert_eq!(refusal(b"RAI", &trust), Refusal::NotABeat);
    assert_eq!(refusal(&edit(0, b'r'), &trust), Refusal::NotABeat);
    assert_eq!(refusal(b"RAIS", &trust), Refusal::Truncated);
    assert_eq!(refusal(&edit(4, 2), &trust), Refusal::Version);
    assert_eq!(refusal(b"RAIS\x02", &trust), Refusal::Version);
    assert_eq!(refusal(&edit(54, b'S'), &trust), Refusal::Cluster);
    assert_eq!(refusal(&edit(52, 0), &trust), Refusal::Cluster);
    let long = vec![b'R'; MAX_DATAGRAM + 1];
    assert_eq!(refusal(&long, &trust), Refusal::TooLong);
}

#[test]
fn header_bits_without_a_meaning() {
    for flags in [0b10, 0b11] {
        let mut datagram = unsigned();
        datagram[5] = flags;
        assert_eq!(refusal(&datagram, &insecure()), Refusal::Malformed, "flags {flags}");
    }
    // A key without a tag, a tag without a key, and a beat before the first.
    let mut keyed = unsigned();
    keyed[11] = 1;
    assert_eq!(refusal(&keyed, &insecure()), Refusal::Malformed);
    let mut keyless = signed();
    keyless[8..12].fill(0);
    assert_eq!(refusal(&keyless, &insecure()), Refusal::Malformed);
    let mut unnumbered = unsigned();
    unnumbered[36..44].fill(0);
    assert_eq!(refusal(&unnumbered, &insecure()), Refusal::Malformed);
}

#[test]
fn a_tag_is_asked_for_and_looked_at() {
    assert_eq!(refusal(&unsigned(), &enforcing()), Refusal::Unsigned);
    assert_eq!(open(&unsigned(), &permissive()).unwrap().key, None);
    assert_eq!(open(&signed(), &permissive()).unwrap().key, Some(key().id()));

    let strange = encode(&page_beat(), &cluster(), Some(&other_key())).unwrap();
    assert_eq!(refusal(&strange, &enforcing()), Refusal::UnknownKey);
    assert_eq!(refusal(&strange, &permissive()), Refusal::UnknownKey);
    assert_eq!(open(&strange, &insecure()).unwrap().key, None);

    // Another's key, under our key's id.
    let mut forged = strange;
    forged[8..12].copy_from_slice(&key().id().get().to_be_bytes());
    assert_eq!(refusal(&forged, &enforcing()), Refusal::BadTag);
    assert_eq!(refusal(&forged, &permissive()), Refusal::BadTag);
}

#[test]
fn the_tag_comes_before_the_body() {
    // A body that breaks the format is not even looked at.
    let mut broken = signed();
    broken[BODY] = 0xff;
    assert_eq!(refusal(&broken, &enforcing()), Refusal::BadTag);
}

#[test]
fn every_single_flipped_bit_of_a_signed_beat() {
    for trust in [enforcing(), permissive()] {
        for bit in 0..signed().len() * 8 {
            let mut datagram = signed();
            datagram[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&datagram, &trust).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn every_truncation() {
    for len in 0..signed().len() {
        assert!(open(&signed()[..len], &enforcing()).is_err(), "{len}");
        assert!(open(&signed()[..len], &permissive()).is_err(), "{len}");
    }
    // Unsigned, and between two TLVs too.
    for len in 0..unsigned().len() {
        let expected = if len < 4 { Refusal::NotABeat } else { Refusal::Truncated };
        assert_eq!(refusal(&unsigned()[..len], &insecure()), expected, "{len}");
    }
}

#[test]
fn a_datagram_has_the_length_that_it_says() {
    let mut longer = unsigned();
    longer.extend([0, 9, 0, 0]); // a TLV that would be skipped
    assert_eq!(refusal(&longer, &insecure()), Refusal::Malformed);
    assert!(open(&told_its_length(longer), &insecure()).is_ok());
    // Before the key is even looked up.
    let mut strange = encode(&page_beat(), &cluster(), Some(&other_key())).unwrap();
    strange.push(0);
    assert_eq!(refusal(&strange, &enforcing()), Refusal::Malformed);
    strange.truncate(strange.len() - 2);
    assert_eq!(refusal(&strange, &enforcing()), Refusal::Truncated);
}

#[test]
fn what_says_its_length_and_ends_before_its_tag_or_within_a_tlv() {
    let cut = |datagram: Vec<u8>, len: usize| told_its_length(datagram[..len].to_vec());
    assert_eq!(refusal(&cut(signed(), BODY + 15), &enforcing()), Refusal::Truncated);
    assert_eq!(refusal(&cut(signed(), BODY + 16), &enforcing()), Refusal::BadTag);
    for len in BODY..unsigned().len() {
        let expected = match len - BODY {
            0 => Refusal::Malformed, // no host name
            8 | 60 => continue,      // a shorter beat
            _ => Refusal::Truncated,
        };
        assert_eq!(refusal(&cut(unsigned(), len), &insecure()), expected, "{len}");
    }
}

#[test]
fn a_key_limit() {
    let hosts =
        |name: &str| KeyLimits { hosts: Some(vec![name.parse().unwrap()]), ..KeyLimits::default() };
    let services = |names: &[&str]| KeyLimits {
        services: Some(names.iter().map(|name| name.parse().unwrap()).collect()),
        ..KeyLimits::default()
    };
    let ranges = |nets: &[&str]| KeyLimits {
        addresses: Some(nets.iter().map(|net| net.parse().unwrap()).collect()),
        ..KeyLimits::default()
    };
    let verdict = |limits: KeyLimits| {
        let trust =
            Trust { cluster: cluster(), policy: Policy::Enforce(ring(limited(limits.clone()))) };
        let opened = open(&signed(), &trust)?;
        assert_eq!(trust.limits(opened.key), Some(&limits));
        Ok(())
    };
    assert_eq!(verdict(hosts("web1")), Ok(()));
    assert_eq!(verdict(hosts("web2")), Err(Refusal::KeyLimit));
    assert_eq!(verdict(services(&["news", "http"])), Ok(()));
    assert_eq!(verdict(services(&["http"])), Err(Refusal::KeyLimit));
    assert_eq!(verdict(ranges(&["192.0.2.0/24", "2001:db8::/32"])), Ok(()));
    assert_eq!(verdict(ranges(&["192.0.2.0/24"])), Err(Refusal::KeyLimit));
    assert_eq!(verdict(ranges(&[])), Err(Refusal::KeyLimit));
}

#[test]
fn an_address_twice() {
    let twice = |first: &[u8], second: &[u8]| {
        refusal(&with_tlvs(&[(1, b"web1"), (2, first), (2, second)]), &insecure())
    };
    assert_eq!(twice(&value(), &value()), Refusal::AddressTwice);
    assert_eq!(twice(&value(), &patched(FLAGS, &[1])), Refusal::AddressTwice);
    let mut in_one = value();
    in_one.splice(V4..V6, *b"\x02\xc0\0\x02\x01\xc0\0\x02\x01");
    assert_eq!(opened(&in_one), Err(Refusal::AddressTwice));
    // Another service may be on the same address.
    let both = with_tlvs(&[(1, b"web1"), (2, &value()), (2, &patched(1, b"news"))]);
    assert_eq!(open(&both, &insecure()).unwrap().beat.reports.len(), 2);
}

#[test]
fn an_address_twice_among_many() {
    let many = |last: u8| {
        let mut value = value();
        let addresses = (1..=40).chain([last]).flat_map(|at| [192, 0, 2, at]);
        value.splice(V4..V6, [41].into_iter().chain(addresses));
        value
    };
    assert_eq!(opened(&many(41)).unwrap().addresses.len(), 41);
    assert_eq!(opened(&many(7)), Err(Refusal::AddressTwice));
}

#[test]
fn a_report_that_breaks_the_format() {
    let mut no_address = value();
    no_address.splice(V4..V6, [0]);
    let mut mapped = value();
    mapped.splice(V6.., *b"\x01\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x02");
    let mut long_reason = value();
    long_reason.splice(REASON..V4, [65; 66]);
    let mut half_a_sub_tlv = value();
    half_a_sub_tlv.extend([0, 9, 0]);
    let mut short_sub_tlv = value();
    short_sub_tlv.extend([0, 9, 0, 2, 0]);
    let day = u32::try_from(MAX_INTERVAL.as_millis()).unwrap();
    let week = u32::try_from(MAX_EXPIRE.as_millis()).unwrap();
    let cases = [
        ("empty", vec![]),
        ("no name", patched(0, &[0])),
        ("a name beyond the report", patched(0, &[200])),
        ("a space in the name", patched(2, b" ")),
        ("state 0", patched(STATE, &[0])),
        ("state 7", patched(STATE, &[7])),
        ("an unknown flag", patched(FLAGS, &[4])),
        ("no capacity", patched(CAPACITY, &[0; 4])),
        ("no weight", patched(WEIGHT, &[0; 2])),
        ("weight 1001", patched(WEIGHT, &1001u16.to_be_bytes())),
        ("no interval", patched(INTERVAL, &[0; 4])),
        ("a long interval", patched(INTERVAL, &(day + 1).to_be_bytes())),
        ("no expire", patched(EXPIRE, &[0; 4])),
        ("a long expire", patched(EXPIRE, &(week + 1).to_be_bytes())),
        ("a reason that is no UTF-8", patched(REASON + 1, &[0xff])),
        ("a long reason", long_reason),
        ("more IPv4 than there are", patched(V4, &[2])),
        ("more IPv6 than there are", patched(V6, &[1])),
        ("no address", no_address),
        ("IPv4-mapped", mapped),
        ("half a sub-TLV", half_a_sub_tlv),
        ("a sub-TLV that is too short", short_sub_tlv),
    ];
    for (what, value) in cases {
        assert_eq!(opened(&value), Err(Refusal::Malformed), "{what}");
    }
}

#[test]
fn the_edges_of_what_is_accepted() {
    let most = |at: usize, most: Duration| {
        patched(at, &u32::try_from(most.as_millis()).unwrap().to_be_bytes())
    };
    assert_eq!(opened(&most(INTERVAL, MAX_INTERVAL)).unwrap().interval, MAX_INTERVAL);
    assert_eq!(opened(&most(EXPIRE, MAX_EXPIRE)).unwrap().expire, MAX_EXPIRE);
    assert_eq!(opened(&patched(LOAD, &[0xff; 4])).unwrap().load, None);
    let above = patched(LOAD, &0xffff_fffe_u32.to_be_bytes());
    assert_eq!(opened(&above).unwrap().load, Some(Load::MAX));
    assert_eq!(opened(&patched(REASON + 1, b"\n")).unwrap().reason.as_str(), " k");
}

#[test]
fn what_is_unknown_is_skipped() {
    let mut value = value();
    value.extend([0, 9, 0, 2, 1, 2, 0xff, 0xff, 0, 0]);
    let datagram = with_tlvs(&[(7, b"later"), (2, &value), (1, b"web1"), (0xffff, b"")]);
    let opened = open(&datagram, &insecure()).unwrap().beat;
    assert_eq!(opened.host_name.as_str(), "web1");
    assert_eq!(opened.reports.len(), 1);
}

#[test]
fn not_exactly_one_host_name() {
    let refused = |tlvs: &[(u16, &[u8])]| refusal(&with_tlvs(tlvs), &insecure());
    assert_eq!(refused(&[(2, &value())]), Refusal::Malformed);
    assert_eq!(refused(&[(1, b"web1"), (1, b"web1")]), Refusal::Malformed);
    assert_eq!(refused(&[(1, b"")]), Refusal::Malformed);
    assert_eq!(refused(&[(1, &[b'a'; 254])]), Refusal::Malformed);
}

fn unsendable(edit: impl FnOnce(&mut Heartbeat)) -> EncodeError {
    let mut beat = beat(vec![report("http", &["192.0.2.1"])]);
    edit(&mut beat);
    encode(&beat, &cluster(), None).unwrap_err()
}

#[test]
fn what_would_be_refused_is_not_sent() {
    let http = || "http".parse().unwrap();
    let one = addresses(&["192.0.2.1"])[0];
    let mapped = addresses(&["::ffff:192.0.2.9"])[0];

    assert_eq!(unsendable(|beat| beat.sequence = Sequence(0)), EncodeError::NoSequence);
    assert_eq!(
        unsendable(|beat| beat.reports[0].addresses.clear()),
        EncodeError::NoAddress(http())
    );
    assert_eq!(
        unsendable(|beat| beat.reports[0].addresses.push(one)),
        EncodeError::AddressTwice(http(), one)
    );
    assert_eq!(
        unsendable(|beat| beat.reports.push(beat.reports[0].clone())),
        EncodeError::AddressTwice(http(), one)
    );
    assert_eq!(
        unsendable(|beat| beat.reports[0].addresses.push(mapped)),
        EncodeError::MappedAddress(http(), mapped)
    );
    assert_eq!(
        unsendable(|beat| beat.reports[0].interval = Duration::ZERO),
        EncodeError::Interval(http(), Duration::ZERO)
    );
    let long = MAX_EXPIRE + Duration::from_nanos(1);
    assert_eq!(unsendable(|beat| beat.reports[0].expire = long), EncodeError::Expire(http(), long));
    let v4 = |count: u32| (0..count).map(|at| std::net::Ipv4Addr::from_bits(at).into()).collect();
    assert_eq!(
        unsendable(|beat| beat.reports[0].addresses = v4(256)),
        EncodeError::TooManyAddresses(http(), 256)
    );
    assert!(matches!(
        unsendable(|beat| beat.reports[0].addresses = v4(300)),
        EncodeError::TooLong(1200..)
    ));
}

#[test]
fn a_part_of_a_millisecond_counts_as_a_whole_one() {
    let mut quick = report("http", &["192.0.2.1"]);
    quick.interval = Duration::from_nanos(1);
    quick.expire = Duration::from_micros(1500);
    let datagram = encode(&beat(vec![quick]), &cluster(), None).unwrap();
    let report = open(&datagram, &insecure()).unwrap().beat.reports.remove(0);
    assert_eq!(report.interval, Duration::from_millis(1));
    assert_eq!(report.expire, Duration::from_millis(2));
}
