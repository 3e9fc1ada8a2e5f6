//! A plugin and a host in two processes' worth of code, built for the ABI as it is and for one minor
//! version more: `tests/abi/pair`.
// Each test that includes this file uses a part of it.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// One version of the pair.
pub(crate) struct Pair {
    pub(crate) host: PathBuf,
    pub(crate) library: PathBuf,
}

#[derive(Clone, Copy)]
enum Version {
    Now,
    Next,
}

/// Of the ABI as it is.
pub(crate) fn now() -> &'static Pair {
    static NOW: OnceLock<Pair> = OnceLock::new();
    NOW.get_or_init(|| build(Version::Now))
}

/// Of the ABI one minor version on.
pub(crate) fn next() -> &'static Pair {
    static NEXT: OnceLock<Pair> = OnceLock::new();
    NEXT.get_or_init(|| build(Version::Next))
}

impl Pair {
    /// What the host said, and how it ended.
    pub(crate) fn run(&self, libraries: &[&Path], arguments: &[&str]) -> Output {
        let libraries: Vec<_> = libraries.iter().map(|path| path.to_str().unwrap()).collect();
        Command::new(&self.host)
            .arg(libraries.join(":"))
            .args(arguments)
            // Asked for, and not printed all the same.
            .env("RUST_BACKTRACE", "1")
            .output()
            .unwrap()
    }

    /// What the host said, which ended well and said nothing on stderr.
    pub(crate) fn says(&self, libraries: &[&Path], arguments: &[&str]) -> Vec<String> {
        let output = self.run(libraries, arguments);
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        assert!(output.status.success(), "{}", output.status);
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

/// Of the file with the plugins.
pub(crate) fn source() -> PathBuf {
    root().join("tests/abi/pair/plugin.rs")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn build(version: Version) -> Pair {
    let name = match version {
        Version::Now => "now",
        Version::Next => "next",
    };
    // A workspace for each: in one, both would be built with the features of both.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abi-pair").join(name);
    write(&folder.join("Cargo.toml"), WORKSPACE);
    write(&folder.join("host/Cargo.toml"), &package(version, "host", "[\"host\", \"testing\"]"));
    write(&folder.join("plugin/Cargo.toml"), &package(version, "plugin", "[]"));
    // The versions that are here already.
    write(&folder.join("Cargo.lock"), &fs::read_to_string(root().join("Cargo.lock")).unwrap());

    let target = root().join("target/outside");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--offline", "--workspace"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Pair {
        host: target.join(format!("debug/abi-pair-host-{name}")),
        library: target.join(format!("debug/libabi_pair_plugin_{name}.so")),
    }
}

const WORKSPACE: &str = "[workspace]
resolver = \"3\"
members = [\"host\", \"plugin\"]
[profile.dev]
debug = \"line-tables-only\"
[profile.dev.package.\"*\"]
debug = false
";

fn package(version: Version, of: &str, features: &str) -> String {
    let root = root();
    let (name, next, default) = match version {
        Version::Now => ("now", "", ""),
        Version::Next => ("next", "\"rais-sdk/abi-next\"", "\"next\""),
    };
    let target = match of {
        "host" => format!("[[bin]]\nname = \"abi-pair-host-{name}\""),
        _ => "[lib]\ncrate-type = [\"cdylib\"]".to_owned(),
    };
    format!(
        "[package]
name = \"abi-pair-{of}-{name}\"
description = \"One of the pair\"
version = \"0.3.7\"
edition = \"2024\"
{target}
path = {source:?}
[features]
default = [{default}]
next = [{next}]
[dependencies]
rais-sdk = {{ path = {sdk:?}, features = {features} }}
",
        source = root.join(format!("tests/abi/pair/{of}.rs")),
        sdk = root.join("sdk"),
    )
}

/// As one, and only where it changes something: others may read the file now, and cargo looks at
/// its time.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return;
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let new = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&new, text).unwrap();
    fs::rename(&new, path).unwrap();
}
