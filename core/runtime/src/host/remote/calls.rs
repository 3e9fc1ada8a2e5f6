//! The calls of one life of a plugin's process: who waits for which answer, and until when.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rais_sdk::{Fault, FaultKind};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::line::{Haste, Line};
use super::wire::{self, Call, CallId, InstanceId, Order, Outcome};
use crate::host::GRACE;

/// A call that is not answered so long after its caller gave it up hangs: a machine that is merely
/// busy answers before.
const HANG: Duration = Duration::from_secs(1);

/// What a call has come to, or the plugin's fault.
type Reply = Result<Outcome, wire::Fault>;

/// The host's end of one life.
#[derive(Debug)]
pub(super) struct Calls {
    line: Arc<Line>,
    state: Mutex<State>,
    /// Woken when no call is under way.
    quiet: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<CallId, Waiting>,
    next: CallId,
    /// How this life ended.
    ended: Option<String>,
}

#[derive(Debug)]
struct Waiting {
    reply: oneshot::Sender<Result<Reply, Ended>>,
    /// When its caller gives up.
    due: Instant,
    /// When it was first seen to be unanswered after that.
    late: Option<Instant>,
}

/// The process is gone; how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended(pub(super) String);

/// What becomes of a call whose caller goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unawaited {
    /// It is ended.
    Cancel,
    /// It goes on, and is to be answered: it tells whether the process hangs.
    GoesOn,
    /// It goes on, and hangs alone: it has a thread of its own.
    Forget,
}

/// A call under way.
#[derive(Debug)]
pub(super) struct Asked {
    calls: Arc<Calls>,
    id: CallId,
    due: Instant,
    reply: oneshot::Receiver<Result<Reply, Ended>>,
    unawaited: Unawaited,
}

/// Why there is no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoReply {
    /// Not in time.
    Late,
    Ended(Ended),
}

/// How the calls do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pulse {
    Fine,
    /// Some should have been answered by now.
    Late,
    /// The process is not going to.
    Hung,
}

impl Calls {
    pub(super) fn new(line: Arc<Line>) -> Calls {
        Calls { line, state: Mutex::default(), quiet: Notify::new() }
    }

    /// Asks `instance`, which should answer within `limit`, or what the call makes of it.
    ///
    /// # Errors
    /// It cannot be asked.
    pub(super) fn ask(
        self: &Arc<Self>,
        instance: InstanceId,
        limit: Duration,
        unawaited: Unawaited,
        call: Call,
    ) -> Result<Asked, Fault> {
        let (answer, reply) = oneshot::channel();
        let now = Instant::now();
        // A limit of centuries has no end that can be written.
        let longest = call.longest(limit).saturating_add(GRACE);
        let due = now.checked_add(longest).unwrap_or(now + FOREVER);
        let (id, haste) = {
            let mut state = self.state();
            // The first goes at once; what is asked before it is answered goes together.
            let haste = if state.waiting.is_empty() { Haste::Now } else { Haste::Together };
            let id = state.next;
            state.next += 1;
            match &state.ended {
                Some(how) => drop(answer.send(Err(Ended(how.clone())))),
                None => drop(state.waiting.insert(id, Waiting { reply: answer, due, late: None })),
            }
            (id, haste)
        };
        let order = Order::Call { id, instance, limit, call };
        if let Err(unsent) = self.line.say(&order, haste) {
            self.forget(id);
            return Err(Fault::new(FaultKind::Busy, unsent));
        }
        Ok(Asked { calls: Arc::clone(self), id, due, reply, unawaited })
    }

    /// An answer has come.
    pub(super) fn answered(&self, id: CallId, reply: Reply) {
        // One that was cancelled has none waiting.
        if let Some(waiting) = self.forget(id) {
            let _ = waiting.reply.send(Ok(reply));
        }
    }

    /// How many have not been answered.
    pub(super) fn under_way(&self) -> usize {
        self.state().waiting.len()
    }

    /// When the last of those under way is due; none where none is.
    pub(super) fn last_due(&self) -> Option<Instant> {
        self.state().waiting.values().map(|waiting| waiting.due).max()
    }

    /// Ends when none is under way.
    pub(super) async fn quiet(&self) {
        loop {
            let quiet = self.quiet.notified();
            if self.under_way() == 0 {
                return;
            }
            quiet.await;
        }
    }

    /// Looks after those that should have been answered by `now`.
    ///
    /// One is late from the first look that finds it so: after a pause of the whole machine a
    /// process has the time that it would have had.
    pub(super) fn look(&self, now: Instant) -> Pulse {
        let mut pulse = Pulse::Fine;
        for waiting in self.state().waiting.values_mut().filter(|waiting| waiting.due <= now) {
            let late = *waiting.late.get_or_insert(now);
            if now.saturating_duration_since(late) >= HANG {
                return Pulse::Hung;
            }
            pulse = Pulse::Late;
        }
        pulse
    }

    /// The process has ended, so: nothing is answered any more.
    pub(super) fn end(&self, how: &str) {
        let waiting = {
            let mut state = self.state();
            state.ended = Some(how.to_owned());
            std::mem::take(&mut state.waiting)
        };
        for waiting in waiting.into_values() {
            let _ = waiting.reply.send(Err(Ended(how.to_owned())));
        }
        self.quiet.notify_waiters();
    }

    fn forget(&self, id: CallId) -> Option<Waiting> {
        let mut state = self.state();
        let waiting = state.waiting.remove(&id);
        let quiet = state.waiting.is_empty();
        drop(state);
        if quiet {
            self.quiet.notify_waiters();
        }
        waiting
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Longer than any process lives.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 86_400);

impl Asked {
    /// The reply, at the latest when it is due.
    pub(super) async fn reply(mut self) -> Result<Reply, NoReply> {
        let outcome = timeout_at(self.due, &mut self.reply).await;
        // What is late is not cancelled: whether it ends tells whether the process hangs.
        if self.unawaited == Unawaited::Cancel {
            self.unawaited = Unawaited::GoesOn;
        }
        match outcome {
            Ok(Ok(Ok(reply))) => Ok(reply),
            Ok(Ok(Err(ended))) => Err(NoReply::Ended(ended)),
            // Its other end goes with the life only.
            Ok(Err(_)) => Err(NoReply::Ended(Ended("is gone".into()))),
            Err(_) => Err(NoReply::Late),
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let known = self.unawaited != Unawaited::GoesOn && self.calls.forget(self.id).is_some();
        if known && self.unawaited == Unawaited::Cancel {
            // Where it cannot be told, it is not read either.
            let _ = self.calls.line.say(&Order::Cancel { id: self.id }, Haste::Together);
        }
    }
}

#[cfg(test)]
mod tests;
