//! Trying a library in a process that is thrown away: what waits for it.

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::child::Answer;
use super::ended::Ended;
use super::fault::LibraryFault;
use super::handover::Started;
use super::image::Image;
use super::vetted::{PanicStrategy, Vetted};
use super::words::{Ear, clean};
use crate::host::Program;

/// So long may the loader and a library's constructors take.
const LIMIT: Duration = Duration::from_secs(10);
/// An account of more octets is nobody's.
const LARGEST: usize = 4 << 20;
/// What a fault may have, in characters.
const LONGEST: usize = 2048;
/// What a pipe of Linux holds: one read of it empties the pipe of who has died.
const PIPE: usize = 64 << 10;

/// What a process that is thrown away finds in `image`. Blocks, for some ten seconds at most.
///
/// # Errors
/// How that process ended, or why it refuses the library.
pub fn vet(image: &Image, program: &Program) -> Result<Vetted, LibraryFault> {
    vet_within(LIMIT, image, program)
}

pub(super) fn vet_within(
    limit: Duration,
    image: &Image,
    program: &Program,
) -> Result<Vetted, LibraryFault> {
    let mut trial = Trial::start(image, program).map_err(not_tried)?;
    let end = trial.wait(Instant::now() + limit).map_err(not_tried)?;
    let ended = Ended::from(trial.started.process.end().map_err(not_tried)?);
    let words = trial.ear.words();
    let refused = |why| LibraryFault::Refused { why, words: words.clone() };
    match end {
        End::Answered => {}
        End::Died => return Err(LibraryFault::Died { ended, words }),
        End::Late => return Err(LibraryFault::Late { limit, words }),
    }
    if trial.answer.len() > LARGEST {
        let why = format!("gives an account of itself that is too long: over {LARGEST} octets");
        return Err(refused(why));
    }
    match serde_json::from_slice(&trial.answer) {
        Ok(Answer::Vetted(vetted)) => {
            let vetted = vetted.judged().map_err(refused)?;
            agree(image, &vetted).map_err(refused)?;
            Ok(vetted)
        }
        Ok(Answer::Refused(why)) => Err(refused(clean(&why, LONGEST))),
        Ok(Answer::NotTried(why)) => Err(LibraryFault::NotTried { why: clean(&why, LONGEST) }),
        Err(error) => Err(refused(clean(
            &format!("gives an account of itself that cannot be read: {error}"),
            LONGEST,
        ))),
    }
}

/// Whether a library's account, which its own code may have written, is that of its file.
fn agree(image: &Image, vetted: &Vetted) -> Result<(), String> {
    let manifest = image.manifest()?;
    let panic = PanicStrategy::named(&manifest.panic);
    let same = (&manifest.abi, &manifest.sdk, &manifest.rustc, panic)
        == (&vetted.abi, &vetted.sdk, &vetted.rustc, vetted.panic);
    if same {
        return Ok(());
    }
    Err("gives another account of itself when it is loaded than its file has".to_owned())
}

/// A library being tried.
struct Trial {
    started: Started,
    /// Says when the process has ended, whoever else still has its socket and its pipe.
    alive: OwnedFd,
    answer: Vec<u8>,
    ear: Ear,
}

enum End {
    /// It gave its account, whole or too long.
    Answered,
    Died,
    Late,
}

impl Trial {
    fn start(image: &Image, program: &Program) -> io::Result<Trial> {
        let started = Started::new(program, "vet", Some(image))?;
        let id = i32::try_from(started.process.id()).ok().and_then(Pid::from_raw);
        let id = id.ok_or_else(|| io::Error::other("a process without an id"))?;
        let alive = pidfd_open(id, PidfdFlags::empty())?;
        Ok(Trial { started, alive, answer: Vec::new(), ear: Ear::default() })
    }

    fn wait(&mut self, deadline: Instant) -> io::Result<End> {
        let (mut talks, mut prints) = (true, true);
        let mut piece = vec![0; PIPE];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(End::Late);
            }
            // What is closed is ready for ever; in its place the process is asked for once more.
            let socket = if talks { self.started.socket.as_fd() } else { self.alive.as_fd() };
            let output = if prints { self.started.output.as_fd() } else { self.alive.as_fd() };
            let mut watched = [self.alive.as_fd(), socket, output]
                .map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN));
            let left = Timespec::try_from(left).map_err(io::Error::other)?;
            match poll(&mut watched, Some(&left)) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other?,
            };
            let [dead, said, printed] = watched.map(|one| !one.revents().is_empty());
            if printed && prints {
                match read(&mut self.started.output, &mut piece) {
                    Some(heard) => self.ear.hear(heard),
                    None => prints = false,
                }
            }
            if said && talks {
                match read(&mut self.started.socket, &mut piece) {
                    Some(more) => self.answer.extend_from_slice(more),
                    None => talks = false,
                }
                if self.answer.ends_with(b"\n") || self.answer.len() > LARGEST {
                    return Ok(End::Answered);
                }
            } else if dead {
                return Ok(End::Died);
            }
        }
    }
}

/// What is there to be read; `None` at its end.
fn read<'a>(from: &mut impl Read, piece: &'a mut [u8]) -> Option<&'a [u8]> {
    match from.read(piece) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Some(&[]),
        // A socket whose other end left something unread ends in an error.
        Err(_) | Ok(0) => None,
        Ok(length) => Some(&piece[..length]),
    }
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn not_tried(error: io::Error) -> LibraryFault {
    LibraryFault::NotTried { why: error.to_string() }
}
