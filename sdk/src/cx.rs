//! What a probe is given beside its target.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::Fault;
use crate::abi::plugin_side::{HostRef, Timer};
use crate::host::Level;
use crate::net::Net;

/// One probe's time, sockets and voice.
pub struct Cx {
    net: Net,
    started: Instant,
    timeout: Duration,
    phase: Mutex<&'static str>,
}

/// Beyond any configuration, and far from the end of the clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

impl Cx {
    pub(crate) fn new(host: HostRef, timeout_ns: u64) -> Self {
        Self {
            net: Net::new(host),
            started: Instant::now(),
            timeout: Duration::from_nanos(timeout_ns).min(LONGEST),
            phase: Mutex::new(""),
        }
    }

    /// The monotonic clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// Since the probe began; what [`Up::took`](crate::Up::took) asks for.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// When the probe ends by itself, as a timeout.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.started + self.timeout
    }

    /// Time until the deadline; zero after it.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.elapsed())
    }

    /// Sockets over the host's reactor.
    #[must_use]
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// A line in the host's log.
    pub fn log(&self, text: &str) {
        self.net.host().log(Level::Info, text);
    }

    /// Says what the probe is about to do: `"connecting"`. A timeout names the last phase.
    pub fn phase(&self, name: &'static str) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }

    /// Returns after `duration`, without holding a thread.
    pub async fn sleep(&self, duration: Duration) {
        let until = self.now() + duration.min(LONGEST);
        loop {
            let left = until.saturating_duration_since(self.now());
            if left.is_zero() {
                return;
            }
            self.net.host().timer(left).await;
        }
    }

    pub(crate) fn timed_out(&self) -> Fault {
        let phase = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        Fault::timeout(phase, format_args!("no answer within {:?}", self.timeout))
    }

    /// Ready with the fault once the deadline has passed. `timer` is made at the first call.
    pub(crate) fn poll_deadline(
        &self,
        task: &mut Context<'_>,
        timer: &mut Option<Timer>,
    ) -> Poll<Fault> {
        let left = self.left();
        if left.is_zero() {
            return Poll::Ready(self.timed_out());
        }
        let running = timer.get_or_insert_with(|| self.net.host().timer(left));
        if Pin::new(running).poll(task).is_ready() {
            // Early: the clocks of the two sides need not agree to the nanosecond.
            *timer = None;
            task.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl std::fmt::Debug for Cx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cx").field("left", &self.left()).finish_non_exhaustive()
    }
}
