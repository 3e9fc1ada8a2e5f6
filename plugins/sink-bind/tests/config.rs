//! The sink's table: what is refused, and where; its sample and its README.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rais_sdk::FaultKind;
use rais_sdk::host::{Kind, linked};
use support::{Publication, TestHost, sink_in, sink_with, table, try_sink};

const SAMPLE: &str = include_str!("../sample.toml");
const README: &str = include_str!("../README.md");

/// Where and what, for a table with these lines.
fn fault(lines: &str) -> (String, String) {
    let directory = tempfile::tempdir().unwrap();
    let fault = try_sink(&table(directory.path(), lines)).expect_err(lines);
    assert_eq!(fault.kind, FaultKind::Config, "{fault}");
    (fault.at, fault.text)
}

#[test]
fn faults_name_the_key_and_what_is_allowed() {
    let cases = [
        ("reload = { type = \"rndc\", key_file = \"\" }", "reload.key_file", "a path"),
        ("verfiy = \"127.0.0.1:53\"", "verfiy", "expected one of"),
        ("verify = \"127.0.0.1\"", "verify", "\"192.0.2.53:53\""),
        ("verify = \"localhost:53\"", "verify", "[2001:db8::53]:53"),
        ("verify = 53", "verify", "string"),
        ("timeout = \"5\"", "timeout", "lacks a unit"),
        ("check = []", "check", "is empty"),
        ("check = [\"\"]", "check[0]", "is empty"),
        ("check = [\"./check\"]", "check[0]", "is relative"),
        ("check = [\"/nowhere/check\"]", "check[0]", "/nowhere/check cannot be run"),
        ("check = [\"test\", \"{address}\"]", "check[1]", "there are {zone}, {file}"),
        ("check = \"named-checkzone\"", "check", "sequence"),
        ("reload = \"rndc\"", "reload", "expected a table"),
        ("reload = {}", "reload", "missing field `type`"),
        ("reload = { type = \"rnbc\" }", "reload.type", "\"rndc\", \"knotc\""),
        ("reload = { type = \"rndc\" }", "reload.key_file", "missing"),
        ("reload = { type = \"rndc\", port = 1 }", "reload.port", "expected one of"),
        ("reload = { type = \"exec\" }", "reload.argv", "missing"),
        ("reload = { type = \"exec\", argv = [] }", "reload.argv", "is empty"),
        ("reload = { type = \"exec\", argv = [\"no-such\"] }", "reload.argv[0]", "no-such cannot"),
        ("reload = { type = \"knotc\", argv = [\"x\"] }", "reload.argv", "\"exec\""),
        ("reload = { type = \"none\", key_file = \"x\" }", "reload.key_file", "\"rndc\""),
        (
            "reload = { type = \"exec\", argv = [\"true\"], socket = \"x\" }",
            "reload.socket",
            "knotc",
        ),
        ("reload = { type = \"exec\", argv = [\"x\"], address = \"x\" }", "reload.address", "rndc"),
        (
            "reload = { type = \"rndc\", address = \"::1\", key_file = \"/k\" }",
            "reload.address",
            ":953",
        ),
        (
            "reload = { type = \"rndc\", key_file = \"/nowhere/k\" }",
            "reload.key_file",
            "/nowhere/k",
        ),
    ];
    for (lines, at, says) in cases {
        let found = fault(lines);
        assert_eq!(found.0, at, "{lines}: {}", found.1);
        assert!(found.1.contains(says), "{lines}: {}", found.1);
    }
}

#[test]
fn the_directory_must_be_one() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for (bad, says) in [(file, "is not a directory"), (directory.path().join("gone"), "existing")] {
        let fault = try_sink(&table(&bad, "")).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "directory"));
        assert!(fault.text.contains(says), "{fault}");
        assert!(fault.text.contains(bad.to_str().unwrap()), "{fault}");
    }
    let fault = try_sink("directory = \"\"").unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "directory"));
    assert!(fault.text.contains("a path"), "{fault}");
    let fault = try_sink("").unwrap_err();
    assert!(fault.text.contains("missing field `directory`"), "{fault}");
}

#[test]
fn a_key_file_must_hold_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("rndc.key");
    fs::write(&key, "key \"k\" {\n algorithm hmac-md5;\n secret \"c2VjcmV0\";\n};\n").unwrap();
    let reload = format!("reload = {{ type = \"rndc\", key_file = {:?} }}", key.to_str().unwrap());
    let fault = try_sink(&table(directory.path(), &reload)).unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "reload.key_file"));
    assert!(fault.text.contains("line 2") && fault.text.contains("hmac-sha256"), "{fault}");
    assert!(!fault.text.contains("c2Vj"), "{fault}");
}

#[test]
fn a_key_that_everybody_can_read_is_warned_of() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("rndc.key");
    fs::write(&key, "key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };").unwrap();
    let reload = format!("reload = {{ type = \"rndc\", key_file = {:?} }}", key.to_str().unwrap());
    // 0640 is Debian's own, for named's group.
    for (mode, warned) in [(0o600, false), (0o640, false), (0o644, true), (0o642, true)] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let host = Arc::new(TestHost::default());
        sink_with(&table(directory.path(), &reload), Arc::clone(&host)).unwrap();
        let lines = host.lines.lock().unwrap();
        let says = |line: &&String| {
            line.contains(key.to_str().unwrap()) && line.contains(&format!("mode {mode:04o}"))
        };
        assert_eq!(lines.iter().filter(says).count(), usize::from(warned), "{mode:o}: {lines:?}");
        assert!(!lines.iter().any(|line| line.contains("c2Vj")), "{lines:?}");
    }
}

#[test]
fn relative_paths_count_from_the_folder_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("dns/zones")).unwrap();
    let table = "directory = \"dns/zones\"\n\
                 reload = { type = \"rndc\", key_file = \"dns/rndc.key\" }";
    let here = || sink_in(folder.path(), table, Arc::default());
    let fault = here().unwrap_err();
    let key = folder.path().join("dns/rndc.key");
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "reload.key_file"));
    assert!(fault.text.contains(key.to_str().unwrap()), "{fault}");
    fs::write(&key, "key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };").unwrap();
    here().unwrap();

    let sink = sink_in(folder.path(), "directory = \"dns/zones\"", Arc::default()).unwrap();
    let zone = Publication::new("www.example", 5, &["192.0.2.1"]);
    assert_eq!(zone.publish(&sink).unwrap(), 5);
    assert_eq!(support::names(&folder.path().join("dns/zones")).len(), 1);
}

#[test]
fn nothing_is_written_before_the_first_publication() {
    let directory = tempfile::tempdir().unwrap();
    let host = Arc::new(TestHost::default());
    let sink = sink_with(&table(directory.path(), ""), Arc::clone(&host)).unwrap();
    assert_eq!(sink.served("www.example").unwrap(), None);
    assert!(support::names(directory.path()).is_empty());
    // That nobody is told is worth a line.
    let lines = host.lines.lock().unwrap();
    assert!(lines.iter().any(|line| line.contains("no `reload`")), "{lines:?}");
}

#[test]
fn every_reload_type_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["knotc", "nsd-control", "pdns_control", "none"] {
        let lines = format!("reload = {{ type = \"{name}\" }}");
        try_sink(&table(directory.path(), &lines)).unwrap();
    }
}

#[test]
fn the_sample_is_declared_parses_and_stands_in_the_readme() {
    let plugins = linked();
    let bind = plugins.iter().find(|plugin| plugin.name() == "bind").unwrap();
    assert_eq!(bind.kinds(), [Kind::Sink]);
    assert_eq!(bind.sample(), SAMPLE);
    assert!(README.contains(SAMPLE), "README.md holds sample.toml word for word");
    for section in ["## Name", "## Description", "## Configuration", "## Outcome", "## Example"] {
        assert!(README.contains(section), "{section}");
    }

    // Taken as it is, once its directory and its key are there.
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("rndc.key");
    fs::write(&key, "key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };").unwrap();
    let here = SAMPLE
        .replace("/var/lib/bind", directory.path().to_str().unwrap())
        .replace("/etc/bind/rndc.key", key.to_str().unwrap());
    assert_ne!(here, SAMPLE);
    try_sink(&here).unwrap();
}
