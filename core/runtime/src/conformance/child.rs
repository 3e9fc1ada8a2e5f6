//! A plugin tried inside of a process made for that: both ends of it.
//!
//! What runs there is what rais does where it holds a library in its own process, so a crash is a
//! result here and not the end of who asked.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitCode, ExitStatus};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, dup2_stdin};

use super::finding::{Check, Finding, Verdict};
use super::heard::Heard;
use super::leftovers::Whose;
use super::trial::{self, Event, Job};
use crate::config::Isolation;
use crate::host::confine::keep_standard_streams;
use crate::host::{Ear, Ended, Foreign, LastWords, PluginHost, Program, Registry};

/// Beyond the job's own limit the process is given so long.
const GRACE: Duration = Duration::from_secs(3);
/// It ends in so long once nothing is asked of it.
const ENDING: Duration = Duration::from_secs(5);
/// What it printed last is waited for as long as this.
const HEARING: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(5);

/// Has another process do `job`; tells its findings, and last how it ended.
///
/// # Errors
/// There is no process to be had.
pub(super) fn run(program: &Program, job: &Job, tell: &mut dyn FnMut(Event)) -> io::Result<()> {
    let mut process = Process::start(program, job)?;
    let deadline = Instant::now() + job.limit + GRACE;
    let mut now = None;
    let mut found = Vec::new();
    let end = loop {
        match process.hear(deadline) {
            Ok(Some(Event::Done)) => break End::Done,
            Ok(Some(event)) => {
                match &event {
                    Event::Begun(check) => now = Some(*check),
                    Event::Found(Finding { check, .. }) => {
                        found.push(*check);
                        now = None;
                    }
                    Event::Done => {}
                }
                tell(event);
            }
            Ok(None) => break End::Died,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break End::Late,
            Err(error) => return Err(error),
        }
    };
    let verdict = match end {
        End::Done => process.verdict_on_end()?,
        End::Died => Verdict::failed(process.last()?),
        End::Late => Verdict::failed("nothing came of it in time, so its process was killed"),
    };
    if matches!(end, End::Done) {
        tell(Event::Found(Finding { check: Check::End, verdict }));
        return Ok(());
    }
    let rest = trial::plan(job, Whose::Own).map(|check| (check, !found.contains(&check)));
    let rest = rest.filter_map(|(check, left)| left.then_some(check)).chain([Check::End]);
    // Before the first there is nothing that could be at fault but the loading.
    let at_fault = now;
    let mut verdict = Some(verdict);
    for check in rest {
        let is_at_fault = at_fault.is_none_or(|at_fault| at_fault == check);
        let of_this = verdict.take_if(|_| is_at_fault);
        let verdict =
            of_this.unwrap_or_else(|| Verdict::skipped("not tried: its process had died"));
        tell(Event::Found(Finding { check, verdict }));
    }
    Ok(())
}

/// What the process does: `rais plugin-host conformance`.
pub fn child() -> ExitCode {
    match keep_standard_streams().and_then(|()| serve()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the plugin cannot be tried: {error}");
            ExitCode::from(2)
        }
    }
}

fn serve() -> io::Result<()> {
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    dup2_stdin(File::open("/dev/null")?)?;
    let mut line = String::new();
    BufReader::new(&socket).read_line(&mut line)?;
    let job: Job = serde_json::from_str(&line)?;
    set_pdeathsig(Signal::SIGKILL)?;
    let heard = Heard::listen();
    let host = PluginHost::new(Registry::default(), Foreign::AsConfigured)?;
    let host = host
        .with_library(&job.file)
        .map_err(io::Error::other)?
        .held(|policy| policy.isolation = Isolation::None);
    let mut told = Ok(());
    trial::run(&host, &job, Whose::Own, &heard, &mut |event| {
        if told.is_ok() {
            told = say(&mut socket, &event);
        }
    })?;
    told?;
    say(&mut socket, &Event::Done)
}

fn say(socket: &mut UnixStream, event: &Event) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    socket.write_all(&line)
}

enum End {
    Done,
    Died,
    Late,
}

/// The process, with a process group of its own. Dropped, all of them are killed.
struct Process {
    child: Child,
    events: BufReader<UnixStream>,
    words: mpsc::Receiver<LastWords>,
    ended: Option<ExitStatus>,
}

impl Process {
    fn start(program: &Program, job: &Job) -> io::Result<Process> {
        let (ours, theirs) = UnixStream::pair()?;
        let (output, prints) = io::pipe()?;
        let mut command = program.command("conformance");
        command
            // As rais itself has it.
            .envs(std::env::vars_os())
            // Of what it says last there is room for a line.
            .env("RUST_BACKTRACE", "0")
            .stdin(OwnedFd::from(theirs))
            .stdout(prints.try_clone()?)
            .stderr(prints)
            .process_group(0);
        let child = command.spawn()?;
        // It holds the process's ends, whose closing tells here that the process has ended.
        drop(command);
        let words = listen(output)?;
        let mut process = Process { child, events: BufReader::new(ours), words, ended: None };
        let mut line = serde_json::to_vec(job)?;
        line.push(b'\n');
        process.events.get_mut().write_all(&line)?;
        Ok(process)
    }

    /// What it says next; none once it has ended.
    fn hear(&mut self, deadline: Instant) -> io::Result<Option<Event>> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.events.get_ref().set_read_timeout(Some(left.max(LOOK)))?;
        let mut line = String::new();
        match self.events.read_line(&mut line) {
            // One that ends with something unread is an error here.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            Err(error) => Err(error),
            Ok(0) => Ok(None),
            Ok(_) => Ok(serde_json::from_str(&line).ok()),
        }
    }

    fn verdict_on_end(&mut self) -> io::Result<Verdict> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                self.ended = Some(status);
                return Ok(match Ended::from(status) {
                    Ended::Exited(0) => Verdict::passed("its process ended by itself, exit code 0"),
                    ended => Verdict::failed(format!(
                        "at its end, when all was done, its process {ended}{}",
                        self.said()
                    )),
                });
            }
            if begun.elapsed() > ENDING {
                return Ok(Verdict::failed("its process does not end once all is done"));
            }
            thread::sleep(LOOK);
        }
    }

    /// How it ended before its time.
    fn last(&mut self) -> io::Result<String> {
        let status = self.child.wait()?;
        self.ended = Some(status);
        Ok(format!("its process {}{}", Ended::from(status), self.said()))
    }

    fn said(&self) -> LastWords {
        self.words.recv_timeout(HEARING).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // Not yet waited for, so the number is still that of its group.
            if let Ok(group) = i32::try_from(self.child.id()) {
                let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            }
            let _ = self.child.wait();
        }
    }
}

/// Gives what was said last once all is said.
fn listen(mut output: io::PipeReader) -> io::Result<mpsc::Receiver<LastWords>> {
    let (tell, words) = mpsc::channel();
    thread::Builder::new().name("last-words".to_owned()).spawn(move || {
        let mut ear = Ear::default();
        let mut piece = vec![0; 64 << 10];
        while let Ok(length @ 1..) = output.read(&mut piece) {
            ear.hear(&piece[..length]);
        }
        // Who has stopped waiting need not hear.
        let _ = tell.send(ear.words());
    })?;
    Ok(words)
}
