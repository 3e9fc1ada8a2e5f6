//! The load through the plugin boundary, from what probes found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use rais_plugin_load_response_time::ResponseTime;
use rais_sdk::testing::{Bench, samples_parse};
use rais_sdk::{FaultKind, Load, Scope, Subject, Up};

#[test]
fn the_time_of_the_last_probe_is_a_share_of_full() {
    let load = Bench::new().load::<ResponseTime>("full = \"200ms\"").unwrap();
    assert_eq!(load.scope(), Scope::Target);
    let percent = |took: Duration| {
        let reading = load.sample(&Subject::new("www").with_last(Up::new(took))).unwrap();
        assert_eq!(reading.reason, "");
        reading.load
    };
    assert_eq!(percent(Duration::ZERO), Some(0.0));
    assert_eq!(percent(Duration::from_micros(100)), Some(0.05));
    assert_eq!(percent(Duration::from_millis(50)), Some(25.0));
    assert_eq!(percent(Duration::from_millis(200)), Some(100.0));
    assert_eq!(percent(Duration::from_millis(300)), Some(150.0));
    assert_eq!(percent(Duration::from_secs(3600)), Some(1000.0));
}

#[test]
fn unknown_before_the_first_success() {
    let load = Bench::new().load::<ResponseTime>("every = \"1s\"\nfull = \"1s\"").unwrap();
    let reading = load.sample(&Subject::new("www")).unwrap();
    assert_eq!((reading.load, reading.reason.as_str()), (None, "no probe has succeeded yet"));
}

#[test]
fn full_is_a_duration_and_required() {
    for (table, at) in [("", ""), ("full = \"0ms\"", "full"), ("full = 200", "full")] {
        let fault = Bench::new().load::<ResponseTime>(table).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, at), "{fault}");
        assert!(fault.to_string().contains("full"), "{fault}");
    }
    let fault = Bench::new().load::<ResponseTime>("full = \"1s\"\nmax = 3").unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "max"));
}

#[test]
fn the_sample_makes_a_load_and_stands_in_the_readme() {
    assert_eq!(samples_parse(), Ok(1));
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("```toml\n{}```\n", ResponseTime::SAMPLE)), "sample differs");
}
