//! The kernel's own word: sock_diag(7).

use std::io;
use std::net::{IpAddr, SocketAddr};

use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_UDP};
use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{
    ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags,
};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;

use crate::bound::{Bound, Families, Sockets};
use crate::netlink::{self, Answers};

/// Not a certain socket, but any at these addresses (INET_DIAG_NOCOOKIE).
const ANY: [u8; 8] = [0xff; 8];

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

/// Every socket that is not connected.
///
/// # Errors
/// The kernel does not tell; `NotFound` where the module is missing.
pub(crate) fn sockets() -> io::Result<Sockets> {
    let mut all = Sockets::new();
    for id in [SocketId::new_v4(), SocketId::new_v6()] {
        for socket in ask(id, Answers::Many)? {
            let id = &socket.header.socket_id;
            let at = id.source_address;
            let alone = at.is_ipv4() || socket.nlas.contains(&Nla::SkV6Only(true));
            let families = if alone { Families::Own } else { Families::Both };
            all.entry(id.source_port).or_default().push(Bound { at, families });
        }
    }
    Ok(all)
}

fn id(like: IpAddr) -> SocketId {
    let id = if like.is_ipv4() { SocketId::new_v4() } else { SocketId::new_v6() };
    SocketId { cookie: ANY, ..id }
}

fn ask(id: SocketId, answers: Answers) -> io::Result<Vec<InetResponse>> {
    let question = SockDiagMessage::InetRequest(InetRequest {
        family: if id.source_address.is_ipv4() { AF_INET } else { AF_INET6 },
        protocol: IPPROTO_UDP,
        extensions: ExtensionFlags::empty(),
        // That of sockets without a peer.
        states: StateFlags::CLOSE,
        socket_id: id,
    });
    let found = netlink::ask(NETLINK_SOCK_DIAG, question, answers)?.into_iter();
    let sockets = found.filter_map(|answer| match answer {
        SockDiagMessage::InetResponse(socket) => Some(*socket),
        _ => None,
    });
    Ok(sockets.collect())
}
