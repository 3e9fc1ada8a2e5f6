//! The parts of a zone, as they are put together.

use std::ops::Range;

use hashbrown::HashTable;

use super::rrset::{BEFORE_DATA, Extra, QUESTION, Rrset, rtype};
use super::{NONE, Node, Standing, hash};
use crate::name::{label_count, labels};

/// Whether addresses below a delegation may be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glue {
    Allowed,
    Refused,
}

/// What a zone is made of.
pub(super) struct Making {
    pub(super) apex: Vec<u8>,
    pub(super) octets: Vec<u8>,
    pub(super) nodes: Vec<Node>,
    pub(super) sets: Vec<Rrset>,
    pub(super) pointers: Vec<u16>,
    pub(super) extras: Vec<Extra>,
    pub(super) table: HashTable<u32>,
}

impl Making {
    /// Of so many records, which take so many octets; a large zone is then not copied as it grows.
    pub(super) fn new(apex: Vec<u8>, records: usize, octets: usize) -> Making {
        Making {
            apex,
            octets: Vec::with_capacity(octets + BEFORE_DATA * records),
            nodes: Vec::with_capacity(records),
            sets: Vec::with_capacity(records),
            pointers: Vec::new(),
            extras: Vec::new(),
            table: HashTable::with_capacity(records),
        }
    }

    fn name(&self, node: &Node) -> &[u8] {
        name(&self.octets, node)
    }

    /// Of all nodes.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.nodes.iter().map(|node| self.name(node))
    }

    pub(super) fn find(&self, wanted: &[u8]) -> Option<u32> {
        let same = |place: &u32| {
            self.nodes.get(*place as usize).is_some_and(|node| self.name(node) == wanted)
        };
        self.table.find(hash(wanted), same).copied()
    }

    /// The place of a name, which is made where it is not there yet.
    pub(super) fn node(&mut self, wanted: &[u8]) -> u32 {
        if let Some(place) = self.find(wanted) {
            return place;
        }
        let place = self.nodes.len() as u32;
        self.nodes.push(Node {
            name: self.octets.len() as u32,
            name_len: wanted.len() as u8,
            standing: Standing::Own,
            set_count: 0,
            sets: self.sets.len() as u32,
            first: Rrset::default(),
            link: NONE,
            slot: NONE,
        });
        self.octets.extend_from_slice(wanted);
        let (octets, nodes) = (&self.octets, &self.nodes);
        let rehash =
            |place: &u32| nodes.get(*place as usize).map_or(0, |node| hash(name(octets, node)));
        self.table.insert_unique(hash(wanted), place, rehash);
        place
    }

    /// Writes a record's data; of the types of RFC 1035, names in the zone are compressed
    /// (RFC 3597 §4). `set` is where its set begins.
    pub(super) fn put_data(&mut self, of: u16, data: &[u8], set: usize) {
        // MB, MG, MR, MD and MF are as CNAME is, MINFO as the names of an SOA.
        let (mut rest, names) = match of {
            rtype::NS | rtype::CNAME | rtype::PTR | 3 | 4 | 7 | 8 | 9 => (data, 1),
            rtype::SOA | 14 => (data, 2),
            rtype::MX => {
                let (preference, rest) = data.split_at(data.len().min(2));
                self.octets.extend_from_slice(preference);
                (rest, 1)
            }
            _ => (data, 0),
        };
        for _ in 0..names {
            rest = self.put_name(rest, set);
        }
        self.octets.extend_from_slice(rest);
    }

    /// Writes the name that `data` begins with, and gives back what is behind it.
    fn put_name<'d>(&mut self, data: &'d [u8], set: usize) -> &'d [u8] {
        let len = labels(data)
            .last()
            .map_or(0, |at| at + 1 + usize::from(data.get(at).copied().unwrap_or_default()));
        let (name, rest) = data.split_at((len + 1).min(data.len()));
        let apex = labels(name)
            .find(|at| name.get(*at..).is_some_and(|rest| rest.eq_ignore_ascii_case(&self.apex)));
        match apex {
            Some(at) => {
                self.octets.extend_from_slice(name.get(..at).unwrap_or_default());
                // Sets are far shorter than 65,536 octets, or are refused.
                self.pointers.push((self.octets.len() - set) as u16);
                self.octets.extend_from_slice(&QUESTION);
            }
            None => self.octets.extend_from_slice(name),
        }
        rest
    }

    /// Names between the apex and those that own something exist as well (RFC 4592 §2.2.2).
    pub(super) fn add_empty_names(&mut self) {
        let depth = label_count(&self.apex);
        for place in 0..self.nodes.len() {
            let Some(node) = self.nodes.get(place) else { break };
            let name = self.name(node).to_vec();
            for at in between(&name, depth) {
                let parent = name.get(at..).unwrap_or_default();
                if self.find(parent).is_some() {
                    break;
                }
                self.node(parent);
            }
        }
    }

    /// What is the zone's, what stands below a delegation, and which wildcard stands for what.
    pub(super) fn tell_standings(&mut self) {
        let depth = label_count(&self.apex);
        let standing = |making: &Making, place: u32| {
            let node = making.nodes.get(place as usize)?;
            let has = |rtype| making.sets_of(node).iter().any(|set| set.rtype == rtype);
            let apex = making.name(node).len() == making.apex.len();
            (!apex && has(rtype::NS))
                .then_some(Standing::Cut)
                .or_else(|| has(rtype::DNAME).then_some(Standing::Renamed))
        };
        for place in 0..self.nodes.len() {
            let Some(node) = self.nodes.get(place) else { break };
            let name = self.name(node).to_vec();
            // The highest that has a delegation decides.
            let mut told = standing(self, place as u32).map(|own| (own, NONE));
            for at in between(&name, depth.saturating_sub(1)) {
                let Some(above) = self.find(name.get(at..).unwrap_or_default()) else { continue };
                match standing(self, above) {
                    Some(Standing::Cut) => told = Some((Standing::BelowCut, above)),
                    Some(Standing::Renamed) => told = Some((Standing::BelowRenamed, above)),
                    _ => {}
                }
            }
            if let (Some((standing, link)), Some(node)) = (told, self.nodes.get_mut(place)) {
                node.standing = standing;
                if link != NONE {
                    node.link = link;
                }
            }
        }
        for place in 0..self.nodes.len() {
            let Some(node) = self.nodes.get(place) else { break };
            let Some(parent) = self.name(node).strip_prefix(b"\x01*").map(<[u8]>::to_vec) else {
                continue;
            };
            if let Some(parent) = self.find(&parent)
                && let Some(parent) = self.nodes.get_mut(parent as usize)
                && parent.standing == Standing::Own
            {
                parent.link = place as u32;
            }
        }
    }

    /// Puts the first set of each name beside it, once the sets are what they will be: most names have
    /// no other, and those that have keep theirs together.
    pub(super) fn move_first_sets(&mut self) {
        let mut kept = Vec::new();
        for node in &mut self.nodes {
            let start = node.sets as usize;
            let sets = self.sets.get(start..start + usize::from(node.set_count));
            let sets = sets.unwrap_or_default();
            node.first = sets.first().copied().unwrap_or_default();
            node.sets = kept.len() as u32;
            if sets.len() > 1 {
                kept.extend_from_slice(sets);
            }
        }
        self.sets = kept;
    }

    fn sets_of(&self, node: &Node) -> &[Rrset] {
        let start = node.sets as usize;
        self.sets.get(start..start + usize::from(node.set_count)).unwrap_or_default()
    }

    /// Where the record behind the one at `record` of a set begins.
    pub(super) fn after_record(&self, set: &Range<usize>, record: usize) -> usize {
        let end = set.start + record + BEFORE_DATA;
        let length = self.octets.get(end - 2..end).and_then(|length| length.try_into().ok());
        record + BEFORE_DATA + usize::from(length.map_or(0, u16::from_be_bytes))
    }

    pub(super) fn has_addresses(&self, place: u32, glue: Glue) -> bool {
        self.nodes.get(place as usize).is_some_and(|node| {
            let is_address = |set: &Rrset| matches!(set.rtype, rtype::A | rtype::AAAA);
            let told = match node.standing {
                Standing::Own | Standing::Renamed => true,
                Standing::Cut | Standing::BelowCut => glue == Glue::Allowed,
                Standing::BelowRenamed => false,
            };
            told && (node.slot != NONE || self.sets_of(node).iter().any(is_address))
        })
    }
}

fn name<'o>(octets: &'o [u8], node: &Node) -> &'o [u8] {
    let start = node.name as usize;
    octets.get(start..start + usize::from(node.name_len)).unwrap_or_default()
}

/// Where the names begin that stand above a name and have more than `depth` labels, the longest first.
fn between(name: &[u8], depth: usize) -> impl Iterator<Item = usize> {
    let above = label_count(name).saturating_sub(depth + 1);
    labels(name).skip(1).take(above)
}
