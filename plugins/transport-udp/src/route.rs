//! From which of our addresses to whom a beat goes.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};
use std::num::NonZeroU16;

use socket2::{Domain, Protocol, Socket, Type};

use crate::config::Reach;
use crate::interfaces::{Assigned, Choice, Link};

/// One way out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    pub(crate) to: SocketAddr,
    pub(crate) from: Source,
}

/// Where a way begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// The system's choice.
    Any,
    /// This address of the interface with this index. A binder believes a host that speaks of its
    /// own addresses from one of them, so each of them speaks.
    Of { ip: IpAddr, link: u32 },
}

impl Reach {
    /// Every way out over `links`; in unicast they do not matter.
    pub(crate) fn routes(&self, links: &[Link]) -> BTreeSet<Route> {
        match self {
            Self::Broadcast { port, interfaces } => {
                let of = |link| broadcast(link, interfaces, *port);
                links.iter().flat_map(of).collect()
            }
            Self::Multicast { port, interfaces, groups } => {
                let of = |link| groups.iter().map(move |&group| (link, group));
                let ways = links.iter().filter(|link| interfaces.takes(link)).flat_map(of);
                ways.flat_map(|(link, group)| multicast(link, interfaces, group, *port)).collect()
            }
            Self::Unicast { peers, .. } => {
                peers.iter().map(|&to| Route { to, from: Source::Any }).collect()
            }
        }
    }
}

fn broadcast(link: &Link, interfaces: &Choice, port: NonZeroU16) -> Vec<Route> {
    let route = |a: &Assigned| {
        let to = SocketAddr::new(a.broadcast?.into(), port.get());
        Some(Route { to, from: Source::Of { ip: a.ip, link: link.index } })
    };
    interfaces.addresses(link).filter_map(route).collect()
}

fn multicast(link: &Link, interfaces: &Choice, group: IpAddr, port: NonZeroU16) -> Vec<Route> {
    let ours =
        interfaces.addresses(link).map(|a| a.ip).filter(|ip| ip.is_ipv4() == group.is_ipv4());
    // Link-local addresses are not advertised; they speak where there is nothing else.
    let (last, first): (Vec<_>, Vec<_>) = ours.partition(is_link_local);
    let ips = if first.is_empty() { last } else { first };
    let to = match group {
        IpAddr::V4(_) => SocketAddr::new(group, port.get()),
        IpAddr::V6(v6) => SocketAddrV6::new(v6, port.get(), 0, link.index).into(),
    };
    ips.into_iter().map(|ip| Route { to, from: Source::Of { ip, link: link.index } }).collect()
}

fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

impl Route {
    /// A socket that sends this way and never blocks.
    pub(crate) fn open(&self) -> io::Result<UdpSocket> {
        // Routers count down, so a receiver can tell a neighbour's datagram: RFC 5082.
        const HOPS: u32 = 255;

        let kind = Type::DGRAM.nonblocking().cloexec();
        let socket = Socket::new(Domain::for_address(self.to), kind, Some(Protocol::UDP))?;
        if let Source::Of { ip, link } = self.from {
            socket.bind(&self.end(ip, link).into())?;
            match ip {
                IpAddr::V4(v4) if self.to.ip().is_multicast() => {
                    socket.set_multicast_if_v4(&v4)?;
                    socket.set_multicast_ttl_v4(HOPS)?;
                    // A binder on this host hears its own monitor.
                    socket.set_multicast_loop_v4(true)?;
                }
                IpAddr::V4(_) => socket.set_broadcast(true)?,
                IpAddr::V6(_) => {
                    socket.set_multicast_if_v6(link)?;
                    socket.set_multicast_hops_v6(HOPS)?;
                    socket.set_multicast_loop_v6(true)?;
                }
            }
        }
        Ok(socket.into())
    }

    fn end(&self, ip: IpAddr, link: u32) -> SocketAddr {
        match ip {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => {
                SocketAddrV6::new(v6, 0, 0, link).into()
            }
            ip => SocketAddr::new(ip, 0),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            Source::Any => write!(f, "{}", self.to),
            Source::Of { ip, .. } => write!(f, "{} from {ip}", self.to),
        }
    }
}
