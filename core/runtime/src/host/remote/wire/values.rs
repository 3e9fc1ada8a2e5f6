//! The SDK's types, to be carried.

use std::net::SocketAddr;
use std::time::Duration;

use rais_sdk::host::one_line;
use rais_sdk::{FaultKind, Wish};
use serde::{Deserialize, Serialize};

use super::Records;
use crate::host;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Fault {
    kind: Word,
    text: String,
    at: String,
}

/// A fault's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Word {
    Config,
    Down,
    Timeout,
    Unknown,
    Busy,
    Refused,
    Io,
    Panicked,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Target {
    address: SocketAddr,
    name: String,
    service: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Up {
    took: Duration,
    load: Option<f64>,
    detail: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Subject {
    service: String,
    target: Option<Target>,
    last: Option<Up>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Reading {
    load: Option<f64>,
    wish: WishWord,
    weight: Option<u16>,
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum WishWord {
    None,
    Ready,
    Drain,
    Maintenance,
    Down,
    Up,
}

/// What is rare of it is JSON, as it is between host and plugin: so it carries also what it grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Publication {
    zone: String,
    head: String,
    records: Records,
    added: Records,
    removed: Records,
}

/// As [`Publication`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Served {
    serial: Option<u32>,
    owners: String,
    records: Records,
    differs: Option<String>,
}

impl From<rais_sdk::Fault> for Fault {
    fn from(fault: rais_sdk::Fault) -> Fault {
        let kind = match fault.kind {
            FaultKind::Config => Word::Config,
            FaultKind::Down => Word::Down,
            FaultKind::Timeout => Word::Timeout,
            FaultKind::Busy => Word::Busy,
            FaultKind::Refused => Word::Refused,
            FaultKind::Io => Word::Io,
            FaultKind::Panicked => Word::Panicked,
            // Also what the SDK has grown: nothing is concluded from it.
            _ => Word::Unknown,
        };
        Fault { kind, text: fault.text, at: fault.at }
    }
}

impl From<Fault> for rais_sdk::Fault {
    fn from(fault: Fault) -> rais_sdk::Fault {
        let kind = match fault.kind {
            Word::Config => FaultKind::Config,
            Word::Down => FaultKind::Down,
            Word::Timeout => FaultKind::Timeout,
            Word::Unknown => FaultKind::Unknown,
            Word::Busy => FaultKind::Busy,
            Word::Refused => FaultKind::Refused,
            Word::Io => FaultKind::Io,
            Word::Panicked => FaultKind::Panicked,
        };
        // Its process may say anything.
        rais_sdk::Fault::new(kind, one_line(fault.text)).at(one_line(fault.at))
    }
}

impl From<rais_sdk::Target> for Target {
    fn from(target: rais_sdk::Target) -> Target {
        Target { address: target.address, name: target.name, service: target.service }
    }
}

impl From<Target> for rais_sdk::Target {
    fn from(target: Target) -> rais_sdk::Target {
        rais_sdk::Target::new(target.address, target.name, target.service)
    }
}

impl From<rais_sdk::Up> for Up {
    fn from(up: rais_sdk::Up) -> Up {
        Up { took: up.took, load: up.load, detail: up.detail }
    }
}

impl From<Up> for rais_sdk::Up {
    fn from(up: Up) -> rais_sdk::Up {
        let plain = rais_sdk::Up::new(up.took).with_detail(one_line(up.detail));
        match up.load {
            Some(load) => plain.with_load(load),
            None => plain,
        }
    }
}

impl From<rais_sdk::Subject> for Subject {
    fn from(subject: rais_sdk::Subject) -> Subject {
        let (target, last) = (subject.target.map(Into::into), subject.last.map(Into::into));
        Subject { service: subject.service, target, last }
    }
}

impl From<Subject> for rais_sdk::Subject {
    fn from(subject: Subject) -> rais_sdk::Subject {
        let mut plain = rais_sdk::Subject::new(subject.service);
        plain.target = subject.target.map(Into::into);
        plain.last = subject.last.map(Into::into);
        plain
    }
}

impl From<rais_sdk::Reading> for Reading {
    fn from(reading: rais_sdk::Reading) -> Reading {
        let wish = match reading.wish {
            Wish::Ready => WishWord::Ready,
            Wish::Drain => WishWord::Drain,
            Wish::Maintenance => WishWord::Maintenance,
            Wish::Down => WishWord::Down,
            Wish::Up => WishWord::Up,
            // Also what the SDK has grown.
            _ => WishWord::None,
        };
        Reading { load: reading.load, wish, weight: reading.weight, reason: reading.reason }
    }
}

impl From<Reading> for rais_sdk::Reading {
    fn from(reading: Reading) -> rais_sdk::Reading {
        let wish = match reading.wish {
            WishWord::None => Wish::None,
            WishWord::Ready => Wish::Ready,
            WishWord::Drain => Wish::Drain,
            WishWord::Maintenance => Wish::Maintenance,
            WishWord::Down => Wish::Down,
            WishWord::Up => Wish::Up,
        };
        let mut plain = rais_sdk::Reading::unknown(reading.reason).with_wish(wish);
        plain.load = reading.load;
        plain.weight = reading.weight;
        plain
    }
}

impl Publication {
    /// # Errors
    /// Its head has no form as JSON.
    pub(in super::super) fn pack(what: &host::Publication) -> serde_json::Result<Publication> {
        Ok(Publication {
            zone: what.zone.clone(),
            head: serde_json::to_string(&what.head)?,
            records: Records::pack(&what.records),
            added: Records::pack(&what.added),
            removed: Records::pack(&what.removed),
        })
    }

    /// # Errors
    /// Its head is no JSON of one.
    pub(in super::super) fn unpack(self) -> serde_json::Result<host::Publication> {
        Ok(host::Publication {
            head: serde_json::from_str(&self.head)?,
            zone: self.zone,
            records: self.records.unpack(),
            added: self.added.unpack(),
            removed: self.removed.unpack(),
        })
    }
}

impl Served {
    /// # Errors
    /// Its owners have no form as JSON.
    pub(in super::super) fn pack(what: &rais_sdk::Served) -> serde_json::Result<Served> {
        Ok(Served {
            serial: what.serial,
            owners: serde_json::to_string(&what.owners)?,
            records: Records::pack(&what.records),
            differs: what.differs.clone(),
        })
    }

    /// # Errors
    /// Its owners are no JSON of them.
    pub(in super::super) fn unpack(self) -> serde_json::Result<rais_sdk::Served> {
        let owners = serde_json::from_str(&self.owners)?;
        let served = rais_sdk::Served::new(self.serial, owners, self.records.unpack());
        Ok(match self.differs {
            Some(how) => served.differing(one_line(how)),
            None => served,
        })
    }
}
