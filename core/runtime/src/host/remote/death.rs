//! Waiting for the end of a process, in a reactor.
#![allow(unsafe_code)] // has a reactor watch a descriptor

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Tells when a process has ended; whoever else has its socket and its pipe.
#[derive(Debug)]
pub(super) struct Death(AsyncFd<OwnedFd>);

impl Death {
    /// Of the process `id`, which was not waited for yet; watched by the runtime that this is
    /// called in.
    ///
    /// # Errors
    /// The kernel or the reactor does not take it.
    pub(super) fn of(id: u32) -> io::Result<Death> {
        let id = i32::try_from(id).ok().and_then(Pid::from_raw);
        let id = id.ok_or_else(|| io::Error::other("a process without an id"))?;
        let alive = pidfd_open(id, PidfdFlags::empty())?;
        // SAFETY: what is registered owns the descriptor, gives it alone, and is dropped with it.
        Ok(Death(unsafe { AsyncFd::register_with_interest(alive, Interest::READABLE) }?))
    }

    /// Ends when the process has ended.
    pub(super) async fn come(&self) {
        // A reactor that is gone attends to nobody any more.
        let _ = self.0.readable().await;
    }
}
