//! Properties of headers and zone text over generated input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::prelude::*;
use rais_zone::{BoundOwner, Header, OwnerName, ZoneName, ZoneText, read};

const ZONE: &str = "www.example";

/// Pieces that a zone's syntax is made of, so that arbitrary text gets past the first word.
fn syntax() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("@"),
        Just("\n"),
        Just("\n"),
        Just(" "),
        Just("\t"),
        Just("\r\n"),
        Just("("),
        Just(")"),
        Just(";"),
        Just("\""),
        Just("\\"),
        Just("\\#"),
        Just("\\032"),
        Just("$TTL "),
        Just("$ORIGIN "),
        Just("$INCLUDE "),
        Just("IN "),
        Just("CH "),
        Just("SOA "),
        Just("NS "),
        Just("A "),
        Just("AAAA "),
        Just("TXT "),
        Just("CNAME "),
        Just("HTTPS "),
        Just("LOC "),
        Just("TYPE1 "),
        Just("TYPE65000 "),
        Just("NSEC "),
        Just("DS "),
        Just("NAPTR "),
        Just("CAA "),
        Just("NSEC3PARAM "),
        Just("RRSIG "),
        Just("IPSECKEY "),
        Just("1 "),
        Just("1h "),
        Just("4294967296 "),
        Just("192.0.2.1 "),
        Just("2001:db8::1 "),
        Just("a"),
        Just("."),
        Just("ns."),
        Just("key="),
        Just("abcd "),
        Just("-"),
        Just("é"),
        Just("\u{0}"),
        Just("@ SOA ns. h. 1 2 3 4 5\n"),
        Just("@ NS ns.\n"),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// A header in one of the many ways in which the same thing can be written: what stands before the
/// serial, the serial, what stands behind it.
fn header() -> impl Strategy<Value = (String, u32, String)> {
    let owner = prop_oneof![Just("@"), Just("www.example."), Just("WWW.example.")];
    let class_ttl =
        prop_oneof![Just(" "), Just(" IN "), Just(" 300 "), Just(" in 1h "), Just("\t1h IN\t")];
    let gap =
        prop_oneof![Just(" "), Just("\t"), Just(" ; 7 ) \"\n "), Just("\n\n\t"), Just(" \r\n ")];
    let noise = prop_oneof![
        Just(""),
        Just("\n"),
        Just("; SOA 1 2 3\n"),
        Just("x TXT \"; (\" a\\\"b\n"),
        Just("$TTL 2h\n"),
        Just("y 5 LOC 1 N 1 E 0m\n"),
        Just("z MX 1 @\r\n"),
        Just("é TXT \"é\"\n"),
    ];
    let gaps = prop::collection::vec(gap, 7);
    (any::<u32>(), owner, class_ttl, gaps, noise.clone(), noise).prop_map(
        |(serial, owner, class_ttl, gaps, before, after)| {
            let [a, b, c, d, e, f, g] = <[&str; 7]>::try_from(gaps).unwrap();
            (
                format!("{before}{owner}{class_ttl}SoA (ns1{a}h{b}"),
                serial,
                format!("{c}3h{d}1H{e}1w{f}10{g})\n\tNS ns.\n{after}"),
            )
        },
    )
}

fn addresses() -> impl Strategy<Value = BTreeSet<(usize, IpAddr)>> {
    let ip = prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from),
    ];
    prop::collection::btree_set((0usize..3, ip), 0..30)
}

fn owners(header: &Header) -> Vec<BoundOwner> {
    ["@", "api", "*.wild"]
        .iter()
        .zip([0, 10, 2_147_483_647])
        .map(|(name, ttl)| BoundOwner { name: OwnerName::parse(name, header.zone()).unwrap(), ttl })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = Header::parse(&text, ZONE);
        let _ = read(&text, ZONE);
    }

    #[test]
    fn arbitrary_syntax_never_panics(text in syntax()) {
        if let Ok(header) = Header::parse(&text, ZONE) {
            prop_assert_eq!(header.text(), &text);
            prop_assert_eq!(Header::parse(&header.with_serial(9), ZONE).unwrap().serial(), 9);
            // What is a header can always be published.
            let zone = ZoneText::render(&header, 9, &owners(&header), []).unwrap();
            prop_assert_eq!(read(zone.as_str(), ZONE).unwrap().serial, 9);
        }
    }

    #[test]
    fn names_never_panic(text in any::<String>()) {
        let zone = ZoneName::parse(ZONE).unwrap();
        let _ = ZoneName::parse(&text);
        if let Ok(owner) = OwnerName::parse(&text, &zone) {
            let dotted = format!("{owner}.");
            prop_assert_eq!(&OwnerName::parse(&dotted, &zone).unwrap(), &owner);
            prop_assert!(owner.as_str().ends_with(ZONE));
        }
    }

    #[test]
    fn a_zone_reads_back_as_it_was_rendered(
        (before, serial, after) in header(),
        next in any::<u32>(),
        records in addresses(),
        turn in any::<prop::sample::Index>(),
    ) {
        let text = format!("{before}{serial}{after}");
        let header = Header::parse(&text, ZONE).unwrap_or_else(|error| panic!("{error}\n{text}"));
        prop_assert_eq!(header.serial(), serial);
        let owners = owners(&header);
        let zone = ZoneText::render(&header, next, &owners, records.iter().copied()).unwrap();

        // The header is kept but for the serial's digits, the records stand behind it.
        let kept = format!("{before}{next}{after}");
        prop_assert_eq!(&header.with_serial(next), &kept);
        prop_assert!(zone.as_str().starts_with(&kept));
        prop_assert_eq!(zone.as_str()[kept.len()..].lines().count(), records.len());

        // Exactly the records that were given come back.
        let data = read(zone.as_str(), ZONE).unwrap();
        prop_assert_eq!(data.serial, next);
        let back: BTreeSet<_> =
            data.records.iter().map(|record| (record.owner.clone(), record.ttl, record.ip)).collect();
        let given: BTreeSet<_> = records
            .iter()
            .map(|(index, ip)| (owners[*index].name.to_string(), owners[*index].ttl, *ip))
            .collect();
        prop_assert_eq!(data.records.len(), records.len());
        prop_assert_eq!(back, given);

        // Neither the order of the records nor that of the owners matters.
        let mut turned: Vec<_> = records.iter().copied().collect();
        if !turned.is_empty() {
            let by = turn.index(turned.len());
            turned.rotate_left(by);
        }
        let again = ZoneText::render(&header, next, &owners, turned.iter().copied()).unwrap();
        prop_assert_eq!(&again, &zone);
        let mirrored: Vec<_> = owners.iter().rev().cloned().collect();
        let turned = turned.iter().map(|(index, ip)| (2 - index, *ip));
        let again = ZoneText::render(&header, next, &mirrored, turned).unwrap();
        prop_assert_eq!(&again, &zone);
    }
}
