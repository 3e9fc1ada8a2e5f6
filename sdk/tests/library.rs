//! What is not taken as a library, and in which words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unsafe_code)] // loads libraries

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use rais_sdk::host::{Library, LibraryError};
use tempfile::TempDir;

/// Where a test puts its files.
fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A shared object with nothing in it but `source`.
fn compile(folder: &TempDir, name: &str, source: &str) -> PathBuf {
    let to = folder.path().join(name);
    let from = to.with_extension("rs");
    fs::write(&from, format!("#![crate_type = \"cdylib\"]\n{source}")).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--edition", "2024", "-C", "panic=abort", "-o"])
        .args([&to, &from])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    to
}

/// A shared object with nothing in it but a manifest.
fn with_manifest(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let source = format!(
        "#[unsafe(no_mangle)] #[allow(non_upper_case_globals)] pub static rais_plugin_manifest: \
         [u8; 512] = {{ let (text, mut all, mut at) = (b{text:?}, [0; 512], 0); \
         while at < text.len() {{ all[at] = text[at]; at += 1; }} all }};"
    );
    compile(folder, name, &source)
}

fn refused(path: &Path) -> LibraryError {
    // SAFETY: files of this test's own, and one of the system's: none does anything by itself.
    unsafe { Library::open(path) }.unwrap_err()
}

#[test]
fn what_the_dynamic_loader_does_not_take_is_told_in_its_words() {
    let folder = folder();
    let path = folder.path().join("text.so");
    fs::write(&path, "This is a text, and no library, although it is called one.\n".repeat(3))
        .unwrap();
    let expected = format!("cannot be loaded: {}: invalid ELF header", path.display());
    assert_eq!(refused(&path).to_string(), expected);

    let path = folder.path().join("empty.so");
    fs::write(&path, "").unwrap();
    let expected = format!("cannot be loaded: {}: file too short", path.display());
    assert_eq!(refused(&path).to_string(), expected);

    let path = folder.path().join("missing.so");
    let expected = format!(
        "cannot be loaded: {}: cannot open shared object file: No such file or directory",
        path.display()
    );
    assert_eq!(refused(&path).to_string(), expected);
}

#[test]
fn a_symbol_that_nobody_has_is_found_missing_at_once() {
    let folder = folder();
    let source = "unsafe extern \"C\" { safe fn rais_nobody_has_this(); }
        #[unsafe(no_mangle)] pub extern \"C\" fn call() { rais_nobody_has_this(); }";
    let path = compile(&folder, "unbound.so", source);
    let text = refused(&path).to_string();
    assert!(text.ends_with("undefined symbol: rais_nobody_has_this"), "{text}");
}

#[test]
fn a_library_without_manifest_is_no_plugin() {
    let folder = folder();
    let path =
        compile(&folder, "stranger.so", "#[unsafe(no_mangle)] pub extern \"C\" fn call() {}");
    assert_eq!(refused(&path), LibraryError::NoManifest);
    assert_eq!(
        refused(&path).to_string(),
        "is no rais plugin: it lacks the symbol `rais_plugin_manifest`, which every cdylib with \
         rais-sdk in it exports"
    );
}

#[test]
fn another_major_version_is_refused_by_its_number() {
    let folder = folder();
    let path = with_manifest(&folder, "two.so", "abi=2.0\nsdk=7.0.0\nrustc=2.0.0\npanic=unwind\n");
    assert_eq!(
        refused(&path).to_string(),
        "is built for ABI 2.0; this rais has ABI 1.0 and takes those with the same first number: \
         build it with another rais-sdk"
    );
    let path =
        with_manifest(&folder, "zero.so", "abi=0.9\nsdk=0.1.0\nrustc=1.85.0\npanic=unwind\n");
    let theirs = "0.9".to_owned();
    assert_eq!(refused(&path), LibraryError::Abi { theirs, ours: "1.0" });
}

#[test]
fn a_manifest_that_cannot_be_read_is_refused() {
    let folder = folder();
    let path = with_manifest(&folder, "lacks.so", "abi=1.0\nsdk=0.1.0\n");
    assert_eq!(refused(&path).to_string(), "has a manifest that cannot be read: it lacks `rustc=`");
    let path = with_manifest(&folder, "words.so", "abi=one\nsdk=1\nrustc=1\npanic=unwind\n");
    assert_eq!(
        refused(&path).to_string(),
        "has a manifest that cannot be read: `abi=one` is no version"
    );
}

/// Through a path by descriptor, as a host opens what it has sealed.
#[test]
fn a_manifest_alone_is_not_enough() {
    let folder = folder();
    let path =
        with_manifest(&folder, "alone.so", "abi=1.4\nsdk=9\nrustc=1\npanic=abort\nnew=key\n");
    let file = File::open(path).unwrap();
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    assert_eq!(
        refused(&path).to_string(),
        "does not tell its plugins: it has a manifest and no root"
    );
}
