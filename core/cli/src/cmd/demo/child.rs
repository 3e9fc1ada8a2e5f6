//! A process of the demo, which never outlives it.
#![allow(unsafe_code)] // what a child does between fork and exec cannot be said otherwise

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Command, ExitStatus, Stdio};

use anyhow::{Context, anyhow};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{getpid, getppid};

use crate::exit::Stop;
use crate::output;

/// What is shown of a log: the reason is at its end.
const TAIL_LINES: usize = 12;

/// A running process; killed when dropped, and by the kernel should the demo die first.
#[derive(Debug)]
pub(super) struct Child {
    name: String,
    process: process::Child,
    log: PathBuf,
}

/// A process that could not be started, or ended where it should not have.
#[derive(Debug)]
pub(super) struct Failure {
    /// What happened to whom.
    title: String,
    /// The end of its log.
    words: String,
}

/// This binary once more, even where its file was replaced since.
pub(super) fn ourselves() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("rais").env_remove("RAIS_LOG");
    command
}

impl Child {
    /// Starts `command`, called `name` in what people read, in the folder of `log`. What it says
    /// goes to `log`, behind what is there already.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn start(name: &str, log: PathBuf, command: &mut Command) -> anyhow::Result<Child> {
        let append = File::options().create(true).append(true).open(&log);
        let append = append.with_context(|| log.display().to_string())?;
        command.stdin(Stdio::null()).stderr(append);
        if let Some(folder) = log.parent() {
            command.current_dir(folder);
        }
        // The terminal's Ctrl-C is for the demo, which ends its children itself.
        command.process_group(0);
        die_with_parent(command);
        let process = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        Ok(Child { name: name.to_owned(), process, log })
    }

    /// Waits until it has written a line on its standard output, which must be a pipe.
    ///
    /// # Errors
    /// It ended instead; its words are in the error.
    pub(super) fn await_ready(&mut self) -> Result<(), Failure> {
        let Some(stdout) = self.process.stdout.take() else { return Ok(()) };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).with_context(|| self.name.clone())?;
        if line.ends_with('\n') {
            return Ok(());
        }
        let status = self.process.wait().with_context(|| self.name.clone())?;
        Err(self.obituary(status))
    }

    /// What people call it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Kills it, and waits until it is gone.
    pub(super) fn kill(&mut self) {
        // Both fail only where it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// That it ended where it should not have.
    pub(super) fn obituary(&self, status: ExitStatus) -> Failure {
        Failure { title: format!("{} ended ({status})", self.name), words: self.last_words() }
    }

    /// The end of its log.
    pub(super) fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        tail(&String::from_utf8_lossy(&text)).to_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Failure {
    /// Of several processes, each with its last words.
    pub(super) fn new(title: &str, words: String) -> Failure {
        Failure { title: title.to_owned(), words }
    }

    /// What happened to whom, without any last words.
    pub(super) fn title(&self) -> &str {
        &self.title
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure { title: format!("{error:#}"), words: String::new() }
    }
}

impl From<Failure> for Stop {
    fn from(Failure { title, words }: Failure) -> Stop {
        if words.is_empty() {
            return Stop::Failed(anyhow!(title));
        }
        let title = output::titled_error(&format!("{title}; its last words:"));
        Stop::Said { text: format!("{title}\n{words}"), code: 1 }
    }
}

/// The kernel kills the child when the thread that started it ends.
fn die_with_parent(command: &mut Command) {
    let parent = getpid();
    let arrange = move || {
        set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have died before the line above.
        if getppid() != parent {
            return Err(io::Error::from_raw_os_error(nix::libc::ESRCH));
        }
        Ok(())
    };
    // SAFETY: prctl and getppid are async-signal-safe, and nothing is allocated.
    unsafe { command.pre_exec(arrange) };
}

fn tail(text: &str) -> &str {
    let text = text.trim_end();
    let from = text.rmatch_indices('\n').nth(TAIL_LINES - 1).map_or(0, |(at, _)| at + 1);
    text.get(from..).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        command
    }

    #[test]
    fn ready_by_its_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = shell("echo listening; exec sleep 60");
        let mut child = Child::start("web1", folder.path().join("log"), &mut command).unwrap();
        child.await_ready().unwrap();
        assert_eq!(child.ended().unwrap(), None);
        child.kill();
        assert!(child.ended().unwrap().is_some());
    }

    #[test]
    fn one_that_fails_is_shown_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = shell("echo no such port >&2; exit 3");
        let log = folder.path().join("log");
        let mut child = Child::start("web1's monitor", log, &mut command).unwrap();
        let stop = Stop::from(child.await_ready().unwrap_err());
        let Stop::Said { text, code: 1 } = stop else { panic!("no last words: {stop:?}") };
        for part in ["web1's monitor ended", "exit status: 3", "no such port"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn the_end_of_a_log_is_what_is_shown() {
        let lines: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let shown: Vec<&str> = lines[8..].iter().map(String::as_str).collect();
        assert_eq!(tail(&(lines.join("\n") + "\n")), shown.join("\n"));
        assert_eq!(tail("one\ntwo\n"), "one\ntwo");
        assert_eq!(tail(""), "");
    }
}
