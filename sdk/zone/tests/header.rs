//! What a header may be, what it may not, and what stays of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rais_zone::{BoundOwner, Header, OwnerName, Problem, ZoneName, ZoneText, read};

const ZONE: &str = "www.example";

/// Parses, and checks that another serial changes the serial's digits alone.
fn accepted(text: &str, serial: u32) -> Header {
    let header = Header::parse(text, ZONE).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(header.serial(), serial, "{text}");
    assert_eq!(header.with_serial(serial), text);
    let other = header.with_serial(4_294_967_295);
    assert_eq!(other.len(), text.len() + 10 - serial.to_string().len());
    let again = Header::parse(&other, ZONE).unwrap();
    assert_eq!(again.serial(), 4_294_967_295);
    assert_eq!(again.with_serial(serial), text);
    header
}

fn refused(text: &str) -> (Problem, Option<(u32, u32)>) {
    let error = Header::parse(text, ZONE).expect_err(text);
    (error.problem().clone(), error.place().map(|place| (place.line, place.column)))
}

#[test]
fn soa_forms() {
    let soas = [
        "@ IN SOA ns. h. 17 1 2 3 4",
        "@ SOA ns. h. 17 1 2 3 4",
        "www.example. 300 IN SOA ns. h. 17 1 2 3 4",
        "WWW.Example. in 300 soa ns. h. 17 1 2 3 4",
        "@\t1h IN\tSOA ns. h. ( 17 3h 1H 1w 1d )",
        "@ IN SOA ns. h. (\n  17 ; serial 99\n  3h ; \"refresh (\n  1h\n  1w\n  10\n)",
        "@ (IN) SOA (ns. h. 17)(1 2 3 4)",
        "@ IN SOA 17 17 17 17 17 17 17 ; 17",
        " IN SOA ns. h. 17 1 2 3 4",
        "$ORIGIN example.\nwww SOA ns h. 17 1 2 3 4\n$ORIGIN www.example.\n@ NS b.",
        "@ CLASS1 SOA ns. h. 17 1 2 3 4",
        "@ TYPE6 ns. h. 17 1 2 3 4",
        "@ SOA ns. h. 17 1 2 3 4\r",
        "@ SOA n\\;s. \"h.\" 17 1 2 3 4",
    ];
    for soa in soas {
        let first = if soa.starts_with(' ') { "@ NS ns.\n" } else { "" };
        accepted(&format!("$TTL 1d ; a day\n{first}{soa}\n NS ns.\n"), 17);
    }
}

#[test]
fn everything_else_is_kept() {
    let text = "; 17 SOA in a comment\n\
        $TTL 3600\n\
        @ IN SOA ns1 hostmaster ( 17 10800 3600 604800 10 )\n\
        \t\tIN NS ns1\n\
        @ MX 10 mail.example.org.\n\
        @ TXT \"17; ( not a comment\" \"caf\u{e9}\"\n\
        ns1 A 192.0.2.53\n\
        \tAAAA 2001:db8::53\n\
        Alias 60 CNAME www.example.org.\n\
        @ LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m\n\
        srv SRV 0 0 80 ns1\n\
        @ HTTPS 1 . alpn=\"h2,h3\" port=8443\n\
        odd TYPE65534 \\# 2 abcd\n\
        ; no line feed at the end";
    let header = accepted(text, 17);
    assert_eq!(header.minimum(), 10);
    let owners: Vec<_> = header
        .owners()
        .iter()
        .map(|owner| (owner.name.as_str(), owner.rtype, owner.place.line))
        .collect();
    assert_eq!(
        owners,
        [
            ("ns1.www.example", "A", 7),
            ("ns1.www.example", "AAAA", 8),
            ("alias.www.example", "CNAME", 9)
        ]
    );
    let zone = ZoneName::parse(ZONE).unwrap();
    let owner = |text| OwnerName::parse(text, &zone).unwrap();
    assert_eq!(header.conflict(&owner("ALIAS")).unwrap().rtype, "CNAME");
    assert!(header.conflict(&owner("@")).is_none());
}

#[test]
fn refusals_name_their_place() {
    let soa = "@ SOA ns. h. 1 2 3 4 5\n";
    let head = "@ SOA ns. h. 1 2 3 4 5\n@ NS ns.\n";
    let zone = || ZONE.to_owned();
    let cases = [
        (String::new(), Problem::NoSoa { zone: zone() }, None),
        ("@ NS ns.\n".to_owned(), Problem::NoSoa { zone: zone() }, None),
        (soa.to_owned(), Problem::NoNs { zone: zone() }, None),
        (format!("{soa}sub NS ns.\n"), Problem::NoNs { zone: zone() }, None),
        (format!("{head}{soa}"), Problem::SecondSoa { first: 1 }, Some((3, 1))),
        (
            format!("sub {}", &soa[2..]),
            Problem::SoaNotAtApex { owner: format!("sub.{ZONE}"), zone: zone() },
            None,
        ),
        (format!("{head}$GENERATE 1-9 a$ A 192.0.2.$\n"), Problem::Generate, Some((3, 1))),
        (format!("{head}\n$generate 1-9 a A 1\n"), Problem::Generate, Some((4, 1))),
        (format!("{head}$INCLUDE other\n"), Problem::Include, Some((3, 1))),
        (format!("{head}$DATE 1\n"), Problem::Directive("$DATE".to_owned()), Some((3, 1))),
        (format!("$TTL 1y\n{head}"), Problem::Ttl("1y".to_owned()), Some((1, 6))),
        (format!("{head}@ 1y A 192.0.2.1\n"), Problem::Ttl("1y".to_owned()), Some((3, 3))),
        (format!("{head}@ CH TXT a\n"), Problem::Class("CH".to_owned()), Some((3, 3))),
        (format!("{head}@ IN ADDR a\n"), Problem::Type("ADDR".to_owned()), Some((3, 6))),
        (format!("{head}@ ANY a\n"), Problem::Type("ANY".to_owned()), Some((3, 3))),
        (format!("{head}@ \"A\" 192.0.2.1\n"), Problem::Type("A".to_owned()), Some((3, 4))),
        (format!("{head}a..b A 192.0.2.1\n"), Problem::Label("a..b".to_owned()), Some((3, 1))),
        (format!("{head}@ MX 1 .m\n"), Problem::Label(".m".to_owned()), Some((3, 8))),
        (format!("$ORIGIN a..b\n{head}"), Problem::Label("a..b".to_owned()), Some((1, 9))),
        (
            format!("{head}example. A 192.0.2.1\n"),
            Problem::OutsideZone { owner: "example".to_owned(), zone: zone() },
            Some((3, 1)),
        ),
        ("@ SOA ns. h. 1d 2 3 4 5\n".to_owned(), Problem::Serial("1d".to_owned()), None),
        ("@ SOA ns. h. \"1\" 2 3 4 5\n".to_owned(), Problem::Serial("1".to_owned()), None),
        (
            "@ SOA ns. h. 4294967296 2 3 4 5\n".to_owned(),
            Problem::Serial("4294967296".to_owned()),
            Some((1, 14)),
        ),
        (format!("{head}@ A (192.0.2.1\n"), Problem::ParenthesisOpen, Some((3, 5))),
    ];
    for (text, problem, place) in cases {
        let (found, at) = refused(&text);
        assert_eq!(found, problem, "{text}");
        if place.is_some() {
            assert_eq!(at, place, "{text}");
        }
    }
}

#[test]
fn a_byte_order_mark_is_told_as_one() {
    let text = "\u{feff}@ SOA ns. h. 1 2 3 4 5\n@ NS ns.\n";
    assert_eq!(refused(text), (Problem::ByteOrderMark, Some((1, 1))));
    assert!(read(text, ZONE).is_err());
}

#[test]
fn records_that_exclude_each_other_name_the_second() {
    let head = "$TTL 1h\n@ SOA ns. h. 1 2 3 4 5\n@ NS ns.\n";
    let large = |each: usize| {
        let words =
            [format!("\"{}\"", "x".repeat(each - 1)), format!("\"{}\"", "y".repeat(each - 1))];
        (0..130).map(|n| format!("big TXT \"{n:03}\" {}\n", words.join(" "))).collect::<String>()
    };
    let alias = "has a CNAME record and a further one";
    for (more, says) in [
        (
            "mail A 192.0.2.1\nMAIL CNAME x\n",
            "line 5, column 1: mail.www.example. has a CNAME record and a further one, A in line 4:",
        ),
        (
            "mail CNAME x\nmail TXT y\n",
            "line 4, column 1: mail.www.example. has a CNAME record and a further one, TXT in line 5:",
        ),
        ("mail CNAME x\nmail CNAME y\n", alias),
        ("mail CNAME x\nmail LOC 52 22 23 N 4 53 32 E -2m\n", alias),
        ("@ CNAME x\n", "line 4, column 1: www.example. has a CNAME record and a further one, NS"),
        ("d DNAME x.\nd DNAME y.\n", "line 5, column 1: d.www.example. has a second DNAME record"),
        ("x A \\# 3 010203\n", "line 4, column 1: not a valid A record: its octets"),
        (&large(250), "line 4, column 1: the TXT records of big.www.example. take 67080 octets"),
    ] {
        let error = Header::parse(&format!("{head}{more}"), ZONE).expect_err(more);
        let error = error.to_string();
        assert!(error.contains(says), "{more:?}: {error}");
    }
    for more in [
        "mail CNAME x\nMail CNAME x\nmail CNAME x\n",
        "mail CNAME x\nmail NSEC a. CNAME RRSIG NSEC\n",
        "d DNAME x.\nd DNAME x.\nd A 192.0.2.1\n",
        &large(200),
        "mail LOC 52 22 23 N 4 53 32 E -2m\n",
    ] {
        Header::parse(&format!("{head}{more}"), ZONE)
            .unwrap_or_else(|error| panic!("{more:?}: {error}"));
    }
}

#[test]
fn nothing_is_bound_where_the_zone_does_not_answer() {
    let text = "$TTL 1h\n@ SOA ns. h. 1 2 3 4 5\n@ NS ns.\nsub NS ns.\nold DNAME new.\nloc LOC 1 N 1 E 1m\n";
    let header = Header::parse(text, ZONE).unwrap();
    let against = |name: &str| {
        let owner = OwnerName::parse(name, header.zone()).unwrap();
        header.obstacle(&owner).map(|record| (record.place.line, record.against(&owner)))
    };
    for (name, line, says) in [
        ("sub", 4, "is at or below sub.www.example, which"),
        ("a.b.sub", 4, "is at or below sub.www.example, which"),
        ("a.old", 5, "is below old.www.example, which"),
    ] {
        let (at, text) = against(name).expect(name);
        assert_eq!(at, line, "{name}");
        assert!(text.contains(says), "{text}");
    }
    for name in ["@", "xsub", "old", "loc"] {
        assert_eq!(against(name), None, "{name}");
    }
    let opaque = header.opaque().unwrap();
    assert_eq!(opaque.place.line, 6);
    assert!(opaque.problem.to_string().contains("`TYPE29 \\# LENGTH HEX`"), "{}", opaque.problem);
    assert!(
        Header::parse(&text.replace("LOC 1 N 1 E 1m", "TYPE29 \\# 1 00"), ZONE)
            .unwrap()
            .opaque()
            .is_none()
    );
}

#[test]
fn unreadable_records_name_line_and_type() {
    let head = "$TTL 60\n@ SOA ns. h. 1 2 3 4 5\n@ NS ns.\n; fine so far\n";
    for (line, type_name) in [
        ("a A 192.0.2.256", "A"),
        ("a AAAA 192.0.2.1", "AAAA"),
        ("a A", "A"),
        ("a A 192.0.2.1 192.0.2.2", "A"),
        ("a MX mail", "MX"),
        ("@ SRV 0 0 eighty ns1", "SRV"),
    ] {
        let error = Header::parse(&format!("{head}{line}\nb A 192.0.2.2\n"), ZONE).unwrap_err();
        assert_eq!(error.place().unwrap().line, 5, "{line}: {error}");
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("line 5, column 1: not a valid {type_name} record")),
            "{text}"
        );
    }
    let error = Header::parse("lonely\n", ZONE).unwrap_err().to_string();
    assert_eq!(error, "line 1, column 1: not a valid record: it ends before the record type");
}

#[test]
fn schemes_stand_in_comment_lines() {
    let head = "@ SOA ns. h. 1 2 3 4 5\n@ NS ns.\n";
    let scheme = |line: &str| {
        Header::parse(&format!("{line}\n{head}"), ZONE)
            .map(|header| header.scheme().map(str::to_owned))
    };
    assert_eq!(scheme("; rais: scheme=weighted").unwrap().unwrap(), "weighted");
    assert_eq!(scheme(";;rais:scheme = least-load").unwrap().unwrap(), "least-load");
    assert_eq!(scheme("  ; rais: scheme=fixed\r").unwrap().unwrap(), "fixed");
    assert_eq!(scheme("; scheme=weighted").unwrap(), None);
    assert_eq!(scheme("; rais: binds the addresses, see a = b").unwrap(), None);
    assert_eq!(scheme("@ TXT a ; rais: scheme=fixed").unwrap(), None);
    assert_eq!(scheme("@ TXT \"; rais: scheme=fixed\"").unwrap(), None);
    for bad in ["; rais: schema=fixed", "; rais: scheme=", "; rais: scheme=a b"] {
        let error = scheme(bad).unwrap_err();
        assert!(matches!(error.problem(), Problem::Remark(_)), "{bad}: {error}");
    }
    let twice = scheme("; rais: scheme=a\n; rais: scheme=b").unwrap_err();
    assert_eq!(twice.problem(), &Problem::SecondScheme { first: 1 });
    assert_eq!(twice.place().unwrap().line, 2);
}

#[test]
fn synthesised_headers_parse_back() {
    let zone = ZoneName::parse(ZONE).unwrap();
    let header =
        Header::synthesise(&zone, &["ns1.example", "NS2.example."], "host.master@example", 10)
            .unwrap();
    assert_eq!(header.serial(), 0);
    assert_eq!(header.minimum(), 10);
    assert_eq!(
        header.text(),
        "www.example. 10 IN SOA ns1.example. host\\.master.example. ( 0 86400 7200 3600000 10 )\n\
         www.example. 3600 IN NS ns1.example.\n\
         www.example. 3600 IN NS ns2.example.\n"
    );
    accepted(header.text(), 0);
    let none: [&str; 0] = [];
    assert!(Header::synthesise(&zone, &none, "h.example", 10).is_err());
    assert!(Header::synthesise(&zone, &["-bad"], "h.example", 10).is_err());
    assert!(Header::synthesise(&zone, &["ns"], "nobody", 10).is_err());
}

#[test]
fn rendered_records_are_absolute_ordered_and_single() {
    let text = "$TTL 1d\n@ SOA ns. h. 1 2 3 4 5\n@ NS ns.\n$ORIGIN deep.www.example.\n@ TXT x";
    let header = Header::parse(text, ZONE).unwrap();
    let owner = |text| OwnerName::parse(text, header.zone()).unwrap();
    let owners =
        [BoundOwner { name: owner("mail"), ttl: 5 }, BoundOwner { name: owner("api"), ttl: 0 }];
    let ip = |text: &str| text.parse().unwrap();
    let records = [
        (0, ip("2001:db8::1")),
        (0, ip("192.0.2.10")),
        (1, ip("192.0.2.9")),
        (0, ip("192.0.2.9")),
        (0, ip("192.0.2.10")),
    ];
    let zone = ZoneText::render(&header, 2, &owners, records).unwrap();
    let expected = text.replace("h. 1", "h. 2")
        + "\napi.www.example. 0 IN A 192.0.2.9\n\
           mail.www.example. 5 IN A 192.0.2.9\n\
           mail.www.example. 5 IN A 192.0.2.10\n\
           mail.www.example. 5 IN AAAA 2001:db8::1\n";
    assert_eq!(zone.as_str(), expected);
    let data = read(zone.as_str(), ZONE).unwrap();
    assert_eq!(data.serial, 2);
    assert_eq!(data.records.len(), 4);
    assert_eq!(data.records[0].owner, "api.www.example");

    assert!(ZoneText::render(&header, 2, &owners, [(2, ip("192.0.2.1"))]).is_err());
    let other = ZoneName::parse("example.org").unwrap();
    let foreign = BoundOwner { name: OwnerName::parse("@", &other).unwrap(), ttl: 1 };
    assert!(ZoneText::render(&header, 2, &[foreign], []).is_err());
    let long = BoundOwner { name: owner("@"), ttl: 0x8000_0000 };
    assert!(ZoneText::render(&header, 2, &[long], []).is_err());
}

#[test]
fn reading_needs_one_soa_and_takes_any_number_of_ns() {
    assert_eq!(read("@ SOA ns. h. 1 2 3 4 5\n", ZONE).unwrap().serial, 1);
    assert!(matches!(read("", ZONE).unwrap_err().problem(), Problem::NoSoa { .. }));
    let soa = "@ SOA ns. h. 1 2 3 4 5\n";
    let twice = read(&format!("\n{soa}{soa}"), ZONE).unwrap_err();
    assert_eq!(twice.problem(), &Problem::SecondSoa { first: 2 });
    assert!(read(&format!("a {soa}"), ZONE).is_err());
}
