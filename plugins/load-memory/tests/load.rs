//! The memory of the machine that runs the test, through the plugin boundary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rais_plugin_load_memory::Memory;
use rais_sdk::testing::{Bench, samples_parse};
use rais_sdk::{FaultKind, Load, Scope, Subject};

#[test]
fn the_first_sample_is_a_percentage() {
    let load = Bench::new().load::<Memory>("every = \"1s\"").unwrap();
    assert_eq!(load.scope(), Scope::Host);
    let percent = load.sample(&Subject::new("www")).unwrap().load.unwrap();
    assert!(percent > 0.0 && percent <= 100.0, "{percent}");
}

#[test]
fn mistakes_in_the_table_are_named() {
    for (table, at) in [("cgroup = \"www\"", "cgroup"), ("full = 50", "full")] {
        let fault = Bench::new().load::<Memory>(table).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, at), "{fault}");
    }
}

#[test]
fn the_sample_makes_a_load_and_stands_in_the_readme() {
    assert_eq!(samples_parse(), Ok(1));
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("```toml\n{}```\n", Memory::SAMPLE)), "sample.toml differs");
}
