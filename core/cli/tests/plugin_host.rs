//! `rais plugin-host vet` with real plugins: the built-in ones as libraries, which cargo puts beside
//! this test since the command line depends on them.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rais_runtime::host::{Image, Library, LibraryFault, PanicStrategy, Program, vet};
use {
    rais_plugin_load_cpu as _, rais_plugin_probe_tcp as _, rais_plugin_sink_bind as _,
    rais_plugin_transport_udp as _,
};

fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_rais"), ["plugin-host"])
}

fn beside_this_test() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// A folder that libraries may be loaded from, which /tmp is not everywhere.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(beside_this_test()).unwrap()
}

fn octets(library: &str) -> Vec<u8> {
    fs::read(beside_this_test().join(format!("librais_plugin_{library}.so"))).unwrap()
}

fn put(folder: &Path, octets: &[u8]) -> PathBuf {
    let path = folder.join("libtcp.so");
    fs::write(&path, octets).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    path
}

#[test]
fn tells_what_is_in_a_library() {
    let folder = folder();
    let path = put(folder.path(), &octets("probe_tcp"));
    let image = Image::read(&path).unwrap();
    // What is vetted is what was read.
    fs::write(&path, "overwritten").unwrap();
    let vetted = vet(&image, &program()).unwrap();

    assert_eq!(vetted.sdk, env!("CARGO_PKG_VERSION"));
    assert!(vetted.rustc.starts_with("1."), "{vetted:?}");
    assert_eq!(vetted.panic, PanicStrategy::Unwind);
    assert_eq!(vetted.plugins.len(), 1);

    let fault = Library::open(&path, &program()).unwrap_err();
    assert_eq!(fault.to_string(), "is a text, not a shared library");
}

#[test]
fn tells_of_a_library_what_is_true_of_the_same_plugin_built_in() {
    let built_in = rais_sdk::host::linked();
    let folder = folder();
    for library in ["load_cpu", "probe_tcp", "sink_bind", "transport_udp"] {
        let path = put(folder.path(), &octets(library));
        let vetted = Library::open(&path, &program()).unwrap().vetted;
        let [plugin] = vetted.plugins.as_slice() else { panic!("{vetted:?}") };
        let same = built_in.iter().find(|declared| declared.name() == plugin.name).unwrap();
        assert_eq!(vetted.abi, same.abi());
        assert_eq!(plugin.version, same.version());
        assert_eq!(plugin.sample, same.sample());
        assert_eq!(plugin.kinds, same.kinds());
        assert_eq!(plugin.options, same.options());
    }
}

#[test]
fn a_damaged_library_harms_nobody() {
    let whole = octets("probe_tcp");
    let folder = folder();
    for part in 1..12 {
        let mut octets = whole.clone();
        // The latter parts are symbols for debuggers, which the loader does not look at.
        let start = octets.len() / 24 * part;
        octets[start..start + 4096].fill(0xa5);
        match Library::open(&put(folder.path(), &octets), &program()) {
            Ok(library) => assert_eq!(library.vetted.plugins.len(), 1),
            Err(LibraryFault::NotTried { why }) => panic!("{why}"),
            Err(_) => {}
        }
    }
}

#[test]
fn is_of_no_use_to_people() {
    let help = Command::new(env!("CARGO_BIN_EXE_rais")).arg("--help").output().unwrap();
    assert!(!String::from_utf8_lossy(&help.stdout).contains("plugin-host"));
    let mut by_hand = Command::new(env!("CARGO_BIN_EXE_rais"));
    let by_hand = by_hand.args(["plugin-host", "vet"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(by_hand.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&by_hand.stderr),
        "this is for rais itself, which gives a library on standard input: \
         Socket operation on non-socket (os error 88)\n"
    );
}
