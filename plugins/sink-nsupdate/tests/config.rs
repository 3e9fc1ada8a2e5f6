//! The sink's table: what is refused, and where; its sample and its README.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rais_plugin_sink_nsupdate::NsUpdate;
use rais_sdk::host::{Kind, Level, linked};
use rais_sdk::testing::Bench;
use rais_sdk::{Fault, FaultKind};

const SAMPLE: &str = include_str!("../sample.toml");
const README: &str = include_str!("../README.md");
const KEY: &str = "key \"rais\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2VjcmV0\";\n};\n";

fn write_key(folder: &Path, text: &str, mode: u32) {
    let path = folder.join("tsig.key");
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// As if the table stood in a file in `folder`, beside a key.
fn try_sink(folder: &Path, lines: &str) -> (Result<(), Fault>, Vec<(Level, String)>) {
    let bench = Bench::in_folder(folder);
    let sink = bench.sink::<NsUpdate>(&format!("server = \"192.0.2.53:53\"\n{lines}"));
    (sink.map(drop), bench.lines())
}

#[test]
fn faults_name_the_key_and_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    for (table, at, says) in [
        ("", "", "missing field `server`"),
        ("server = \"192.0.2.53\"", "server", "\"192.0.2.53:53\" or \"[2001:db8::53]:53\""),
        ("server = \"ns1.example:53\"", "server", "not an address with a port"),
        ("server = \"192.0.2.53:53\"\nkey = \"\"", "key", "a path"),
        ("server = \"192.0.2.53:53\"\nkey = \"gone.key\"", "key", "gone.key: No such file"),
        ("server = \"192.0.2.53:53\"\nzone = \"a..b\"", "zone", "empty label"),
        ("server = \"192.0.2.53:53\"\ntcp = \"yes\"", "tcp", "a boolean"),
        ("server = \"192.0.2.53:53\"\ntimeout = \"5\"", "timeout", "lacks a unit"),
        ("server = \"192.0.2.53:53\"\ntimeout = \"31s\"", "timeout", "at most \"30s\""),
        ("server = \"192.0.2.53:53\"\nserve = 1", "serve", "expected one of"),
    ] {
        let fault = Bench::in_folder(folder.path()).sink::<NsUpdate>(table).map(drop).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, at), "{table}: {fault}");
        assert!(fault.text.contains(says), "{table}: {fault}");
    }
}

#[test]
fn a_key_file_is_ours_alone_and_holds_one_key_that_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let line = |text: &str, says: &'static str| (text.to_owned(), 0o600, says);
    for (text, mode, says) in [
        (KEY.to_owned(), 0o640, "mode 0640 lets others at the key"),
        (KEY.to_owned(), 0o604, "chmod 600 "),
        line("", "no key in it"),
        line(&KEY.repeat(2), "2 keys in it"),
        line(
            &KEY.replace("sha256", "md5"),
            "line 2: algorithm \"hmac-md5\": allowed are hmac-sha256",
        ),
        line(&KEY.replace("sha256", "md5"), "make a new key with `tsig-keygen`"),
        line(&KEY.replace("c2Vj", "c2V-"), "line 3: the secret is not base64"),
        line(&KEY.replace("\"rais\"", "\"ra is\""), "the key's name"),
    ] {
        write_key(folder.path(), &text, mode);
        let (outcome, _) = try_sink(folder.path(), "key = \"tsig.key\"");
        let fault = outcome.unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "key"), "{fault}");
        let path = folder.path().join("tsig.key");
        assert!(fault.text.contains(path.to_str().unwrap()), "{fault}");
        assert!(fault.text.contains(says), "{fault}");
        assert!(!fault.text.contains("c2V"), "{fault}");
    }
}

#[test]
fn what_is_weak_is_warned_of_and_what_is_not_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    for (text, lines, warned) in [
        (KEY.to_owned(), "key = \"tsig.key\"", None),
        (KEY.replace("sha256", "sha1"), "key = \"tsig.key\"", Some("hmac-sha1 is no longer")),
        (KEY.to_owned(), "", Some("no `key`: updates are not signed, so 192.0.2.53:53 must")),
    ] {
        write_key(folder.path(), &text, 0o600);
        let (outcome, said) = try_sink(folder.path(), lines);
        outcome.unwrap();
        let warnings: Vec<_> = said.iter().filter(|(level, _)| *level == Level::Warn).collect();
        assert_eq!(warnings.len(), usize::from(warned.is_some()), "{said:?}");
        for (word, (_, text)) in warned.iter().zip(warnings) {
            assert!(text.contains(word), "{text}");
        }
        assert!(!said.iter().any(|(_, text)| text.contains("c2V")), "{said:?}");
    }
}

#[test]
fn the_sample_is_declared_parses_and_stands_in_the_readme() {
    let plugins = linked();
    let nsupdate = plugins.iter().find(|plugin| plugin.name() == "nsupdate").unwrap();
    assert_eq!(nsupdate.kinds(), [Kind::Sink]);
    assert_eq!(nsupdate.sample(), SAMPLE);
    assert!(README.contains(SAMPLE), "README.md holds sample.toml word for word");
    for section in ["## Name", "## Description", "## Configuration", "## Outcome", "## Example"] {
        assert!(README.contains(section), "{section}");
    }
    // Taken as it is, once its key is there.
    let folder = tempfile::tempdir().unwrap();
    write_key(folder.path(), KEY, 0o600);
    let here = SAMPLE.replace("/etc/rais/tsig.key", "tsig.key");
    assert_ne!(here, SAMPLE);
    Bench::in_folder(folder.path()).sink::<NsUpdate>(&here).unwrap();
}
