//! What a plugin does now.

use std::fmt;

/// What a plugin does now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PluginState {
    /// No configuration names it.
    Unused,
    /// Instances of it exist.
    Ready {
        /// Calls that have not ended yet.
        calls: usize,
    },
    /// It does not return: everything else goes on without it.
    Stuck {
        /// Calls that have not ended yet.
        calls: usize,
    },
    /// Its process died and is started again.
    Restarting {
        /// How it ended the last time.
        why: String,
    },
    /// Its process is not started again, or not for now.
    Down {
        /// How it ended, and until when that stands.
        why: String,
    },
}

impl PluginState {
    /// That of two instances together: the worse, with the calls of both.
    pub(super) fn and(self, other: PluginState) -> PluginState {
        use PluginState::{Ready, Stuck, Unused};
        let calls = self.calls() + other.calls();
        let worse = if other.rank() > self.rank() { other } else { self };
        match worse {
            Unused => Unused,
            Ready { .. } => Ready { calls },
            Stuck { .. } => Stuck { calls },
            broken => broken,
        }
    }

    /// Calls that have not ended yet.
    pub fn calls(&self) -> usize {
        match self {
            PluginState::Ready { calls } | PluginState::Stuck { calls } => *calls,
            _ => 0,
        }
    }

    /// What is wrong, where there is more to say than the state's name.
    pub fn why(&self) -> Option<&str> {
        match self {
            PluginState::Restarting { why } | PluginState::Down { why } => Some(why),
            _ => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            PluginState::Unused => 0,
            PluginState::Ready { .. } => 1,
            PluginState::Stuck { .. } => 2,
            PluginState::Restarting { .. } => 3,
            PluginState::Down { .. } => 4,
        }
    }
}

impl fmt::Display for PluginState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            PluginState::Unused => "unused",
            PluginState::Ready { .. } => "ready",
            PluginState::Stuck { .. } => "stuck",
            PluginState::Restarting { .. } => "restarting",
            PluginState::Down { .. } => "down",
        })
    }
}
