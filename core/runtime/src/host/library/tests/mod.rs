//! Files that are no libraries of plugins, and libraries that harm whoever loads them.
//!
//! The libraries are in C, some lines each: what kills a loader needs no plugin. That real plugins
//! pass is shown where there are some, in the tests of the command line.

mod caching;
mod copies;
mod elves;
mod files;
mod trials;

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::child::{Answer, vet_child};
use super::handover::Given;
use super::*;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);

/// In C, what makes a library say what it is.
const MANIFEST: &str = "char rais_plugin_manifest[512] = \
    \"abi=1.0\\nsdk=0.1.0\\nrustc=1.95.0\\npanic=unwind\\n\";";

/// A folder of the test's own that libraries may be loaded from: beside this very program, since
/// /tmp is noexec on some machines.
fn folder() -> tempfile::TempDir {
    let program = std::env::current_exe().unwrap();
    tempfile::tempdir_in(program.parent().unwrap()).unwrap()
}

fn file(folder: &Path, name: &str, octets: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, octets).unwrap();
    mode(&path, 0o644);
    path
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Compiles C into `name`: a shared library, or what `options` say.
fn compile(folder: &Path, name: &str, code: &str, options: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let mut compiler = Command::new("cc")
        .args(["-x", "c", "-", "-fPIC", "-w", "-o"])
        .arg(&path)
        .args(options)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    compiler.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
    assert!(compiler.wait().unwrap().success(), "{code}");
    mode(&path, 0o755);
    path
}

fn library(folder: &Path, name: &str, code: &str) -> PathBuf {
    compile(folder, name, code, &["-shared"])
}

/// This very program as `entry`, one of the tests below; `more` is found among its arguments.
fn program(entry: &str, more: &[&Path]) -> Program {
    let mut arguments: Vec<OsString> = ["--exact", "--nocapture", "--quiet"].map(Into::into).into();
    arguments.push(format!("{}::{entry}", module_path!().split_once("::").unwrap().1).into());
    arguments.extend(more.iter().map(OsString::from));
    Program::new(std::env::current_exe().unwrap(), arguments)
}

/// Whether this process was started by [`program`] for `task`.
fn is_for(task: &str) -> bool {
    std::env::args().next_back().as_deref() == Some(task)
}

/// What [`program`] was given, behind the test's name.
fn given() -> PathBuf {
    std::env::args_os().nth_back(1).unwrap().into()
}

/// The real one; does nothing as a test.
#[test]
fn child() {
    if is_for("vet") {
        vet_child();
    }
}
