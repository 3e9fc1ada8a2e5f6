//! Runs one process group for a bounded time and keeps the start of what it says.
#![allow(unsafe_code)] // between fork and exec a check is tied to the process that would kill it

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, getppid, kill_process_group, pidfd_open,
    set_parent_process_death_signal,
};

/// So much of each of its two outputs is kept; the rest is read and dropped.
const KEPT: usize = 8192;
/// So much is taken at a time.
const PIECE: usize = 16 * 1024;
/// How long a killed process may take to be gone until others wait for it.
const DYING: Duration = Duration::from_millis(50);
/// So many killed runs of one check may still be there before it is run no more.
const MOST_UNDEAD: usize = 8;

/// A run that came to its end.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) output: Output,
    pub(crate) errors: Output,
}

/// Why a run did not.
#[derive(Debug)]
pub(crate) enum Cut {
    Start(io::Error),
    Watch(io::Error),
    Timeout { output: Output, errors: Output },
}

/// The start of what was written.
#[derive(Debug, Default)]
pub(crate) struct Output {
    kept: Vec<u8>,
    rest: Rest,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Rest {
    #[default]
    None,
    Dropped,
}

/// How many killed runs have not ended: in an uninterruptible sleep, as on a file system that hangs,
/// even SIGKILL has to wait.
#[derive(Debug, Default)]
pub(crate) struct Undead(AtomicUsize);

/// One of the process's outputs; none once it is closed.
struct Pipe<R> {
    end: Option<R>,
    output: Output,
}

struct Running {
    child: Child,
    /// Readable once the process has ended.
    process: OwnedFd,
    output: Pipe<ChildStdout>,
    errors: Pipe<ChildStderr>,
}

/// Starts `command` in a process group of its own and waits for its end, at most `limit` long. What
/// is left of the group is then killed.
pub(crate) fn run(
    mut command: Command,
    limit: Duration,
    undead: &Arc<Undead>,
) -> Result<Ended, Cut> {
    let deadline = Instant::now() + limit;
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    end_with_us(&mut command);
    let child = command.spawn().map_err(Cut::Start)?;
    let mut running = Running::watch(child, undead)?;
    match running.until_end(deadline) {
        Ok(Seen::End) => running.end(undead),
        Ok(Seen::Deadline) => {
            let (output, errors) = running.kill(undead);
            Err(Cut::Timeout { output, errors })
        }
        Err(why) => {
            running.kill(undead);
            Err(Cut::Watch(why))
        }
    }
}

/// Has the process killed when this one ends, however that comes about; what it has started itself is
/// not reached, nor a check that gains privileges. More exactly: when this thread ends, which waits
/// for it. And leaves it no file of this process that was inherited from who started that.
fn end_with_us(command: &mut Command) {
    let parent = getpid();
    let tie = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have died before the line above; then nobody would tell.
        if getppid() != Some(parent) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        // SAFETY: a system call on numbers. Nothing is closed yet: std still needs its own pipe.
        // A kernel older than 5.11 refuses it; what Rust opens closes by itself also there.
        let _ = unsafe { libc::close_range(3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC as i32) };
        Ok(())
    };
    // SAFETY: it runs in a copy of this process that has one thread, where only what is
    // async-signal-safe may be done: it makes three system calls, takes no lock and allocates
    // nothing.
    unsafe { command.pre_exec(tie) };
}

/// What was waited for.
enum Seen {
    End,
    Deadline,
}

impl Running {
    fn watch(mut child: Child, undead: &Arc<Undead>) -> Result<Running, Cut> {
        let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
        let output = Pipe::new(child.stdout.take());
        let errors = Pipe::new(child.stderr.take());
        match (process, output, errors) {
            (Ok(process), Ok(output), Ok(errors)) => Ok(Running { child, process, output, errors }),
            (process, output, errors) => {
                kill_group(&mut child);
                undead.bury(child);
                let why = process.map_err(io::Error::from).err();
                let why = why.or(output.err()).or(errors.err());
                Err(Cut::Watch(why.unwrap_or_else(|| io::ErrorKind::Other.into())))
            }
        }
    }

    fn until_end(&mut self, deadline: Instant) -> io::Result<Seen> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Seen::Deadline);
            }
            let ready =
                wait([Some(self.process.as_fd()), self.output.fd(), self.errors.fd()], left)?;
            let [ended, output, errors] = ready;
            if output {
                self.output.take_piece()?;
            }
            if errors {
                self.errors.take_piece()?;
            }
            if ended {
                return Ok(Seen::End);
            }
        }
    }

    /// It has ended and is not yet waited for: its number, which is the group's, is still its own.
    fn end(mut self, undead: &Arc<Undead>) -> Result<Ended, Cut> {
        kill_group(&mut self.child);
        let drained = self.output.drain().and_then(|()| self.errors.drain());
        match self.child.try_wait() {
            Ok(Some(status)) => {
                drained.map_err(Cut::Watch)?;
                Ok(Ended { status, output: self.output.output, errors: self.errors.output })
            }
            // A debugger holds it.
            Ok(None) => {
                undead.bury(self.child);
                Err(Cut::Watch(io::Error::other("it has ended, and its exit code cannot be had")))
            }
            Err(why) => Err(Cut::Watch(why)),
        }
    }

    fn kill(mut self, undead: &Arc<Undead>) -> (Output, Output) {
        kill_group(&mut self.child);
        // Others wait for it where this fails.
        let _ = wait([Some(self.process.as_fd()), None, None], DYING);
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            undead.bury(self.child);
        }
        (self.output.output, self.errors.output)
    }
}

/// Its process group, and itself should it have left that. It must not have been waited for.
fn kill_group(child: &mut Child) {
    // A failure means that nothing is left to be killed.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.kill();
}

/// Which of these can be read, or none after `left`.
fn wait(fds: [Option<BorrowedFd<'_>>; 3], left: Duration) -> io::Result<[bool; 3]> {
    let mut polled: Vec<_> =
        fds.iter().flatten().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let left = Timespec::try_from(left).map_err(io::Error::other)?;
    match poll(&mut polled, Some(&left)) {
        // Interrupted: nothing is ready, and the caller looks at its clock.
        Ok(_) | Err(Errno::INTR) => {}
        Err(why) => return Err(why.into()),
    }
    let mut ready = polled.iter().map(|fd| !fd.revents().is_empty());
    Ok(fds.map(|fd| fd.is_some() && ready.next().unwrap_or_default()))
}

impl<R: Read + AsFd> Pipe<R> {
    fn new(end: Option<R>) -> io::Result<Pipe<R>> {
        if let Some(end) = &end {
            ioctl_fionbio(end, true)?;
        }
        Ok(Pipe { end, output: Output::default() })
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.end.as_ref().map(AsFd::as_fd)
    }

    /// Takes what is there, but no more than a piece: who writes without end must not keep us from
    /// looking at the clock.
    fn take_piece(&mut self) -> io::Result<Taken> {
        let mut room = [0; PIECE];
        let Some(end) = &mut self.end else { return Ok(Taken::Nothing) };
        match end.read(&mut room) {
            Ok(0) => {
                self.end = None;
                Ok(Taken::Nothing)
            }
            Ok(read) => {
                self.output.take(&room[..read]);
                Ok(Taken::Some)
            }
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => Ok(Taken::Nothing),
            Err(why) if why.kind() == io::ErrorKind::Interrupted => Ok(Taken::Some),
            Err(why) => Err(why),
        }
    }

    /// Takes what is still there, as far as it is kept: others may hold the pipe open and write on.
    fn drain(&mut self) -> io::Result<()> {
        while self.output.rest == Rest::None && matches!(self.take_piece()?, Taken::Some) {}
        Ok(())
    }
}

enum Taken {
    Some,
    Nothing,
}

impl Output {
    fn take(&mut self, octets: &[u8]) {
        let free = (KEPT - self.kept.len()).min(octets.len());
        self.kept.extend_from_slice(&octets[..free]);
        if free < octets.len() {
            self.rest = Rest::Dropped;
        }
    }

    /// As text. Where the rest was dropped it ends with the last word that is whole: half a number
    /// would be another number.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.kept).into_owned();
        if self.rest == Rest::Dropped {
            let between = |c: char| c.is_whitespace() || c == '|';
            text.truncate(text.rfind(between).unwrap_or(text.len()));
        }
        text
    }

    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Output {
        let mut output = Output::default();
        output.take(text.as_bytes());
        output
    }
}

impl Undead {
    /// How many there are, where that is too many.
    pub(crate) fn bearable(&self) -> Result<(), usize> {
        let count = self.0.load(Ordering::Relaxed);
        if count < MOST_UNDEAD { Ok(()) } else { Err(count) }
    }

    /// Waits on a thread of its own for the end of a process that was killed, so that it is no
    /// zombie for longer than it must.
    fn bury(self: &Arc<Undead>, mut child: Child) {
        self.0.fetch_add(1, Ordering::Relaxed);
        let undead = Arc::clone(self);
        let waiting = thread::Builder::new().name("exec-wait".to_owned()).spawn(move || {
            let _ = child.wait();
            undead.0.fetch_sub(1, Ordering::Relaxed);
        });
        // Without a thread it stays a zombie, as this process is short of everything, and counts.
        drop(waiting);
    }
}

#[cfg(test)]
mod tests;
