//! The configurations that a person starts from: each parses, and `check` accepts it, with the
//! files, keys and interfaces that it names laid out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rais_tests::binary::run_in;
use rais_tests::host::Host;
use rais_tests::keys;
use rais_tests::netns::Lan;
use rais_tests::site::{NEWS, WWW, header};

const FOLDER: &str = "/var/lib/bind";

/// What is still missing for a configuration: the titles of the errors, all of them.
const MISSING: &[(&str, &[&str])] = &[
    ("one-host.toml", &[]),
    ("paper-site.toml", &[]),
    ("quick.toml", &[]),
    ("rais.toml", &[]),
    ("two-pools.toml", &[]),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("config")
}

/// A host on which everything lies that the examples name.
fn lay_out() -> (Lan, Host) {
    let (lan, host) = (Lan::new(), Host::new("web1"));
    lan.attach(host.net(), "eth0", &["198.51.100.1/24", "2001:db8:1::1/64"]);
    for zone in [WWW, NEWS, "www.example"] {
        host.write(&format!("{FOLDER}/{zone}.header"), &header(zone, 1));
    }
    let key =
        "key \"KEY\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2VjcmV0c2VjcmV0c2VjcmV0\";\n};\n";
    host.write("/etc/bind/rndc.key", &key.replace("KEY", "rndc-key"));
    let tsig = format!("{FOLDER}/tsig.key");
    host.write(&tsig, &key.replace("KEY", "rais"));
    std::fs::set_permissions(host.path(&tsig), Permissions::from_mode(0o600)).unwrap();
    keys::share(&[&host], &format!("{FOLDER}/keys"));
    (lan, host)
}

#[test]
fn every_example_is_known_here() {
    let there: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    let known: BTreeSet<String> = MISSING.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(there, known);
}

#[test]
fn every_example_checks() {
    let (_lan, host) = lay_out();
    for (name, missing) in MISSING {
        let text = std::fs::read_to_string(folder().join(name)).unwrap();
        let file = format!("{FOLDER}/{name}");
        host.write(&file, &text);
        let out = host.rais(&["check", "-c", &file]);
        let errors: BTreeSet<&str> =
            out.stderr.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
        let said: BTreeSet<&str> = errors
            .iter()
            .map(|error| error.split(" is not available in this version").next().unwrap())
            .collect();
        let wanted: BTreeSet<&str> = missing.iter().copied().collect();
        let shown = format!("{name}:\n{}{}", out.stdout, out.stderr);
        assert_eq!(said, wanted, "{shown}");
        assert_eq!(out.code, if missing.is_empty() { 0 } else { 2 }, "{shown}");
    }
}

/// What the howto has in place already.
const SITE: &str = "[cluster]\nname = \"site\"\ninsecure = true\n[transport.lan]\ntype = \"udp\"\n";

/// Each block of `docs/howto/probes-and-loads.md` is a file of `conf.d` that may be there alone.
#[test]
fn every_configuration_of_the_howto_checks() {
    let page = folder().join("../docs/howto/probes-and-loads.md");
    let page = std::fs::read_to_string(page).unwrap();
    let configurations: Vec<&str> = page
        .split("\n```toml\n")
        .skip(1)
        .map(|rest| rest.split_once("\n```\n").unwrap().0)
        .collect();
    assert!(configurations.len() > 5, "{configurations:#?}");
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("rais.toml"), SITE).unwrap();
    std::fs::create_dir(place.path().join("conf.d")).unwrap();
    for text in configurations {
        std::fs::write(place.path().join("conf.d/block.toml"), text).unwrap();
        let out = run_in(place.path(), &["check", "-c", "rais.toml"]);
        assert_eq!(out.code, 0, "{text}\n{}{}", out.stdout, out.stderr);
    }
}
