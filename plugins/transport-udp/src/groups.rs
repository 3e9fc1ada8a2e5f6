//! Membership in multicast groups.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroU16;
use std::sync::Arc;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{Ipv4RecvTtl, Ipv6RecvHopLimit};
use rais_sdk::Host;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};

use crate::config::Reach;
use crate::interfaces::Link;

/// The groups of a table, joined on every interface that it means, as those come and go.
pub(crate) struct Groups {
    reach: Arc<Reach>,
    host: Host,
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
    joined: BTreeSet<Membership>,
    failing: BTreeSet<Membership>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Membership {
    group: IpAddr,
    link: u32,
}

impl Groups {
    /// A socket for each family of the groups; none is joined yet.
    pub(crate) fn new(
        reach: Arc<Reach>,
        host: Host,
        port: NonZeroU16,
        groups: &[IpAddr],
    ) -> io::Result<Self> {
        let open = |is_family: fn(&IpAddr) -> bool, any: IpAddr| {
            let socket = || socket(SocketAddr::new(any, port.get()));
            groups.iter().any(is_family).then(socket).transpose()
        };
        let v4 = open(IpAddr::is_ipv4, Ipv4Addr::UNSPECIFIED.into())?;
        let v6 = open(IpAddr::is_ipv6, Ipv6Addr::UNSPECIFIED.into())?;
        Ok(Self { reach, host, v4, v6, joined: BTreeSet::new(), failing: BTreeSet::new() })
    }

    /// What the groups' datagrams arrive at.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = &UdpSocket> {
        self.v4.iter().chain(&self.v6)
    }

    /// Joins and leaves as `links` are now.
    pub(crate) fn follow(&mut self, links: &[Link]) {
        let Reach::Multicast { interfaces, groups, .. } = &*self.reach else { return };
        let meant = links.iter().filter(|link| interfaces.takes(link));
        let of = |link: &Link| {
            let link = link.index;
            groups.iter().map(move |&group| Membership { group, link })
        };
        let wanted: BTreeSet<_> = meant.flat_map(of).collect();
        let name = |index: u32| links.iter().find(|l| l.index == index).map_or("", |l| &*l.name);

        for gone in &self.joined - &wanted {
            // An interface that is no more has taken the membership with it.
            let _ = self.leave(gone);
            self.joined.remove(&gone);
            self.host.log(&format!("left {} on interface {}", gone.group, gone.link));
        }
        self.failing.retain(|failing| wanted.contains(failing));
        for new in &wanted - &self.joined {
            let Membership { group, link } = new;
            match self.join(new) {
                Err(e) if e.kind() != io::ErrorKind::AddrInUse => {
                    if self.failing.insert(new) {
                        let name = name(link);
                        self.host.warn(&format!("cannot join {group} on {name}: {e}"));
                    }
                }
                // In use: a membership that we already have.
                _ => {
                    self.failing.remove(&new);
                    self.joined.insert(new);
                    self.host.log(&format!("joined {group} on {}", name(link)));
                }
            }
        }
    }

    fn join(&self, Membership { group, link }: Membership) -> io::Result<()> {
        match (group, &self.v4, &self.v6) {
            (IpAddr::V4(v4), Some(socket), _) => {
                let link = InterfaceIndexOrAddress::Index(link);
                SockRef::from(socket).join_multicast_v4_n(&v4, &link)
            }
            (IpAddr::V6(v6), _, Some(socket)) => SockRef::from(socket).join_multicast_v6(&v6, link),
            _ => Ok(()),
        }
    }

    fn leave(&self, Membership { group, link }: Membership) -> io::Result<()> {
        match (group, &self.v4, &self.v6) {
            (IpAddr::V4(v4), Some(socket), _) => {
                let link = InterfaceIndexOrAddress::Index(link);
                SockRef::from(socket).leave_multicast_v4_n(&v4, &link)
            }
            (IpAddr::V6(v6), _, Some(socket)) => {
                SockRef::from(socket).leave_multicast_v6(&v6, link)
            }
            _ => Ok(()),
        }
    }
}

fn socket(any: SocketAddr) -> io::Result<UdpSocket> {
    let kind = Type::DGRAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(any), kind, Some(Protocol::UDP))?;
    // Several binders on one machine.
    socket.set_reuse_address(true)?;
    // Groups that others on this machine have joined are none of ours; and how far away a sender is
    // has to be seen.
    if any.is_ipv4() {
        socket.set_multicast_all_v4(false)?;
        setsockopt(&socket, Ipv4RecvTtl, &true)?;
    } else {
        setsockopt(&socket, Ipv6RecvHopLimit, &true)?;
        socket.set_only_v6(true)?;
        socket.set_multicast_all_v6(false)?;
    }
    socket.bind(&any.into())?;
    Ok(socket.into())
}
