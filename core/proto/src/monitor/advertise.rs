//! Which of a host's addresses are its own to announce (`advertise`, `addresses`, `exclude`).

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

/// A network interface, as the shell found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// `eth0`.
    pub name: String,
    /// What it is.
    pub kind: InterfaceKind,
    /// Whether it carries anything.
    pub link: Link,
    /// What it has.
    pub addresses: Vec<InterfaceAddress>,
}

/// What an interface is, as far as `auto` cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InterfaceKind {
    /// A network card, or what acts as one (VLAN, bond, …).
    Ethernet,
    /// `lo`.
    Loopback,
    /// A tunnel, a VPN, a modem.
    PointToPoint,
    /// A switch in software: containers' `docker0`.
    Bridge,
    /// One end of a pair: a container's.
    Veth,
    /// Anything else.
    Other,
}

/// Whether an interface is administratively up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It is.
    Up,
    /// It is not.
    Down,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The address.
    pub ip: IpAddr,
    /// Its network, in bits.
    pub prefix_len: u8,
    /// How far it is valid.
    pub scope: Scope,
    /// Whether it is there to stay.
    pub lifetime: Lifetime,
}

/// How far an address is valid (`ip address`: scope).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere.
    Global,
    /// Within a site.
    Site,
    /// On this link.
    Link,
    /// On this host.
    Host,
}

/// Whether an address is one to rely on (RFC 4862, RFC 8981).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// It is.
    Lasting,
    /// A privacy address, replaced every day.
    Temporary,
    /// Still valid, but not for new connections.
    Deprecated,
    /// Not yet known to be unique, or known not to be.
    Tentative,
}

/// Which addresses are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advertise {
    /// Global scope on interfaces that are up, not loopback, link-local, point-to-point, bridge,
    /// veth, temporary, deprecated, tentative.
    Auto,
    /// What a selector names, also where `auto` would pass it over. An interface that is down and
    /// an address that is tentative serve nobody, named or not.
    Only(Vec<Selector>),
}

/// Names addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// This one. In an IPv4 network of a loopback interface every address is the host's own:
    /// `127.0.0.2`.
    Address(IpAddr),
    /// Those in this network.
    Network(IpNet),
    /// Those of the interface of this name, whatever it is; but for link-local, temporary and
    /// deprecated ones, which must be named themselves.
    Interface(String),
}

/// The addresses to advertise, in order, each once.
pub fn advertised(
    interfaces: &[Interface],
    advertise: &Advertise,
    exclude: &[IpNet],
) -> Vec<IpAddr> {
    let up = interfaces.iter().filter(|interface| interface.link == Link::Up);
    let chosen: BTreeSet<IpAddr> = match advertise {
        Advertise::Auto => up.flat_map(Interface::automatic).collect(),
        Advertise::Only(selectors) => up
            .flat_map(|interface| selectors.iter().flat_map(|one| interface.selected(one)))
            .collect(),
    };
    let excluded = |address: &IpAddr| exclude.iter().any(|net| net.contains(address));
    chosen.into_iter().filter(|address| !excluded(address)).collect()
}

impl Interface {
    fn automatic(&self) -> Vec<IpAddr> {
        let real = match self.kind {
            InterfaceKind::Ethernet | InterfaceKind::Other => true,
            InterfaceKind::Loopback
            | InterfaceKind::PointToPoint
            | InterfaceKind::Bridge
            | InterfaceKind::Veth => false,
        };
        let fit = |at: &InterfaceAddress| {
            real && at.scope == Scope::Global && at.lifetime == Lifetime::Lasting
        };
        self.those(fit)
    }

    fn selected(&self, selector: &Selector) -> Vec<IpAddr> {
        match selector {
            Selector::Address(ip) if self.implies(*ip) => vec![*ip],
            Selector::Address(ip) => self.those(|at| at.ip == *ip),
            Selector::Network(net) => self.those(|at| net.contains(&at.ip)),
            Selector::Interface(name) => self.those(|at| {
                *name == self.name && at.scope != Scope::Link && at.lifetime == Lifetime::Lasting
            }),
        }
    }

    fn those(&self, fit: impl Fn(&InterfaceAddress) -> bool) -> Vec<IpAddr> {
        let usable = |at: &&InterfaceAddress| at.lifetime != Lifetime::Tentative && fit(at);
        self.addresses.iter().filter(usable).map(|at| at.ip).collect()
    }

    /// Whether `ip` is local without being assigned.
    fn implies(&self, ip: IpAddr) -> bool {
        let within = |at: &InterfaceAddress| {
            IpNet::new(at.ip, at.prefix_len).is_ok_and(|net| net.contains(&ip))
        };
        self.kind == InterfaceKind::Loopback && ip.is_ipv4() && self.addresses.iter().any(within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str, scope: Scope, lifetime: Lifetime) -> InterfaceAddress {
        let net: IpNet = text.parse().unwrap();
        InterfaceAddress { ip: net.addr(), prefix_len: net.prefix_len(), scope, lifetime }
    }

    fn global(text: &str) -> InterfaceAddress {
        address(text, Scope::Global, Lifetime::Lasting)
    }

    fn interface(name: &str, kind: InterfaceKind, addresses: Vec<InterfaceAddress>) -> Interface {
        Interface { name: name.into(), kind, link: Link::Up, addresses }
    }

    fn host() -> Vec<Interface> {
        use InterfaceKind::{Bridge, Ethernet, Loopback, Other, PointToPoint, Veth};
        use Lifetime::{Deprecated, Lasting, Temporary, Tentative};
        let mut off = interface("eth9", Ethernet, vec![global("198.51.100.9/24")]);
        off.link = Link::Down;
        vec![
            interface(
                "lo",
                Loopback,
                vec![
                    address("127.0.0.1/8", Scope::Host, Lasting),
                    address("::1/128", Scope::Host, Lasting),
                    global("203.0.113.1/32"),
                ],
            ),
            interface(
                "eth0",
                Ethernet,
                vec![
                    global("198.51.100.7/24"),
                    global("192.0.2.7/24"),
                    global("2001:db8::7/64"),
                    address("2001:db8::aaaa/64", Scope::Global, Temporary),
                    address("2001:db8::bbbb/64", Scope::Global, Deprecated),
                    address("2001:db8::cccc/64", Scope::Global, Tentative),
                    address("fe80::7/64", Scope::Link, Lasting),
                    address("fec0::7/64", Scope::Site, Lasting),
                ],
            ),
            interface("bond0", Other, vec![global("198.51.100.8/24")]),
            interface("docker0", Bridge, vec![global("172.17.0.1/16")]),
            interface("veth1", Veth, vec![global("10.0.0.2/24")]),
            interface("wg0", PointToPoint, vec![global("10.9.0.2/24")]),
            off,
        ]
    }

    fn chosen(advertise: &Advertise, exclude: &[&str]) -> Vec<String> {
        let exclude: Vec<IpNet> = exclude.iter().map(|net| net.parse().unwrap()).collect();
        advertised(&host(), advertise, &exclude).iter().map(ToString::to_string).collect()
    }

    fn only(selector: Selector) -> Vec<String> {
        chosen(&Advertise::Only(vec![selector]), &[])
    }

    #[test]
    fn auto_takes_what_lasts_on_real_interfaces() {
        let all = ["192.0.2.7", "198.51.100.7", "198.51.100.8", "2001:db8::7"];
        assert_eq!(chosen(&Advertise::Auto, &[]), all);
    }

    #[test]
    fn exclude_has_the_last_word() {
        let left = ["198.51.100.7", "198.51.100.8"];
        assert_eq!(chosen(&Advertise::Auto, &["192.0.2.0/24", "2001:db8::/32"]), left);
        let listed = Advertise::Only(vec![Selector::Address("192.0.2.7".parse().unwrap())]);
        assert_eq!(chosen(&listed, &["192.0.2.0/24"]), [""; 0]);
    }

    #[test]
    fn a_selector_admits_what_auto_passes_over() {
        let named = |name: &str| only(Selector::Interface(name.into()));
        assert_eq!(named("veth1"), ["10.0.0.2"]);
        assert_eq!(named("docker0"), ["172.17.0.1"]);
        assert_eq!(named("wg0"), ["10.9.0.2"]);
        assert_eq!(named("lo"), ["127.0.0.1", "203.0.113.1", "::1"]);
        assert_eq!(named("eth0"), ["192.0.2.7", "198.51.100.7", "2001:db8::7", "fec0::7"]);
        let network = |net: &str| only(Selector::Network(net.parse().unwrap()));
        assert_eq!(network("10.0.0.0/8"), ["10.0.0.2", "10.9.0.2"]);
        assert_eq!(network("fe80::/10"), ["fe80::7"]);
        let one = |ip: &str| only(Selector::Address(ip.parse().unwrap()));
        for listed in ["2001:db8::aaaa", "2001:db8::bbbb", "fe80::7", "127.0.0.1", "::1"] {
            assert_eq!(one(listed), [listed]);
        }
    }

    #[test]
    fn what_serves_nobody_is_not_admitted() {
        let one = |ip: &str| only(Selector::Address(ip.parse().unwrap()));
        for listed in ["2001:db8::cccc", "198.51.100.9", "198.51.100.77"] {
            assert_eq!(one(listed), [""; 0], "{listed}");
        }
        assert_eq!(only(Selector::Interface("eth9".into())), [""; 0]);
    }

    #[test]
    fn a_loopback_network_is_all_ones_own() {
        let one = |ip: &str| only(Selector::Address(ip.parse().unwrap()));
        assert_eq!(one("127.0.0.11"), ["127.0.0.11"]);
        assert_eq!(one("203.0.113.2"), [""; 0]);
        assert_eq!(one("::2"), [""; 0]);
    }
}
