//! Runs one command without a shell, for a bounded time, its output bounded too.

use std::io::{self, PipeReader, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::deadline::Deadline;
use crate::life::{Ended as LifeEnded, Life};

/// So much of a command's output is kept for the fault's text.
const KEPT: usize = 4096;
/// How often it is looked whether a command has ended that left its output open to others, and
/// whether it is still wanted.
const TICK: Duration = Duration::from_millis(10);

/// A command with placeholders in its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Argv {
    program: String,
    arguments: Vec<String>,
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CommandError {
    #[error("{program} cannot be run: {error}")]
    Start { program: String, error: io::Error },
    #[error("{program} was killed, it took longer than {limit:?}{output}")]
    Timeout { program: String, limit: Duration, output: Output },
    #[error("{program} ended with {ended}{output}")]
    Failed { program: String, ended: Ended, output: Output },
    #[error("{program} cannot be watched: {error}")]
    Watch { program: String, error: io::Error },
    #[error("{program} was not run to its end: {why}")]
    Ended { program: String, why: LifeEnded },
}

/// Why a command is killed.
#[derive(Debug, thiserror::Error)]
enum Cut {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Ended(#[from] LifeEnded),
}

/// How a process ended, in words.
#[derive(Debug)]
pub(crate) struct Ended(ExitStatus);

/// The first octets of what a command wrote.
#[derive(Debug, Default)]
pub(crate) struct Output(Vec<u8>);

impl Argv {
    /// The program and its arguments; absent when there is no program.
    pub(crate) fn new(words: &[String]) -> Option<Argv> {
        let (program, arguments) =
            words.split_first().filter(|(program, _)| !program.is_empty())?;
        Some(Argv { program: program.clone(), arguments: arguments.to_vec() })
    }

    /// Runs it with `{zone}` and `{file}` filled in, and waits for its end. Past the limit, and
    /// when `life` ends, the whole process group is killed.
    pub(crate) fn run(
        &self,
        zone: &str,
        file: &str,
        limit: Duration,
        life: &Life,
    ) -> Result<(), CommandError> {
        let program = || self.program.clone();
        let ended = |why| CommandError::Ended { program: program(), why };
        let start = |error| CommandError::Start { program: program(), error };
        let watch = |error| CommandError::Watch { program: program(), error };

        let (reader, writer) = io::pipe().map_err(start)?;
        let deadline = Deadline::after(limit);
        let mut command = Command::new(fill(&self.program, zone, file));
        command
            .args(self.arguments.iter().map(|argument| fill(argument, zone, file)))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(writer.try_clone().map_err(start)?)
            .stderr(writer);
        let _place = life.command().map_err(ended)?;
        let child = command.spawn().map_err(start)?;
        // Its copies of the pipe's end would keep the pipe open.
        drop(command);

        let mut running = Running { child, reader, output: Output::default() };
        match running.end(deadline, life) {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(CommandError::Failed {
                program: program(),
                ended: Ended(status),
                output: running.output,
            }),
            Err(cut) => {
                running.kill();
                Err(match cut {
                    Cut::Ended(why) => ended(why),
                    Cut::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                        let output = running.output;
                        CommandError::Timeout { program: program(), limit, output }
                    }
                    Cut::Io(error) => watch(error),
                })
            }
        }
    }
}

fn fill(argument: &str, zone: &str, file: &str) -> String {
    argument.replace("{zone}", zone).replace("{file}", file)
}

struct Running {
    child: Child,
    reader: PipeReader,
    output: Output,
}

impl Running {
    fn end(&mut self, deadline: Deadline, life: &Life) -> Result<ExitStatus, Cut> {
        let flags = fcntl(&self.reader, FcntlArg::F_GETFL).map_err(io::Error::from)?;
        let flags = OFlag::from_bits_retain(flags) | OFlag::O_NONBLOCK;
        fcntl(&self.reader, FcntlArg::F_SETFL(flags)).map_err(io::Error::from)?;
        let mut open = true;
        loop {
            if open {
                let wait = deadline.left()?.min(TICK);
                let mut fds = [PollFd::new(self.reader.as_fd(), PollFlags::POLLIN)];
                let wait = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
                match poll(&mut fds, wait) {
                    Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                    Err(error) => return Err(io::Error::from(error).into()),
                }
                open = self.drain()?;
            } else {
                // The output is closed and the end is near: mostly the next look finds it.
                std::thread::sleep(deadline.left()?.min(Duration::from_millis(1)));
            }
            if let Some(status) = self.child.try_wait()? {
                self.drain()?;
                return Ok(status);
            }
            life.goes_on()?;
        }
    }

    /// Takes what is there; whether more may come.
    fn drain(&mut self) -> io::Result<bool> {
        let mut room = [0; 4096];
        loop {
            match self.reader.read(&mut room) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    let free = KEPT.saturating_sub(self.output.0.len()).min(read);
                    self.output.0.extend_from_slice(&room[..free]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends the command and all that it started, and takes its status.
    fn kill(&mut self) {
        // Not yet waited for, so the number is still its own. A failure means that it has ended.
        if let Ok(id) = i32::try_from(self.child.id()) {
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0.code(), self.0.signal()) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => write!(f, "{}", self.0),
        }
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = String::from_utf8_lossy(&self.0);
        let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.is_empty() {
            return Ok(());
        }
        let text: String = lines
            .join(" | ")
            .chars()
            .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
            .collect();
        write!(f, ", saying: {text}")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn run(words: &[&str], limit: Duration) -> Result<(), CommandError> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        Argv::new(&words).unwrap().run("a.example", "/f", limit, &Life::default())
    }

    #[test]
    fn placeholders_are_arguments_not_shell() {
        run(&["test", "x{zone}y", "=", "xa.exampley"], LONG).unwrap();
        run(&["test", "{file}$(false)", "=", "/f$(false)"], LONG).unwrap();
    }

    #[test]
    fn failures_quote_output_and_code() {
        let error = run(&["sh", "-c", "echo one; echo; printf 'tw\\033o' >&2; exit 3"], LONG);
        let text = error.unwrap_err().to_string();
        assert_eq!(text, "sh ended with exit code 3, saying: one | tw\u{fffd}o");
        let text = run(&["sh", "-c", "kill -9 $$"], LONG).unwrap_err().to_string();
        assert_eq!(text, "sh ended with signal 9");
        let text = run(&["/nowhere/at-all"], LONG).unwrap_err().to_string();
        assert!(text.starts_with("/nowhere/at-all cannot be run: "), "{text}");
        assert!(Argv::new(&[]).is_none());
        assert!(Argv::new(&[String::new()]).is_none());
    }

    #[test]
    fn output_is_bounded_and_never_blocks_the_command() {
        let error = run(&["sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x; exit 1"], LONG);
        let text = error.unwrap_err().to_string();
        assert!(text.len() < 2 * KEPT, "{}", text.len());
    }

    #[test]
    fn a_command_that_hangs_is_killed_with_all_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut reader = std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(&fifo)
            .unwrap();
        let script = format!("exec 3>{}; sleep 1000 & echo up >&3; sleep 1000", fifo.display());
        // On a busy machine the shell may not get so far: then it is given longer.
        let mut limit = Duration::from_millis(100);
        let mut said = String::new();
        while said.is_empty() {
            let error = run(&["sh", "-c", &script], limit).unwrap_err();
            assert!(matches!(error, CommandError::Timeout { .. }), "{error}");
            limit *= 2;
            // The end of the file comes once every process that held it open is gone.
            while let Err(error) = reader.read_to_string(&mut said) {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                std::thread::yield_now();
            }
        }
        assert_eq!(said, "up\n");
    }

    #[test]
    fn a_daemon_that_keeps_the_output_open_does_not_hold_us() {
        let error = run(&["sh", "-c", "sleep 100 & echo $!; exit 5"], LONG).unwrap_err();
        let CommandError::Failed { output, .. } = &error else { panic!("{error}") };
        let id = String::from_utf8_lossy(&output.0).trim().parse().unwrap();
        nix::sys::signal::kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
        let text = run(&["sh", "-c", "exec >&- 2>&-; exit 4"], LONG).unwrap_err().to_string();
        assert_eq!(text, "sh ended with exit code 4");
    }
}
