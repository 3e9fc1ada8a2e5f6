//! The probe and its file, through the plugin boundary.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rais_plugin_plugin_kind_plugin_name::PluginName;
use rais_sdk::host::ProbeCall;
use rais_sdk::testing::{Bench, samples_parse};
use rais_sdk::{BlockingProbe, Fault, FaultKind, Target, Up};

/// A file of the test's own.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn probe(table: &str) -> Result<Up, Fault> {
    let probe = Bench::new().blocking_probe::<PluginName>(table)?;
    let target = Target::new(([127, 0, 0, 1], 0).into(), "localhost", "test");
    let timeout = Duration::from_secs(20);
    probe.run(ProbeCall { target, timeout })
}

#[test]
fn its_age_decides() {
    let path = file("alive");
    let table = format!("path = {path:?}\nmax_age = \"1h\"");
    let _ = fs::remove_file(&path);
    let fault = probe(&table).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Down);
    assert_eq!(fault.text, format!("{} is not there", path.display()));

    let file = File::create(&path).unwrap();
    let up = probe(&table).unwrap();
    assert!(up.detail.starts_with("touched "), "{}", up.detail);

    let long_ago = SystemTime::now() - Duration::from_secs(7200);
    file.set_modified(long_ago).unwrap();
    let fault = probe(&table).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Down);
    assert!(fault.text.starts_with("touched 72"), "{fault}");
}

#[test]
fn what_cannot_be_seen_says_nothing_about_the_server() {
    let below = file("no-folder");
    fs::write(&below, "").unwrap();
    let fault = probe(&format!("path = {:?}", below.join("alive"))).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Io, "{fault}");
}

#[test]
fn a_wrong_table_is_refused_by_its_key() {
    for (table, key) in [
        ("path = \"\"", "path"),
        ("path = \"x\"\nmax_age = 30", "max_age"),
        ("path = \"x\"\nmin_age = \"1s\"", "min_age"),
    ] {
        let fault = probe(table).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, key));
    }
}

#[test]
fn the_sample_makes_a_probe_and_stands_in_the_readme() {
    assert_eq!(samples_parse(), Ok(1));
    let (readme, sample) = (include_str!("../README.md"), PluginName::SAMPLE);
    assert!(
        readme.contains(sample),
        "README.md differs from sample.toml"
    );
}
