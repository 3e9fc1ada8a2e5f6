//! A process for foreign code: how it is started with an image, and what it finds.
//!
//! Its standard input is a socket. The image, where there is one, and the id of who started it come
//! first; what follows is the task's business. What it prints on standard output and error comes
//! out of one pipe.

use std::io::{self, IoSlice, IoSliceMut, PipeReader};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, ExitStatus};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, dup2_stdin};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::image::Image;
use crate::host::Program;
use crate::host::confine::close_to_others;

/// A process for foreign code, just started.
#[derive(Debug)]
pub(in crate::host) struct Started {
    /// The other end of its standard input.
    pub(in crate::host) socket: UnixStream,
    /// What it prints.
    pub(in crate::host) output: PipeReader,
    pub(in crate::host) process: Process,
}

/// Such a process itself, with a process group of its own. Dropped, all of them are killed.
#[derive(Debug)]
pub(in crate::host) struct Process {
    child: Child,
    ended: Option<ExitStatus>,
}

/// What such a process found.
#[derive(Debug)]
pub(in crate::host) struct Found {
    /// The other end of its starter's socket; closed where it executes another program.
    pub(in crate::host) socket: UnixStream,
    /// What it is to load, if anything.
    pub(in crate::host) image: Option<OwnedFd>,
    /// Who started it.
    pub(in crate::host) parent: u32,
}

/// What one was given that has something to load.
#[derive(Debug)]
pub(in crate::host) struct Given {
    /// The other end of its starter's socket; closed where it executes another program.
    pub(in crate::host) socket: UnixStream,
    /// What it is to load.
    pub(in crate::host) image: OwnedFd,
    /// Who started it.
    pub(in crate::host) parent: u32,
}

impl Started {
    /// Starts `program` for `task` with `image`, from the calling thread: with the end of that
    /// thread ends the process.
    ///
    /// # Errors
    /// No process, socket or pipe to be had.
    pub(in crate::host) fn new(
        program: &Program,
        task: &str,
        image: Option<&Image>,
    ) -> io::Result<Started> {
        close_to_others()?;
        let copy = image.map(Image::copy).transpose()?;
        let (socket, theirs) = UnixStream::pair()?;
        let (output, prints) = io::pipe()?;
        let mut command = program.command(task);
        command
            .stdin(OwnedFd::from(theirs))
            .stdout(prints.try_clone()?)
            .stderr(prints)
            .process_group(0);
        let child = command.spawn()?;
        // It holds the process's ends, whose closing tells here that the process has ended.
        drop(command);
        let process = Process { child, ended: None };
        let started = Started { socket, output, process };
        match give(&started.socket, copy.as_ref().map(|copy| copy.as_fd())) {
            // It is dead already, and its status says why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(started),
            other => other.map(|()| started),
        }
    }
}

impl Process {
    /// Its id, also that of its group.
    pub(in crate::host) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it and whatever it started in its group, if they have not ended, and says how it did.
    ///
    /// # Errors
    /// Somebody else has waited for it.
    pub(in crate::host) fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.ended {
            return Ok(status);
        }
        self.kill();
        let status = self.child.wait()?;
        self.ended = Some(status);
        Ok(status)
    }

    /// Has it and whatever it started in its group end soon, if they have not ended.
    pub(in crate::host) fn kill(&mut self) {
        // Not waited for, the number is still that of its group.
        if self.ended.is_none()
            && let Ok(group) = i32::try_from(self.child.id())
        {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

impl Given {
    /// As [`Found::take`].
    ///
    /// # Errors
    /// As there, or nothing to load came.
    pub(in crate::host) fn take() -> io::Result<Given> {
        match Found::take()? {
            Found { socket, image: Some(image), parent } => Ok(Given { socket, image, parent }),
            _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no image came")),
        }
    }
}

impl Found {
    /// What is found at standard input, which is empty from then on.
    ///
    /// # Errors
    /// It is not the socket of who starts such processes.
    pub(in crate::host) fn take() -> io::Result<Found> {
        let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        dup2_stdin(std::fs::File::open("/dev/null")?)?;
        let (image, parent) = take(&socket)?;
        Ok(Found { socket, image, parent })
    }
}

fn give(socket: &UnixStream, image: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let images = image.as_slice();
    if !images.is_empty() {
        // There is room for one.
        beside.push(SendAncillaryMessage::ScmRights(images));
    }
    let id = std::process::id().to_be_bytes();
    sendmsg(socket, &[IoSlice::new(&id)], &mut beside, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn take(socket: &UnixStream) -> io::Result<(Option<OwnedFd>, u32)> {
    let mut id = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::WAITALL;
    let got = recvmsg(socket, &mut [IoSliceMut::new(&mut id)], &mut beside, flags)?;
    let image = beside.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut images) => images.next(),
        _ => None,
    });
    if got.bytes < id.len() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "nobody's id came"));
    }
    Ok((image, u32::from_be_bytes(id)))
}
