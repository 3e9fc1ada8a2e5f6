//! Libraries of plugins for the tests, and what becomes of a library in bad hands.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::binary::{finish, sibling};

/// Probe `tcp`, which is built in, too.
#[must_use]
pub fn probe_tcp() -> PathBuf {
    built("librais_plugin_probe_tcp.so")
}

/// Probe `udp`.
#[must_use]
pub fn probe_udp() -> PathBuf {
    built("librais_plugin_probe_udp.so")
}

/// Load `cpu`.
#[must_use]
pub fn load_cpu() -> PathBuf {
    built("librais_plugin_load_cpu.so")
}

/// Sink `bind`.
#[must_use]
pub fn sink_bind() -> PathBuf {
    built("librais_plugin_sink_bind.so")
}

/// Sink `dns`.
#[must_use]
pub fn sink_dns() -> PathBuf {
    built("librais_plugin_sink_dns.so")
}

/// Sink `hook`.
#[must_use]
pub fn sink_hook() -> PathBuf {
    built("librais_plugin_sink_hook.so")
}

/// Sink `nsupdate`.
#[must_use]
pub fn sink_nsupdate() -> PathBuf {
    built("librais_plugin_sink_nsupdate.so")
}

/// Transport `nats`.
#[must_use]
pub fn transport_nats() -> PathBuf {
    built("librais_plugin_transport_nats.so")
}

/// Transport `udp`.
#[must_use]
pub fn transport_udp() -> PathBuf {
    built("librais_plugin_transport_udp.so")
}

/// A plugin for each mistake that `rais plugins test` is to find.
#[must_use]
pub fn careless() -> PathBuf {
    built("librais_test_careless.so")
}

/// The plugins `faulty` and `faulty-blocking`.
#[must_use]
pub fn faulty() -> PathBuf {
    built("librais_test_faulty.so")
}

/// The same built with `panic = "abort"`.
#[must_use]
pub fn faulty_that_aborts() -> PathBuf {
    built("../variants/ci/librais_test_faulty.so")
}

/// Probe `tcp` for the next minor version of the ABI.
#[must_use]
pub fn probe_tcp_of_next_abi() -> PathBuf {
    built("../variants/ci/librais_plugin_probe_tcp.so")
}

/// A library that claims our ABI and writes its layouts down in another way.
#[must_use]
pub fn with_other_layouts() -> PathBuf {
    built("../outside/debug/librais_test_other_layouts.so")
}

/// A library of the system, where the linker finds it.
#[track_caller]
#[must_use]
pub fn of_the_system(name: &str) -> PathBuf {
    let mut command = Command::new("cc");
    let out = finish(command.arg(format!("-print-file-name={name}"))).expect_code(0);
    let path = PathBuf::from(out.stdout.trim());
    assert!(path.is_absolute(), "the system has no {name}");
    path
}

/// A library that `tests/run` builds, by its path from `target/PROFILE`.
fn built(path: &str) -> PathBuf {
    let path = sibling(path);
    assert!(
        path.is_file(),
        "{} is not there: run tests/run, or what it does below \"Plugin libraries\"",
        path.display()
    );
    path
}

/// Puts a library to `path`, as an administrator should: written beside, mode 0644, renamed.
#[track_caller]
pub fn install(library: &Path, path: &Path) {
    write(path, &octets(library));
}

/// A file's octets.
#[track_caller]
#[must_use]
pub fn octets(library: &Path) -> Vec<u8> {
    std::fs::read(library).unwrap_or_else(|e| panic!("{}: {e}", library.display()))
}

/// The same with the octets at hand.
#[track_caller]
pub fn write(path: &Path, octets: &[u8]) {
    let new = path.with_extension("new");
    std::fs::write(&new, octets).unwrap_or_else(|e| panic!("{}: {e}", new.display()));
    set_mode(&new, 0o644);
    std::fs::rename(&new, path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

/// Sets a file's or folder's permissions, whatever the umask.
#[track_caller]
pub fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

/// Compiles a library from one file of C.
#[track_caller]
pub fn compile(source: &str, path: &Path) {
    let file = path.with_extension("c");
    std::fs::write(&file, source).expect("a source file");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(path).arg(&file);
    finish(&mut command).expect_code(0);
    std::fs::remove_file(&file).expect("the source file");
    set_mode(path, 0o644);
}

/// `octets` with every `old` replaced by `new`, which is as long; there must be one.
#[track_caller]
#[must_use]
pub fn patched(mut octets: Vec<u8>, old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut found = 0;
    let mut at = 0;
    while let Some(next) = octets[at..].windows(old.len()).position(|window| window == old) {
        at += next;
        octets[at..at + old.len()].copy_from_slice(new);
        at += old.len();
        found += 1;
    }
    assert!(found > 0, "{:?} is not in it", String::from_utf8_lossy(old));
    octets
}

/// A part of an ELF file, 64 bits, by its program headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What is run.
    Text,
    /// What the loader goes by.
    Dynamic,
}

/// Where in the file the part is.
#[track_caller]
#[must_use]
pub fn place_of(octets: &[u8], part: Part) -> std::ops::Range<usize> {
    let number = |at: usize, size: usize| {
        let octets = &octets[at..at + size];
        let value = octets.iter().rev().fold(0_u64, |value, octet| value << 8 | u64::from(*octet));
        usize::try_from(value).expect("a place in a file")
    };
    let (headers, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    let is_it = |header: &usize| match part {
        // PT_LOAD with PF_X.
        Part::Text => number(*header, 4) == 1 && number(header + 4, 4) & 1 == 1,
        // PT_DYNAMIC.
        Part::Dynamic => number(*header, 4) == 2,
    };
    let header = (0..count).map(|index| headers + index * size).find(is_it);
    let header = header.unwrap_or_else(|| panic!("no {part:?} in it"));
    let (from, length) = (number(header + 8, 8), number(header + 32, 8));
    from..from + length
}
