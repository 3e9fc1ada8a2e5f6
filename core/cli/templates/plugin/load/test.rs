//! The load and its file, through the plugin boundary.

use std::fs;
use std::path::PathBuf;

use rais_plugin_plugin_kind_plugin_name::PluginName;
use rais_sdk::testing::{Bench, samples_parse};
use rais_sdk::{Fault, FaultKind, Load, Reading, Scope, Subject};

/// A file of the test's own.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn sample(table: &str) -> Result<Reading, Fault> {
    let load = Bench::new().load::<PluginName>(table)?;
    assert_eq!(load.scope(), Scope::Host);
    load.sample(&Subject::new("test"))
}

#[test]
fn the_number_is_a_share_of_full() {
    let path = file("number");
    for (text, percent) in [("3", 75.0), ("0.01 0.02 1/99\n", 0.25), ("8\n", 200.0)] {
        fs::write(&path, text).unwrap();
        let reading = sample(&format!("path = {path:?}\nfull = 4.0")).unwrap();
        assert_eq!(reading.load, Some(percent), "{text:?}");
    }
}

#[test]
fn what_is_no_number_is_a_fault() {
    let path = file("no-number");
    for text in ["", "much", "NaN"] {
        fs::write(&path, text).unwrap();
        let fault = sample(&format!("path = {path:?}")).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Io);
        let why = format!("{}: {text:?} is no number", path.display());
        assert_eq!(fault.text, why);
    }
    let fault = sample(&format!("path = {:?}", file("missing"))).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Io, "{fault}");
}

#[test]
fn a_wrong_table_is_refused_by_its_key() {
    for (table, key) in [
        ("path = \"\"", "path"),
        ("path = \"x\"\nfull = 0.0", "full"),
        ("path = \"x\"\nempty = 0.0", "empty"),
    ] {
        let fault = sample(table).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, key));
    }
}

#[test]
fn the_sample_makes_a_load_and_stands_in_the_readme() {
    assert_eq!(samples_parse(), Ok(1));
    let (readme, sample) = (include_str!("../README.md"), PluginName::SAMPLE);
    assert!(
        readme.contains(sample),
        "README.md differs from sample.toml"
    );
}
