//! A child process that never outlives its test.
#![allow(unsafe_code, reason = "pre_exec: what a child does between fork and exec")]

use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait;

/// A running child. Killed when dropped, and by the kernel should the test die first; what it
/// wrote is shown if the test fails.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts `command`; what it writes goes to `FOLDER/NAME.out` and `FOLDER/NAME.err`, behind
    /// what an earlier process of that name has written.
    #[track_caller]
    pub fn spawn(name: &str, folder: &Path, command: &mut Command) -> Self {
        let [stdout, stderr] = ["out", "err"].map(|end| folder.join(format!("{name}.{end}")));
        let append = |path: &Path| {
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .expect("a file for a child's output")
        };
        command.stdin(Stdio::null()).stdout(append(&stdout)).stderr(append(&stderr));
        die_with_parent(command);
        let child = command.spawn().unwrap_or_else(|e| {
            panic!("{name} ({}): {e}", command.get_program().to_string_lossy())
        });
        Self { name: name.to_owned(), child, stdout, stderr }
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"));
        kill(id, signal).unwrap_or_else(|e| panic!("{signal} to {}: {e}", self.name));
    }

    /// Waits until it has ended by itself; the exit code, 128 + N after signal N.
    #[track_caller]
    pub fn finished(&mut self) -> i32 {
        let name = self.name.clone();
        let child = &mut self.child;
        let status: ExitStatus = wait::until(&format!("{name} to end"), || {
            child.try_wait().expect("wait").ok_or_else(|| "still running".to_owned())
        });
        status.code().or_else(|| status.signal().map(|s| 128 + s)).unwrap_or(-1)
    }

    /// `kill -9`, and gone when this returns.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        read_lossy(&self.stderr)
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        read_lossy(&self.stdout)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            for (what, path) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
                let text = read_lossy(path);
                if !text.is_empty() {
                    eprintln!("--- {what} of {}\n{}", self.name, tail(&text));
                }
            }
        }
    }
}

/// The kernel kills the child when the thread that started it ends.
fn die_with_parent(command: &mut Command) {
    let parent = nix::unistd::getpid();
    let arrange = move || {
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from)?;
        // The parent may have died before the line above.
        if nix::unistd::getppid() != parent {
            return Err(io::Error::from_raw_os_error(nix::libc::ESRCH));
        }
        Ok(())
    };
    // SAFETY: prctl and getppid are async-signal-safe, and nothing is allocated.
    unsafe { command.pre_exec(arrange) };
}

fn read_lossy(path: &Path) -> String {
    std::fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
}

/// The last lines: the reason is at the end.
fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(60);
    lines.get(from..).unwrap_or_default().join("\n")
}
