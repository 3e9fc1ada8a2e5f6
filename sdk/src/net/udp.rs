//! UDP.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, Socket, Type};

use super::{Net, poll_io};
use crate::abi::plugin_side::Source;
use crate::host::Interest;

/// A socket that talks to one peer. ICMP's "port unreachable" is `ConnectionRefused`.
pub struct UdpSocket {
    // Leaves the reactor before the socket below is closed.
    source: Source,
    socket: std::net::UdpSocket,
}

impl UdpSocket {
    /// A socket for `peer` alone, from a port of the system's choice.
    ///
    /// # Errors
    /// Those of `socket(2)` and `connect(2)`, and of the host where it cannot watch the socket.
    pub fn connect(net: &Net, peer: SocketAddr) -> io::Result<Self> {
        let kind = Type::DGRAM.nonblocking().cloexec();
        let socket = Socket::new(Domain::for_address(peer), kind, Some(Protocol::UDP))?;
        socket.connect(&peer.into())?;
        let source = net.host().register(socket.as_raw_fd())?;
        Ok(Self { source, socket: socket.into() })
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// Those of `send(2)`.
    pub async fn send(&self, data: &[u8]) -> io::Result<usize> {
        poll_fn(|task| self.poll_send(task, data)).await
    }

    /// Receives one datagram, cut off at `into.len()`.
    ///
    /// # Errors
    /// Those of `recv(2)`.
    pub async fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        poll_fn(|task| self.poll_recv(task, into)).await
    }

    /// Our end.
    ///
    /// # Errors
    /// Those of `getsockname(2)`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// [`send`](Self::send) for those who poll themselves.
    ///
    /// # Errors
    /// Those of `send(2)`.
    pub fn poll_send(&self, task: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        poll_io(&self.source, task, Interest::Write, || self.socket.send(data))
    }

    /// [`recv`](Self::recv) for those who poll themselves.
    ///
    /// # Errors
    /// Those of `recv(2)`.
    pub fn poll_recv(&self, task: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        poll_io(&self.source, task, Interest::Read, || self.socket.recv(into))
    }
}

/// For socket options.
impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl std::fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("UdpSocket").field(&self.socket).finish()
    }
}
