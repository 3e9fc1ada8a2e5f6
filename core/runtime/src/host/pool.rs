//! A few threads for one plugin's blocking calls.
//!
//! Each plugin has its own, so that one whose calls hang uses up its own threads alone. They start
//! on demand and end when idle.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::gettid;
use rais_sdk::Fault;
use rustix::process::{Pid, setpriority_process};
use tokio::sync::oneshot::{self, error::RecvError};
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
    counts: Counts,
}

/// From when on a call has its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// From when it was asked for: who asks counts on an answer.
    FromAsking,
    /// From when a thread began it; another limit before that it may wait for one. Many calls of a
    /// slow server then come to what they come to, however long the queue.
    FromBegin,
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
    next_ticket: u64,
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
    ticket: u64,
    limit: Duration,
    /// Told the call's number when it begins.
    run: Box<dyn FnOnce(u64) + Send>,
}

/// A job's place in the queue, given up with this: what nobody waits for holds nothing that the next
/// call needs.
struct Place {
    shared: Arc<Shared>,
    ticket: u64,
    unawaited: Unawaited,
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
    pub(super) const CALLS: Size = Size { threads: 16, waiting: 1024, counts: Counts::FromAsking };
    /// For one sink: a call for each of its zones may hang, and all of them may wait.
    pub(super) const ZONES: Size =
        Size { threads: 64, waiting: 100_000, counts: Counts::FromBegin };
    /// For blocking probes.
    pub(super) const PROBES: Size =
        Size { threads: 64, waiting: 10_000, counts: Counts::FromAsking };
    /// For a transport: its calls are one after the other.
    pub(super) const ONE: Size = Size { threads: 1, waiting: 1024, counts: Counts::FromAsking };
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

    /// Has `work` run, which should return within `limit`, from now or from its begin as the [`Size`]
    /// says.
    ///
    /// The answer is [`Busy`](rais_sdk::FaultKind::Busy) where too many wait or no thread came free
    /// within `limit`: `work` has not begun then. Where it has not returned the grace after its
    /// `limit`, it is [`Timeout`](rais_sdk::FaultKind::Timeout), or for a probe
    /// [`Unknown`](rais_sdk::FaultKind::Unknown): it then keeps its thread, and its outcome is lost.
    pub(super) fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        unawaited: Unawaited,
        work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Answer<T> {
        let (done, mut outcome) = oneshot::channel();
        let (begin, mut begun) = oneshot::channel();
        let run = Box::new(move |number| {
            if unawaited == Unawaited::Skip && done.is_closed() {
                return;
            }
            // Who has stopped waiting need not hear.
            let _ = begin.send(number);
            let _ = done.send(work());
        });
        let asked = tokio::time::Instant::now();
        let shared = Arc::clone(&self.shared);
        let place = self.add(limit, run).map(|ticket| Place { shared, ticket, unawaited });
        Box::pin(async move {
            let place = place?;
            let shared = &place.shared;
            let left = |limit: Duration, since: tokio::time::Instant| {
                limit.saturating_sub(since.elapsed())
            };
            let (number, since) = match shared.size.counts {
                Counts::FromAsking => {
                    if let Ok(ended) = timeout(left(limit, asked), &mut outcome).await {
                        return place.answered(ended);
                    }
                    // Looked at now: waking who waits for the outcome would wake it twice.
                    (begun.try_recv().ok(), asked)
                }
                Counts::FromBegin => {
                    let number = timeout(left(limit, asked), &mut begun).await;
                    (number.ok().and_then(Result::ok), tokio::time::Instant::now())
                }
            };
            if number.is_none() && place.is_waiting() {
                return Err(shared.busy());
            }
            let limit_and_grace = limit.saturating_add(shared.grace);
            match timeout(left(limit_and_grace, since), outcome).await {
                Ok(ended) => place.answered(ended),
                Err(_) => {
                    if let Some(number) = number.or_else(|| begun.try_recv().ok()) {
                        shared.set_back(number);
                    }
                    Err(shared.late(limit))
                }
            }
        })
    }

    /// What it does now, as the last look found it.
    pub(super) fn state(&self) -> PluginState {
        let work = self.shared.work();
        let calls = work.running.len() + work.waiting.len();
        if work.overdue > 0 { PluginState::Stuck { calls } } else { PluginState::Ready { calls } }
    }

    /// Has a job wait for a thread; its ticket.
    fn add(&self, limit: Duration, run: Box<dyn FnOnce(u64) + Send>) -> Result<u64, Fault> {
        let mut work = self.shared.work();
        if work.waiting.len() >= self.shared.size.waiting {
            drop(work);
            return Err(self.shared.busy());
        }
        let ticket = work.next_ticket;
        work.next_ticket += 1;
        work.waiting.push_back(Job { ticket, limit, run });
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
        Ok(ticket)
    }
}

impl Place {
    /// Whether its job waits for a thread.
    fn is_waiting(&self) -> bool {
        self.shared.work().waiting.iter().any(|job| job.ticket == self.ticket)
    }

    /// What its job came to.
    fn answered<T>(mut self, ended: Result<Result<T, Fault>, RecvError>) -> Result<T, Fault> {
        // It waits no more, and need not be looked for.
        self.unawaited = Unawaited::Run;
        ended.unwrap_or_else(|_| Err(Fault::unknown("the call was abandoned")))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.unawaited == Unawaited::Run {
            return;
        }
        let mut work = self.shared.work();
        let at = work.waiting.iter().position(|job| job.ticket == self.ticket);
        let skipped = at.and_then(|at| work.waiting.remove(at));
        drop(work);
        // What it holds may be foreign code's, and somebody may wait for it.
        drop(skipped);
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
