//! What a host does for its plugins.

use std::future::Future;
use std::io;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RErr, ROk, RResult, RStr};
use async_ffi::{FfiContext, FfiFuture, FutureExt};

use crate::abi::guard::{Guarded, GuardedFuture, Report, catch, catch_report};
use crate::abi::{HostBox, HostObj, HostObj_TO, SourceBox, SourceObj, SourceObj_TO};

/// A host, as its plugins use it. A panic in it is caught and logged.
pub trait HostSide: Send + Sync + 'static {
    /// Watches the socket `fd` for reading and writing. Called once per socket, on the thread that
    /// polls the plugin's future; what is returned is dropped before `fd` is closed.
    ///
    /// # Errors
    /// Why the reactor does not take it.
    fn register(&self, fd: RawFd) -> io::Result<Box<dyn Readiness>>;

    /// Ends once `after` has passed.
    fn timer(&self, after: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

impl Interest {
    pub(crate) fn to_abi(self) -> u32 {
        match self {
            Self::Read => 1,
            Self::Write => 2,
        }
    }

    /// A newer plugin's interest is unknown here; waiting for room ends soonest.
    fn from_abi(interest: u32) -> Self {
        match interest {
            1 => Self::Read,
            _ => Self::Write,
        }
    }
}

impl Ready {
    fn to_abi(self) -> u32 {
        match self {
            Self::Pending => 0,
            Self::TryAgain => 1,
            Self::Gone => 2,
        }
    }

    pub(crate) fn from_abi(ready: u32) -> Self {
        match ready {
            0 => Self::Pending,
            1 => Self::TryAgain,
            _ => Self::Gone,
        }
    }
}

impl Level {
    pub(crate) fn to_abi(self) -> u32 {
        match self {
            Self::Error => 1,
            Self::Warn => 2,
            Self::Info => 3,
            Self::Debug => 4,
        }
    }

    fn from_abi(level: u32) -> Self {
        match level {
            1 => Self::Error,
            2 => Self::Warn,
            4 => Self::Debug,
            _ => Self::Info,
        }
    }
}

/// The host as an object that crosses the boundary.
pub(crate) fn host_box(host: Arc<dyn HostSide>) -> HostBox {
    let guarded = Guarded::new(Voice(Arc::clone(&host)), host);
    HostObj_TO::from_value(HostAdapter(Arc::new(guarded)), TD_Opaque)
}

#[derive(Clone)]
struct HostAdapter(Arc<Guarded<Arc<dyn HostSide>, Voice>>);

struct SourceAdapter(Guarded<Box<dyn Readiness>, Voice>);

/// The host's own log, for its own panics.
#[derive(Clone)]
pub(crate) struct Voice(pub(crate) Arc<dyn HostSide>);

impl Report for Voice {
    fn report(&self, text: &str) {
        // Where even that panics, nobody is left to be told.
        let _ = catch(|| self.0.log(Level::Error, text));
    }
}

impl HostObj for HostAdapter {
    fn register(&self, fd: i32) -> RResult<SourceBox, i32> {
        let voice = self.0.report();
        match catch_report(voice, "register", || self.0.register(fd)) {
            Some(Ok(source)) => {
                let source = SourceAdapter(Guarded::new(voice.clone(), source));
                ROk(SourceObj_TO::from_value(source, TD_Opaque))
            }
            Some(Err(e)) => RErr(e.raw_os_error().unwrap_or(libc::EIO)),
            None => RErr(libc::EIO),
        }
    }

    fn timer(&self, after_ns: u64) -> FfiFuture<()> {
        let voice = self.0.report();
        let after = Duration::from_nanos(after_ns);
        let timer = catch_report(voice, "timer", || self.0.timer(after));
        let timer = async {
            if let Some(timer) = timer {
                timer.await;
            }
        };
        GuardedFuture::new(voice.clone(), timer, |_| ()).into_ffi()
    }

    fn log(&self, level: u32, text: RStr<'_>) {
        let _ = catch(|| self.0.log(Level::from_abi(level), text.as_str()));
    }
}

impl SourceObj for SourceAdapter {
    fn poll_ready(&self, task: &mut FfiContext<'_>, interest: u32) -> u32 {
        let interest = Interest::from_abi(interest);
        catch_report(self.0.report(), "poll_ready", || {
            task.with_context(|task| self.0.poll_ready(task, interest))
        })
        .unwrap_or(Ready::Gone)
        .to_abi()
    }
}
