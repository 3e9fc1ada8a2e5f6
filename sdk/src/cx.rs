//! What a probe is given beside its target.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::abi::plugin_side::{HostRef, Timer};
use crate::host::Level;
use crate::net::Net;
use crate::{Fault, Up};

/// One probe's time, sockets and voice. Its time is the host's, which in a test need not be the
/// real one.
pub struct Cx {
    net: Net,
    /// On the host's clock.
    started_ns: u64,
    /// The same moment as an `Instant`, for those who ask for one.
    started: OnceLock<Instant>,
    timeout: Duration,
    phase: Mutex<&'static str>,
}

/// So late a busy machine may be at any time.
const PUNCTUAL: Duration = Duration::from_millis(50);

/// Beyond any configuration, and far from the end of the clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

impl Cx {
    pub(crate) fn new(host: HostRef, timeout_ns: u64) -> Self {
        Self {
            started_ns: host.now_ns(),
            started: OnceLock::new(),
            net: Net::new(host),
            timeout: Duration::from_nanos(timeout_ns).min(LONGEST),
            phase: Mutex::new(""),
        }
    }

    /// The host's monotonic clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        let elapsed = self.elapsed();
        self.started_before(elapsed) + elapsed
    }

    /// Since the probe began; what [`Up::took`](crate::Up::took) asks for.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.net.host().now_ns().saturating_sub(self.started_ns))
    }

    /// When the probe ends by itself, as a timeout; to be compared with [`now`](Self::now).
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.started_before(self.elapsed()) + self.timeout
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

    /// What ABI 1.1 would add.
    #[cfg(feature = "abi-next")]
    #[doc(hidden)]
    #[must_use]
    pub fn next(&self) -> u32 {
        self.net.host().next()
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
        let until = self.elapsed().saturating_add(duration);
        loop {
            let left = until.saturating_sub(self.elapsed());
            if left.is_zero() {
                return;
            }
            self.net.host().timer(left.min(LONGEST)).await;
        }
    }

    /// The first answer counts: a clock that stands still in a test gives the same moment, too.
    fn started_before(&self, elapsed: Duration) -> Instant {
        *self.started.get_or_init(|| {
            let now = Instant::now();
            now.checked_sub(elapsed).unwrap_or(now)
        })
    }

    /// Good news that comes late is none.
    pub(crate) fn in_time(&self, up: Up) -> Result<Up, Fault> {
        if up.took > self.timeout || self.left().is_zero() { Err(self.timed_out()) } else { Ok(up) }
    }

    pub(crate) fn timed_out(&self) -> Fault {
        let phase = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        Fault::late(phase, self.timeout)
    }

    /// That the deadline has passed, in a future that waits for it. One that hears of it much later
    /// was kept from its turn by this host, and may have been kept from its answer too: then
    /// nothing is known of the target.
    pub(crate) fn ended(&self) -> Fault {
        let late = self.elapsed().saturating_sub(self.timeout);
        if late <= (self.timeout / 2).max(PUNCTUAL) {
            return self.timed_out();
        }
        Fault::unknown(format_args!("this host was {} ms late to look", late.as_millis()))
    }

    /// Ready with the fault once the deadline has passed. `timer` is made at the first call.
    pub(crate) fn poll_deadline(
        &self,
        task: &mut Context<'_>,
        timer: &mut Option<Timer>,
    ) -> Poll<Fault> {
        let left = self.left();
        if left.is_zero() {
            return Poll::Ready(self.ended());
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
