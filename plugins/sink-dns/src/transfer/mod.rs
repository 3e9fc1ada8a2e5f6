//! Zones handed to secondaries, whole (RFC 5936) or as what has changed (RFC 1995).

mod access;
mod history;
mod news;
mod notify;

use std::sync::Arc;
use std::vec;

use crate::answer::{Full, Place, Section, Writer};
use crate::bound::Bound;
use crate::net::MessageStream;
use crate::zone::{Cursor, Zone};

pub(crate) use access::{Access, Keys, Signed};
pub(crate) use history::{Address, Change, History};
pub(crate) use notify::{Addressee, Notifier, Told};

/// A message is not filled further, so that what signs it has room.
const USUAL: usize = 32_000;
/// Unless one record takes more.
const MOST: usize = 65_000;
/// Its answer has authority (RFC 5936 §2.2.1).
const AUTHORITY: u8 = 0x04;

/// What was asked, as far as the answer repeats it.
pub(crate) struct Asked {
    pub(crate) id: [u8; 2],
    /// The first octet of the answer's flags, but for its authority.
    pub(crate) flags: u8,
    pub(crate) question: Box<[u8]>,
    /// The OPT record of the first message (RFC 5936 §2.2.5), as it travels.
    pub(crate) opt: Option<Box<[u8]>>,
}

/// A transfer under way.
pub(crate) struct Transfer {
    asked: Asked,
    zone: Arc<Zone>,
    parts: vec::IntoIter<Part>,
    now: Option<Part>,
}

/// What follows in a transfer.
enum Part {
    /// The SOA at a serial.
    Soa(u32),
    /// Every record but the SOA, from there on.
    Records(Cursor, Vec<Arc<Bound>>),
    /// What a change took or brought, from there on.
    Gone(Arc<Change>, usize),
    Come(Arc<Change>, usize),
}

impl Transfer {
    /// Of a whole zone.
    pub(crate) fn whole(asked: Asked, zone: Arc<Zone>) -> Transfer {
        let mut bound = Vec::with_capacity(zone.slots().len());
        // What is done under it holds up a publication: no more than to see what belongs together.
        let history = zone.history();
        let serial = zone.serial();
        bound.extend(zone.slots().iter().map(|slot| slot.load_full()));
        drop(history);
        let records = Part::Records(Cursor::default(), bound);
        Transfer::of(asked, zone, vec![Part::Soa(serial), records, Part::Soa(serial)])
    }

    /// Of what has changed since the serial that a client has; of the whole where that is not
    /// remembered.
    pub(crate) fn since(client: u32, asked: Asked, zone: Arc<Zone>) -> Transfer {
        let history = zone.history();
        let serial = zone.serial();
        let changes = history.since(client, serial);
        drop(history);
        // As RFC 1982 §3.2 compares them; who is ahead of us has nothing to learn.
        let behind = serial.wrapping_sub(client) < 1 << 31 && serial != client;
        match changes {
            _ if !behind => Transfer::of(asked, zone, vec![Part::Soa(serial)]),
            None => Transfer::whole(asked, zone),
            Some(changes) => {
                let mut parts = vec![Part::Soa(serial), Part::Soa(client)];
                let mut changes = changes.into_iter().peekable();
                if changes.peek().is_none() {
                    parts.push(Part::Soa(serial));
                }
                while let Some(change) = changes.next() {
                    parts.push(Part::Gone(Arc::clone(&change), 0));
                    // Whatever other serials the same records had.
                    let to = if changes.peek().is_none() { serial } else { change.to };
                    parts.push(Part::Soa(to));
                    parts.push(Part::Come(change, 0));
                    if changes.peek().is_some() {
                        parts.push(Part::Soa(to));
                    }
                }
                parts.push(Part::Soa(serial));
                Transfer::of(asked, zone, parts)
            }
        }
    }

    fn of(asked: Asked, zone: Arc<Zone>, parts: Vec<Part>) -> Transfer {
        let mut parts = parts.into_iter();
        let now = parts.next();
        Transfer { asked, zone, parts, now }
    }

    /// Writes what is left, as much as fits.
    fn fill(&mut self, out: &mut Writer<'_>) -> Result<(), Full> {
        while let Some(part) = &mut self.now {
            match part {
                Part::Soa(serial) => self.zone.put_soa(*serial, out)?,
                Part::Records(cursor, bound) => self.zone.put_from(cursor, bound, out)?,
                Part::Gone(change, at) => put(&change.gone, at, &self.zone, out)?,
                Part::Come(change, at) => put(&change.come, at, &self.zone, out)?,
            }
            self.now = self.parts.next();
        }
        Ok(())
    }
}

fn put(
    addresses: &[Address],
    at: &mut usize,
    zone: &Zone,
    out: &mut Writer<'_>,
) -> Result<(), Full> {
    while let Some(Address { slot, record }) = addresses.get(*at) {
        zone.put_of_slot(*slot, record, out)?;
        *at += 1;
    }
    Ok(())
}

impl MessageStream for Transfer {
    fn next(&mut self, out: &mut [u8]) -> Option<usize> {
        self.now.as_ref()?;
        for limit in [USUAL, MOST] {
            // The question stands in each message (RFC 5936 §2.2.2), since names point to it.
            let mut writer = Writer::new(out, &self.asked.question, limit).ok()?;
            writer.set_apex(Place::QUESTION);
            let filled = self.fill(&mut writer);
            if filled.is_ok() || !writer.is_empty() {
                if let Some(opt) = self.asked.opt.take() {
                    writer.release(opt.len());
                    writer.enter(Section::Additional);
                    writer.claim(&opt, 1).ok()?;
                }
                return Some(writer.finish(self.asked.id, [self.asked.flags | AUTHORITY, 0], 1));
            }
        }
        // Sets are refused that no message holds. An empty one cuts the connection.
        Some(0)
    }
}
