//! A zone made ready to be answered from: names in one table, records as they travel.

mod build;
mod making;
mod records;
mod rrset;

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use arc_swap::ArcSwap;
use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::bound::Bound;
use crate::engine::lock;
use crate::name::Lowered;
use crate::transfer::History;

pub(crate) use build::Builder;
pub(crate) use records::Cursor;
pub(crate) use rrset::{BEFORE_DATA, Extra, QUESTION, Refs, Rrset, rtype};

/// No node, no slot.
const NONE: u32 = u32::MAX;

/// A zone. What it holds does not change but for its serial and the addresses in its slots; another
/// zone takes its place otherwise.
#[derive(Debug)]
pub(crate) struct Zone {
    /// In lower case.
    apex: Box<[u8]>,
    labels: usize,
    /// The most labels of a name in it: a longer one need not be looked for.
    deepest: usize,
    /// Names without the apex that each ends with, each with the records of its sets behind it: who
    /// reads the one reads the other.
    octets: Box<[u8]>,
    nodes: Box<[Node]>,
    mores: Box<[More]>,
    sets: Box<[Rrset]>,
    refs: Box<[Refs]>,
    /// Where in a set's records a name ends with a pointer to the zone's apex.
    pointers: Box<[u16]>,
    /// Names whose addresses belong into the additional section.
    extras: Box<[Extra]>,
    /// Places in `nodes`, by name.
    table: HashTable<u32>,
    slots: Box<[ArcSwap<Bound>]>,
    /// Of each slot, its name's place in `nodes`.
    owners: Box<[u32]>,
    /// Place of the first slot's first counter among those that a thread keeps.
    first_turn: u32,
    /// By which its answers are counted: that of every zone with its name, and of no other.
    number: u32,
    /// Place of the SOA record in `sets`.
    soa: u32,
    serial: AtomicU32,
    /// What has changed from serial to serial. Who holds it sees addresses and serial of one publication.
    history: Mutex<History>,
    /// For how many seconds "there is none" is remembered (RFC 2308 §5).
    negative_ttl: u32,
}

/// A name of a zone. There may be millions: what few need stands elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    name: u32,
    /// Place in `mores`; of a name with one set and nothing else there is none.
    more: u32,
    /// The first of its sets. Where it has no other, that one stands here alone.
    first: Rrset,
    name_len: u8,
    standing: Standing,
}

/// What else there is of a name.
#[derive(Clone, Copy, Debug)]
struct More {
    /// All of its sets, the first as well.
    sets: u32,
    set_count: u16,
    /// Of an own name the wildcard below it (RFC 4592), else the node that it stands below.
    link: u32,
    slot: u32,
}

/// Whose a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The zone's.
    Own,
    /// The zone's, with a DNAME: what is below it is somewhere else (RFC 6672).
    Renamed,
    /// A delegation (RFC 1034 §4.2.1).
    Cut,
    /// Below a delegation.
    BelowCut,
    /// Below a DNAME.
    BelowRenamed,
}

/// What a zone says of a name (RFC 1034 §4.3.2).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'z> {
    /// It exists, or a wildcard stands for it.
    Name(&'z Node),
    /// It is another zone's, from this node on.
    Cut(&'z Node),
    /// Everything below this node is renamed.
    Renamed(&'z Node),
    Nothing,
}

impl Zone {
    /// In lower case.
    #[inline]
    pub(crate) fn apex(&self) -> &[u8] {
        &self.apex
    }

    /// Of its name, the root's not counted.
    #[inline]
    pub(crate) fn labels(&self) -> usize {
        self.labels
    }

    pub(crate) fn serial(&self) -> u32 {
        self.serial.load(Ordering::Relaxed)
    }

    /// From here on answers have this serial. What it stands for must have been put in place before.
    pub(crate) fn set_serial(&self, serial: u32) {
        self.serial.store(serial, Ordering::Release);
    }

    /// Taken to change addresses and serial, and to see both as they belong together.
    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }

    #[inline]
    pub(crate) fn negative_ttl(&self) -> u32 {
        self.negative_ttl
    }

    pub(crate) fn slots(&self) -> &[ArcSwap<Bound>] {
        &self.slots
    }

    /// Puts addresses in place, for every answer from here on.
    pub(crate) fn bind(&self, slot: usize, bound: Arc<Bound>) {
        if let Some(slot) = self.slots.get(slot) {
            slot.store(bound);
        }
    }

    /// How many counters a thread keeps for it: two for each slot.
    pub(crate) fn turns(&self) -> u32 {
        2 * self.slots.len() as u32
    }

    pub(crate) fn first_turn(&self) -> u32 {
        self.first_turn
    }

    #[inline]
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn counted_by(mut self, first_turn: u32, number: u32) -> Zone {
        (self.first_turn, self.number) = (first_turn, number);
        self
    }

    /// The same once more, for other counters. One with slots changes by itself, and has none.
    pub(crate) fn duplicate(&self) -> Option<Zone> {
        self.slots.is_empty().then(|| Zone {
            apex: self.apex.clone(),
            octets: self.octets.clone(),
            nodes: self.nodes.clone(),
            mores: self.mores.clone(),
            sets: self.sets.clone(),
            refs: self.refs.clone(),
            pointers: self.pointers.clone(),
            extras: self.extras.clone(),
            table: self.table.clone(),
            slots: Box::default(),
            owners: Box::default(),
            serial: AtomicU32::new(self.serial()),
            history: Mutex::default(),
            ..*self
        })
    }

    /// What it says of a name that lies in it; of a delegation asked for `rtype`, DS is its parent's
    /// to answer (RFC 4035 §3.1.4.1).
    #[inline]
    pub(crate) fn look(&self, name: &Lowered, asked: u16) -> Found<'_> {
        if let Some(node) = self.find(name.as_slice()) {
            return match node.standing {
                Standing::Own | Standing::Renamed => Found::Name(node),
                Standing::Cut if asked == rtype::DS => Found::Name(node),
                Standing::Cut => Found::Cut(node),
                Standing::BelowCut => self.linked(node).map_or(Found::Nothing, Found::Cut),
                Standing::BelowRenamed => self.linked(node).map_or(Found::Nothing, Found::Renamed),
            };
        }
        self.above(name)
    }

    /// What stands for a name that is not there: its closest encloser decides (RFC 4592 §3.3.1).
    fn above(&self, name: &Lowered) -> Found<'_> {
        for labels in (self.labels..name.labels().min(self.deepest + 1)).rev() {
            let Some(node) = self.find(name.suffix(labels)) else { continue };
            let linked = self.linked(node);
            return match node.standing {
                Standing::Own => linked.map_or(Found::Nothing, Found::Name),
                Standing::Renamed => Found::Renamed(node),
                Standing::Cut => Found::Cut(node),
                Standing::BelowCut => linked.map_or(Found::Nothing, Found::Cut),
                Standing::BelowRenamed => linked.map_or(Found::Nothing, Found::Renamed),
            };
        }
        Found::Nothing
    }

    fn linked(&self, node: &Node) -> Option<&Node> {
        self.nodes.get(self.more(node)?.link as usize)
    }

    /// Of a whole name.
    #[inline]
    fn find(&self, name: &[u8]) -> Option<&Node> {
        let name = name.get(..name.len().checked_sub(self.apex.len())?)?;
        let same =
            |node: &u32| self.nodes.get(*node as usize).is_some_and(|node| self.name(node) == name);
        self.nodes.get(*self.table.find(hash(name), same)? as usize)
    }

    /// Without the apex.
    #[inline]
    pub(crate) fn name(&self, node: &Node) -> &[u8] {
        let start = node.name as usize;
        self.octets.get(start..start + usize::from(node.name_len)).unwrap_or_default()
    }

    /// So many octets of `name` stand before the name of the node above it.
    pub(crate) fn octets_below(&self, node: &Node, name: &[u8]) -> usize {
        name.len() - self.apex.len() - usize::from(node.name_len)
    }

    #[inline]
    fn more(&self, node: &Node) -> Option<&More> {
        self.mores.get(node.more as usize)
    }

    /// The record sets of a name, in the order of their types.
    #[inline]
    pub(crate) fn sets<'z>(&'z self, node: &'z Node) -> &'z [Rrset] {
        match self.more(node) {
            None => std::slice::from_ref(&node.first),
            Some(more) => {
                let start = more.sets as usize;
                self.sets.get(start..start + usize::from(more.set_count)).unwrap_or_default()
            }
        }
    }

    #[inline]
    pub(crate) fn set<'z>(&'z self, node: &'z Node, asked: u16) -> Option<&'z Rrset> {
        if node.first.rtype() == asked {
            return Some(&node.first);
        }
        self.sets(node).iter().find(|set| set.rtype() == asked)
    }

    pub(crate) fn soa(&self) -> Option<&Rrset> {
        self.sets.get(self.soa as usize)
    }

    /// The place of a name's addresses, where rais binds them.
    #[inline]
    pub(crate) fn slot(&self, node: &Node) -> Option<(usize, &ArcSwap<Bound>)> {
        let place = self.more(node)?.slot as usize;
        Some((place, self.slots.get(place)?))
    }

    #[inline]
    fn records(&self, set: &Rrset) -> &[u8] {
        self.octets.get(set.span()).unwrap_or_default()
    }

    /// Every name, its place known to `extras`.
    pub(crate) fn node(&self, place: u32) -> Option<&Node> {
        self.nodes.get(place as usize)
    }
}

impl Standing {
    /// Whether the sets of such a name are the zone's to answer with authority.
    fn is_own(self) -> bool {
        matches!(self, Standing::Own | Standing::Renamed)
    }
}

/// Of a name in lower case. Nobody outside chooses the names of a zone, so it need not be keyed.
#[inline]
pub(crate) fn hash(name: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(name);
    hasher.finish()
}
