//! The table of the probe.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use rais_plugin_probe_udp::Udp;
use rais_sdk::testing::{Bench, probe, samples_parse};
use rais_sdk::{Describe, FaultKind, Need, Probe};

#[test]
fn tables_are_refused_at_their_keys() {
    let long = format!("send = '{}'", "x".repeat(65_508));
    for (table, wanted) in [
        ("sent = 'a'", "sent: unknown field `sent`"),
        ("send = ''", "send: is empty"),
        (&long, "send: is 65508 octets long; a datagram takes 65507"),
        ("send = 'a'\nsend_hex = '00'", "send_hex: `send` is there too"),
        ("send_hex = '0'", "send_hex: invalid value"),
        ("expect = 'a'", "expect: has no meaning without `send` or `send_hex`"),
        ("expect_hex = '00'", "expect_hex: has no meaning without `send` or `send_hex`"),
        ("send = 'a'\nexpect = '('", "expect: `(` is no regular expression: unclosed group"),
        ("send = 'a'\nexpect = 'a'\nexpect_hex = '00'", "expect_hex: `expect` is there too"),
    ] {
        let fault = Bench::new().probe::<Udp>(table).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Config, "{fault}");
        assert!(fault.to_string().starts_with(wanted), "{fault}");
    }
    let longest = format!("send = '{}'", "x".repeat(65_507));
    assert!(Bench::new().probe::<Udp>(&longest).is_ok());
}

#[test]
fn a_missing_port_is_a_configuration_fault() {
    let address = "127.0.0.1:0".parse().unwrap();
    for table in ["", "send = 'a'"] {
        let fault = probe::<Udp>(table, address, Duration::from_secs(20)).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "port"));
    }
}

#[test]
fn the_sample_makes_a_probe_and_stands_in_the_readme() {
    assert_eq!(samples_parse(), Ok(1));
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("```toml\n{}```\n", Udp::SAMPLE)), "sample.toml differs");
}

#[test]
fn what_is_told_of_the_keys_is_what_the_readme_says() {
    let readme = include_str!("../README.md");
    let told = <<Udp as Probe>::Config as Describe>::options();
    assert_eq!(told.len(), 4);
    for key in told {
        assert!(readme.contains(&format!("\n| `{}` | none | ", key.name)), "{}", key.name);
        assert_eq!(key.need, Need::Optional);
        assert!(!key.text.is_empty() && key.kind != "value", "{key:?}");
    }
}
