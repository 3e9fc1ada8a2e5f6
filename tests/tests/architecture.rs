//! The rules of the workspace that no lint keeps: who may depend on whom, how long a file may
//! grow, what a plugin's folder holds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::Table;

/// What a crate may name of ours.
#[derive(Debug, Clone, Copy)]
enum Ours {
    /// These and no others.
    Only(&'static [&'static str]),
    /// The crate at the top: everything.
    All,
}

/// Dependencies run one way: cli → runtime → proto, plugins → sdk ← runtime.
fn allowed(package: &str) -> Ours {
    match package {
        "rais-abi" | "rais-dns" | "rais-exec" | "rais-proto" | "rais-sdk-macros" | "rais-wheel"
        | "rais-zone" => Ours::Only(&[]),
        "rais-sdk" => Ours::Only(&["rais-abi", "rais-sdk-macros", "rais-zone"]),
        "rais-system" | "rais-talk" | "rais-tls" => Ours::Only(&["rais-sdk"]),
        "rais-http" => Ours::Only(&["rais-sdk", "rais-tls"]),
        "rais-runtime" => Ours::Only(&["rais-proto", "rais-sdk", "rais-zone"]),
        plugin if plugin.starts_with("rais-plugin-") => Ours::Only(&[
            "rais-sdk",
            "rais-zone",
            "rais-dns",
            "rais-exec",
            "rais-http",
            "rais-system",
            "rais-talk",
            "rais-tls",
            "rais-wheel",
        ]),
        "rais" | "rais-xtask" => Ours::All,
        // What the tests have loaded is a stranger's plugin: it knows the SDK.
        fixture if fixture.starts_with("rais-test-") => Ours::Only(&["rais-sdk"]),
        // It models the network around the product's own rules.
        "rais-simulator" => Ours::Only(&["rais-proto", "rais-wheel"]),
        // The whole-system tests know the binary and its contract, nothing inside.
        "rais-tests" => Ours::Only(&[]),
        other => panic!("{other} is new here: give it its place in tests/tests/architecture.rs"),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn manifest(folder: &Path) -> Table {
    read(&folder.join("Cargo.toml")).parse().unwrap()
}

/// Folders of the workspace's members.
fn members() -> Vec<PathBuf> {
    let members = manifest(&root());
    let members = members["workspace"]["members"].as_array().unwrap();
    assert!(!members.is_empty());
    members.iter().map(|m| root().join(m.as_str().unwrap())).collect()
}

fn plugins() -> Vec<PathBuf> {
    let plugins: Vec<_> =
        members().into_iter().filter(|m| m.parent() == Some(&root().join("plugins"))).collect();
    assert!(!plugins.is_empty());
    plugins
}

/// Rust files under a folder, without build output.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") && !path.ends_with(".git") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn all_sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    sources(&root(), &mut found);
    assert!(found.len() > 20);
    found
}

/// In which of a manifest's tables a dependency stands.
fn dependencies(manifest: &Table) -> BTreeSet<String> {
    ["dependencies", "build-dependencies", "dev-dependencies"]
        .iter()
        .filter_map(|table| manifest.get(*table)?.as_table())
        .flat_map(|table| table.keys().cloned())
        .collect()
}

#[test]
fn dependencies_run_one_way() {
    let mut wrong = Vec::new();
    for member in members() {
        let manifest = manifest(&member);
        let package = manifest["package"]["name"].as_str().unwrap();
        if let Ours::Only(allowed) = allowed(package) {
            for dependency in dependencies(&manifest) {
                let ours = dependency == "rais" || dependency.starts_with("rais-");
                // A crate's own tests may use it under its own name.
                if ours && dependency != package && !allowed.contains(&dependency.as_str()) {
                    wrong.push(format!("{package} depends on {dependency}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn dependencies_are_shared_and_explained() {
    for member in members() {
        for table in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let manifest = manifest(&member);
            let Some(table) = manifest.get(table).and_then(|t| t.as_table()) else { continue };
            for (name, value) in table {
                let local = value.get("path").is_some();
                let shared = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                assert!(shared || local, "{}: {name} has a version of its own", member.display());
            }
        }
    }

    let text = read(&root().join("Cargo.toml"));
    let shared = text.split_once("[workspace.dependencies]\n").unwrap().1;
    let shared = shared.split("\n[").next().unwrap();
    for group in shared.split("\n\n") {
        let first = group.lines().find(|l| !l.is_empty());
        assert!(
            first.is_none_or(|l| l.starts_with('#')),
            "Cargo.toml: a dependency without its reason:\n{group}"
        );
    }
}

/// Types whose names are words for other things, too: a service, a limit.
const ORDINARY: [&str; 2] = ["http", "memory"];

/// The types that plugins are called by; kind and type are in a folder's name: `transport-nats`.
fn plugin_types() -> BTreeSet<String> {
    let folder = |plugin: &PathBuf| plugin.file_name().unwrap().to_str().unwrap().to_owned();
    let types = plugins().iter().map(folder).collect::<Vec<_>>();
    let types = types.iter().map(|folder| folder.split_once('-').unwrap().1.to_owned());
    types.filter(|name| !ORDINARY.contains(&name.as_str())).collect()
}

/// Whether such a word is on the line, quoted.
fn names_a_plugin(code: &str, types: &BTreeSet<String>) -> bool {
    code.split('"').skip(1).step_by(2).any(|word| types.contains(word))
}

#[test]
fn the_core_names_no_plugin() {
    let types = plugin_types();
    assert!(types.contains("nats"), "{types:?}");
    let is_named = r#"const WITHOUT_SOURCE: [&str; 1] = ["nats"];"#;
    assert!(names_a_plugin(is_named, &types) && !names_a_plugin("let nats = 1;", &types));

    let root = root();
    // What a configuration says of types by name is advice about its words, and has its place: what
    // the core does is the same for every plugin.
    let advice = root.join("core/runtime/src/config");
    for core in ["core/proto/src", "core/runtime/src"] {
        let mut files = Vec::new();
        sources(&root.join(core), &mut files);
        files.retain(|path| !path.starts_with(&advice));
        assert!(!files.is_empty());
        for path in files {
            let inside = path.strip_prefix(&root).unwrap();
            if inside.components().any(|part| part.as_os_str() == "tests")
                || path.ends_with("tests.rs")
            {
                continue;
            }
            let text = read(&path);
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for (number, line) in product.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                assert!(
                    !names_a_plugin(code, &types),
                    "{}:{}: the core names a plugin: {}",
                    inside.display(),
                    number + 1,
                    line.trim()
                );
            }
        }
    }
}

#[test]
fn the_abi_crates_stay_behind_one_wall() {
    // The fixture is a library that has nothing of ours.
    let walls = ["sdk/abi", "sdk/src/abi", "tests/plugins/other-layouts"];
    let walls = walls.map(|wall| root().join(wall));
    for path in all_sources() {
        if walls.iter().any(|wall| path.starts_with(wall)) {
            continue;
        }
        if path.ends_with("tests/tests/architecture.rs") {
            continue;
        }
        for (number, line) in read(&path).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for name in ["abi_stable", "async_ffi"] {
                assert!(
                    !code.contains(name),
                    "{}:{}: {name} is named outside sdk/abi and sdk::abi",
                    path.display(),
                    number + 1
                );
            }
        }
    }
    for member in members() {
        if !member.ends_with("sdk") && !member.ends_with("sdk/abi") {
            let names = dependencies(&manifest(&member));
            assert!(!names.contains("abi_stable"), "{} depends on abi_stable", member.display());
        }
    }
}

#[test]
fn no_file_grows_without_end() {
    let root = root();
    for path in all_sources() {
        let inside = path.strip_prefix(&root).unwrap();
        if inside.components().any(|c| c.as_os_str() == "tests") {
            continue;
        }
        let lines = read(&path).lines().count();
        assert!(lines <= 600, "{} has {lines} lines: it is more than one noun", inside.display());
    }
    let main = read(&root.join("core/cli/src/main.rs")).lines().count();
    assert!(main < 100, "core/cli/src/main.rs only wires, and has {main} lines");
    let readme = read(&root.join("README.md")).lines().count();
    assert!(readme < 150, "README.md has {readme} lines");
}

#[test]
fn the_core_is_kept_pure_by_its_lints() {
    let bans = read(&root().join("core/proto/clippy.toml"));
    for banned in ["Instant", "SystemTime", "UdpSocket", "TcpStream", "fs::File", "thread::sleep"] {
        assert!(bans.contains(&format!("::{banned}\"")), "core/proto/clippy.toml: {banned}");
    }
}

#[test]
fn every_member_takes_the_lints_of_the_workspace() {
    for member in members() {
        let lints = manifest(&member)
            .get("lints")
            .and_then(|l| l.get("workspace"))
            .and_then(toml::Value::as_bool);
        assert_eq!(lints, Some(true), "{}", member.display());
    }
}

#[test]
fn a_plugins_folder_is_complete() {
    for plugin in plugins() {
        let readme = read(&plugin.join("README.md"));
        let sample = read(&plugin.join("sample.toml"));
        let name = plugin.display();
        assert!(sample.parse::<Table>().is_ok(), "{name}: its sample.toml is not TOML");
        assert!(readme.contains(sample.trim()), "{name}: README.md and sample.toml differ");
        for heading in ["Description", "Configuration", "Outcome", "Example"] {
            assert!(
                readme.lines().any(|l| l.starts_with('#') && l.contains(heading)),
                "{name}: README.md has no heading {heading}"
            );
        }
        assert!(plugin.join("src/lib.rs").is_file(), "{name}");
        assert!(plugin.join("tests").is_dir(), "{name} has no tests/");
    }
}
