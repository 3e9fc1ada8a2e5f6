//! All of a zone, record by record, for transfers.

use std::sync::Arc;

use super::Zone;
use super::rrset::{BEFORE_DATA, Rrset, rtype};
use crate::answer::{Full, Writer};
use crate::bound::Bound;

/// How far somebody is in the records of a zone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    node: usize,
    /// Within the node; behind the last one stand its bound addresses.
    set: usize,
    /// Octets into the set, or addresses.
    at: usize,
}

impl Zone {
    /// Writes records from `cursor` on, until all are written or the message is full; `bound` are
    /// the addresses of its slots. The SOA is left out.
    pub(crate) fn put_from(
        &self,
        cursor: &mut Cursor,
        bound: &[Arc<Bound>],
        out: &mut Writer<'_>,
    ) -> Result<(), Full> {
        while let Some(node) = self.nodes.get(cursor.node) {
            let name = self.name(node);
            while let Some(set) = self.sets(node).get(cursor.set) {
                while set.rtype() != rtype::SOA && cursor.at < usize::from(set.len) {
                    cursor.at = self.put_record(set, cursor.at, name, out)?;
                }
                (cursor.set, cursor.at) = (cursor.set + 1, 0);
            }
            if let Some(bound) = self.slot(node).and_then(|(slot, _)| bound.get(slot)) {
                for record in bound.records().skip(cursor.at) {
                    self.put_owned(name, record, out)?;
                    cursor.at += 1;
                }
            }
            *cursor = Cursor { node: cursor.node + 1, ..Cursor::default() };
        }
        Ok(())
    }

    /// Writes the record of an address that a slot has, or had.
    pub(crate) fn put_of_slot(
        &self,
        slot: u32,
        record: &[u8],
        out: &mut Writer<'_>,
    ) -> Result<(), Full> {
        let node = self.owners.get(slot as usize).and_then(|node| self.node(*node));
        match node {
            Some(node) => self.put_owned(self.name(node), record, out),
            None => Ok(()),
        }
    }

    /// Writes the SOA as it was, or will be, at `serial`.
    pub(crate) fn put_soa(&self, serial: u32, out: &mut Writer<'_>) -> Result<(), Full> {
        let Some(soa) = self.soa() else { return Ok(()) };
        let start = self.put(soa, out.apex(), out)?;
        out.patch(start.after(usize::from(soa.len) - super::rrset::SERIAL), serial.to_be_bytes());
        Ok(())
    }

    /// Writes the record that begins at `at` of a set, and says where the next one does.
    fn put_record(
        &self,
        set: &Rrset,
        at: usize,
        owner: &[u8],
        out: &mut Writer<'_>,
    ) -> Result<usize, Full> {
        let rest = self.records(set).get(at..).unwrap_or_default();
        let length =
            rest.get(BEFORE_DATA - 2..BEFORE_DATA).and_then(|length| length.try_into().ok());
        let end = at + BEFORE_DATA + usize::from(length.map_or(0, u16::from_be_bytes));
        let record = rest.get(..end - at).unwrap_or_default();
        let start = out.place();
        self.put_owned(owner, record, out)?;
        // From here the record goes on as it is in the set.
        let (apex, before) = (out.apex().pointer(), owner.len());
        for pointer in self.pointers(set) {
            let pointer = usize::from(*pointer);
            if (at..end).contains(&pointer) {
                out.patch(start.after(before + pointer - at), apex);
            }
        }
        Ok(end)
    }

    /// Writes a record under a name of the zone, given without the apex.
    fn put_owned(&self, owner: &[u8], record: &[u8], out: &mut Writer<'_>) -> Result<(), Full> {
        let apex = out.apex().pointer();
        let room = out.room(owner.len() + record.len(), 1)?;
        let (name, rest) = room.split_at_mut(owner.len());
        name.copy_from_slice(owner);
        rest.copy_from_slice(record);
        if let Some(owner) = rest.get_mut(..2) {
            owner.copy_from_slice(&apex);
        }
        Ok(())
    }
}
