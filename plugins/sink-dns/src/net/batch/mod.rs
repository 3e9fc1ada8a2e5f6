//! Datagrams by the batch: one system call takes up to 64 queries in, one sends their answers.

mod memory;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;

use super::listen::Local;
use super::{Moment, Peer, Reply, Respond, Transport};
use memory::Memory;

pub(super) use memory::ignore_path_mtu;

/// Datagrams a batch.
pub(super) const MOST: usize = 64;
/// The longest datagram that is a query, in octets: what an Ethernet frame carries.
pub(super) const LONGEST_DATAGRAM: usize = 1472;

/// Answers to one client that leave as one (UDP_SEGMENT); every kernel from 4.18 on takes so many.
const MOST_SEGMENTS: usize = 64;
/// Longer answers leave alone, for the kernel refuses segments that do not fit the route: so much fits
/// every link, 1,280 octets (RFC 8200 §5), behind the headers.
const LONGEST_SEGMENT: usize = 1232;
/// Octets of all segments: with any headers below 65,535.
const LONGEST_RUN: usize = 65_000;

/// Whether to wait where there is no datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    ForOne,
    Not,
}

/// Whether answers to one client may leave as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segments {
    Allowed,
    /// The kernel or an interface does not do it.
    Refused,
}

/// Queries, and their answers.
pub(super) struct Batch {
    memory: Memory,
    /// Queries that are there.
    received: usize,
    /// Where answers are written, one directly behind the other: those to one client are one piece.
    answers: Box<[u8]>,
    /// The room of one, in octets.
    room: usize,
    /// What is to be sent.
    runs: Vec<Run>,
    /// So many of them are done with.
    sent: usize,
}

/// One answer, or several to one client that leave as one datagram, which is cut into segments on its
/// way: all of one length, but for the last one, which may be shorter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// The first of the queries answered.
    query: usize,
    client: SocketAddr,
    local: IpAddr,
    source: Source,
    start: usize,
    length: usize,
    /// The length of each.
    segment: usize,
    segments: usize,
}

/// Who says from which address an answer leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The socket is bound to it.
    Socket,
    /// The datagram has to, as its query told.
    Datagram,
}

impl Batch {
    /// With answers of at most `room` octets.
    pub(super) fn new(room: usize) -> Self {
        Self {
            memory: Memory::new(),
            received: 0,
            answers: vec![0; MOST * room].into_boxed_slice(),
            room,
            runs: Vec::with_capacity(MOST),
            sent: 0,
        }
    }

    /// Takes in what is there, and says how many datagrams it is.
    ///
    /// # Errors
    /// The kernel's; where nothing is there and nothing is waited for, [`io::ErrorKind::WouldBlock`].
    pub(super) fn receive(&mut self, socket: BorrowedFd<'_>, wait: Wait) -> io::Result<usize> {
        self.received = 0;
        self.received = self.memory.receive(socket, wait)?;
        Ok(self.received)
    }

    /// Has what was taken in answered.
    pub(super) fn answer(
        &mut self,
        responder: &mut impl Respond,
        local: Local,
        at: Moment,
        segments: Segments,
    ) {
        self.runs.clear();
        self.sent = 0;
        let source = match local {
            Local::Bound(_) => Source::Socket,
            Local::Wildcard => Source::Datagram,
        };
        let mut start = 0;
        for i in 0..self.received {
            let Some((query, client, local)) = self.memory.query(i, local) else { continue };
            let Some(out) = self.answers.get_mut(start..start + self.room) else { break };
            let peer = Peer { client, local, transport: Transport::Udp, at };
            let length = match responder.respond(query, &peer, out) {
                Reply::Message(length) if (1..=self.room).contains(&length) => length,
                _ => continue,
            };
            let joins = segments == Segments::Allowed
                && self.runs.last().is_some_and(|run| run.takes(&peer, length));
            match self.runs.last_mut() {
                Some(run) if joins => run.add(length),
                _ => self.runs.push(Run {
                    query: i,
                    client,
                    local,
                    source,
                    start,
                    length,
                    segment: length,
                    segments: 1,
                }),
            }
            start += length;
        }
        self.memory.prepare(&self.runs);
    }

    /// Sends what has been answered. It may be called again: it goes on with what is left.
    ///
    /// # Errors
    /// Why the first one of those that are left does not go.
    pub(super) fn send(&mut self, socket: BorrowedFd<'_>) -> io::Result<()> {
        while self.sent < self.runs.len() {
            self.sent += self.memory.send(socket, &self.runs, self.sent, &self.answers)?;
        }
        Ok(())
    }

    /// Whether the first one of those that are left is several answers in one.
    pub(super) fn is_at_segments(&self) -> bool {
        self.runs.get(self.sent).is_some_and(|run| run.segments > 1)
    }

    /// Sends the answers of the first one of those that are left each for itself, as far as they go.
    pub(super) fn send_apart(&mut self, socket: BorrowedFd<'_>) {
        let Some(run) = self.runs.get(self.sent).copied() else { return };
        let end = run.start + run.length;
        for start in (run.start..end).step_by(run.segment) {
            let length = run.segment.min(end - start);
            self.runs[self.sent] = Run { start, length, segment: length, segments: 1, ..run };
            self.memory.prepare_one(&self.runs, self.sent);
            // Once more for a signal; else what does not go is lost, as any datagram may be.
            for _ in 0..2 {
                let one = &self.runs[..=self.sent];
                match self.memory.send(socket, one, self.sent, &self.answers) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    _ => break,
                }
            }
        }
        self.sent += 1;
    }

    /// Gives the first one of those that are left up.
    pub(super) fn skip(&mut self) {
        self.sent += 1;
    }

    /// Datagrams in which the answers of this batch leave.
    #[cfg(test)]
    pub(super) fn sends(&self) -> usize {
        self.runs.len()
    }
}

impl Run {
    /// Whether one more answer can be its last segment.
    fn takes(&self, peer: &Peer, length: usize) -> bool {
        length <= self.segment
            && self.segment <= LONGEST_SEGMENT
            // None of it is shorter yet.
            && self.length == self.segment * self.segments
            && self.segments < MOST_SEGMENTS
            && self.length + length <= LONGEST_RUN
            && self.client == peer.client
            && self.local == peer.local
    }

    fn add(&mut self, length: usize) {
        self.length += length;
        self.segments += 1;
    }
}
