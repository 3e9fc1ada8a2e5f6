//! The kernel's own word: sock_diag(7).

use std::io;
use std::net::{IpAddr, SocketAddr};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_UDP};
use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{
    ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags,
};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr as Netlink};

use crate::bound::{Bound, Families};

/// The kernel's messages are shorter, in octets (a dump fills at most 32 KiB).
const LONGEST: usize = 64 * 1024;

/// Not a certain socket, but any at these addresses (INET_DIAG_NOCOOKIE).
const ANY: [u8; 8] = [0xff; 8];

/// How many answers a request has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    /// One, or an error.
    One,
    /// So many as there are, and their end.
    Many,
}

/// Whether a datagram that anybody sends to `to` is given to a socket, as the kernel itself looks
/// for one. Passes over sockets that are bound to an interface.
///
/// # Errors
/// The kernel does not tell.
pub(crate) fn is_taken(to: SocketAddr) -> io::Result<bool> {
    let mut id = id(to.ip());
    // The way that the datagram takes: it comes from `source`, which stands for anybody.
    id.destination_address = to.ip();
    id.destination_port = to.port();
    if let SocketAddr::V6(to) = to {
        id.interface_id = to.scope_id();
    }
    match ask(id, Answers::One) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Every socket on `port` that is not connected.
///
/// # Errors
/// The kernel does not tell; `NotFound` where the module is missing.
pub(crate) fn bound(port: u16) -> io::Result<Vec<Bound>> {
    let mut all = Vec::new();
    for mut id in [SocketId::new_v4(), SocketId::new_v6()] {
        id.source_port = port;
        let found = ask(id, Answers::Many)?;
        all.extend(found.iter().map(|socket| {
            let at = socket.header.socket_id.source_address;
            let alone = at.is_ipv4() || socket.nlas.contains(&Nla::SkV6Only(true));
            Bound { at, families: if alone { Families::Own } else { Families::Both } }
        }));
    }
    Ok(all)
}

fn id(like: IpAddr) -> SocketId {
    let id = if like.is_ipv4() { SocketId::new_v4() } else { SocketId::new_v6() };
    SocketId { cookie: ANY, ..id }
}

fn ask(id: SocketId, answers: Answers) -> io::Result<Vec<InetResponse>> {
    let socket = Socket::new(NETLINK_SOCK_DIAG)?;
    // The kernel has answered before the sending returns. Should it not, nobody waits.
    socket.set_non_blocking(true)?;
    socket.send_to(&request(id, answers), &Netlink::new(0, 0), 0)?;
    let mut found = Vec::new();
    let mut datagram = Vec::with_capacity(LONGEST);
    loop {
        datagram.clear();
        socket.recv(&mut datagram, 0)?;
        let mut rest = datagram.as_slice();
        while let Ok(head) = NetlinkBuffer::new_checked(rest) {
            let len = usize::try_from(head.length()).unwrap_or(usize::MAX).min(rest.len());
            let message = NetlinkMessage::deserialize(&rest[..len]).map_err(io::Error::other)?;
            match message.payload {
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(socket)) => {
                    found.push(*socket);
                    if answers == Answers::One {
                        return Ok(found);
                    }
                }
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::Done(done) if done.code < 0 => {
                    return Err(io::Error::from_raw_os_error(-done.code));
                }
                NetlinkPayload::Done(_) => return Ok(found),
                _ => {}
            }
            // The next one starts at a multiple of four.
            rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

fn request(id: SocketId, answers: Answers) -> Vec<u8> {
    let request = SockDiagMessage::InetRequest(InetRequest {
        family: if id.source_address.is_ipv4() { AF_INET } else { AF_INET6 },
        protocol: IPPROTO_UDP,
        extensions: ExtensionFlags::empty(),
        // That of sockets without a peer.
        states: StateFlags::CLOSE,
        socket_id: id,
    });
    let mut message = NetlinkMessage::new(NetlinkHeader::default(), request.into());
    message.header.flags = match answers {
        Answers::One => NLM_F_REQUEST,
        Answers::Many => NLM_F_REQUEST | NLM_F_DUMP,
    };
    message.finalize();
    let mut octets = vec![0; message.buffer_len()];
    message.serialize(&mut octets);
    octets
}
