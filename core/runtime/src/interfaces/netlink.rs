//! The kernel's side: rtnetlink.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::LinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use tracing::debug;

use super::{Doing, InterfaceError};

/// The kernel's messages are shorter, in octets (a dump fills at most 32 KiB).
const LONGEST: usize = 64 * 1024;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Request {
    Links,
    Addresses,
}

/// Tells that something changed; what, is for [`dump`].
pub(super) struct Events(Socket);

/// One of the kernel's messages, and whether the dump it is of holds together.
enum Piece {
    Part(RouteNetlinkMessage),
    Interrupted,
    Done,
}

/// Everything of a kind; none where it changed meanwhile.
pub(super) fn dump(request: Request) -> Result<Option<Vec<RouteNetlinkMessage>>, InterfaceError> {
    let mut socket = Socket::new(NETLINK_ROUTE).doing("list")?;
    socket.bind_auto().doing("list")?;
    socket.send_to(&request.message(), &SocketAddr::new(0, 0), 0).doing("list")?;
    let mut all = Vec::new();
    let mut whole = true;
    let mut datagram = Vec::with_capacity(LONGEST);
    loop {
        datagram.clear();
        let (len, from) = socket.recv_from(&mut datagram, 0).doing("list")?;
        if from.port_number() != 0 {
            // Any process can write to this socket; the kernel has the number 0.
            continue;
        }
        if len > datagram.len() {
            return Err(io::Error::other("an answer that is too long")).doing("list");
        }
        for piece in pieces(&datagram) {
            match piece.doing("list")? {
                Piece::Part(part) => all.push(part),
                Piece::Interrupted => whole = false,
                Piece::Done => return Ok(whole.then_some(all)),
            }
        }
    }
}

impl Request {
    fn message(self) -> Vec<u8> {
        let payload = match self {
            Request::Links => RouteNetlinkMessage::GetLink(LinkMessage::default()),
            Request::Addresses => RouteNetlinkMessage::GetAddress(AddressMessage::default()),
        };
        let mut message =
            NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(payload));
        message.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        message.finalize();
        let mut octets = vec![0; message.buffer_len()];
        message.serialize(&mut octets);
        octets
    }
}

impl Events {
    pub(super) fn subscribe() -> Result<Events, InterfaceError> {
        let mut socket = Socket::new(NETLINK_ROUTE).doing("watch")?;
        socket.bind_auto().doing("watch")?;
        socket.set_non_blocking(true).doing("watch")?;
        for group in [libc::RTNLGRP_LINK, libc::RTNLGRP_IPV4_IFADDR, libc::RTNLGRP_IPV6_IFADDR] {
            socket.add_membership(group).doing("watch")?;
        }
        Ok(Events(socket))
    }

    /// Forgets what came so far.
    pub(super) fn forget(&self) {
        let mut datagram = Vec::with_capacity(LONGEST);
        loop {
            datagram.clear();
            match self.0.recv_from(&mut datagram, 0) {
                Ok(_) => {}
                // More came than fits: that, too, only says that something changed.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The messages of a datagram. One that this version cannot read is passed over: kernels grow.
fn pieces(mut datagram: &[u8]) -> Vec<io::Result<Piece>> {
    let mut pieces = Vec::new();
    while let Ok(head) = NetlinkBuffer::new_checked(datagram) {
        if head.flags() & NLM_F_DUMP_INTR != 0 {
            pieces.push(Ok(Piece::Interrupted));
        }
        let len = usize::try_from(head.length()).unwrap_or(usize::MAX).min(datagram.len());
        match NetlinkMessage::deserialize(&datagram[..len]) {
            Ok(message) => pieces.extend(piece(message.payload)),
            Err(error) => debug!(%error, "a message of the kernel's that cannot be read"),
        }
        // The next one starts at a multiple of four.
        datagram = datagram.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    pieces
}

fn piece(payload: NetlinkPayload<RouteNetlinkMessage>) -> Option<io::Result<Piece>> {
    match payload {
        NetlinkPayload::InnerMessage(part) => Some(Ok(Piece::Part(part))),
        NetlinkPayload::Done(done) if done.code < 0 => {
            Some(Err(io::Error::from_raw_os_error(-done.code)))
        }
        NetlinkPayload::Done(_) => Some(Ok(Piece::Done)),
        NetlinkPayload::Error(error) if error.code.is_some() => Some(Err(error.to_io())),
        NetlinkPayload::Overrun(_) => Some(Ok(Piece::Interrupted)),
        _ => None,
    }
}
