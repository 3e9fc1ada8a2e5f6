//! The pressure on the machine that runs the test, through the plugin boundary. On a kernel without
//! PSI that it is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rais_plugin_load_pressure::Pressure;
use rais_sdk::testing::{Bench, samples_parse};
use rais_sdk::{Fault, FaultKind, Load, Scope, Subject};

const AMPLE: Duration = Duration::from_secs(60);

fn has_psi() -> bool {
    Path::new("/proc/pressure/cpu").exists()
}

fn assert_refused(fault: &Fault) {
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "resource"));
    assert!(fault.text.contains("this kernel tells no pressure (PSI)"), "{fault}");
}

#[test]
fn unknown_at_first_then_percent() {
    let load = match Bench::new().load::<Pressure>("every = \"1s\"") {
        Ok(load) => load,
        Err(fault) if !has_psi() => return assert_refused(&fault),
        Err(fault) => panic!("{fault}"),
    };
    assert_eq!(load.scope(), Scope::Host);
    let first = load.sample(&Subject::new("www")).unwrap();
    assert_eq!((first.load, first.reason.as_str()), (None, "1 more pressure sample is needed"));

    let end = Instant::now() + AMPLE;
    let percent = loop {
        if let Some(percent) = load.sample(&Subject::new("www")).unwrap().load {
            break percent;
        }
        assert!(Instant::now() < end, "the load stays unknown");
        thread::sleep(Duration::from_millis(20));
    };
    assert!((0.0..=100.0).contains(&percent), "{percent}");
}

#[test]
fn mistakes_in_the_table_are_named() {
    let cases = [
        ("resource = \"irq\"", "resource"),
        ("kind = \"any\"", "kind"),
        ("full = 0.0", "full"),
        ("avg = 10", "avg"),
    ];
    for (table, at) in cases {
        let fault = Bench::new().load::<Pressure>(table).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, at), "{fault}");
    }
}

#[test]
fn the_sample_makes_a_load_and_stands_in_the_readme() {
    match samples_parse() {
        Err(fault) if !has_psi() => assert_refused(&fault),
        made => assert_eq!(made, Ok(1)),
    }
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("```toml\n{}```\n", Pressure::SAMPLE)), "sample.toml differs");
}
