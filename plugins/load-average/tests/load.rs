//! The load average of the machine that runs the test, through the plugin boundary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rais_plugin_load_average::Average;
use rais_sdk::testing::{Bench, samples_parse};
use rais_sdk::{FaultKind, Load, Scope, Subject};

#[test]
fn the_first_sample_is_a_percentage() {
    for table in ["", "over = \"5m\"", "over = \"15m\"\nfull = 2"] {
        let load = Bench::new().load::<Average>(table).unwrap();
        assert_eq!(load.scope(), Scope::Host);
        let reading = load.sample(&Subject::new("www")).unwrap();
        assert!(reading.load.is_some_and(|percent| percent >= 0.0), "{table}: {reading:?}");
    }
}

#[test]
fn mistakes_in_the_table_are_named() {
    for (table, at) in [("over = \"2m\"", "over"), ("full = 0", "full"), ("cpus = 2", "cpus")] {
        let fault = Bench::new().load::<Average>(table).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, at), "{fault}");
    }
}

#[test]
fn the_sample_makes_a_load_and_stands_in_the_readme() {
    assert_eq!(samples_parse(), Ok(1));
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("```toml\n{}```\n", Average::SAMPLE)), "sample.toml differs");
}
