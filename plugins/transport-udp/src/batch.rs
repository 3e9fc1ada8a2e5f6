//! Receives datagrams by the batch.

use std::ffi::c_int;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use rais_sdk::Datagram;

/// Room for datagrams, and what is known of those that are there.
pub(crate) struct Batch {
    room: Box<[[u8; ROOM]; MOST]>,
    there: Vec<Arrived>,
}

/// What is known of a datagram besides its octets.
#[derive(Debug, Clone, Copy)]
struct Arrived {
    /// None from what is no address of IP.
    from: Option<SocketAddr>,
    octets: usize,
    /// How many hops it had left; none where the socket does not tell.
    hops: Option<i32>,
}

/// How far away a sender may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Distance {
    Any,
    /// On the same link: all hops that it had at first are left (RFC 5082).
    Link,
}

/// Datagrams from further away.
#[derive(Debug)]
pub(crate) struct Beyond {
    pub(crate) count: u64,
    /// Of the first of them.
    pub(crate) from: SocketAddr,
    pub(crate) hops: i32,
}

/// What all senders of ours give a datagram.
const ALL_HOPS: i32 = 255;
/// Longer than any beat (1,200 octets), so that a longer datagram is seen to be none.
const ROOM: usize = 1536;
/// As many as cross to the host at a time.
const MOST: usize = 64;

impl Batch {
    pub(crate) fn new() -> Self {
        Self { room: Box::new([[0; ROOM]; MOST]), there: Vec::with_capacity(MOST) }
    }

    /// Takes what is there now, as far as there is room, in one call.
    pub(crate) fn fill(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.there.clear();
        // Made for each call: what the kernel has written of lengths stays in it.
        let mut headers =
            MultiHeaders::<SockaddrStorage>::preallocate(MOST, Some(cmsg_space!(c_int)));
        let mut room: Vec<_> =
            self.room.iter_mut().map(|room| [IoSliceMut::new(&mut room[..])]).collect();
        let flags = MsgFlags::MSG_DONTWAIT;
        match recvmmsg(socket.as_raw_fd(), &mut headers, room.iter_mut(), flags, None) {
            Ok(received) => self.there.extend(received.map(|one| Arrived {
                from: one.address.as_ref().and_then(address),
                octets: one.bytes,
                hops: one.cmsgs().ok().and_then(|mut all| all.find_map(|one| hops(&one))),
            })),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(e) => return Err(e.into()),
        }
        Ok(())
    }

    /// Those that are there and come from no further away.
    pub(crate) fn datagrams(&self, distance: Distance) -> Vec<Datagram<'_>> {
        let full = self.there.iter().zip(self.room.iter());
        let near = full.filter(|(one, _)| one.is_within(distance));
        near.map(|(one, room)| Datagram::new(one.from, &room[..one.octets])).collect()
    }

    /// Those that come from further away; nothing where there are none.
    pub(crate) fn beyond(&self, distance: Distance) -> Option<Beyond> {
        let far = || self.there.iter().filter(|one| !one.is_within(distance));
        let (from, hops) = far().find_map(|one| Some((one.from?, one.hops?)))?;
        Some(Beyond { count: far().count() as u64, from, hops })
    }
}

impl Arrived {
    fn is_within(&self, distance: Distance) -> bool {
        distance == Distance::Any || self.hops == Some(ALL_HOPS)
    }
}

/// An IPv4 sender as such, also where it came in through `[::]`.
fn address(from: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = from.as_sockaddr_in() {
        return Some(SocketAddr::new(v4.ip().into(), v4.port()));
    }
    let v6 = from.as_sockaddr_in6()?;
    Some(match IpAddr::V6(v6.ip()).to_canonical() {
        IpAddr::V4(v4) => SocketAddr::new(v4.into(), v6.port()),
        IpAddr::V6(_) => SocketAddr::V6((*v6).into()),
    })
}

fn hops(message: &ControlMessageOwned) -> Option<i32> {
    match message {
        ControlMessageOwned::Ipv4Ttl(hops) | ControlMessageOwned::Ipv6HopLimit(hops) => Some(*hops),
        _ => None,
    }
}
