//! What records of one name may stand beside each other, whichever name server reads them.

use domain::base::Name;
use domain::base::iana::Rtype;

use crate::error::{Place, Problem, ZoneError};

/// The most octets of a set: it has to fit into a message with all that may stand beside it.
const MAX_SET: usize = 64_000;
/// What stands in front of a record's data: a pointer to its owner, type, class, TTL and length.
const BEFORE_DATA: usize = 12;
/// What may stand beside a CNAME (RFC 4035 §2.5).
const BESIDE_AN_ALIAS: [Rtype; 2] = [Rtype::RRSIG, Rtype::NSEC];

/// The records of a zone, to be compared when all are known.
#[derive(Debug, Default)]
pub(crate) struct Records(Vec<Record>);

/// The order is that in which they are compared; those that are equal but for their places are one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    /// In lower case, as it travels.
    owner: Vec<u8>,
    rtype: Rtype,
    data: Vec<u8>,
    place: Place,
}

impl Records {
    /// Takes a record: its owner and data as they travel.
    pub(crate) fn take(&mut self, owner: &[u8], rtype: Rtype, data: Vec<u8>, place: Place) {
        self.0.push(Record { owner: owner.to_ascii_lowercase(), rtype, data, place });
    }

    /// Refuses records that exclude each other, and a set that no message can hold.
    pub(crate) fn judge(mut self) -> Result<(), ZoneError> {
        self.0.sort_unstable();
        self.0.dedup_by(|b, a| (&a.owner, a.rtype, &a.data) == (&b.owner, b.rtype, &b.data));
        for of_name in self.0.chunk_by(|a, b| a.owner == b.owner) {
            refuse_company(of_name)?;
            for set in of_name.chunk_by(|a, b| a.rtype == b.rtype) {
                refuse_size(set)?;
            }
        }
        Ok(())
    }
}

impl Record {
    fn owner_text(&self) -> String {
        Name::from_octets(&self.owner[..]).map_or_else(|_| String::new(), |name| name.to_string())
    }
}

/// RFC 1034 §3.6.2, RFC 6672 §2.4.
fn refuse_company(of_name: &[Record]) -> Result<(), ZoneError> {
    let of = |rtype| of_name.iter().filter(move |record| record.rtype == rtype);
    if let Some(alias) = of(Rtype::CNAME).next() {
        let beside =
            |record: &&Record| *record != alias && !BESIDE_AN_ALIAS.contains(&record.rtype);
        if let Some(other) = of_name.iter().find(beside) {
            let problem = Problem::BesideAlias {
                owner: alias.owner_text(),
                other: other.rtype.to_string(),
                line: other.place.line,
            };
            return Err(ZoneError::in_place(alias.place, problem));
        }
    }
    if let (Some(a), Some(b)) = (of(Rtype::DNAME).next(), of(Rtype::DNAME).nth(1)) {
        let first = a.place.min(b.place).line;
        let problem = Problem::SecondDname { owner: a.owner_text(), first };
        return Err(ZoneError::in_place(a.place.max(b.place), problem));
    }
    Ok(())
}

fn refuse_size(set: &[Record]) -> Result<(), ZoneError> {
    let octets: usize = set.iter().map(|record| BEFORE_DATA + record.data.len()).sum();
    match set.first() {
        Some(record) if octets > MAX_SET => {
            let problem = Problem::LargeSet {
                owner: record.owner_text(),
                rtype: record.rtype.to_string(),
                octets,
                most: MAX_SET,
            };
            // Of records in the order of their data, the first in the text.
            let place = set.iter().map(|record| record.place).min().unwrap_or(record.place);
            Err(ZoneError::in_place(place, problem))
        }
        _ => Ok(()),
    }
}
