//! What the host and the process of an isolated plugin tell each other.
//!
//! The host asks by number and is answered in any order. Everything has a form of its own here: the
//! SDK's types may grow without becoming another protocol, and no octet of theirs is trusted.

mod moment;
mod octets;
mod records;
mod values;

use std::net::SocketAddr;
use std::time::Duration;

use rais_sdk::Scope;
use rais_sdk::host::Level;
use serde::{Deserialize, Serialize};

pub(super) use self::moment::Moment;
pub(super) use self::octets::Octets;
pub(super) use self::records::Records;
pub(super) use self::values::{Fault, Publication, Reading, Served, Subject, Target, Up};
use crate::config::Kind;
use crate::host::Limits;

/// Datagrams that may be under way from a process; those beyond it are lost there.
pub(super) const WINDOW: u32 = 1024;

/// The number of a call; never used twice in a process's life.
pub(super) type CallId = u64;
/// The number of an instance; the same from life to life.
pub(super) type InstanceId = u64;

/// What a process is told first: what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) kind: KindWord,
    /// Name of the plugin.
    pub(super) plugin: String,
    /// Octets of address space.
    pub(super) memory: Option<u64>,
    pub(super) open_files: Option<u32>,
    /// The least that the host's log takes.
    pub(super) log: Option<LevelWord>,
}

/// What the host says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Order {
    /// Is answered by exactly one [`Report::Answer`], unless it is cancelled.
    Call { id: CallId, instance: InstanceId, limit: Duration, call: Call },
    /// Nobody waits for it any more.
    Cancel { id: CallId },
    /// Nobody uses it any more; calls under way go on.
    Leave { instance: InstanceId },
    /// The host has taken so many datagrams out of the way.
    Taken { datagrams: u32 },
    /// Drop everything and exit.
    End,
}

/// What is asked of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Call {
    /// The table, as JSON.
    Make(String),
    /// Many at once wait in line: what that takes is not given to them once more.
    Probe {
        target: Target,
        ends: Moment,
    },
    Sample(Subject),
    /// The zones that are a sink's.
    Assign(Vec<String>),
    Publish(Publication),
    Served(String),
    Start,
    Send(Octets),
    Stop,
}

impl Call {
    /// When its answer is there at the latest, by its limit: one on zones may wait for a thread before
    /// that is counted.
    pub(super) fn longest(&self, limit: Duration) -> Duration {
        match self {
            Call::Assign(_) | Call::Publish(_) | Call::Served(_) => limit.saturating_mul(2),
            _ => limit,
        }
    }
}

/// What a process says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Report {
    /// The first of all: it can make instances, or why it cannot.
    Ready(Result<(), String>),
    Answer {
        id: CallId,
        outcome: Result<Outcome, Fault>,
    },
    /// A line of the plugin's, or of the process's own host on it.
    Log {
        /// Whose, of a transport.
        instance: Option<InstanceId>,
        level: LevelWord,
        text: String,
    },
    /// What a transport received.
    Deliver {
        instance: InstanceId,
        datagrams: Vec<Datagram>,
    },
}

/// What a call has come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// For whom its samples stand, where it gives any.
    Made(Option<ScopeWord>),
    Up(Up),
    Reading(Reading),
    Serial(u32),
    Served(Option<Served>),
    Done,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Datagram {
    pub(super) from: Option<SocketAddr>,
    pub(super) data: Octets,
}

/// Defines a word that stands for a variant of somebody else's type, and says which.
macro_rules! words {
    ($($(#[$doc:meta])* $word:ident for $type:ty { $($variant:ident),* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
            pub(super) enum $word { $($variant),* }

            impl From<$type> for $word {
                fn from(from: $type) -> $word {
                    match from { $(<$type>::$variant => $word::$variant),* }
                }
            }

            impl From<$word> for $type {
                fn from(from: $word) -> $type {
                    match from { $($word::$variant => <$type>::$variant),* }
                }
            }
        )*
    };
}

words! {
    KindWord for Kind { Probe, Load, Sink, Transport }
    LevelWord for Level { Error, Warn, Info, Debug }
    ScopeWord for Scope { Host, Target }
}

impl Hello {
    pub(super) fn limits(&self) -> Limits {
        Limits { address_space: self.memory, open_files: self.open_files, cpu: None }
    }
}

#[cfg(test)]
mod tests;
