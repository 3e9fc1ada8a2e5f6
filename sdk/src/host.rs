//! For hosts of plugins: what an image offers, and instances of it, in plain Rust.
//!
//! A host finds plugins with [`linked`] and, behind the feature `host`, in a `Library`; it makes instances through [`Declared`] and gives them a
//! [`HostSide`]. Built-in plugins pass the same boundary as loaded ones. No panic of a plugin comes
//! out of here: it is a [`FaultKind::Panicked`](crate::FaultKind::Panicked), or a line through
//! [`HostSide::log`] where nobody waits for an outcome.
#![allow(unsafe_code)] // a host watches sockets that it does not own

use std::future::Future;
use std::io;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::task::Context;
use std::time::{Duration, Instant};

pub use crate::abi::convert::one_line;
#[doc(inline)]
pub use crate::abi::host_side::{
    BlockingProbeObject, Declared, Kind, LoadObject, ProbeCall, ProbeObject, Receive, SinkObject,
    TransportObject, linked,
};
#[cfg(feature = "host")]
#[doc(inline)]
pub use crate::abi::host_side::{Library, LibraryError};
#[cfg(feature = "host")]
#[doc(inline)]
pub use crate::abi::manifest::Manifest;
pub use crate::path::table_with_folder;

/// A host, as its plugins use it. A panic in it is caught and logged.
pub trait HostSide: Send + Sync + 'static {
    /// Watches the socket `fd` for reading and writing. Called once per socket, on the thread that
    /// polls the plugin's future.
    ///
    /// # Errors
    /// Why the reactor does not take it.
    ///
    /// # Safety
    /// `fd` is open, and stays so until what is returned has been dropped.
    unsafe fn register(&self, fd: RawFd) -> io::Result<Box<dyn Readiness>>;

    /// Ends once `after` has passed.
    fn timer(&self, after: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// The monotonic clock by which the plugins measure and their time runs out. The timers are to
    /// go by it, too. Asked often.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// A line of the plugin's.
    fn log(&self, level: Level, text: &str);
}

/// One watched socket.
pub trait Readiness: Send + Sync + 'static {
    /// The plugin has just seen EAGAIN. With [`Ready::Pending`] the waker is kept and woken at the
    /// next event for `interest`.
    ///
    /// An event between the EAGAIN and this call must not be lost: forget what was known before,
    /// once, and look again; where the socket is still ready (closed for good), it is
    /// [`Ready::TryAgain`].
    fn poll_ready(&self, task: &mut Context<'_>, interest: Interest) -> Ready;
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interest {
    /// Data, or the end of it.
    Read,
    /// Room to send, or the outcome of a connect.
    Write,
}

/// A reactor's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ready {
    /// Not ready; the waker is kept.
    Pending,
    /// Ready, or may be.
    TryAgain,
    /// The reactor no longer runs.
    Gone,
}

/// How much a line in the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something is broken.
    Error,
    /// An operator should see it.
    Warn,
    /// As it goes.
    Info,
    /// For who looks for a mistake.
    Debug,
}
