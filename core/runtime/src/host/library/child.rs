//! Trying a library in a process that is thrown away: that process.
#![allow(unsafe_code)] // loads a library, in a process made for nothing else

use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, raise};
use rais_sdk::host::{Declared, Library};
use serde::{Deserialize, Serialize};

use super::handover::Given;
use super::image::loadable;
use super::vetted::{PanicStrategy, Vetted, VettedPlugin};
use crate::host::Limits;
use crate::host::confine::{confine_wholly, keep_standard_streams};

/// Far more than telling what is in a library takes.
const LIMITS: Limits = Limits {
    address_space: Some(1 << 30),
    open_files: Some(64),
    cpu: Some(Duration::from_secs(10)),
};

/// What is said to who waits: JSON, ended by a newline.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    Vetted(Vetted),
    Refused(String),
    NotTried(String),
}

/// What the process does: `rais plugin-host vet`. Returns only where there was nothing to do.
pub fn vet_child() -> ExitCode {
    let mut given = match keep_standard_streams().and_then(|()| Given::take()) {
        Ok(given) => given,
        Err(error) => {
            eprintln!("this is for rais itself, which gives a library on standard input: {error}");
            return ExitCode::from(2);
        }
    };
    let answer = match confine_wholly(&LIMITS, given.parent) {
        Ok(()) => open(&given.image),
        Err(error) => Answer::NotTried(format!("its process cannot be confined: {error}")),
    };
    if let Ok(mut line) = serde_json::to_vec(&answer) {
        line.push(b'\n');
        // Whoever does not hear it sees the end instead.
        let _ = given.socket.write_all(&line);
    }
    // An exit would run the library's destructors, which are foreign code once more.
    let _ = raise(Signal::SIGKILL);
    ExitCode::FAILURE
}

fn open(image: &OwnedFd) -> Answer {
    let start = Instant::now();
    // SAFETY: nobody can change the octets. What they do to this process is what is asked.
    let library = match unsafe { Library::open(&loadable(image)) } {
        Ok(library) => library,
        Err(error) => return Answer::Refused(with_limit(error.to_string())),
    };
    let load_time = start.elapsed();
    let manifest = library.manifest();
    Answer::Vetted(Vetted {
        abi: manifest.abi.clone(),
        sdk: manifest.sdk.clone(),
        rustc: manifest.rustc.clone(),
        panic: PanicStrategy::named(&manifest.panic),
        plugins: library.plugins().iter().map(plugin).collect(),
        load_time,
    })
}

/// With the limit that the loader ran into, where it did.
fn with_limit(mut why: String) -> String {
    if ["Cannot allocate memory", "failed to map", "cannot map"].iter().any(|it| why.contains(it)) {
        why.push_str("; rais gives a library 1 GiB of address space when it tries it");
    }
    why
}

fn plugin(declared: &Declared) -> VettedPlugin {
    let (options, options_fault) = match declared.try_options() {
        Ok(options) => (options, None),
        Err(fault) => (Vec::new(), Some(fault.to_string())),
    };
    VettedPlugin {
        name: declared.name().to_owned(),
        version: declared.version().to_owned(),
        sample: declared.sample().to_owned(),
        kinds: declared.kinds(),
        options,
        options_fault,
    }
}
