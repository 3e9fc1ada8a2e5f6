//! What a sink is given to publish, and what it reads back.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::abi::AbiRecord;
use crate::abi::convert;

/// A zone to publish: all of it, and what changed since the last publication.
///
/// Records borrow from the host. [`Record::owner`] indexes [`ZoneHead::owners`].
#[derive(Debug, Clone)]
pub struct Zone<'a> {
    /// Name of the zone, without the last dot.
    pub name: &'a str,
    /// Everything but the records.
    pub head: ZoneHead,
    records: Rows<'a>,
    added: Rows<'a>,
    removed: Rows<'a>,
}

/// Everything of a zone but its records.
///
/// Crosses the boundary as JSON, so that it can grow: unknown fields are ignored, missing ones take
/// their default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ZoneHead {
    /// The owner names whose address sets are ours.
    pub owners: Vec<Owner>,
    /// The binder's serial, to be published as it is. A server that counts for itself returns its
    /// own from [`Sink::publish`](crate::Sink::publish).
    pub serial: u32,
    /// The fixed part of the zone file, synthesised where the zone has none; absent for a sink that
    /// has no use for it.
    pub header: Option<String>,
    /// Name of the zone file, as configured.
    pub file: Option<String>,
    /// Most addresses in one answer, for a sink that answers itself.
    pub max_addresses: MaxAddresses,
    /// What changed.
    pub change: Change,
    /// For people: why this publication.
    pub reason: String,
}

/// Most addresses in one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct MaxAddresses {
    /// IPv4.
    pub a: u16,
    /// IPv6.
    pub aaaa: u16,
}

/// One owner name of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Owner {
    /// Relative to the zone; `"@"` is its apex.
    pub name: String,
    /// Of its address records, in seconds.
    pub ttl: u32,
    /// In which way answers are to be ordered, where configured (`"weighted"`, `"round-robin"`).
    pub scheme: Option<String>,
}

/// What changed since the last publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", from = "String")]
#[non_exhaustive]
pub enum Change {
    /// The set of addresses, or anything else: everything is to be published.
    #[default]
    Set,
    /// Weights alone; the addresses are the same.
    Weights,
}

/// One address of one owner.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// Index into the owners that stand beside the records.
    pub owner: u32,
    /// Makes an A or an AAAA record.
    pub ip: IpAddr,
    /// Share of the answers, relative; the heaviest of an owner has 65,535.
    #[serde(default)]
    pub weight: u16,
    /// In percent (0 to 1000), where known.
    #[serde(default)]
    pub load: Option<f64>,
}

/// What a name server answers now, read back by a sink.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Served {
    /// Of the SOA, where the sink can see it.
    pub serial: Option<u32>,
    /// The owners that were looked at; [`Record::owner`] of `records` indexes these.
    pub owners: Vec<Owner>,
    /// Their addresses.
    pub records: Vec<Record>,
    /// How it differs from what was published in anything else, for people: the zone is then
    /// published again.
    pub differs: Option<String>,
}

/// Which zones are a sink's: what crosses the boundary as JSON, so that it can grow.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Assignment<'a> {
    /// Without the last dot.
    #[serde(borrow)]
    pub(crate) zones: Vec<Cow<'a, str>>,
}

/// Records of a [`Zone`].
#[derive(Debug, Clone)]
pub struct Records<'a>(Rows<'a>);

/// In the host's form or in the one that crosses the boundary: neither side copies to read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rows<'a> {
    Plain(&'a [Record]),
    Wire(&'a [AbiRecord]),
}

impl<'a> Zone<'a> {
    /// A zone with its records, and those of them that are new or gone since the last publication.
    #[must_use]
    pub fn new(
        name: &'a str,
        head: ZoneHead,
        records: &'a [Record],
        added: &'a [Record],
        removed: &'a [Record],
    ) -> Self {
        Self {
            name,
            head,
            records: Rows::Plain(records),
            added: Rows::Plain(added),
            removed: Rows::Plain(removed),
        }
    }

    pub(crate) fn from_rows(name: &'a str, head: ZoneHead, rows: [Rows<'a>; 3]) -> Self {
        let [records, added, removed] = rows;
        Self { name, head, records, added, removed }
    }

    /// Every record that is to be served now.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        Records(self.records)
    }

    /// Those of [`records`](Self::records) that the last publication did not have.
    #[must_use]
    pub fn added(&self) -> Records<'a> {
        Records(self.added)
    }

    /// Those that the last publication had and this one has not.
    #[must_use]
    pub fn removed(&self) -> Records<'a> {
        Records(self.removed)
    }

    /// The owner of `record`.
    #[must_use]
    pub fn owner_of(&self, record: &Record) -> Option<&Owner> {
        self.head.owners.get(usize::try_from(record.owner).ok()?)
    }
}

impl ZoneHead {
    /// The head of a whole publication of `owners`, under the binder's `serial`.
    #[must_use]
    pub fn new(owners: Vec<Owner>, serial: u32) -> Self {
        Self { owners, serial, ..Self::default() }
    }
}

impl MaxAddresses {
    /// These.
    #[must_use]
    pub const fn new(a: u16, aaaa: u16) -> Self {
        Self { a, aaaa }
    }
}

impl Default for MaxAddresses {
    /// As many as fit, with the rest of an answer, into what every client takes by UDP.
    fn default() -> Self {
        Self::new(28, 16)
    }
}

impl Owner {
    /// `name` relative to the zone, `ttl` in seconds.
    #[must_use]
    pub fn new(name: impl Into<String>, ttl: u32) -> Self {
        Self { name: name.into(), ttl, scheme: None }
    }

    /// The same with a scheme.
    #[must_use]
    pub fn with_scheme(mut self, scheme: impl Into<String>) -> Self {
        self.scheme = Some(scheme.into());
        self
    }
}

impl Record {
    /// An address of the owner with index `owner`, at full weight and of unknown load.
    #[must_use]
    pub const fn new(owner: u32, ip: IpAddr) -> Self {
        Self { owner, ip, weight: u16::MAX, load: None }
    }

    /// The same with a weight; the heaviest of its owner has 65,535.
    #[must_use]
    pub const fn with_weight(mut self, weight: u16) -> Self {
        self.weight = weight;
        self
    }

    /// The same with a load, in percent (0 to 1000).
    #[must_use]
    pub const fn with_load(mut self, percent: f64) -> Self {
        self.load = Some(percent);
        self
    }
}

impl Served {
    /// What is served of `owners`.
    #[must_use]
    pub fn new(serial: Option<u32>, owners: Vec<Owner>, records: Vec<Record>) -> Self {
        Self { serial, owners, records, differs: None }
    }

    /// The same, which differs from what was published otherwise than in serial and addresses.
    #[must_use]
    pub fn differing(mut self, how: impl Into<String>) -> Self {
        self.differs = Some(how.into());
        self
    }
}

impl From<String> for Change {
    /// A change that this version does not know is published whole.
    fn from(word: String) -> Self {
        match word.as_str() {
            "weights" => Self::Weights,
            _ => Self::Set,
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        match &mut self.0 {
            Rows::Plain(rows) => {
                let (first, rest) = rows.split_first()?;
                *rows = rest;
                Some(*first)
            }
            Rows::Wire(rows) => {
                let (first, rest) = rows.split_first()?;
                *rows = rest;
                Some(convert::record_from_abi(first))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match self.0 {
            Rows::Plain(rows) => rows.len(),
            Rows::Wire(rows) => rows.len(),
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for Records<'_> {}
