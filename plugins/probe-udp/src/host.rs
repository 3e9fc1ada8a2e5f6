//! Whether an address is one of this host's.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use netlink_packet_route::route::{RouteAttribute, RouteMessage, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;

use crate::netlink::{self, Answers};

/// What a host can be asked.
pub(crate) trait Host {
    /// The way that a datagram to `to` takes.
    fn route(&self, to: SocketAddr) -> io::Result<RouteType>;
    /// Whether it lets a socket be bound to `to`, which it does where that is its own.
    fn binds(&self, to: SocketAddr) -> io::Result<bool>;
    /// Whether it lets sockets be bound to others' addresses, too.
    fn binds_all(&self, like: IpAddr) -> io::Result<bool>;
}

/// The one that this process runs on.
pub(crate) struct Here;

/// Whether what is sent to `to` stays on `host`.
///
/// # Errors
/// It does not tell.
pub(crate) fn is_ours(host: &impl Host, to: SocketAddr) -> io::Result<bool> {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable};
    match host.route(to) {
        Ok(route) => Ok(route == RouteType::Local),
        Err(error) if matches!(error.kind(), HostUnreachable | NetworkUnreachable) => Ok(false),
        // A sandbox without AF_NETLINK. Binding tells only where it is for own addresses alone.
        Err(error) => match host.binds_all(to.ip()) {
            Ok(false) => host.binds(to),
            _ => Err(error),
        },
    }
}

impl Host for Here {
    fn route(&self, to: SocketAddr) -> io::Result<RouteType> {
        let ip = to.ip().to_canonical();
        let mut question = RouteMessage::default();
        (question.header.address_family, question.header.destination_prefix_length) = match ip {
            IpAddr::V4(_) => (AddressFamily::Inet, 32),
            IpAddr::V6(_) => (AddressFamily::Inet6, 128),
        };
        question.attributes.push(RouteAttribute::Destination(ip.into()));
        if let SocketAddr::V6(to) = to
            && to.scope_id() != 0
        {
            question.attributes.push(RouteAttribute::Oif(to.scope_id()));
        }
        let question = RouteNetlinkMessage::GetRoute(question);
        match netlink::ask(NETLINK_ROUTE, question, Answers::One)?.pop() {
            Some(RouteNetlinkMessage::NewRoute(route)) => Ok(route.header.kind),
            _ => Err(io::Error::other("no route in the answer")),
        }
    }

    fn binds(&self, mut to: SocketAddr) -> io::Result<bool> {
        to.set_port(0);
        match UdpSocket::bind(to) {
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => Ok(false),
            // No port is free.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(true),
            other => other.map(|_| true),
        }
    }

    fn binds_all(&self, like: IpAddr) -> io::Result<bool> {
        let family = if like.is_ipv4() { "ipv4" } else { "ipv6" };
        let set = fs::read_to_string(format!("/proc/sys/net/{family}/ip_nonlocal_bind"))?;
        Ok(set.trim() != "0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers as it is told to.
    struct Told {
        route: Result<RouteType, io::ErrorKind>,
        binds: Result<bool, io::ErrorKind>,
        binds_all: Result<bool, io::ErrorKind>,
    }

    impl Host for Told {
        fn route(&self, _: SocketAddr) -> io::Result<RouteType> {
            Ok(self.route?)
        }

        fn binds(&self, _: SocketAddr) -> io::Result<bool> {
            Ok(self.binds?)
        }

        fn binds_all(&self, _: IpAddr) -> io::Result<bool> {
            Ok(self.binds_all?)
        }
    }

    #[test]
    fn an_address_is_ours_where_its_route_says_so() {
        use RouteType::{Broadcast, Local, Multicast, Unicast, Unreachable};
        use io::ErrorKind::{HostUnreachable, NetworkUnreachable, NotFound, PermissionDenied};
        let forbidden = Err(PermissionDenied);
        for (route, binds, binds_all, ours) in [
            (Ok(Local), Ok(true), Ok(false), Ok(true)),
            (Ok(Unreachable), Ok(false), Ok(false), Ok(false)),
            // ip_nonlocal_bind.
            (Ok(Local), Ok(true), Ok(true), Ok(true)),
            (Ok(Unicast), Ok(true), Ok(true), Ok(false)),
            (Err(NetworkUnreachable), Ok(true), Ok(true), Ok(false)),
            (Err(HostUnreachable), Ok(true), Ok(true), Ok(false)),
            // Can be bound by any host.
            (Ok(Broadcast), Ok(true), Ok(false), Ok(false)),
            (Ok(Multicast), Ok(true), Ok(false), Ok(false)),
            // Where the routes cannot be asked for.
            (forbidden, Ok(true), Ok(false), Ok(true)),
            (forbidden, Ok(false), Ok(false), Ok(false)),
            (forbidden, Err(NotFound), Ok(false), Err(NotFound)),
            (forbidden, Ok(true), Ok(true), Err(PermissionDenied)),
            (forbidden, Ok(true), Err(NotFound), Err(PermissionDenied)),
        ] {
            let host = Told { route, binds, binds_all };
            let told = is_ours(&host, SocketAddr::from(([192, 0, 2, 1], 53)));
            let told = told.map_err(|error| error.kind());
            assert_eq!(told, ours, "{route:?} {binds:?} {binds_all:?}");
        }
    }

    #[test]
    fn this_host_knows_its_addresses() {
        for (ip, ours) in [
            ("127.0.0.1", true),
            ("127.0.0.5", true),
            ("::1", true),
            ("::ffff:127.0.0.5", true),
            // For documentation (RFC 5737, RFC 3849): nobody has them.
            ("192.0.2.20", false),
            ("2001:db8::1", false),
        ] {
            let to = SocketAddr::new(ip.parse().unwrap(), 53);
            assert_eq!(is_ours(&Here, to).unwrap(), ours, "{ip}");
            // What else tells agrees with it, where it can.
            if !Here.binds_all(to.ip()).unwrap() {
                assert_eq!(Here.binds(to).unwrap(), ours, "{ip}");
            }
        }
    }
}
