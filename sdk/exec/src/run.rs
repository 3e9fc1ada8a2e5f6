//! Runs one process group for a bounded time and keeps the start of what it says.
#![allow(unsafe_code)] // between fork and exec a check is tied to the process that would kill it

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
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

use crate::output::Output;
use crate::runs::Runs;

/// So much is taken at a time.
const PIECE: usize = 16 * 1024;
/// So often what a pipe still holds is taken after the end: as much as one can hold. Others may have
/// it open and write on.
const LAST_PIECES: usize = 64 * 1024 / PIECE;
/// How long a killed process may take to be gone until others wait for it.
const DYING: Duration = Duration::from_millis(50);
/// So many killed runs of one check may still be there before it is run no more.
const MOST_UNDEAD: usize = 8;

/// What is done with a process.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) limit: Duration,
    /// For its standard input; without it that is `/dev/null`.
    pub(crate) input: Option<&'a [u8]>,
    pub(crate) outputs: Outputs,
    /// With which others it is ended.
    pub(crate) runs: Option<&'a Runs>,
}

/// What becomes of its standard output and of its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outputs {
    /// One beside the other.
    Apart,
    /// Both are the first, in the order in which they were written.
    Together,
}

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
    Unwanted,
}

/// How many killed runs have not ended: in an uninterruptible sleep, as on a file system that hangs,
/// even SIGKILL has to wait.
#[derive(Debug, Default)]
pub(crate) struct Undead(AtomicUsize);

/// One of the process's outputs; none once it is closed.
#[derive(Default)]
struct Pipe {
    end: Option<File>,
    output: Output,
}

/// What is still to be said to the process; none once all was said, or it has heard enough.
struct Input<'a> {
    end: Option<File>,
    left: &'a [u8],
}

struct Running<'a> {
    child: Child,
    /// Readable once the process has ended.
    process: OwnedFd,
    input: Input<'a>,
    output: Pipe,
    errors: Pipe,
    runs: Option<&'a Runs>,
}

/// Starts `command` in a process group of its own and waits for its end, as `task` says. What is
/// left of the group is then killed.
pub(crate) fn run(
    mut command: Command,
    task: &Task<'_>,
    undead: &Arc<Undead>,
) -> Result<Ended, Cut> {
    let _place = match task.runs.map(Runs::enter) {
        None => None,
        Some(Some(place)) => Some(place),
        Some(None) => return Err(Cut::Unwanted),
    };
    let deadline = Instant::now() + task.limit;
    let stdin = if task.input.is_some() { Stdio::piped() } else { Stdio::null() };
    command.process_group(0).stdin(stdin);
    let together = match task.outputs {
        Outputs::Apart => {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            None
        }
        Outputs::Together => {
            let (reader, writer) = io::pipe().map_err(Cut::Start)?;
            command.stdout(writer.try_clone().map_err(Cut::Start)?).stderr(writer);
            Some(OwnedFd::from(reader))
        }
    };
    end_with_us(&mut command);
    let child = command.spawn().map_err(Cut::Start)?;
    // Its copies of the pipe's end would keep that open.
    drop(command);
    let mut running = Running::watch(child, together, task, undead)?;
    match running.until_end(deadline) {
        Ok(Seen::End) => running.end(undead),
        Ok(Seen::Deadline) => {
            let (output, errors) = running.kill(undead);
            Err(Cut::Timeout { output, errors })
        }
        Ok(Seen::Unwanted) => {
            running.kill(undead);
            Err(Cut::Unwanted)
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
    Unwanted,
}

impl<'a> Running<'a> {
    fn watch(
        mut child: Child,
        together: Option<OwnedFd>,
        task: &Task<'a>,
        undead: &Arc<Undead>,
    ) -> Result<Running<'a>, Cut> {
        let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
        let input = Input::new(child.stdin.take().map(OwnedFd::from), task.input);
        let output = Pipe::new(together.or_else(|| child.stdout.take().map(OwnedFd::from)));
        let errors = Pipe::new(child.stderr.take().map(OwnedFd::from));
        match (process, input, output, errors) {
            (Ok(process), Ok(input), Ok(output), Ok(errors)) => {
                Ok(Running { child, process, input, output, errors, runs: task.runs })
            }
            (process, input, output, errors) => {
                kill_group(&mut child);
                undead.bury(child);
                let why = process.map_err(io::Error::from).err().or(input.err());
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
            let reads = [
                Some(self.process.as_fd()),
                self.output.fd(),
                self.errors.fd(),
                self.runs.map(Runs::bell),
            ];
            let ([ended, output, errors, unwanted], [input]) =
                wait(reads, [self.input.fd()], left)?;
            if input {
                self.input.say_a_piece()?;
            }
            if output {
                self.output.take_piece()?;
            }
            if errors {
                self.errors.take_piece()?;
            }
            if ended {
                return Ok(Seen::End);
            }
            if unwanted {
                return Ok(Seen::Unwanted);
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
        let _ = wait([Some(self.process.as_fd())], [], DYING);
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

/// Which of these can be read, and which can be written to; none after `left`.
fn wait<const R: usize, const W: usize>(
    reads: [Option<BorrowedFd<'_>>; R],
    writes: [Option<BorrowedFd<'_>>; W],
    left: Duration,
) -> io::Result<([bool; R], [bool; W])> {
    let reading = reads.iter().flatten().map(|fd| (fd, PollFlags::IN));
    let writing = writes.iter().flatten().map(|fd| (fd, PollFlags::OUT));
    let all = reading.chain(writing);
    let mut polled: Vec<_> = all.map(|(fd, flags)| PollFd::from_borrowed_fd(*fd, flags)).collect();
    let left = Timespec::try_from(left).map_err(io::Error::other)?;
    match poll(&mut polled, Some(&left)) {
        // Interrupted: nothing is ready, and the caller looks at its clock.
        Ok(_) | Err(Errno::INTR) => {}
        Err(why) => return Err(why.into()),
    }
    let mut ready = polled.iter().map(|fd| !fd.revents().is_empty());
    let mut next = |fd: Option<BorrowedFd<'_>>| fd.is_some() && ready.next().unwrap_or_default();
    Ok((reads.map(&mut next), writes.map(&mut next)))
}

impl<'a> Input<'a> {
    fn new(end: Option<OwnedFd>, left: Option<&'a [u8]>) -> io::Result<Input<'a>> {
        if let Some(end) = &end {
            ioctl_fionbio(end, true)?;
        }
        Ok(Input { end: end.map(File::from), left: left.unwrap_or_default() })
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.end.as_ref().map(AsFd::as_fd)
    }

    /// Says what it takes now, and closes when all was said.
    fn say_a_piece(&mut self) -> io::Result<()> {
        let Some(end) = &mut self.end else { return Ok(()) };
        if !self.left.is_empty() {
            match end.write(self.left) {
                Ok(said) => self.left = &self.left[said..],
                // It has closed its input: it has heard enough.
                Err(why) if why.kind() == io::ErrorKind::BrokenPipe => self.left = &[],
                Err(why) if is_passing(&why) => return Ok(()),
                Err(why) => return Err(why),
            }
        }
        if self.left.is_empty() {
            self.end = None;
        }
        Ok(())
    }
}

fn is_passing(why: &io::Error) -> bool {
    matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

impl Pipe {
    fn new(end: Option<OwnedFd>) -> io::Result<Pipe> {
        if let Some(end) = &end {
            ioctl_fionbio(end, true)?;
        }
        Ok(Pipe { end: end.map(File::from), output: Output::default() })
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

    /// Takes what is still there.
    fn drain(&mut self) -> io::Result<()> {
        for _ in 0..LAST_PIECES {
            if matches!(self.take_piece()?, Taken::Nothing) {
                break;
            }
        }
        Ok(())
    }
}

enum Taken {
    Some,
    Nothing,
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
