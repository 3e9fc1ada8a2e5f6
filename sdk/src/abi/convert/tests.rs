//! Numbers and their meanings, as ABI 1 has them: written out, since what gives and takes them could
//! be changed on both sides at once and no test of the two would see it.

use super::*;

#[test]
fn kinds_of_faults() {
    const TABLE: [(u32, FaultKind); 8] = [
        (1, FaultKind::Config),
        (2, FaultKind::Down),
        (3, FaultKind::Timeout),
        (4, FaultKind::Unknown),
        (5, FaultKind::Busy),
        (6, FaultKind::Refused),
        (7, FaultKind::Io),
        (8, FaultKind::Panicked),
    ];
    let wire = |kind| AbiFault {
        kind,
        reserved: 0,
        text: "text".into(),
        at: "at".into(),
        reserved_more: [0; 2],
    };
    for (number, kind) in TABLE {
        assert_eq!(fault_to_abi(Fault::new(kind, "")).kind, number);
        assert_eq!(fault_from_abi(wire(number)), Fault::new(kind, "text").at("at"));
    }
    for unknown in [0, 9, u32::MAX] {
        assert_eq!(fault_from_abi(wire(unknown)).kind, FaultKind::Unknown, "{unknown}");
    }
}

#[test]
fn wishes() {
    const TABLE: [(u32, Wish); 6] = [
        (0, Wish::None),
        (1, Wish::Ready),
        (2, Wish::Drain),
        (3, Wish::Maintenance),
        (4, Wish::Down),
        (5, Wish::Up),
    ];
    let wire = |wish| AbiReading { wish, ..reading_to_abi(Reading::unknown("")) };
    for (number, wish) in TABLE {
        let mut plain = Reading::unknown("");
        plain.wish = wish;
        assert_eq!(reading_to_abi(plain).wish, number);
        assert_eq!(reading_from_abi(wire(number)).wish, wish);
    }
    for unknown in [6, u32::MAX] {
        assert_eq!(reading_from_abi(wire(unknown)).wish, Wish::None, "{unknown}");
    }
}

#[test]
fn scopes() {
    for (number, scope) in [(0, Scope::Host), (1, Scope::Target)] {
        assert_eq!((scope_to_abi(scope), scope_from_abi(number)), (number, scope));
    }
    for unknown in [2, u32::MAX] {
        assert_eq!(scope_from_abi(unknown), Scope::Target, "{unknown}");
    }
}

#[test]
fn interests() {
    for (number, interest) in [(1, Interest::Read), (2, Interest::Write)] {
        assert_eq!((interest_to_abi(interest), interest_from_abi(number)), (number, interest));
    }
    for unknown in [0, 3, u32::MAX] {
        assert_eq!(interest_from_abi(unknown), Interest::Write, "{unknown}");
    }
}

#[test]
fn whether_a_socket_is_ready() {
    for (number, ready) in [(0, Ready::Pending), (1, Ready::TryAgain), (2, Ready::Gone)] {
        assert_eq!((ready_to_abi(ready), ready_from_abi(number)), (number, ready));
    }
    for unknown in [3, u32::MAX] {
        assert_eq!(ready_from_abi(unknown), Ready::Gone, "{unknown}");
    }
}

#[test]
fn levels() {
    const TABLE: [(u32, Level); 4] =
        [(1, Level::Error), (2, Level::Warn), (3, Level::Info), (4, Level::Debug)];
    for (number, level) in TABLE {
        assert_eq!((level_to_abi(level), level_from_abi(number)), (number, level));
    }
    for unknown in [0, 5, u32::MAX] {
        assert_eq!(level_from_abi(unknown), Level::Info, "{unknown}");
    }
}

#[test]
fn loads_are_hundredths_of_a_percent() {
    const TABLE: [(u32, Option<f64>); 4] =
        [(0, Some(0.0)), (1234, Some(12.34)), (100_000, Some(1000.0)), (0xffff_ffff, None)];
    for (number, load) in TABLE {
        assert_eq!((load_to_abi(load), load_from_abi(number)), (number, load));
    }
    assert_eq!(load_to_abi(Some(f64::NAN)), 0xffff_ffff);
    assert_eq!((load_to_abi(Some(-1.0)), load_to_abi(Some(1e9))), (0, 100_000));
    assert_eq!(load_from_abi(100_001), Some(1000.0));
}

#[test]
fn weights_are_percent() {
    let wire = |weight| AbiReading { weight, ..reading_to_abi(Reading::unknown("")) };
    const TABLE: [(u32, Option<u16>); 4] =
        [(0, Some(0)), (100, Some(100)), (65_535, Some(65_535)), (0xffff_ffff, None)];
    for (number, weight) in TABLE {
        let mut plain = Reading::unknown("");
        plain.weight = weight;
        assert_eq!(reading_to_abi(plain).weight, number);
        assert_eq!(reading_from_abi(wire(number)).weight, weight);
    }
    assert_eq!(reading_from_abi(wire(65_536)).weight, Some(65_535));
}

#[test]
fn families() {
    const TABLE: [(u16, &str); 2] = [(4, "192.0.2.7:80"), (6, "[2001:db8::7]:80")];
    for (number, text) in TABLE {
        let addr: SocketAddr = text.parse().unwrap();
        let wire = addr_to_abi(Some(addr));
        assert_eq!((wire.family, wire.port), (number, 80));
        assert_eq!(addr_from_abi(&wire), Some(addr));
    }
    assert_eq!(addr_to_abi(None).family, 0);
    for unknown in [0, 1, 5, u16::MAX] {
        let wire = AbiAddr { family: unknown, ..AbiAddr::NONE };
        assert_eq!(addr_from_abi(&wire), None, "{unknown}");
    }
}

/// What a later version says where this one has nothing to read is passed over.
#[test]
fn what_more_is_said_is_passed_over() {
    let target = Target::new("192.0.2.7:80".parse().unwrap(), "web1", "www");
    let up = Up::new(Duration::from_nanos(5)).with_detail("fine");
    let mut of = Subject::new("www");
    (of.target, of.last) = (Some(target), Some(up));
    let mut wire = subject_to_abi(of.clone());
    assert_eq!(wire.more.as_str(), "");
    wire.more = "{\"new\":1}".into();
    wire.target = wire.target.map(|it| AbiTarget { more: "{\"new\":[2]}".into(), ..it });
    wire.last = wire.last.map(|it| AbiUp { more: "not even JSON".into(), ..it });
    assert_eq!(subject_from_abi(wire), Ok(of));
    let reading = Reading::unknown("why");
    let wire = AbiReading { more: "{}".into(), ..reading_to_abi(reading.clone()) };
    assert_eq!(reading_from_abi(wire), reading);
}

#[test]
fn what_a_plugin_says_is_a_line() {
    let fault = Fault::down("refused\n2026-01-01 ERROR forged\x1b[2J").at("ph\rase");
    let fault = fault_from_abi(fault_to_abi(fault));
    assert_eq!(fault, Fault::down("refused 2026-01-01 ERROR forged [2J").at("ph ase"));
    let up = Up::new(Duration::from_nanos(5)).with_detail("fine\nforged");
    assert_eq!(up_from_abi(up_to_abi(up)).detail, "fine forged");
}
