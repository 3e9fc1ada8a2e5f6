//! Makes a zone of its records.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;

use arc_swap::ArcSwap;
use rais_zone::{Place, WireRecord};

use super::making::{Glue, Making};
use super::rrset::{BEFORE_DATA, Extra, QUESTION, rtype};
use super::{NONE, Rrset, Zone};
use crate::bound::Bound;
use crate::name::{label_count, to_text};

/// The most octets of a set: it has to fit into a message with all that may stand beside it.
const MAX_SET: usize = 64_000;
/// Class IN.
const IN: [u8; 2] = [0, 1];

/// A zone that cannot be answered from, and where that is seen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BuildError {
    place: Option<Place>,
    text: String,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{place}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for BuildError {}

/// Takes a zone's records and the names whose addresses are bound.
#[derive(Debug)]
pub(crate) struct Builder {
    apex: Vec<u8>,
    drafts: Vec<Draft>,
    octets: Vec<u8>,
    bound: Vec<Vec<u8>>,
}

/// A record that was taken; its octets stand in [`Builder::octets`].
#[derive(Clone, Copy, Debug)]
struct Draft {
    owner: u32,
    owner_len: u8,
    rtype: u16,
    ttl: u32,
    data_len: u16,
    place: Place,
}

impl Builder {
    /// Of the zone with this name, in lower case on the wire.
    pub(crate) fn new(apex: Vec<u8>) -> Builder {
        Builder { apex, drafts: Vec::new(), octets: Vec::new(), bound: Vec::new() }
    }

    /// Takes a record of the zone.
    pub(crate) fn take(&mut self, record: &WireRecord) {
        let owner = self.octets.len() as u32;
        self.octets.extend(record.owner.iter().map(u8::to_ascii_lowercase));
        self.octets.extend_from_slice(&record.data);
        self.drafts.push(Draft {
            owner,
            // At most 255 and 65,535, as they come out of messages' forms.
            owner_len: record.owner.len() as u8,
            rtype: record.rtype,
            ttl: record.ttl,
            data_len: record.data.len() as u16,
            place: record.place,
        });
    }

    /// Gives a name, in lower case on the wire, the next slot.
    pub(crate) fn bind(&mut self, owner: Vec<u8>) {
        self.bound.push(owner);
    }

    /// The zone.
    ///
    /// # Errors
    /// Records that exclude each other, or a set that no message can hold.
    pub(crate) fn build(mut self) -> Result<Zone, BuildError> {
        let mut drafts = std::mem::take(&mut self.drafts);
        drafts.sort_by(|a, b| self.key(a).cmp(&self.key(b)));
        drafts.dedup_by(|b, a| self.key(a) == self.key(b));
        self.refuse_aliases_with_data(&drafts)?;

        let mut made = Making::new(self.apex.clone(), drafts.len(), self.octets.len());
        for of_name in drafts.chunk_by(|a, b| self.owner(a) == self.owner(b)) {
            let Some(first) = of_name.first() else { continue };
            let place = made.place(self.owner(first));
            let sets = made.sets.len();
            for set in of_name.chunk_by(|a, b| a.rtype == b.rtype) {
                self.put(set, &mut made)?;
            }
            if let Some(name) = made.names.get_mut(place as usize) {
                name.more.sets = sets as u32;
                name.more.set_count = (made.sets.len() - sets) as u16;
            }
        }
        for (slot, owner) in self.bound.iter().enumerate() {
            let place = made.place(owner);
            if let Some(name) = made.names.get_mut(place as usize) {
                name.more.slot = slot as u32;
            }
        }
        made.add_empty_names();
        made.tell_standings();
        self.refuse_foreign_owners(&made)?;
        self.add_extras(&drafts, &mut made);
        Ok(self.finish(&drafts, made))
    }

    fn owner(&self, draft: &Draft) -> &[u8] {
        let start = draft.owner as usize;
        self.octets.get(start..start + usize::from(draft.owner_len)).unwrap_or_default()
    }

    fn data(&self, draft: &Draft) -> &[u8] {
        let start = draft.owner as usize + usize::from(draft.owner_len);
        self.octets.get(start..start + usize::from(draft.data_len)).unwrap_or_default()
    }

    fn key(&self, draft: &Draft) -> (&[u8], u16, &[u8]) {
        (self.owner(draft), draft.rtype, self.data(draft))
    }

    /// RFC 1034 §3.6.2, RFC 6672 §2.4; what signs an alias stands beside it (RFC 4035 §2.5).
    fn refuse_aliases_with_data(&self, drafts: &[Draft]) -> Result<(), BuildError> {
        for of_name in drafts.chunk_by(|a, b| self.owner(a) == self.owner(b)) {
            let of = |rtype| of_name.iter().filter(move |draft| draft.rtype == rtype);
            let refuse = |draft: &Draft, what: &str| {
                let text = format!("{}. has {what}", to_text(self.owner(draft)));
                Err(BuildError { place: Some(draft.place), text })
            };
            let signs = |draft: &&Draft| matches!(draft.rtype, rtype::RRSIG | rtype::NSEC);
            let signing = of_name.iter().filter(signs).count();
            if let Some(alias) = of(rtype::CNAME).next()
                && of_name.len() > signing + 1
            {
                let beside = "a CNAME record and another one beside it: it must stand alone";
                return refuse(alias, beside);
            }
            if let Some(second) = of(rtype::DNAME).nth(1) {
                return refuse(second, "two DNAME records: one is allowed");
            }
        }
        Ok(())
    }

    /// Addresses below a delegation would be nobody's to answer.
    fn refuse_foreign_owners(&self, made: &Making) -> Result<(), BuildError> {
        let foreign = |owner: &&Vec<u8>| {
            let name = made.find(owner).and_then(|place| made.names.get(place as usize));
            name.is_some_and(|name| !name.standing.is_own())
        };
        let Some(owner) = self.bound.iter().find(foreign) else { return Ok(()) };
        let text = format!(
            "{}. stands at or below a delegation or DNAME of the header: bind another owner, or \
             take that record out",
            to_text(owner)
        );
        Err(BuildError { place: None, text })
    }

    /// Writes a set behind its name.
    fn put(&self, set: &[Draft], made: &mut Making) -> Result<(), BuildError> {
        let Some(first) = set.first() else { return Ok(()) };
        // RFC 2181 §5.2.
        let ttl = set.iter().map(|draft| draft.ttl).min().unwrap_or_default();
        let at = made.octets.len();
        let pointers = made.pointers.len();
        for draft in set {
            made.octets.extend_from_slice(&QUESTION);
            made.octets.extend_from_slice(&draft.rtype.to_be_bytes());
            made.octets.extend_from_slice(&IN);
            made.octets.extend_from_slice(&ttl.to_be_bytes());
            let length = made.octets.len();
            made.octets.extend_from_slice(&[0; 2]);
            made.put_data(draft.rtype, self.data(draft), at);
            let written = (made.octets.len() - length - 2) as u16;
            if let Some(room) = made.octets.get_mut(length..length + 2) {
                room.copy_from_slice(&written.to_be_bytes());
            }
        }
        let len = made.octets.len() - at;
        if len > MAX_SET {
            let owner = to_text(self.owner(first));
            let text = format!(
                "the records of {owner}. of this type take {len} octets: {MAX_SET} fit into a message"
            );
            return Err(BuildError { place: Some(first.place), text });
        }
        let pointer_count = (made.pointers.len() - pointers) as u16;
        let (rtype, count) = (first.rtype, set.len() as u16);
        made.sets.push(Rrset { at: at as u32, refs: NONE, rtype, count, len: len as u16 });
        if pointer_count > 0
            && let Some(refs) = made.refs_of(made.sets.len() - 1)
        {
            (refs.pointers, refs.pointer_count) = (pointers as u32, pointer_count);
        }
        Ok(())
    }

    /// Looks up whose addresses go along with which set.
    fn add_extras(&self, drafts: &[Draft], made: &mut Making) {
        let same = |a: &Draft, b: &Draft| a.rtype == b.rtype && self.owner(a) == self.owner(b);
        // The sets stand in the order of the drafts that they were made of.
        for (index, set) in drafts.chunk_by(same).enumerate() {
            let Some(first) = set.first() else { continue };
            let (at, glue) = match first.rtype {
                rtype::NS => (0, Glue::Allowed),
                rtype::MX => (2, Glue::Refused),
                rtype::SRV => (6, Glue::Refused),
                _ => continue,
            };
            let start = made.extras.len();
            let records = made.sets.get(index).map(Rrset::span).unwrap_or_default();
            let mut record = 0;
            for draft in set {
                let name = record + BEFORE_DATA + at;
                record = made.after_record(&records, record);
                let target = self.data(draft).get(at..).unwrap_or_default().to_ascii_lowercase();
                let Some(node) = made.find(&target) else { continue };
                let others = made.extras.get(start..).unwrap_or_default();
                let known = others.iter().any(|extra| extra.node == node);
                if !known && made.has_addresses(node, glue) {
                    made.extras.push(Extra { node, name: name as u16 });
                }
            }
            let count = (made.extras.len() - start) as u16;
            if count > 0
                && let Some(refs) = made.refs_of(index)
            {
                (refs.extras, refs.extra_count) = (start as u32, count);
            }
        }
    }

    fn finish(self, drafts: &[Draft], mut made: Making) -> Zone {
        let draft = drafts.iter().find(|draft| draft.rtype == rtype::SOA);
        let data = draft.map(|draft| self.data(draft)).unwrap_or_default();
        let number = |from_end: usize| {
            let start = data.len().saturating_sub(from_end);
            let octets = data.get(start..start + 4).and_then(|octets| octets.try_into().ok());
            octets.map_or(0, u32::from_be_bytes)
        };
        let owners = self.bound.iter().map(|owner| made.find(owner).unwrap_or(NONE)).collect();
        let slots = self.bound.iter().map(|_| ArcSwap::from_pointee(Bound::default()));
        let deepest = made.deepest();
        let (nodes, mores) = made.nodes();
        let soa = made.sets.iter().position(|set| set.rtype == rtype::SOA);
        Zone {
            labels: label_count(&made.apex),
            deepest,
            apex: made.apex.into(),
            octets: made.octets.into(),
            nodes,
            mores,
            sets: made.sets.into(),
            refs: made.refs.into(),
            pointers: made.pointers.into(),
            extras: made.extras.into(),
            table: made.table,
            slots: slots.collect(),
            owners,
            first_turn: 0,
            number: 0,
            soa: soa.map_or(NONE, |place| place as u32),
            serial: AtomicU32::new(number(20)),
            history: Mutex::default(),
            negative_ttl: draft.map_or(0, |draft| draft.ttl).min(number(4)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rais_zone::{ZoneName, contents};

    use super::*;
    use crate::name::to_wire;

    fn build(more: &str) -> Result<Zone, BuildError> {
        let text = format!("$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n{more}");
        let mut builder = Builder::new(to_wire("example"));
        let name = ZoneName::parse("example").unwrap();
        contents(&text, &name, |record| builder.take(&record)).unwrap();
        builder.build()
    }

    #[test]
    fn what_signs_an_alias_stands_beside_it_and_nothing_else() {
        let signed = "a CNAME b\na RRSIG CNAME 8 2 60 20300101000000 20200101000000 1 example. AA==\n\
                      a NSEC b CNAME RRSIG NSEC\n";
        build(signed).unwrap();
        for beside in ["a TXT x\n", "a CNAME c\n"] {
            let error = build(&format!("{signed}{beside}")).unwrap_err().to_string();
            assert!(error.contains("a.example. has a CNAME record and another"), "{error}");
        }
    }
}
