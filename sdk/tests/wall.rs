//! The crates behind the boundary are named in one module, so that they can be replaced there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_abi_crates_stay_in_the_abi_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    let (inside, outside): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|path| path.starts_with(root.join("abi")));
    let names = ["abi_stable::", "async_ffi::"];
    let names_one = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        names.iter().any(|name| text.contains(name))
    };
    assert!(inside.iter().any(|path| names_one(path)));
    let strays: Vec<_> = outside.iter().filter(|path| names_one(path)).collect();
    assert!(strays.is_empty(), "{strays:?}");
}

#[test]
fn the_sdk_depends_on_nothing_of_the_core() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest: toml::Table = fs::read_to_string(manifest).unwrap().parse().unwrap();
    let dependencies = manifest["dependencies"].as_table().unwrap();
    let ours: Vec<_> = dependencies.keys().filter(|name| name.starts_with("rais-")).collect();
    assert_eq!(ours, ["rais-sdk-macros"]);
}
