//! What stands about an isolated plugin, in all its lives.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rais_sdk::Fault;
use tracing::level_filters::LevelFilter;

use super::Code;
use super::calls::Ended;
use super::voice::Voice;
use super::wire::{Hello, LevelWord};
use crate::config::Kind;
use crate::host::{Image, MAKING, Policy, Program};

/// How long is waited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// For a plugin that takes over a table, in `new`.
    pub(super) making: Duration,
    /// Until an instance that was there and could not be made anew is tried again: what it lacks
    /// may come back.
    pub(super) anew: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { making: MAKING, anew: Duration::from_secs(10) }
    }
}

/// How a fault begins that tells of the end of a plugin's process.
pub(crate) const DIED: &str = "its plugin ";

/// An isolated plugin. Displays as what a sentence begins with.
#[derive(Debug)]
pub(super) struct About {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) code: Code,
    pub(super) policy: Policy,
    pub(super) program: Program,
    pub(super) voice: Arc<Voice>,
    pub(super) pace: Pace,
}

impl About {
    /// What its process is told first.
    pub(super) fn hello(&self) -> Hello {
        Hello {
            kind: self.kind.into(),
            plugin: self.name.clone(),
            memory: self.policy.memory,
            open_files: self.policy.open_files,
            log: log_level(),
        }
    }

    /// What its process is given to load.
    pub(super) fn image(&self) -> Option<&Image> {
        match &self.code {
            Code::BuiltIn => None,
            Code::Library(library) => Some(&library.image),
        }
    }

    /// Of a call that was not answered within `limit`.
    pub(super) fn late(&self, limit: Duration) -> Fault {
        let text = format!("{self} has not returned within {limit:?}");
        match self.kind {
            // A timeout would be its target's.
            Kind::Probe => Fault::unknown(text),
            _ => Fault::timeout("", text),
        }
    }

    /// Of an instance that was not made within `limit`.
    pub(super) fn not_made(&self, limit: Duration) -> Fault {
        Fault::timeout("", format!("`new` of {self} has not returned within {limit:?}"))
    }

    /// Of a call that was under way when the process ended.
    pub(super) fn died(&self, ended: &Ended) -> Fault {
        match self.kind {
            Kind::Probe => Fault::unknown(self.ended(ended)),
            _ => Fault::io(self.ended(ended)),
        }
    }

    pub(super) fn ended(&self, Ended(how): &Ended) -> String {
        // It is cut short in a beat, so that it begins with what matters.
        format!("{DIED}{how}")
    }

    /// Of an answer to another question.
    pub(super) fn garbled(&self) -> Fault {
        Fault::unknown(format!("the process of {self} gave an answer of another kind"))
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} `{}`", self.kind, self.name)
    }
}

/// The least that is heard of: what the host's log takes now, and what takes a warning back, which
/// is in status ([`Voice::complaints`]).
fn log_level() -> Option<LevelWord> {
    Some(match LevelFilter::current() {
        LevelFilter::OFF | LevelFilter::ERROR | LevelFilter::WARN | LevelFilter::INFO => {
            LevelWord::Info
        }
        _ => LevelWord::Debug,
    })
}
