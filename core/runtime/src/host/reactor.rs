//! What the host does for its plugins: watches sockets, wakes at times, writes logs.
#![allow(unsafe_code)] // registers sockets that the plugin owns

use std::future::Future;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rais_sdk::host::{HostSide, Interest, Level, Readiness, Ready, one_line};
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tracing::{debug, error, info, warn};

use super::complaint::Complaints;

/// The host as one plugin sees it.
pub(super) struct Side {
    plugin: String,
    runtime: Handle,
    sockets: Sockets,
    complaints: Option<Arc<Complaints>>,
    /// Which of the plugin's transports it is for.
    transport: Option<String>,
}

/// Whether a plugin's futures run where its sockets are watched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sockets {
    Watched,
    /// [`Source`] is free of races on a lane only, where no event is collected while a future runs.
    Refused,
}

struct Source(AsyncFd<BorrowedFd<'static>>);

impl Side {
    /// For a plugin whose futures run on the lane of `runtime`.
    pub(super) fn on_lane(plugin: &str, runtime: Handle) -> Side {
        Side::with(plugin, runtime, Sockets::Watched)
    }

    /// For a plugin that blocks, or has threads of its own.
    pub(super) fn with_timers(plugin: &str, runtime: Handle) -> Side {
        Side::with(plugin, runtime, Sockets::Refused)
    }

    fn with(plugin: &str, runtime: Handle, sockets: Sockets) -> Side {
        Side { plugin: plugin.to_owned(), runtime, sockets, complaints: None, transport: None }
    }

    /// For that one of the plugin's transports, if it is for one.
    pub(super) fn of_transport(self, transport: Option<&str>) -> Side {
        Side { transport: transport.map(str::to_owned), ..self }
    }

    /// What the plugin logs is heard there, too.
    pub(super) fn heard_by(self, complaints: Arc<Complaints>) -> Side {
        Side { complaints: Some(complaints), ..self }
    }
}

impl HostSide for Side {
    unsafe fn register(&self, fd: RawFd) -> io::Result<Box<dyn Readiness>> {
        if self.sockets == Sockets::Refused {
            return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
        }
        // SAFETY: the caller's: it stays open for as long as what is returned here lives.
        let socket = unsafe { BorrowedFd::borrow_raw(fd) };
        let _entered = self.runtime.enter();
        // SAFETY: a `BorrowedFd` gives the same descriptor at every call, and it stays open for as
        // long as the registration lives, as above.
        let registered = unsafe { AsyncFd::register(socket) }?;
        Ok(Box::new(Source(registered)))
    }

    fn timer(&self, after: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let _entered = self.runtime.enter();
        Box::pin(tokio::time::sleep(after))
    }

    fn log(&self, level: Level, text: &str) {
        if let Some(complaints) = &self.complaints {
            complaints.hear(level, text);
        }
        let (plugin, text) = (self.plugin.as_str(), one_line(text.to_owned()));
        let transport = self.transport.as_deref();
        match level {
            Level::Error => error!(target: "plugin", plugin, transport, "{text}"),
            Level::Warn => warn!(target: "plugin", plugin, transport, "{text}"),
            Level::Info => info!(target: "plugin", plugin, transport, "{text}"),
            Level::Debug => debug!(target: "plugin", plugin, transport, "{text}"),
        }
    }
}

impl Readiness for Source {
    fn poll_ready(&self, task: &mut Context<'_>, interest: Interest) -> Ready {
        // The plugin has just seen EAGAIN, so what is known is stale, but for what came since the
        // reactor last looked. On a lane nothing came: the reactor looks between polls only. So it
        // is forgotten, once. Still ready then means closed for good, which is never forgotten.
        for look in [Look::Stale, Look::Fresh] {
            let ready = match interest {
                Interest::Read => self.0.poll_read_ready(task),
                Interest::Write => self.0.poll_write_ready(task),
            };
            match (ready, look) {
                (Poll::Pending, _) => return Ready::Pending,
                (Poll::Ready(Err(_)), _) => return Ready::Gone,
                (Poll::Ready(Ok(mut guard)), Look::Stale) => guard.clear_ready(),
                (Poll::Ready(Ok(_)), Look::Fresh) => return Ready::TryAgain,
            }
        }
        Ready::TryAgain
    }
}

#[derive(Clone, Copy)]
enum Look {
    Stale,
    Fresh,
}
