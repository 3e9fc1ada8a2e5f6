//! The files under `config/` and what this version says of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::config::{Kind, KnownTypes, Loaded, Scheme, load, unsupported};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

/// The file in a folder where the headers that it names lie beside it.
fn read(name: &str) -> (tempfile::TempDir, Loaded) {
    let place = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(folder().join(name)).unwrap();
    for line in text.lines() {
        if let Some(header) = line.strip_prefix("header = ") {
            let soa = "@ 1h IN SOA ns1.example. hostmaster.example. 1 3h 1h 1w 10\n";
            let header = place.path().join(header.trim_matches('"'));
            fs::write(header, format!("{soa}@ 1h IN NS ns1.example.\n")).unwrap();
        }
    }
    let path = place.path().join(name);
    fs::write(&path, text).unwrap();
    let loaded = load(&path).unwrap_or_else(|faults| panic!("{name}: {faults}"));
    (place, loaded)
}

/// Some of the plugins that are linked into this version: those that the examples need.
pub(super) fn builtin() -> KnownTypes {
    let mut known = KnownTypes::new();
    for probe in ["tcp", "http"] {
        known.insert(Kind::Probe, probe);
    }
    for load in ["cpu", "response-time"] {
        known.insert(Kind::Load, load);
    }
    known.insert(Kind::Sink, "bind");
    known.insert(Kind::Sink, "dns");
    known.insert(Kind::Sink, "nsupdate");
    known.insert(Kind::Transport, "udp");
    known
}

fn refused(name: &str) -> Vec<String> {
    let (place, loaded) = read(name);
    let doubts: Vec<&str> = loaded.warnings.iter().map(|doubt| doubt.key()).collect();
    let expected: &[&str] = match name {
        // Load is judged every 10 s, where nothing else is said.
        "two-pools.toml" => &["binder.service.api.max_load"],
        _ => &[],
    };
    assert_eq!(doubts, expected, "{name}");
    let folder = format!("{}/{name}:", place.path().display());
    let faults = unsupported(&loaded.config, &builtin());
    faults.iter().map(|fault| fault.to_string().replace(&folder, "")).collect()
}

#[test]
fn every_file_is_read() {
    let known = ["one-host.toml", "paper-site.toml", "quick.toml", "rais.toml", "two-pools.toml"];
    let found: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    assert_eq!(found, known.map(str::to_owned).into());
    for name in known {
        let _ = read(name);
    }
}

#[test]
fn the_papers_site_is_taken_whole() {
    assert_eq!(refused("paper-site.toml"), Vec::<String>::new());
    let (_place, loaded) = read("paper-site.toml");
    let news = &loaded.config.binder.services[&"news".parse().unwrap()];
    assert_eq!(news.prune_above().unwrap().as_percent(), 60.0);
    assert_eq!(news.scheme, Scheme::RoundRobin);
}

#[test]
fn the_file_to_start_from_is_taken_whole() {
    assert_eq!(refused("rais.toml"), Vec::<String>::new());
}

#[test]
fn the_quick_profile_is_taken_whole() {
    assert_eq!(refused("quick.toml"), [""; 0]);
}

#[test]
fn one_host_is_taken_whole() {
    assert_eq!(refused("one-host.toml"), [""; 0]);
}

#[test]
fn two_pools_are_taken_whole() {
    assert_eq!(refused("two-pools.toml"), [""; 0]);
}
