//! Packets that no client would send.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::sync::atomic::Ordering;
use std::thread;

use domain::base::Rtype;

use super::{Course, LARGE, SERVER, ZONE};
use crate::dns::{framed, question};

/// What is wrong with them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Mutated,
    Loops,
}

/// So many clients send them by turns.
const CLIENTS: u8 = 8;
/// Sent on a connection at once.
const PIPELINE: usize = 50;

/// Sends so many by UDP, and on until the attack is over. What is answered is not read.
pub(super) fn by_udp(kind: Kind, count: usize, course: &Course) {
    let sockets: Vec<_> = (1..=CLIENTS)
        .map(|client| {
            let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 1, client), 0)).expect("a socket");
            socket.connect(SERVER).expect("an address to ask");
            socket
        })
        .collect();
    let mut packets = Packets::new();
    let mut sent = 0;
    course.is_under_way.store(true, Ordering::Release);
    while !course.is_over.load(Ordering::Acquire) {
        for socket in &sockets {
            // Lost, as any datagram may be.
            let _ = socket.send(&packets.next(kind));
            sent += 1;
        }
        course.count(sent, count);
    }
}

/// The same by TCP. A connection that the server has closed is followed by another one.
pub(super) fn by_tcp(count: usize, course: &Course) {
    let mut packets = Packets::new();
    let mut sent = 0;
    course.is_under_way.store(true, Ordering::Release);
    while !course.is_over.load(Ordering::Acquire) {
        let mut stream = TcpStream::connect(SERVER).expect("a connection");
        let mut reading = stream.try_clone().expect("a descriptor");
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut room = [0; 65_536];
                while reading.read(&mut room).is_ok_and(|length| length > 0) {}
            });
            while !course.is_over.load(Ordering::Acquire) {
                let pipeline: Vec<_> =
                    (0..PIPELINE).flat_map(|_| framed(&packets.next(Kind::Mutated))).collect();
                if stream.write_all(&pipeline).is_err() {
                    break;
                }
                sent += PIPELINE;
                course.count(sent, count);
            }
            // The reader sees the end of it.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        });
    }
}

impl Course {
    fn count(&self, sent: usize, wanted: usize) {
        self.sent.store(sent, Ordering::Relaxed);
        self.is_enough.store(sent >= wanted, Ordering::Release);
    }
}

struct Packets {
    seeds: Vec<Vec<u8>>,
    random: fastrand::Rng,
    next: usize,
}

impl Packets {
    fn new() -> Packets {
        let of = |name: &str, rtype| {
            let plain = question(0, name, rtype).expect("a question");
            let mut edns = plain.clone();
            edns[11] = 1;
            // 4,096 octets, DO; a client's cookie, and NSID.
            edns.extend_from_slice(b"\x00\x00\x29\x10\x00\x00\x00\x80\x00\x00\x10");
            edns.extend_from_slice(b"\x00\x0a\x00\x08clientco\x00\x03\x00\x00");
            [plain, edns]
        };
        let names = [
            (format!("n1.{ZONE}"), Rtype::A),
            (format!("alias.{ZONE}"), Rtype::AAAA),
            (format!("a.b.wild.{ZONE}"), Rtype::A),
            (format!("x.sub.{ZONE}"), Rtype::NS),
            (LARGE.to_owned(), Rtype::TXT),
            (ZONE.to_owned(), Rtype::ANY),
            (ZONE.to_owned(), Rtype::AXFR),
            ("elsewhere.example".to_owned(), Rtype::A),
        ];
        let seeds = names.iter().flat_map(|(name, rtype)| of(name, *rtype)).collect();
        Packets { seeds, random: fastrand::Rng::with_seed(6), next: 0 }
    }

    fn next(&mut self, kind: Kind) -> Vec<u8> {
        self.next += 1;
        match kind {
            Kind::Mutated => self.mutated(),
            Kind::Loops => self.looped(),
        }
    }

    fn mutated(&mut self) -> Vec<u8> {
        let random = &mut self.random;
        let mut query = self.seeds[self.next % self.seeds.len()].clone();
        for _ in 0..random.usize(1..5) {
            let at = random.usize(..query.len());
            match random.u8(..6) {
                0 => query[at] = random.u8(..),
                1 => query[at] ^= 1 << random.u8(..8),
                2 => query.truncate(at.max(1)),
                3 => query.insert(at, random.u8(..)),
                4 => query.extend_from_within(at..),
                // A pointer, most of the time to what makes a loop.
                _ => query.splice(at.., [0xC0, at as u8]).for_each(drop),
            }
        }
        query
    }

    /// A question whose name, at octet 12, has no end.
    fn looped(&mut self) -> Vec<u8> {
        let head = [self.random.u8(..), self.random.u8(..), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let name: Vec<u8> = match self.next % 5 {
            0 => vec![0xC0, 12],
            1 => b"\x01a\xC0\x0C".to_vec(),
            // Each to the other.
            2 => vec![0xC0, 14, 0xC0, 12],
            // A long way round, by pointers forward and one back.
            3 => (0..200_u8).flat_map(|n| [0xC0, if n == 199 { 12 } else { 14 + n }]).collect(),
            // Labels between, so that it grows with each round.
            _ => [&[63][..], &[b'x'; 63], &[0xC0, 12]].concat(),
        };
        [&head[..], &name, &[0, 1, 0, 1]].concat()
    }
}
