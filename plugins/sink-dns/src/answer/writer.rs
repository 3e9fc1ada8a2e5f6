//! Writes an answer into the room that is there for it.

use crate::query::HEADER;

/// It does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// Where something stands in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(usize);

/// Part of a message that records are counted in (RFC 1035 §4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Answer,
    Authority,
    Additional,
}

/// A message in the making: a question, and records behind it.
#[derive(Debug)]
pub(crate) struct Writer<'o> {
    out: &'o mut [u8],
    at: usize,
    /// Behind the question.
    start: usize,
    /// The message is to be no longer.
    limit: usize,
    counts: [u16; 3],
    section: Section,
    apex: Place,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    at: usize,
    counts: [u16; 3],
}

impl Place {
    /// Of the name of the question.
    pub(crate) const QUESTION: Place = Place(HEADER);

    #[inline]
    pub(crate) fn after(self, octets: usize) -> Place {
        Place(self.0 + octets)
    }

    /// Whether a pointer reaches it (RFC 1035 §4.1.4).
    pub(crate) fn is_near(self) -> bool {
        self.0 < 0x4000
    }

    /// A pointer to it.
    #[inline]
    pub(crate) fn pointer(self) -> [u8; 2] {
        (0xC000 | self.0 as u16).to_be_bytes()
    }
}

impl<'o> Writer<'o> {
    /// Behind the header and this question, in at most `limit` octets.
    #[inline]
    pub(crate) fn new(
        out: &'o mut [u8],
        question: &[u8],
        limit: usize,
    ) -> Result<Writer<'o>, Full> {
        let start = HEADER + question.len();
        let limit = limit.min(out.len());
        if start > limit {
            return Err(Full);
        }
        out.get_mut(HEADER..start).ok_or(Full)?.copy_from_slice(question);
        Ok(Writer {
            out,
            at: start,
            start,
            limit,
            counts: [0; 3],
            section: Section::Answer,
            apex: Place::QUESTION,
        })
    }

    /// Where the zone's name stands, as the end of the question's.
    #[inline]
    pub(crate) fn apex(&self) -> Place {
        self.apex
    }

    pub(crate) fn set_apex(&mut self, apex: Place) {
        self.apex = apex;
    }

    /// Records go there from now on.
    #[inline]
    pub(crate) fn enter(&mut self, section: Section) {
        self.section = section;
    }

    /// Where the next octets go.
    pub(crate) fn place(&self) -> Place {
        Place(self.at)
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { at: self.at, counts: self.counts }
    }

    /// Forgets what was written since.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        (self.at, self.counts) = (mark.at, mark.counts);
    }

    /// Forgets every record.
    pub(crate) fn clear(&mut self) {
        (self.at, self.counts) = (self.start, [0; 3]);
    }

    /// Keeps so many octets free, or gives them back.
    pub(crate) fn reserve(&mut self, octets: usize) {
        self.limit = self.limit.saturating_sub(octets);
    }

    pub(crate) fn release(&mut self, octets: usize) {
        self.limit = (self.limit + octets).min(self.out.len());
    }

    /// Whether no record was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.start
    }

    pub(crate) fn has_room(&self, octets: usize) -> bool {
        self.at + octets <= self.limit
    }

    /// Writes records, and says where they stand.
    #[inline]
    pub(crate) fn claim(
        &mut self,
        octets: &[u8],
        records: u16,
    ) -> Result<(Place, &mut [u8]), Full> {
        let place = self.place();
        let room = self.room(octets.len(), records)?;
        room.copy_from_slice(octets);
        Ok((place, room))
    }

    /// Room for records that the caller writes.
    #[inline]
    pub(crate) fn room(&mut self, octets: usize, records: u16) -> Result<&mut [u8], Full> {
        let end = self.at + octets;
        if end > self.limit {
            return Err(Full);
        }
        let room = self.out.get_mut(self.at..end).ok_or(Full)?;
        self.at = end;
        self.counts[self.section as usize] += records;
        Ok(room)
    }

    /// Writes octets that are part of a record which is counted elsewhere.
    pub(crate) fn append(&mut self, octets: &[u8]) -> Result<(), Full> {
        self.room(octets.len(), 0).map(|room| room.copy_from_slice(octets))
    }

    /// Replaces octets that are there.
    #[inline]
    pub(crate) fn patch<const N: usize>(&mut self, at: Place, octets: [u8; N]) {
        if let Some(room) = self.out.get_mut(at.0..at.0 + N) {
            room.copy_from_slice(&octets);
        }
    }

    /// Writes the header, and says how long the message is.
    #[inline]
    pub(crate) fn finish(self, id: [u8; 2], flags: [u8; 2], questions: u16) -> usize {
        let mut header = [0; HEADER];
        header[..2].copy_from_slice(&id);
        header[2..4].copy_from_slice(&flags);
        header[4..6].copy_from_slice(&questions.to_be_bytes());
        header[6..8].copy_from_slice(&self.counts[0].to_be_bytes());
        header[8..10].copy_from_slice(&self.counts[1].to_be_bytes());
        header[10..].copy_from_slice(&self.counts[2].to_be_bytes());
        if let Some(room) = self.out.get_mut(..HEADER) {
            room.copy_from_slice(&header);
        }
        self.at
    }
}
