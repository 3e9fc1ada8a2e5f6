//! Many clients by TCP that keep what they have been given.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use domain::base::Rtype;
use socket2::{Domain, Socket, Type};

use super::{Course, LARGE, SERVER};
use crate::dns::{framed, question};

/// What they do.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    HalfOpen,
    Unread,
}

/// One of them.
struct Client {
    address: Ipv4Addr,
    stream: TcpStream,
    manner: Manner,
    /// Of the octets that it sends, the next one.
    at: usize,
}

#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Says nothing.
    Silent,
    /// Says the beginning of a query, and no more.
    Begins,
    /// Says a query, an octet each time.
    Drips,
    /// Asks without end, and reads nothing.
    Floods,
}

/// Between two octets of who drips, and two tries to send of who is not read from.
const PAUSE: Duration = Duration::from_millis(10);
/// Room that a client has for what it does not read: little, so that the server has to keep it.
const RECEIVE_BUFFER: usize = 4096;

/// Has so many clients connected, until the attack is over; one whose connection was closed opens another.
pub(super) fn run(kind: Kind, count: u16, course: &Course) {
    let question = framed(&question(1, LARGE, Rtype::TXT).expect("a question"));
    let mut clients: Vec<_> = (0..count).map(|number| Client::new(kind, number)).collect();
    let mut opened = clients.len();
    course.is_under_way.store(true, Ordering::Release);
    course.is_enough.store(true, Ordering::Release);
    let pipeline = question.repeat(100);
    while !course.is_over.load(Ordering::Acquire) {
        for client in &mut clients {
            if !client.goes_on(&question, &pipeline) {
                client.stream = connect(client.address);
                client.at = 0;
                opened += 1;
            }
        }
        course.sent.store(opened, Ordering::Relaxed);
        thread::sleep(PAUSE);
    }
}

impl Client {
    fn new(kind: Kind, number: u16) -> Client {
        let [high, low] = number.to_be_bytes();
        let address = Ipv4Addr::new(127, 1, high, low.max(1));
        let manner = match (kind, number % 3) {
            (Kind::Unread, _) => Manner::Floods,
            (Kind::HalfOpen, 0) => Manner::Silent,
            (Kind::HalfOpen, 1) => Manner::Begins,
            (Kind::HalfOpen, _) => Manner::Drips,
        };
        Client { address, stream: connect(address), manner, at: 0 }
    }

    /// Does what it does once more; whether the connection is there.
    fn goes_on(&mut self, question: &[u8], pipeline: &[u8]) -> bool {
        let sent = match self.manner {
            Manner::Silent => Ok(()),
            Manner::Begins if self.at > 0 => Ok(()),
            Manner::Begins => {
                self.at = question.len() / 2;
                self.stream.write_all(&question[..self.at])
            }
            Manner::Drips => {
                let octet = question[self.at % question.len()];
                self.at += 1;
                self.stream.write_all(&[octet])
            }
            // Where a query ends is kept over what the kernel takes a part of.
            Manner::Floods => loop {
                match self.stream.write(&pipeline[self.at..]) {
                    Ok(taken) => self.at = (self.at + taken) % pipeline.len(),
                    Err(error) => break Err(error),
                }
            },
        };
        let is_there = |error: &std::io::Error| error.kind() == ErrorKind::WouldBlock;
        if sent.is_err_and(|error| !is_there(&error)) {
            return false;
        }
        if matches!(self.manner, Manner::Floods) {
            return true;
        }
        match self.stream.read(&mut [0; 16_384]) {
            Ok(length) => length > 0,
            Err(error) => is_there(&error),
        }
    }
}

/// From an address of its own.
fn connect(from: Ipv4Addr) -> TcpStream {
    let connect = || -> std::io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        socket.connect(&SERVER.into())?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    };
    connect().expect("a connection")
}
