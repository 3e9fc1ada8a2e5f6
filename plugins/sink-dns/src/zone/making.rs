//! The parts of a zone, as they are put together.

use std::ops::Range;

use hashbrown::HashTable;

use super::rrset::{BEFORE_DATA, Extra, QUESTION, Refs, Rrset, rtype};
use super::{More, NONE, Node, Standing, hash};
use crate::name::{label_count, labels};

/// Whether addresses below a delegation may be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glue {
    Allowed,
    Refused,
}

/// A name of the zone and all that belongs to it.
pub(super) struct Name {
    name: u32,
    len: u8,
    pub(super) standing: Standing,
    pub(super) more: More,
}

/// What a zone is made of. Names are whole here, and stand in store without the apex.
pub(super) struct Making {
    pub(super) apex: Vec<u8>,
    pub(super) octets: Vec<u8>,
    pub(super) names: Vec<Name>,
    pub(super) sets: Vec<Rrset>,
    pub(super) refs: Vec<Refs>,
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
            names: Vec::with_capacity(records),
            sets: Vec::with_capacity(records),
            refs: Vec::new(),
            pointers: Vec::new(),
            extras: Vec::new(),
            table: HashTable::with_capacity(records),
        }
    }

    /// The most labels of a name.
    pub(super) fn deepest(&self) -> usize {
        let below = self.names.iter().map(|name| label_count(stored(&self.octets, name)));
        label_count(&self.apex) + below.max().unwrap_or_default()
    }

    fn name(&self, name: &Name) -> Vec<u8> {
        [stored(&self.octets, name), &self.apex].concat()
    }

    pub(super) fn find(&self, wanted: &[u8]) -> Option<u32> {
        let wanted = wanted.strip_suffix(&self.apex[..])?;
        let same = |place: &u32| {
            let name = self.names.get(*place as usize);
            name.is_some_and(|name| stored(&self.octets, name) == wanted)
        };
        self.table.find(hash(wanted), same).copied()
    }

    /// The place of a name of the zone, which is made where it is not there yet.
    pub(super) fn place(&mut self, wanted: &[u8]) -> u32 {
        if let Some(place) = self.find(wanted) {
            return place;
        }
        let wanted = wanted.strip_suffix(&self.apex[..]).unwrap_or(wanted);
        let place = self.names.len() as u32;
        let sets = self.sets.len() as u32;
        self.names.push(Name {
            name: self.octets.len() as u32,
            len: wanted.len() as u8,
            standing: Standing::Own,
            more: More { sets, set_count: 0, link: NONE, slot: NONE },
        });
        self.octets.extend_from_slice(wanted);
        let (octets, names) = (&self.octets, &self.names);
        let rehash =
            |place: &u32| names.get(*place as usize).map_or(0, |name| hash(stored(octets, name)));
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
        for place in 0..self.names.len() {
            let Some(name) = self.names.get(place).map(|name| self.name(name)) else { break };
            for at in between(&name, depth) {
                let parent = name.get(at..).unwrap_or_default();
                if self.find(parent).is_some() {
                    break;
                }
                self.place(parent);
            }
        }
    }

    /// What is the zone's, what stands below a delegation, and which wildcard stands for what.
    pub(super) fn tell_standings(&mut self) {
        let depth = label_count(&self.apex);
        let standing = |making: &Making, place: u32| {
            let name = making.names.get(place as usize)?;
            let has = |rtype| making.sets_of(name).iter().any(|set| set.rtype == rtype);
            (name.len > 0 && has(rtype::NS))
                .then_some(Standing::Cut)
                .or_else(|| has(rtype::DNAME).then_some(Standing::Renamed))
        };
        for place in 0..self.names.len() {
            let Some(name) = self.names.get(place).map(|name| self.name(name)) else { break };
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
            if let (Some((standing, link)), Some(name)) = (told, self.names.get_mut(place)) {
                name.standing = standing;
                if link != NONE {
                    name.more.link = link;
                }
            }
        }
        for place in 0..self.names.len() {
            let Some(name) = self.names.get(place).map(|name| self.name(name)) else { break };
            let Some(parent) = name.strip_prefix(b"\x01*") else { continue };
            if let Some(parent) = self.find(parent)
                && let Some(parent) = self.names.get_mut(parent as usize)
                && parent.standing == Standing::Own
            {
                parent.more.link = place as u32;
            }
        }
    }

    /// The names, once all belongs to them that will: each with its first set beside it, which is all
    /// that most names have. What the others have stands elsewhere, their sets together.
    pub(super) fn nodes(&mut self) -> (Box<[Node]>, Box<[More]>) {
        let (mut mores, mut kept) = (Vec::new(), Vec::new());
        let mut nodes = Vec::with_capacity(self.names.len());
        for name in &self.names {
            let sets = self.sets_of(name);
            let mut node = Node {
                name: name.name,
                more: NONE,
                first: sets.first().copied().unwrap_or(Rrset::NONE),
                name_len: name.len,
                standing: name.standing,
            };
            // The SOA must be found among the sets.
            if sets.len() != 1 || name.len == 0 || name.more.link != NONE || name.more.slot != NONE
            {
                node.more = mores.len() as u32;
                mores.push(More { sets: kept.len() as u32, ..name.more });
                kept.extend_from_slice(sets);
            }
            nodes.push(node);
        }
        self.sets = kept;
        (nodes.into(), mores.into())
    }

    fn sets_of(&self, name: &Name) -> &[Rrset] {
        let start = name.more.sets as usize;
        self.sets.get(start..start + usize::from(name.more.set_count)).unwrap_or_default()
    }

    /// Where the record behind the one at `record` of a set begins.
    pub(super) fn after_record(&self, set: &Range<usize>, record: usize) -> usize {
        let end = set.start + record + BEFORE_DATA;
        let length = self.octets.get(end - 2..end).and_then(|length| length.try_into().ok());
        record + BEFORE_DATA + usize::from(length.map_or(0, u16::from_be_bytes))
    }

    /// Those of a set.
    pub(super) fn refs_of(&mut self, set: usize) -> Option<&mut Refs> {
        let set = self.sets.get_mut(set)?;
        if set.refs == NONE {
            set.refs = self.refs.len() as u32;
            self.refs.push(Refs::default());
        }
        self.refs.get_mut(set.refs as usize)
    }

    pub(super) fn has_addresses(&self, place: u32, glue: Glue) -> bool {
        self.names.get(place as usize).is_some_and(|name| {
            let is_address = |set: &Rrset| matches!(set.rtype, rtype::A | rtype::AAAA);
            let told = match name.standing {
                Standing::Own | Standing::Renamed => true,
                Standing::Cut | Standing::BelowCut => glue == Glue::Allowed,
                Standing::BelowRenamed => false,
            };
            told && (name.more.slot != NONE || self.sets_of(name).iter().any(is_address))
        })
    }
}

fn stored<'o>(octets: &'o [u8], name: &Name) -> &'o [u8] {
    let start = name.name as usize;
    octets.get(start..start + usize::from(name.len)).unwrap_or_default()
}

/// Where the names begin that stand above a name and have more than `depth` labels, the longest first.
fn between(name: &[u8], depth: usize) -> impl Iterator<Item = usize> {
    let above = label_count(name).saturating_sub(depth + 1);
    labels(name).skip(1).take(above)
}
