//! A set of records as it is copied into answers.

use std::ops::Range;

use super::Zone;
use crate::answer::{Full, Place, Writer};

/// Numbers of record types (IANA).
pub(crate) mod rtype {
    pub(crate) const A: u16 = 1;
    pub(crate) const NS: u16 = 2;
    pub(crate) const CNAME: u16 = 5;
    pub(crate) const SOA: u16 = 6;
    pub(crate) const PTR: u16 = 12;
    pub(crate) const MX: u16 = 15;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const SRV: u16 = 33;
    pub(crate) const DNAME: u16 = 39;
    pub(crate) const OPT: u16 = 41;
    pub(crate) const DS: u16 = 43;
    pub(crate) const RRSIG: u16 = 46;
    pub(crate) const NSEC: u16 = 47;
    pub(crate) const DNSKEY: u16 = 48;
    pub(crate) const TSIG: u16 = 250;
    pub(crate) const IXFR: u16 = 251;
    pub(crate) const AXFR: u16 = 252;
    pub(crate) const ANY: u16 = 255;
}

/// What stands between a record's owner, which takes two octets here, and its data.
pub(crate) const BEFORE_DATA: usize = 12;
/// The owner of every record in store: a pointer to the question (RFC 1035 §4.1.4).
pub(crate) const QUESTION: [u8; 2] = [0xC0, 0x0C];
/// Of a record's owner, type and class.
const TTL: usize = 6;
/// From the serial of an SOA record to its end.
pub(super) const SERIAL: usize = 20;

/// A set of records. They stand in the zone's octets with two octets for the owner, and a name in
/// their data that lies in the zone ends with a pointer to the apex.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rrset {
    pub(super) at: u32,
    /// Place in the zone's `refs`; of a set that names no other name of the zone there is none.
    pub(super) refs: u32,
    pub(super) rtype: u16,
    pub(super) count: u16,
    pub(super) len: u16,
}

/// Where a set names other names of its zone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refs {
    pub(super) pointers: u32,
    pub(super) extras: u32,
    pub(super) pointer_count: u16,
    pub(super) extra_count: u16,
}

/// A name in a set's data whose addresses go along with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extra {
    /// Its place in the zone.
    pub(crate) node: u32,
    /// From the beginning of the set's records.
    pub(crate) name: u16,
}

impl Rrset {
    /// Of no type and no records.
    pub(super) const NONE: Rrset = Rrset { at: 0, refs: super::NONE, rtype: 0, count: 0, len: 0 };

    #[inline]
    pub(crate) fn rtype(&self) -> u16 {
        self.rtype
    }

    #[inline]
    pub(super) fn span(&self) -> Range<usize> {
        let start = self.at as usize;
        start..start + usize::from(self.len)
    }
}

impl Zone {
    /// Names in a set's data whose addresses are known here.
    #[inline]
    pub(crate) fn extras(&self, set: &Rrset) -> &[Extra] {
        let Some(refs) = self.refs.get(set.refs as usize) else { return &[] };
        let start = refs.extras as usize;
        self.extras.get(start..start + usize::from(refs.extra_count)).unwrap_or_default()
    }

    /// Where in a set's records names end with a pointer to the apex.
    #[inline]
    pub(super) fn pointers(&self, set: &Rrset) -> &[u16] {
        let Some(refs) = self.refs.get(set.refs as usize) else { return &[] };
        let start = refs.pointers as usize;
        self.pointers.get(start..start + usize::from(refs.pointer_count)).unwrap_or_default()
    }

    /// Writes a set whose owner stands at `owner` in the message, and says where.
    #[inline]
    pub(crate) fn put(
        &self,
        set: &Rrset,
        owner: Place,
        out: &mut Writer<'_>,
    ) -> Result<Place, Full> {
        let apex = out.apex().pointer();
        let (start, records) = out.claim(self.records(set), set.count)?;
        for at in self.pointers(set) {
            patch(records, usize::from(*at), apex);
        }
        if set.rtype == rtype::SOA {
            let serial = records.len().saturating_sub(SERIAL);
            patch(records, serial, self.serial().to_be_bytes());
        }
        let owner = owner.pointer();
        if owner != QUESTION {
            name_owner(records, owner);
        }
        Ok(start)
    }

    /// Writes the SOA record of a negative answer (RFC 2308 §3), its TTL at most `ttl`.
    pub(crate) fn put_negative(&self, ttl: u32, out: &mut Writer<'_>) -> Result<(), Full> {
        let Some(soa) = self.soa() else { return Ok(()) };
        let start = self.put(soa, out.apex(), out)?;
        out.patch(start.after(TTL), ttl.min(self.negative_ttl()).to_be_bytes());
        Ok(())
    }

    /// In seconds.
    pub(crate) fn ttl(&self, set: &Rrset) -> u32 {
        let ttl = self.records(set).get(TTL..TTL + 4).and_then(|ttl| ttl.try_into().ok());
        ttl.map_or(0, u32::from_be_bytes)
    }

    /// Appends the name that the data of a set's first record is (CNAME, DNAME), in lower case and
    /// whole.
    pub(crate) fn target(&self, set: &Rrset, name: &mut Vec<u8>) {
        let start = name.len();
        let data = self.records(set).get(BEFORE_DATA..).unwrap_or_default();
        let mut at = 0;
        while let Some(&length) = data.get(at) {
            match length {
                0 => name.push(0),
                0xC0.. => name.extend_from_slice(self.apex()),
                _ => {
                    let end = at + 1 + usize::from(length);
                    name.extend_from_slice(data.get(at..end).unwrap_or_default());
                    at = end;
                    continue;
                }
            }
            break;
        }
        name.get_mut(start..).unwrap_or_default().make_ascii_lowercase();
    }
}

/// Gives every record another owner.
fn name_owner(records: &mut [u8], owner: [u8; 2]) {
    let mut at = 0;
    while let Some(&[high, low]) = records.get(at + BEFORE_DATA - 2..at + BEFORE_DATA) {
        patch(records, at, owner);
        at += BEFORE_DATA + usize::from(u16::from_be_bytes([high, low]));
    }
}

#[inline]
fn patch<const N: usize>(records: &mut [u8], at: usize, octets: [u8; N]) {
    if let Some(room) = records.get_mut(at..at + N) {
        room.copy_from_slice(&octets);
    }
}
