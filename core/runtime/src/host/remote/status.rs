//! How it stands with an isolated plugin, for who asks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::calls::Pulse;
use super::keeper::Standing;
use super::link::Link;
use crate::host::PluginState;

/// Is set by the tender.
#[derive(Debug)]
pub(super) struct Status(Mutex<Seen>);

#[derive(Debug)]
struct Seen {
    standing: Standing,
    link: Option<Arc<Link>>,
    pulse: Pulse,
}

impl Default for Status {
    fn default() -> Status {
        Status(Mutex::new(Seen { standing: Standing::Unused, link: None, pulse: Pulse::Fine }))
    }
}

impl Status {
    pub(super) fn set(&self, standing: Standing, link: Option<Arc<Link>>) {
        let mut seen = self.seen();
        seen.standing = standing;
        seen.link = link;
    }

    pub(super) fn set_pulse(&self, pulse: Pulse) {
        self.seen().pulse = pulse;
    }

    pub(super) fn state(&self) -> PluginState {
        let seen = self.seen();
        let calls = seen.link.as_ref().map_or(0, |link| link.calls.under_way());
        match (&seen.standing, seen.pulse) {
            (Standing::Unused, _) => PluginState::Unused,
            (Standing::Fine, Pulse::Fine) => PluginState::Ready { calls },
            (Standing::Fine, Pulse::Late | Pulse::Hung) => PluginState::Stuck { calls },
            (Standing::Restarting(why), _) => PluginState::Restarting { why: why.clone() },
            (Standing::Down(why), _) => PluginState::Down { why: why.clone() },
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
