//! Sockets that are bound before anything is served, while there are still privileges.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::sync::Arc;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{
    Ipv4PacketInfo, Ipv6RecvPacketInfo, RcvBufForce, SndBufForce, UdpGsoSegment,
};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::Transport;
use super::batch::{self, Segments};
use super::door::{Door, Latecomers, Place, Places, Unbound};

/// Every socket of a server: for each worker one for UDP and one for TCP at every address.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(super) workers: Vec<WorkerSockets>,
    pub(super) place: Place,
}

#[derive(Debug, Default)]
pub(super) struct WorkerSockets {
    pub(super) udp: Vec<UdpEndpoint>,
    pub(super) tcp: Vec<TcpEndpoint>,
}

/// A socket that listens, or will once its door is opened, in non-blocking mode.
#[derive(Debug)]
pub(super) struct TcpEndpoint {
    pub(super) socket: TcpListener,
    pub(super) ip: IpAddr,
}

/// A socket for UDP that is bound, or will be once its door is opened; in blocking mode.
#[derive(Debug)]
pub(super) struct UdpEndpoint {
    pub(super) socket: UdpSocket,
    pub(super) local: Local,
    pub(super) segments: Segments,
}

/// Which of our addresses a datagram was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Local {
    /// The only one the socket is bound to.
    Bound(IpAddr),
    /// Any: each datagram tells, and its answer has to say so, too.
    Wildcard,
}

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    #[error("no listen address: at least one is needed, as \"192.0.2.1:53\", \"[::]:53\"")]
    Nowhere,
    #[error("listen address {0} stands there twice: once is allowed")]
    Twice(SocketAddr),
    #[error("cannot listen on {address} ({transport}): {reason}{}", advice(.reason))]
    Refused {
        address: SocketAddr,
        transport: &'static str,
        #[source]
        reason: io::Error,
    },
}

/// For bursts of a few thousand queries; the system's own limit may be lower for who is not root.
const RECEIVE_BUFFER: usize = 4 << 20;
/// For several batches of the longest answers.
const SEND_BUFFER: usize = 1 << 20;
/// Connections that wait to be accepted; the system's own limit (net.core.somaxconn) may be lower.
pub(super) const BACKLOG: i32 = 1024;
/// What a TCP client has not been sent yet stays below this, in octets: whoever reads nothing costs the
/// kernel no more.
const UNSENT: u32 = 128 << 10;
/// A port that the kernel chose for UDP may be taken for TCP: so often another one is asked for.
const TRIES: usize = 32;

impl ListenError {
    /// The address that it is about.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            ListenError::Nowhere => None,
            ListenError::Twice(address) | ListenError::Refused { address, .. } => Some(*address),
        }
    }
}

impl Sockets {
    /// Binds everything at once, or nothing. `[::]` is IPv6 alone: whoever wants both lists `0.0.0.0`, too.
    /// Port 0 is one that the kernel chooses, the same for both transports.
    ///
    /// Several servers of this process may have an address (SO_REUSEPORT): that of a new configuration
    /// starts before the old one stops. Its sockets are bound when that one leaves, see [`Door`]. Other
    /// processes of the same user could share it as well, and would take a part of the queries without
    /// a word: an address that one of them has is refused.
    ///
    /// # Errors
    /// The address that cannot be had, why, and what can be done.
    pub(crate) fn bind(listen: &[SocketAddr], workers: NonZeroUsize) -> Result<Self, ListenError> {
        if listen.is_empty() {
            return Err(ListenError::Nowhere);
        }
        let mut places = Places::all();
        // All before the first is bound: ours may overlap, as 0.0.0.0 does with each other address.
        for (i, address) in listen.iter().enumerate() {
            if address.port() != 0 && listen[..i].contains(address) {
                return Err(ListenError::Twice(*address));
            }
            if !places.have(*address) {
                alone(*address)?;
            }
        }
        let mut its: Vec<_> = (0..workers.get()).map(|_| WorkerSockets::default()).collect();
        let (mut addresses, mut unbound) = (Vec::with_capacity(listen.len()), Vec::new());
        for asked in listen {
            let address = if places.answer_at(*asked) {
                unbound.push(later(*asked, &mut its)?);
                *asked
            } else {
                now(*asked, &mut its)?
            };
            addresses.push(address);
        }
        Ok(Self { workers: its, place: places.add(addresses, unbound) })
    }

    /// Where is listened, in the order asked for, with the ports that were chosen.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.place.addresses
    }

    /// Before which its threads wait.
    pub(crate) fn door(&self) -> Arc<Door> {
        Arc::clone(&self.place.door)
    }

    /// Who binds what cannot be bound as the door is opened; nobody, where all is bound already.
    pub(crate) fn latecomers(&self) -> Option<Latecomers> {
        self.place.latecomers()
    }
}

/// Whether another server of this process answers at one of these addresses.
pub(crate) fn is_answered(listen: &[SocketAddr]) -> bool {
    let places = Places::all();
    listen.iter().any(|address| places.answer_at(*address))
}

/// Gives each worker its sockets at an address, and says with which port.
fn now(asked: SocketAddr, workers: &mut [WorkerSockets]) -> Result<SocketAddr, ListenError> {
    let (address, first) = first_pair(asked)?;
    let mut first = Some(first);
    for worker in workers {
        let (udp, tcp) = match first.take() {
            Some(pair) => pair,
            None => (udp(address)?, tcp(address)?),
        };
        worker.udp.push(udp);
        worker.tcp.push(tcp);
    }
    Ok(address)
}

/// The same without binding them.
fn later(address: SocketAddr, workers: &mut [WorkerSockets]) -> Result<Unbound, ListenError> {
    let mut all = Unbound::new(address);
    for worker in workers {
        let udp = || {
            let endpoint = UdpEndpoint::new(address)?;
            Ok((endpoint.socket.try_clone()?.into(), endpoint))
        };
        let (socket, endpoint) = udp().map_err(|e| refused(address, Transport::Udp, e))?;
        worker.udp.push(endpoint);
        all.sockets.push((socket, Transport::Udp));
        let tcp = || {
            let socket = listener(address)?;
            Ok((socket.try_clone()?, TcpEndpoint { socket: socket.into(), ip: address.ip() }))
        };
        let (socket, endpoint) = tcp().map_err(|e| refused(address, Transport::Tcp, e))?;
        worker.tcp.push(endpoint);
        all.sockets.push((socket, Transport::Tcp));
    }
    Ok(all)
}

/// Whether nobody else has the address, who may share it or not.
pub(super) fn alone(address: SocketAddr) -> Result<(), ListenError> {
    let bound = |kind, protocol| {
        let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        if protocol == Protocol::TCP {
            // Connections of a last life are not somebody who listens.
            socket.set_reuse_address(true)?;
        }
        socket.bind(&address.into())?;
        if protocol == Protocol::TCP { socket.listen(1) } else { Ok(()) }
    };
    bound(Type::DGRAM, Protocol::UDP).map_err(|e| refused(address, Transport::Udp, e))?;
    bound(Type::STREAM, Protocol::TCP).map_err(|e| refused(address, Transport::Tcp, e))
}

/// The address with its port, and both sockets of the first worker.
fn first_pair(asked: SocketAddr) -> Result<(SocketAddr, (UdpEndpoint, TcpEndpoint)), ListenError> {
    let mut tries = if asked.port() == 0 { TRIES } else { 1 };
    loop {
        let udp = udp(asked)?;
        let mut address = asked;
        address.set_port(udp.port().map_err(|e| refused(asked, Transport::Udp, e))?);
        tries -= 1;
        match tcp(address) {
            Ok(tcp) => return Ok((address, (udp, tcp))),
            Err(ListenError::Refused { reason, .. })
                if tries > 0 && reason.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
}

fn udp(address: SocketAddr) -> Result<UdpEndpoint, ListenError> {
    UdpEndpoint::bind(address).map_err(|e| refused(address, Transport::Udp, e))
}

fn tcp(address: SocketAddr) -> Result<TcpEndpoint, ListenError> {
    let bound = || {
        let socket = listener(address)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(TcpEndpoint { socket: socket.into(), ip: address.ip() })
    };
    bound().map_err(|e| refused(address, Transport::Tcp, e))
}

/// A socket that is to listen.
fn listener(address: SocketAddr) -> io::Result<Socket> {
    let socket = shared(address, Type::STREAM, Protocol::TCP)?;
    // A restart does not wait for the connections of the last life.
    socket.set_reuse_address(true)?;
    // Connections inherit these.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(UNSENT)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A socket whose address each worker may bind once more.
fn shared(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind.cloexec(), Some(protocol))?;
    socket.set_reuse_port(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

impl UdpEndpoint {
    fn bind(address: SocketAddr) -> io::Result<Self> {
        let endpoint = Self::new(address)?;
        SockRef::from(&endpoint.socket).bind(&address.into())?;
        Ok(endpoint)
    }

    fn new(address: SocketAddr) -> io::Result<Self> {
        let socket = shared(address, Type::DGRAM, Protocol::UDP)?;
        // As much as the system gives: beyond its limit to the privileged alone.
        if setsockopt(&socket, RcvBufForce, &RECEIVE_BUFFER).is_err() {
            let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        }
        if setsockopt(&socket, SndBufForce, &SEND_BUFFER).is_err() {
            let _ = socket.set_send_buffer_size(SEND_BUFFER);
        }
        // Answers are never longer than a forged "packet too big" could make worse: without it, nobody can
        // have us send fragments (RFC 9715 §3.1).
        batch::ignore_path_mtu(socket.as_fd(), address.ip())?;
        let local = if address.ip().is_unspecified() {
            match address {
                SocketAddr::V4(_) => setsockopt(&socket, Ipv4PacketInfo, &true)?,
                SocketAddr::V6(_) => setsockopt(&socket, Ipv6RecvPacketInfo, &true)?,
            }
            Local::Wildcard
        } else {
            Local::Bound(address.ip())
        };
        // A kernel before 4.18 would pass over the wish, and send all answers as one.
        let segments = match setsockopt(&socket, UdpGsoSegment, &0) {
            Ok(()) => Segments::Allowed,
            Err(_) => Segments::Refused,
        };
        Ok(Self { socket: socket.into(), local, segments })
    }

    /// Has datagrams that come from now on go to the others that share the address; what has come can
    /// still be received.
    ///
    /// A connected socket is given what its peer sends and nothing else. The peer is the socket itself:
    /// that is a way which there always is.
    pub(super) fn retire(&self) -> io::Result<()> {
        let mut itself = self.socket.local_addr()?;
        if itself.ip().is_unspecified() {
            itself.set_ip(match itself {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        self.socket.connect(itself)
    }

    fn port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }
}

pub(super) fn refused(address: SocketAddr, transport: Transport, reason: io::Error) -> ListenError {
    let transport = match transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
    };
    ListenError::Refused { address, transport, reason }
}

/// What an operator can do about it.
fn advice(reason: &io::Error) -> &'static str {
    match reason.kind() {
        io::ErrorKind::AddrInUse => {
            "; another server has it, `ss -lnp` tells which: end that one, or choose another address or port"
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 are for root or CAP_NET_BIND_SERVICE: allow that, or choose a port from 1024 on"
        }
        io::ErrorKind::AddrNotAvailable => {
            "; allowed are addresses of this host (`ip address` shows them), 0.0.0.0 and [::]"
        }
        _ => "",
    }
}
