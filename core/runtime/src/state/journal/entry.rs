//! A line of a journal.

use std::fmt;
use std::net::IpAddr;

use rais_proto::binder::drains;
use rais_proto::time::WallTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::clock::{parse_rfc3339_millis, rfc3339_millis};

/// Something that happened, and when by the wall clock: `{"at": "…Z", "heard": {…}}`.
///
/// A reader skips events that it does not know: later versions add some.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: At,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// A moment in RFC 3339, UTC, with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub WallTime);

/// What a binder writes down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The binder has started.
    Started {
        /// Of rais.
        version: String,
    },
    /// Of an address something else is said than before.
    Heard {
        /// The service.
        service: String,
        /// The address.
        address: IpAddr,
        /// Who says so, by name and id.
        host: String,
        /// What.
        state: String,
        /// Why; may be empty.
        reason: String,
    },
    /// Where an address stands now.
    Decided {
        /// The service.
        service: String,
        /// The address.
        address: IpAddr,
        /// Why it is in the answers or not, as in status; `forgotten` where it is no longer known.
        verdict: String,
        /// More of why, where there is more: an operator's words, a monitor's, the load.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// A zone is to be published as this.
    Published {
        /// The zone.
        zone: String,
        /// Under which serial.
        serial: u32,
        /// What changed.
        reason: String,
        /// How many addresses it has.
        addresses: usize,
    },
    /// A sink has put a publication in place.
    Confirmed {
        /// The zone.
        zone: String,
        /// The sink.
        sink: String,
        /// What is served.
        serial: u32,
    },
    /// A sink has not; written as seldom as the log says it.
    Failed {
        /// The zone.
        zone: String,
        /// The sink.
        sink: String,
        /// Why.
        error: String,
    },
    /// An operator has ordered it.
    Ordered {
        /// As it was typed.
        order: String,
        /// What it is over.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        places: Vec<Place>,
        /// Why nothing came of it; none where it was carried out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// A drain has run out.
    DrainOver {
        /// What was drained, as `rais drain` takes it.
        target: String,
        /// Why it was.
        reason: String,
        /// What it was over.
        places: Vec<Place>,
    },
    /// Another configuration runs.
    Reloaded {},
    /// So many entries before this one could not be written.
    Lost {
        /// How many.
        entries: u64,
    },
    /// The binder ends as it was told to.
    Stopped {},
}

/// An address of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The service.
    pub service: String,
    /// The address.
    pub address: IpAddr,
}

impl From<&drains::Place> for Place {
    fn from((service, address): &drains::Place) -> Place {
        Place { service: service.to_string(), address: *address }
    }
}

impl From<WallTime> for At {
    fn from(time: WallTime) -> At {
        At(time)
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&rfc3339_millis(self.0))
    }
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<At, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = parse_rfc3339_millis(&text);
        time.map(At).ok_or_else(|| de::Error::custom(format!("{text:?} is no time of a journal")))
    }
}
