//! A few threads for one plugin's blocking calls.
//!
//! Each plugin has its own, so that one whose calls hang uses up its own threads alone. They start
//! on demand and end when idle.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::gettid;
use rais_sdk::Fault;
use rustix::process::{Pid, setpriority_process};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{info, warn};

use super::port::Answer;
use super::state::PluginState;
use super::watch::{Patience, Watched};
use crate::config::Kind;

/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(10);
/// The niceness of a thread whose call is due and does not return: should it spin, it is to have the
/// time that nobody else wants.
const NICEST: i32 = 19;

/// How much a plugin may do at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    threads: usize,
    waiting: usize,
}

/// One plugin's threads. Dropped, they end as soon as the plugin lets them; nobody waits.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    kind: Kind,
    plugin: String,
    size: Size,
    grace: Duration,
    work: Mutex<Work>,
    wake: Condvar,
}

/// What becomes of work that was not begun when its answer is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unawaited {
    Skip,
    Run,
}

#[derive(Default)]
struct Work {
    waiting: VecDeque<Job>,
    running: BTreeMap<u64, Call>,
    next: u64,
    threads: usize,
    idle: usize,
    overdue: usize,
    ending: Ending,
}

#[derive(Default, PartialEq, Eq)]
enum Ending {
    #[default]
    Never,
    Now,
}

struct Job {
    limit: Duration,
    /// Told the call's number when it begins.
    run: Box<dyn FnOnce(u64) + Send>,
}

/// A call that a thread is in.
struct Call {
    limit: Duration,
    /// The watch's first look at it: this saves reading a clock at every call.
    seen: Option<Instant>,
    due: Due,
    /// That it runs on.
    thread: Option<Pid>,
    pace: Pace,
}

/// How the thread of a call stands to others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Usual,
    /// It gives way to all.
    SetBack,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    Yet,
    Over,
}

impl Size {
    /// For loads.
    pub(super) const CALLS: Size = Size { threads: 16, waiting: 1024 };
    /// For one sink: a call for each of its zones may hang, and all of them may wait.
    pub(super) const ZONES: Size = Size { threads: 64, waiting: 100_000 };
    /// For blocking probes.
    pub(super) const PROBES: Size = Size { threads: 64, waiting: 10_000 };
    /// For a transport: its calls are one after the other.
    pub(super) const ONE: Size = Size { threads: 1, waiting: 1024 };
}

impl Pool {
    /// A call that is due is given `grace` before its answer is that it is late.
    pub(super) fn new(kind: Kind, plugin: &str, size: Size, grace: Duration) -> Pool {
        let shared = Shared {
            kind,
            plugin: plugin.to_owned(),
            size,
            grace,
            work: Mutex::default(),
            wake: Condvar::new(),
        };
        Pool { shared: Arc::new(shared) }
    }

    pub(super) fn plugin(&self) -> &str {
        &self.shared.plugin
    }

    /// Has `work` run, which should return within `limit` of its start.
    ///
    /// The answer is [`Busy`](rais_sdk::FaultKind::Busy) where too many wait or no thread came free
    /// within `limit`. Where `work` has not returned the grace after `limit` from now, it is
    /// [`Timeout`](rais_sdk::FaultKind::Timeout), or for a probe
    /// [`Unknown`](rais_sdk::FaultKind::Unknown): it then keeps its thread, and its outcome is lost.
    pub(super) fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        unawaited: Unawaited,
        work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Answer<T> {
        let (done, mut outcome) = oneshot::channel();
        let number = Arc::new(OnceLock::new());
        let begun = Arc::clone(&number);
        let run = Box::new(move |number| {
            if unawaited == Unawaited::Skip && done.is_closed() {
                return;
            }
            // Looked at when the time is over: waking who waits for the outcome would wake it twice.
            let _ = begun.set(number);
            // Who has stopped waiting need not hear.
            let _ = done.send(work());
        });
        let asked = tokio::time::Instant::now();
        let added = self.add(Job { limit, run });
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            added?;
            // What waited for a thread has the less time left.
            let left = |limit: Duration| limit.saturating_sub(asked.elapsed());
            let ended = match timeout(left(limit), &mut outcome).await {
                Ok(ended) => ended,
                Err(_) => {
                    let Some(&number) = number.get() else { return Err(shared.busy()) };
                    match timeout(left(limit.saturating_add(shared.grace)), outcome).await {
                        Ok(ended) => ended,
                        Err(_) => {
                            shared.set_back(number);
                            return Err(shared.late(limit));
                        }
                    }
                }
            };
            ended.unwrap_or_else(|_| Err(Fault::unknown("the call was abandoned")))
        })
    }

    /// What it does now, as the last look found it.
    pub(super) fn state(&self) -> PluginState {
        let work = self.shared.work();
        let calls = work.running.len() + work.waiting.len();
        if work.overdue > 0 { PluginState::Stuck { calls } } else { PluginState::Ready { calls } }
    }

    fn add(&self, job: Job) -> Result<(), Fault> {
        let mut work = self.shared.work();
        if work.waiting.len() >= self.shared.size.waiting {
            drop(work);
            return Err(self.shared.busy());
        }
        work.waiting.push_back(job);
        if work.idle < work.waiting.len()
            && work.threads < self.shared.size.threads
            && let Err(error) = Shared::hire(&self.shared, &mut work)
        {
            // A thread that is there will come to it.
            if work.threads == 0 {
                work.waiting.pop_back();
                let plugin = &self.shared.plugin;
                return Err(Fault::io(format!("no thread for the plugin `{plugin}`: {error}")));
            }
        }
        drop(work);
        self.shared.wake.notify_one();
        Ok(())
    }
}

impl Shared {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hire(shared: &Arc<Shared>, work: &mut Work) -> io::Result<()> {
        let name = format!("{}-{}", shared.kind, shared.plugin);
        let thread = Arc::clone(shared);
        thread::Builder::new().name(name).spawn(move || Shared::serve(&thread))?;
        work.threads += 1;
        Ok(())
    }

    /// Has the thread of a call that is late give way to everybody else.
    fn set_back(&self, number: u64) {
        let mut work = self.work();
        // The lock keeps the call from ending meanwhile, and its thread with it.
        if let Some(call) = work.running.get_mut(&number) {
            call.pace = Pace::SetBack;
            if call.thread.is_some() {
                // Without it others suffer, if it spins.
                let _ = setpriority_process(call.thread, NICEST);
            }
        }
    }

    fn busy(&self) -> Fault {
        let (running, waiting) = {
            let work = self.work();
            (work.running.len(), work.waiting.len())
        };
        Fault::busy(format!(
            "no thread is free for the {} `{}`: {running} of its calls have not returned, {waiting} wait",
            self.kind, self.plugin
        ))
    }

    /// Of a call that has not returned.
    fn late(&self, limit: Duration) -> Fault {
        let text = format!("the {} `{}` has not returned within {limit:?}", self.kind, self.plugin);
        match self.kind {
            // A timeout would be its target's.
            Kind::Probe => Fault::unknown(text),
            _ => Fault::timeout("", text),
        }
    }

    /// A thread's life.
    fn serve(shared: &Arc<Shared>) {
        let thread = Pid::from_raw(gettid().as_raw());
        let mut work = shared.work();
        loop {
            if let Some(job) = work.waiting.pop_front() {
                let number = work.begin(job.limit, thread);
                drop(work);
                // Plugins' panics are caught at their boundary; this keeps the count of threads.
                let _ = catch_unwind(AssertUnwindSafe(|| (job.run)(number)));
                work = shared.work();
                let ended = work.end(number);
                if ended.as_ref().is_some_and(|call| call.due == Due::Over) {
                    shared.say_returned(&work);
                }
                if ended.is_some_and(|call| call.pace == Pace::SetBack) {
                    // Not everybody may become less nice again.
                    break;
                }
                continue;
            }
            if work.ending == Ending::Now {
                break;
            }
            work.idle += 1;
            let (woken, slept) =
                shared.wake.wait_timeout(work, IDLE).unwrap_or_else(PoisonError::into_inner);
            work = woken;
            work.idle -= 1;
            if slept.timed_out() && work.waiting.is_empty() {
                break;
            }
        }
        work.threads -= 1;
        // Where that fails the next call tries again.
        if !work.waiting.is_empty() && work.idle == 0 {
            let _ = Shared::hire(shared, &mut work);
        }
    }

    fn say_returned(&self, work: &Work) {
        if work.overdue == 0 {
            info!(target: "plugin", plugin = self.plugin, "its calls have returned");
        }
    }
}

impl Work {
    fn begin(&mut self, limit: Duration, thread: Option<Pid>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.running
            .insert(number, Call { limit, seen: None, due: Due::Yet, thread, pace: Pace::Usual });
        number
    }

    fn end(&mut self, number: u64) -> Option<Call> {
        let ended = self.running.remove(&number);
        if ended.as_ref().is_some_and(|call| call.due == Due::Over) {
            self.overdue -= 1;
        }
        ended
    }
}

impl Watched for Pool {
    fn look(&self, now: Instant, _: Patience) {
        let mut work = self.shared.work();
        let mut late = 0;
        for call in work.running.values_mut().filter(|call| call.due == Due::Yet) {
            let seen = *call.seen.get_or_insert(now);
            if now.saturating_duration_since(seen) > call.limit.saturating_add(self.shared.grace) {
                call.due = Due::Over;
                late += 1;
            }
        }
        let first = work.overdue == 0 && late > 0;
        work.overdue += late;
        if first {
            let (kind, plugin) = (self.shared.kind.as_str(), self.shared.plugin.as_str());
            warn!(target: "plugin", kind, plugin, "a call has not returned in its time and keeps its thread; others go on");
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.work().ending = Ending::Now;
        self.shared.wake.notify_all();
    }
}

#[cfg(test)]
mod tests;
