//! A wall clock that the test steps. libfaketime gives it to a process; the monotonic clock stays
//! the kernel's.

use std::path::PathBuf;
use std::process::Command;

use crate::host::Host;

/// Where a host sees how far its clock is off.
const FILE: &str = "/run/wall-clock";

/// The wall clock of one host's processes.
#[derive(Debug)]
pub struct FakeClock {
    file: PathBuf,
}

impl FakeClock {
    /// A clock that is right.
    #[track_caller]
    #[must_use]
    pub fn new(host: &Host) -> Self {
        let clock = Self { file: host.path(FILE) };
        clock.step_to(0);
        clock
    }

    /// From now on it is so many seconds ahead.
    #[track_caller]
    pub fn step_to(&self, ahead: i64) {
        let written = self.file.with_extension("new");
        std::fs::write(&written, format!("{ahead:+}\n")).expect("the clock's file");
        std::fs::rename(&written, &self.file).expect("the clock's file");
    }

    /// Gives it to a process that will run on its host.
    #[track_caller]
    pub fn give(command: &mut Command) {
        command
            .env("LD_PRELOAD", library())
            .env("FAKETIME_TIMESTAMP_FILE", FILE)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }
}

/// Debian has it in a folder of the machine's architecture.
fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("/usr/lib");
    folders
        .filter_map(|folder| Some(folder.ok()?.path().join("faketime/libfaketimeMT.so.1")))
        .find(|path| path.is_file())
        .expect("libfaketime: install faketime")
}
