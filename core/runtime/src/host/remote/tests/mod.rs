//! Plugins in processes of their own: this program, in which the tests' plugins are linked too.

mod alike;
mod alone;
mod candidates;
mod deaths;
mod plugins;
mod transports;
mod zones;

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rais_sdk::{FaultKind, Subject, Target, Up};
use serde_json::{Value, json};

use super::*;
use crate::config::{Isolation, Restart};
use crate::host::Answer;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);
/// For a call that is meant to run into it.
const SHORT: Duration = Duration::from_millis(50);

/// The process of an isolated plugin.
#[test]
fn a_plugins_process() {
    if std::env::args().next_back().as_deref() == Some("serve") {
        serve();
    }
}

/// This program as one of its own tests.
fn program(test: &str) -> Program {
    let module = module_path!().split_once("::").unwrap().1;
    let test = format!("{module}::{test}");
    let arguments = ["--exact", "--nocapture", "--quiet", "--test-threads=1", &test];
    Program::new(std::env::current_exe().unwrap(), arguments)
}

fn remotes() -> Remotes {
    Remotes::start(program("a_plugins_process")).unwrap()
}

fn policy() -> Policy {
    Policy::of(None, Isolation::Process)
}

fn plugin(kind: Kind, name: &str) -> Arc<Remote> {
    remotes().plugin(kind, name, Code::BuiltIn, policy())
}

fn wilful(table: &Value) -> Arc<dyn ProbePort> {
    plugin(Kind::Probe, "wilful").probe(table.to_string()).unwrap()
}

fn order(what: &str) -> Target {
    named(what, "web1")
}

fn named(what: &str, name: impl Into<String>) -> Target {
    Target::new(([127, 0, 0, 1], 9).into(), name, what)
}

/// A file that a probe makes.
fn file(folder: &tempfile::TempDir) -> (String, impl Fn(&str) -> PathBuf) {
    let stem = folder.path().join("probe").to_str().unwrap().to_owned();
    (stem.clone(), move |which| PathBuf::from(format!("{stem}.{which}")))
}

async fn until(is: impl Fn() -> bool) {
    while !is() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The process that a wilful probe ran in.
fn process_of(up: &Up) -> i32 {
    up.detail.rsplit(' ').next().unwrap().parse().unwrap()
}

async fn process(probe: &Arc<dyn ProbePort>) -> i32 {
    process_of(&probe.probe(order("up"), LONG).await.unwrap())
}

/// What a probe says once it is there again.
async fn again(probe: &Arc<dyn ProbePort>) -> Up {
    loop {
        match probe.probe(order("up"), LONG).await {
            Ok(up) => return up,
            Err(fault) => {
                assert!(matches!(fault.kind, FaultKind::Busy | FaultKind::Unknown), "{fault}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
}

fn is_gone(process: i32) -> bool {
    // Also one that nobody waited for would be there.
    !Path::new(&format!("/proc/{process}")).exists()
}

fn murder(process: i32) {
    kill(Pid::from_raw(process), Signal::SIGKILL).unwrap();
}
