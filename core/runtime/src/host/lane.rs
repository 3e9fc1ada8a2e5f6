//! A thread and a reactor for one plugin's futures: one that blocks stops its own lane alone.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tracing::{info, warn};

use super::state::PluginState;
use super::watch::{Patience, Watched};

/// One plugin's thread. Dropped, it ends as soon as the plugin lets it; nobody waits.
pub(super) struct Lane {
    plugin: String,
    handle: Handle,
    calls: Arc<AtomicUsize>,
    pulse: Mutex<Pulse>,
    _until_dropped: oneshot::Sender<Infallible>,
}

/// A future on a lane; dropping this drops it, there.
pub(super) struct Running(AbortHandle);

/// Whether the lane still moves: it is asked now and then, while it has work.
enum Pulse {
    Quiet,
    Asked { since: Instant, answered: Arc<AtomicBool>, said: Said },
}

/// Whether a stuck lane was reported.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    NotYet,
    Stuck,
}

/// Counts a call for as long as it runs.
pub(super) struct Counted(Arc<AtomicUsize>);

impl Lane {
    /// The lane of the probe `plugin`.
    ///
    /// # Errors
    /// No thread or reactor to be had.
    pub(super) fn start(plugin: &str) -> io::Result<Arc<Lane>> {
        Lane::named(plugin, &format!("probe-{plugin}"))
    }

    pub(super) fn named(plugin: &str, thread: &str) -> io::Result<Arc<Lane>> {
        // One thread: that no event is collected while a future runs is what makes `Source` sound.
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let handle = runtime.handle().clone();
        let (until_dropped, dropped) = oneshot::channel::<Infallible>();
        thread::Builder::new().name(thread.to_owned()).spawn(move || {
            // Only the drop of the other end can end this.
            let _ = runtime.block_on(dropped);
        })?;
        Ok(Arc::new(Lane {
            plugin: plugin.to_owned(),
            handle,
            calls: Arc::default(),
            pulse: Mutex::new(Pulse::Quiet),
            _until_dropped: until_dropped,
        }))
    }

    pub(super) fn plugin(&self) -> &str {
        &self.plugin
    }

    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs the future that `call` makes, here; it holds what it is given as long as it runs.
    pub(super) fn run<F>(&self, call: impl FnOnce(Counted) -> F) -> Running
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let call = call(Counted(Arc::clone(&self.calls)));
        // Without its handle a finished task's memory is given back at once.
        Running(self.handle.spawn(call).abort_handle())
    }

    /// What it does now, as the last look found it.
    pub(super) fn state(&self) -> PluginState {
        let calls = self.calls.load(Ordering::Relaxed);
        match &*self.pulse.lock().unwrap_or_else(PoisonError::into_inner) {
            Pulse::Asked { said: Said::Stuck, answered, .. }
                if !answered.load(Ordering::Acquire) =>
            {
                PluginState::Stuck { calls }
            }
            _ => PluginState::Ready { calls },
        }
    }

    fn ask(&self) -> Arc<AtomicBool> {
        let answered = Arc::new(AtomicBool::new(false));
        let answer = Arc::clone(&answered);
        self.handle.spawn(async move { answer.store(true, Ordering::Release) });
        answered
    }
}

impl Watched for Lane {
    fn look(&self, now: Instant, patience: Patience) {
        let plugin = self.plugin.as_str();
        let calls = self.calls.load(Ordering::Relaxed);
        let mut pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        if let Pulse::Asked { since, answered, said } = &mut *pulse {
            let waited = now.saturating_duration_since(*since);
            if !answered.load(Ordering::Acquire) {
                if *said == Said::NotYet && waited >= patience.stuck {
                    *said = Said::Stuck;
                    warn!(target: "plugin", plugin, calls, "stuck: it blocks its thread, and its probes do not end; others go on");
                }
                return;
            }
            if *said == Said::Stuck {
                info!(target: "plugin", plugin, "no longer stuck");
            }
        }
        *pulse = if calls == 0 {
            Pulse::Quiet
        } else {
            Pulse::Asked { since: now, answered: self.ask(), said: Said::NotYet }
        };
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
