//! One connection: what came in of it, what has to go out, and whose turn it is.

use std::io::{self, Read, Write};
use std::mem;
use std::net::{IpAddr, Shutdown};
use std::time::Duration;

use mio::net::TcpStream;

use super::desk::{Desk, Front, Progress};
use crate::net::{MessageStream, Moment, Peer, Respond};

/// A client's connection. While nothing of it is half done, it has no buffers.
pub(super) struct Connection {
    stream: TcpStream,
    peer: Peer,
    /// Received and not answered: the beginning of a query, or whole ones that have to wait.
    input: Vec<u8>,
    /// Answers that the kernel did not take.
    output: Vec<u8>,
    transfer: Option<Box<dyn MessageStream>>,
    /// When it was accepted, or all that had been answered was last taken.
    active: Active,
    /// The turn it has.
    turn: Active,
    /// A whole query has come of it.
    has_asked: bool,
    /// An event has said that the client sends no more. None will come for it again, so what is there has
    /// to be read to its end.
    is_closing: bool,
}

/// When something was done. Later is greater, also within one tick of the coarse clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Active {
    /// One higher for each turn of this thread.
    pub(super) turn: u64,
    /// Since the machine's start.
    pub(super) at: Duration,
}

/// What comes of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// An event will tell when there is more to do.
    Waits,
    /// There is more to do, and no event will tell.
    HasMore,
    /// The connection is to be closed.
    Ends,
}

/// What came of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// So many octets, and there may be more.
    Some(usize),
    /// So many octets, and no more for now.
    Last(usize),
    Nothing,
    /// The end of the connection.
    End,
}

/// What came of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Went {
    All,
    /// The rest is kept; an event tells when there is room for more.
    Part,
}

/// Portions of answers in one turn, so that others get theirs.
const MOST_PORTIONS: usize = 8;

impl Connection {
    pub(super) fn new(stream: TcpStream, peer: Peer, turn: Active) -> Self {
        Self {
            stream,
            peer,
            input: Vec::new(),
            output: Vec::new(),
            transfer: None,
            active: turn,
            turn,
            has_asked: false,
            is_closing: false,
        }
    }

    pub(super) fn client(&self) -> IpAddr {
        self.peer.client.ip()
    }

    /// Since when it is idle.
    pub(super) fn active(&self) -> Active {
        self.active
    }

    /// The turn it had last.
    pub(super) fn last_turn(&self) -> u64 {
        self.turn.turn
    }

    /// Whether a transfer is under way.
    pub(super) fn transfers(&self) -> bool {
        self.transfer.is_some()
    }

    /// Octets of answers that the client has not taken, beyond the kernel's buffers.
    pub(super) fn unread(&self) -> usize {
        self.output.len()
    }

    /// Whether there is something to come, or to be sent: a first query, the rest of one, an answer.
    pub(super) fn owes(&self) -> bool {
        !self.has_asked
            || !self.input.is_empty()
            || !self.output.is_empty()
            || self.transfer.is_some()
    }

    /// Says that no more is sent. What has come meanwhile is taken: a connection that is closed before is
    /// reset, and answers under way with it.
    pub(super) fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.stream.shutdown(Shutdown::Write);
        let mut rest = [0; 512];
        for _ in 0..MOST_PORTIONS {
            if !matches!(self.stream.read(&mut rest), Ok(1..)) {
                break;
            }
        }
    }

    /// The client sends no more.
    pub(super) fn close_after_the_rest(&mut self) {
        self.is_closing = true;
    }

    /// Goes on until there is nothing to do, or it was long enough.
    pub(super) fn take_turn<R: Respond>(
        &mut self,
        desk: &mut Desk<R>,
        now: Moment,
        turn: Active,
    ) -> Turn {
        self.peer.at = now;
        self.turn = turn;
        // An error is the end of a connection, whatever it is.
        self.try_turn(desk).unwrap_or(Turn::Ends)
    }

    fn try_turn<R: Respond>(&mut self, desk: &mut Desk<R>) -> io::Result<Turn> {
        if !self.output.is_empty() {
            let output = mem::take(&mut self.output);
            if self.write(&output)? == Went::Part {
                return Ok(Turn::Waits);
            }
        }
        desk.input.load(&mem::take(&mut self.input));
        let turn = self.work(desk)?;
        self.input = desk.input.rest().to_vec();
        Ok(turn)
    }

    fn work<R: Respond>(&mut self, desk: &mut Desk<R>) -> io::Result<Turn> {
        let mut has_read_all = false;
        for _ in 0..MOST_PORTIONS {
            if let Some(transfer) = &mut self.transfer {
                match desk.go_on(transfer.as_mut()) {
                    Progress::GoesOn => {}
                    Progress::Ended => self.transfer = None,
                    Progress::Broken => return Ok(Turn::Ends),
                }
            } else {
                match desk.input.front() {
                    Front::Query(_) => self.has_asked = true,
                    Front::TooLong => return Ok(Turn::Ends),
                    Front::Part if has_read_all && !self.is_closing => return Ok(Turn::Waits),
                    Front::Part => match self.read(desk.input.room())? {
                        Came::Some(length) => desk.input.came(length),
                        Came::Last(length) => {
                            desk.input.came(length);
                            has_read_all = true;
                        }
                        Came::Nothing => return Ok(Turn::Waits),
                        Came::End => return Ok(Turn::Ends),
                    },
                }
                self.transfer = desk.answer(&self.peer);
            }
            if self.write(desk.output.octets())? == Went::Part {
                return Ok(Turn::Waits);
            }
        }
        Ok(Turn::HasMore)
    }

    fn read(&mut self, room: &mut [u8]) -> io::Result<Came> {
        loop {
            return match self.stream.read(room) {
                Ok(0) => Ok(Came::End),
                Ok(length) if length < room.len() => Ok(Came::Last(length)),
                Ok(length) => Ok(Came::Some(length)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Came::Nothing),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<Went> {
        if octets.is_empty() {
            return Ok(Went::All);
        }
        let length = loop {
            match self.stream.write(octets) {
                Ok(length) => break length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break 0,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        if length == octets.len() {
            self.active = self.turn;
            return Ok(Went::All);
        }
        self.output = octets[length..].to_vec();
        Ok(Went::Part)
    }
}
