//! What a plugin's author has to build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::process::Command;

/// Every crate of a clean build, its own and procedural macros included. The plugin is one that
/// needs the SDK and nothing else, as one that `rais plugins new` makes.
#[test]
fn an_authors_build_stays_small() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--offline", "--package", "rais-plugin-load-response-time"])
        .args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let name_and_version = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let crates: BTreeSet<String> =
        text.lines().filter(|line| !line.is_empty()).map(name_and_version).collect();
    assert!((20..=60).contains(&crates.len()), "{}: {crates:#?}", crates.len());
    let versions = |name: &str| crates.iter().filter(|c| c.split(' ').next() == Some(name)).count();
    // abi_stable's own, and not the one that a host opens libraries with.
    assert_eq!(versions("libloading"), 1, "{crates:#?}");
    assert_eq!(versions("tokio"), 0, "{crates:#?}");
}
