//! The servers that a bench plays.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use super::serving::Serving;

/// The servers of a bench.
#[derive(Default)]
pub(super) struct Scripts(Mutex<Playing>);

/// A server's place among them; given up when dropped.
#[derive(Debug)]
pub(super) struct Place {
    scripts: Arc<Scripts>,
    number: u64,
}

#[derive(Default)]
struct Playing {
    last: u64,
    all: Vec<(u64, Serving)>,
    /// Those that went while they were being polled.
    ended: Vec<u64>,
}

impl Scripts {
    pub(super) fn begin(self: &Arc<Self>, serving: Serving) -> Place {
        let mut playing = self.playing();
        playing.last += 1;
        let number = playing.last;
        playing.all.push((number, serving));
        Place { scripts: Arc::clone(self), number }
    }

    /// Each goes on as far as it can. Not under the lock: what is polled may end a server.
    pub(super) fn play(&self, task: &mut Context<'_>) {
        let mut all = std::mem::take(&mut self.playing().all);
        all.retain_mut(|(_, serving)| serving.as_mut().poll(task).is_pending());
        let mut playing = self.playing();
        let ended = std::mem::take(&mut playing.ended);
        all.retain(|(number, _)| !ended.contains(number));
        playing.all.append(&mut all);
    }

    fn end(&self, number: u64) {
        let mut playing = self.playing();
        let before = playing.all.len();
        playing.all.retain(|(other, _)| *other != number);
        if playing.all.len() == before {
            playing.ended.push(number);
        }
    }

    fn playing(&self) -> MutexGuard<'_, Playing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Scripts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripts")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.scripts.end(self.number);
    }
}
