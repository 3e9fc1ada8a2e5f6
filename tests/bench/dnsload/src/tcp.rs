//! Load by TCP: connections on each of which so many queries are outstanding, or a connection a query.

use std::io::{ErrorKind, Read, Write};
use std::mem::size_of;
use std::net::TcpStream;
use std::os::fd::AsRawFd;

use crate::arguments::Arguments;
use crate::questions::Questions;
use crate::sockets::{self, now_ns};
use crate::tally::Tally;

/// Ids of one connection that may be outstanding.
const SLOTS: usize = 256;
/// The beginning is not timed.
const WARM_UP_NS: u64 = 100_000_000;

struct Connection {
    stream: TcpStream,
    next_id: u16,
    outstanding: usize,
    /// The question asked by each id.
    slots: Vec<Option<u32>>,
    received: Vec<u8>,
}

pub fn load(arguments: &Arguments) {
    sockets::stay_on(arguments.get("cpu", 1));
    let port = arguments.get("port", 5300);
    let is_fresh = arguments.has("fresh");
    let depth = if is_fresh { 1 } else { arguments.get("depth", 8usize) };
    let time = (arguments.get("secs", 1.0f64) * 1e9) as u64;
    let mut questions = Questions::new(arguments);
    let mut tally = Tally::default();
    let mut connections: Vec<_> =
        (0..arguments.get("conns", 16usize)).map(|_| Connection::open(port)).collect();
    let mut buffer = Vec::new();
    let start = now_ns();
    let (mut warm_at, mut warm_good) = (0, 0);
    loop {
        let now = now_ns();
        if warm_at == 0 && now >= start + WARM_UP_NS {
            (warm_at, warm_good) = (now, tally.good);
        }
        if now >= start + time {
            tally.timed = tally.good - warm_good;
            tally.timed_ns = now - warm_at.max(start);
            break;
        }
        for slot in &mut connections {
            let Some(connection) = slot else {
                *slot = Connection::open(port);
                continue;
            };
            let is_open = connection.ask(depth, &mut questions, &mut buffer, &mut tally)
                && connection.hear(&questions, &mut tally);
            if !is_open || (is_fresh && connection.outstanding == 0) {
                tally.lost += connection.outstanding as u64;
                if is_fresh {
                    connection.reset_at_close();
                }
                *slot = None;
            }
        }
    }
    tally.print();
}

impl Connection {
    fn open(port: u16) -> Option<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_nonblocking(true).ok()?;
        let slots = vec![None; SLOTS];
        Some(Self { stream, next_id: 0, outstanding: 0, slots, received: Vec::new() })
    }

    /// Asks until so many are outstanding: at once, since that carries the ACK which a server that lacks
    /// TCP_NODELAY waits for. Whether the connection still stands.
    fn ask(
        &mut self,
        depth: usize,
        questions: &mut Questions,
        buffer: &mut Vec<u8>,
        tally: &mut Tally,
    ) -> bool {
        buffer.clear();
        while self.outstanding < depth {
            let question = questions.pick();
            buffer.extend_from_slice(&(questions.length() as u16).to_be_bytes());
            questions.put(question, self.next_id, buffer);
            self.slots[self.next_id as usize % SLOTS] = Some(question);
            self.next_id = self.next_id.wrapping_add(1);
            self.outstanding += 1;
            tally.sent += 1;
        }
        buffer.is_empty() || self.stream.write_all(buffer).is_ok()
    }

    /// Takes answers in. Whether the connection still stands.
    fn hear(&mut self, questions: &Questions, tally: &mut Tally) -> bool {
        let mut room = [0; 16_384];
        match self.stream.read(&mut room) {
            Ok(0) => return false,
            Ok(length) => self.received.extend_from_slice(&room[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
            Err(_) => return false,
        }
        let mut start = 0;
        while let Some((length, rest)) = self.received[start..].split_first_chunk() {
            let length = usize::from(u16::from_be_bytes(*length));
            let Some(answer) = rest.get(..length) else { break };
            start += 2 + length;
            let id = answer.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
            let Some(question) = self.slots[id as usize % SLOTS].take() else {
                tally.stray += 1;
                continue;
            };
            self.outstanding -= 1;
            if questions.is_answer(question, answer) {
                tally.good += 1;
                tally.octets += length as u64;
            } else {
                tally.bad += 1;
            }
        }
        self.received.drain(..start);
        true
    }

    /// Rather than to linger in TIME_WAIT, of which a long run has more than there are ports.
    fn reset_at_close(&self) {
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: the option is as long as is said.
        unsafe {
            libc::setsockopt(
                self.stream.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                (&raw const linger).cast(),
                size_of::<libc::linger>() as libc::socklen_t,
            );
        }
    }
}
