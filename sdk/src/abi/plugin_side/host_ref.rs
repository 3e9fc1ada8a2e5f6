//! The host as the plugin's side holds it.

use std::future::Future;
use std::io;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use abi_stable::std_types::RStr;
use async_ffi::{ContextExt, FfiFuture};

use crate::abi::convert::{interest_to_abi, level_to_abi, nanos, ready_from_abi};
use crate::abi::guard::Report;
use crate::host::{Interest, Level, Ready};
use rais_abi::{HostBox, SourceBox};

/// Shared, because a clone of the object itself is a box.
#[derive(Clone)]
pub(crate) struct HostRef(Arc<HostBox>);

/// Ends once, after a time.
pub(crate) struct Timer(FfiFuture<()>);

/// A socket that the host's reactor watches. Goes before the socket is closed.
pub(crate) struct Source(SourceBox);

impl HostRef {
    pub(crate) fn new(host: HostBox) -> Self {
        Self(Arc::new(host))
    }

    pub(crate) fn log(&self, level: Level, text: &str) {
        self.0.log(level_to_abi(level), RStr::from_str(text));
    }

    /// The host's clock, from any start.
    pub(crate) fn now_ns(&self) -> u64 {
        self.0.now_ns()
    }

    #[cfg(feature = "abi-next")]
    pub(crate) fn next(&self) -> u32 {
        self.0.next()
    }

    pub(crate) fn timer(&self, after: Duration) -> Timer {
        Timer(self.0.timer(nanos(after)))
    }

    pub(crate) fn register(&self, fd: RawFd) -> io::Result<Source> {
        self.0.register(fd).into_result().map(Source).map_err(io::Error::from_raw_os_error)
    }
}

impl Report for HostRef {
    fn report(&self, text: &str) {
        self.log(Level::Error, text);
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(task)
    }
}

impl Source {
    /// Only after the socket has said EAGAIN.
    pub(crate) fn poll_ready(&self, task: &mut Context<'_>, interest: Interest) -> Ready {
        let interest = interest_to_abi(interest);
        ready_from_abi(task.with_ffi_context(|task| self.0.poll_ready(task, interest)))
    }
}

// The trait object is not `Unpin` by itself, but nothing here is ever pinned inside it.
impl Unpin for Source {}
