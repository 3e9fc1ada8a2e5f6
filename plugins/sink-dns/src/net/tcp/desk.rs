//! What a thread answers with: one connection's queries and answers at a time.

use crate::net::{LONGEST_QUERY, MessageStream, Peer, Reply, Respond};

/// The buffers that all connections of a thread use by turns, and who answers.
pub(super) struct Desk<R> {
    responder: R,
    pub(super) input: Input,
    pub(super) output: Output,
}

/// Whole queries, and perhaps the beginning of one.
pub(super) struct Input {
    octets: Box<[u8]>,
    /// What lies between these two is not answered yet.
    start: usize,
    end: usize,
}

/// One portion of answers.
pub(super) struct Output {
    octets: Box<[u8]>,
    end: usize,
}

/// What stands first in the input.
#[derive(Debug)]
pub(super) enum Front<'a> {
    Query(&'a [u8]),
    /// Not even the whole of one query.
    Part,
    /// A query of more than [`LONGEST_QUERY`] octets, by its length.
    TooLong,
}

/// How a transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    GoesOn,
    Ended,
    /// There is a message that cannot be sent.
    Broken,
}

/// Before each message stands its length (RFC 1035 §4.2.2).
const LENGTH: usize = 2;
const LONGEST_MESSAGE: usize = 65_535;
/// Answers are written once there are so many octets of them, or no query is left.
const PORTION: usize = 16 * 1024;
/// As much as is handed to a connection at a time.
pub(crate) const LONGEST_OUTPUT: usize = PORTION + LENGTH + LONGEST_MESSAGE;

impl<R: Respond> Desk<R> {
    pub(super) fn new(responder: R) -> Self {
        Self {
            responder,
            input: Input { octets: zeros(LENGTH + LONGEST_QUERY), start: 0, end: 0 },
            output: Output { octets: zeros(LONGEST_OUTPUT), end: 0 },
        }
    }

    /// Answers whole queries of the input into an output that was empty, until that is a portion. A
    /// transfer that is asked for holds up those behind it.
    pub(super) fn answer(&mut self, peer: &Peer) -> Option<Box<dyn MessageStream>> {
        self.responder.refresh();
        let transfer = self.answer_queries(peer);
        self.responder.release();
        transfer
    }

    fn answer_queries(&mut self, peer: &Peer) -> Option<Box<dyn MessageStream>> {
        self.output.end = 0;
        while self.output.end < PORTION
            && let Front::Query(query) = self.input.front()
        {
            let length = query.len();
            let reply = self.responder.respond(query, peer, self.output.message());
            self.input.start += LENGTH + length;
            match reply {
                Reply::Silence => {}
                Reply::Message(length) => {
                    self.output.close_message(length);
                }
                Reply::Stream(transfer) => return Some(transfer),
            }
        }
        None
    }

    /// Puts messages of `transfer` into an output that was empty, until that is a portion.
    pub(super) fn go_on(&mut self, transfer: &mut dyn MessageStream) -> Progress {
        self.output.end = 0;
        while self.output.end < PORTION {
            let Some(length) = transfer.next(self.output.message()) else { return Progress::Ended };
            if !self.output.close_message(length) {
                return Progress::Broken;
            }
        }
        Progress::GoesOn
    }
}

impl Input {
    /// Begins with what a connection has kept.
    pub(super) fn load(&mut self, kept: &[u8]) {
        let kept = &kept[..kept.len().min(self.octets.len())];
        self.octets[..kept.len()].copy_from_slice(kept);
        self.start = 0;
        self.end = kept.len();
    }

    /// What a connection has to keep.
    pub(super) fn rest(&self) -> &[u8] {
        &self.octets[self.start..self.end]
    }

    pub(super) fn front(&self) -> Front<'_> {
        let Some((length, behind)) = self.rest().split_first_chunk() else { return Front::Part };
        let length = usize::from(u16::from_be_bytes(*length));
        if length > LONGEST_QUERY {
            return Front::TooLong;
        }
        behind.get(..length).map_or(Front::Part, Front::Query)
    }

    /// Where more can be read to: never empty while only part of a query is there.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.octets.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        &mut self.octets[self.end..]
    }

    /// So many octets were read to there.
    pub(super) fn came(&mut self, length: usize) {
        self.end = (self.end + length).min(self.octets.len());
    }
}

impl Output {
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets[..self.end]
    }

    /// Room for one more message; there is, while the output is no whole portion.
    fn message(&mut self) -> &mut [u8] {
        let start = self.end + LENGTH;
        &mut self.octets[start..start + LONGEST_MESSAGE]
    }

    /// Takes in the message that was written to this room. Whether its length can be one.
    fn close_message(&mut self, length: usize) -> bool {
        let Some(said) = u16::try_from(length).ok().filter(|&said| said > 0) else { return false };
        self.octets[self.end..self.end + LENGTH].copy_from_slice(&said.to_be_bytes());
        self.end += LENGTH + length;
        true
    }
}

fn zeros(length: usize) -> Box<[u8]> {
    vec![0; length].into_boxed_slice()
}
