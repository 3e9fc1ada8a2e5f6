//! The host as an object that its plugins call.
#![allow(unsafe_code)] // hands the plugin's sockets on to the host

use std::sync::Arc;
use std::time::{Duration, Instant};

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RErr, ROk, RResult, RStr};
use async_ffi::{FfiContext, FfiFuture, FutureExt};

use crate::abi::convert::{interest_from_abi, level_from_abi, ready_to_abi};
use crate::abi::guard::{Guarded, GuardedFuture, Report, catch, catch_report};
use crate::host::{HostSide, Level, Readiness, Ready};
use rais_abi::{HostBox, HostObj, HostObj_TO, SourceBox, SourceObj, SourceObj_TO};

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
        // SAFETY: a plugin holds what it is given here together with the socket, and drops it
        // before it closes that: the contract of the boundary, kept by the types of `net`.
        match catch_report(voice, "register", || unsafe { self.0.register(fd) }) {
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

    fn now_ns(&self) -> u64 {
        let now = catch_report(self.0.report(), "now", || self.0.now());
        clock::to_abi(now.unwrap_or_else(Instant::now))
    }

    fn log(&self, level: u32, text: RStr<'_>) {
        let _ = catch(|| self.0.log(level_from_abi(level), text.as_str()));
    }

    #[cfg(feature = "abi-next")]
    fn next(&self) -> u32 {
        43
    }
}

/// The host's clock as a number.
mod clock {
    use std::sync::OnceLock;
    use std::time::Instant;

    use crate::abi::convert::nanos;

    /// Of the moment at which the clock was first read, so that one before it has a number, too.
    const FIRST: u64 = 1 << 62;

    pub(super) fn to_abi(now: Instant) -> u64 {
        static READ: OnceLock<Instant> = OnceLock::new();
        let first = *READ.get_or_init(|| now);
        match now.checked_duration_since(first) {
            Some(after) => FIRST.saturating_add(nanos(after)),
            None => FIRST.saturating_sub(nanos(first.duration_since(now))),
        }
    }
}

impl SourceObj for SourceAdapter {
    fn poll_ready(&self, task: &mut FfiContext<'_>, interest: u32) -> u32 {
        let interest = interest_from_abi(interest);
        let ready = catch_report(self.0.report(), "poll_ready", || {
            task.with_context(|task| self.0.poll_ready(task, interest))
        });
        ready_to_abi(ready.unwrap_or(Ready::Gone))
    }
}
