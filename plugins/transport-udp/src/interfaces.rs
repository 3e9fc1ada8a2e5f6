//! The network interfaces of this host, and which of them are meant.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use ipnet::{IpNet, Ipv4Net};
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::{InterfaceFlags, if_nametoindex};

/// The interfaces that a table means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// All but loopback and bridges: a bridge joins virtual machines and containers to the host,
    /// or has the real interface as its port and is then to be named.
    Real,
    /// Those listed.
    Listed(Vec<Pick>),
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pick {
    /// An interface with all its addresses.
    Name(String),
    /// The addresses in this range, on whatever interface.
    Range(IpNet),
}

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) index: u32,
    pub(crate) flags: InterfaceFlags,
    pub(crate) role: Role,
    pub(crate) addresses: Vec<Assigned>,
}

/// What an interface is to its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Bridge,
    Other,
}

/// One address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Assigned {
    pub(crate) ip: IpAddr,
    /// Of its subnet, where that has one.
    pub(crate) broadcast: Option<Ipv4Addr>,
}

/// All interfaces as they are now.
pub(crate) fn scan() -> io::Result<Vec<Link>> {
    let mut links = BTreeMap::<String, Link>::new();
    for entry in getifaddrs()? {
        // A label of an address ("eth0:1") stands in the place of the interface's name.
        let name = entry.interface_name.split(':').next().unwrap_or_default();
        let link = match links.get_mut(name) {
            Some(link) => link,
            None => {
                // Gone since the list was made.
                let Ok(index) = if_nametoindex(name) else { continue };
                let link = Link {
                    name: name.to_owned(),
                    index,
                    flags: entry.flags,
                    role: role_of(name),
                    addresses: Vec::new(),
                };
                links.entry(name.to_owned()).or_insert(link)
            }
        };
        link.addresses.extend(assigned(&entry));
    }
    Ok(links.into_values().collect())
}

fn role_of(name: &str) -> Role {
    if Path::new("/sys/class/net").join(name).join("bridge").exists() {
        Role::Bridge
    } else {
        Role::Other
    }
}

fn assigned(entry: &InterfaceAddress) -> Option<Assigned> {
    let address = entry.address.as_ref()?;
    if let Some(v6) = address.as_sockaddr_in6() {
        return Some(Assigned { ip: v6.ip().into(), broadcast: None });
    }
    let ip = address.as_sockaddr_in()?.ip();
    let mask = entry.netmask.as_ref().and_then(|mask| Some(mask.as_sockaddr_in()?.ip()));
    let told = entry.broadcast.as_ref().and_then(|told| Some(told.as_sockaddr_in()?.ip()));
    Some(Assigned { ip: ip.into(), broadcast: broadcast_of(ip, mask, told, entry.flags) })
}

/// The broadcast address of an address's subnet; `told` is what the interface says itself, which is
/// nothing for an address that was given without one.
fn broadcast_of(
    ip: Ipv4Addr,
    mask: Option<Ipv4Addr>,
    told: Option<Ipv4Addr>,
    flags: InterfaceFlags,
) -> Option<Ipv4Addr> {
    // The longest prefix whose subnet has a broadcast address: RFC 3021.
    const LONGEST: u8 = 30;

    if !flags.intersects(InterfaceFlags::IFF_BROADCAST | InterfaceFlags::IFF_LOOPBACK) {
        return None;
    }
    if let Some(told) = told
        && !told.is_unspecified()
        && !told.is_broadcast()
        && told != ip
    {
        return Some(told);
    }
    let subnet = Ipv4Net::with_netmask(ip, mask?).ok()?;
    (subnet.prefix_len() <= LONGEST).then(|| subnet.broadcast())
}

impl Choice {
    /// Whether multicast goes in and out there.
    pub(crate) fn takes(&self, link: &Link) -> bool {
        link.is(InterfaceFlags::IFF_UP)
            && match self {
                // The loopback interface has not the flag, and works.
                Self::Listed(_) => self.names(link) || self.addresses(link).next().is_some(),
                Self::Real => link.is_real() && link.is(InterfaceFlags::IFF_MULTICAST),
            }
    }

    /// The addresses of `link` that are meant.
    pub(crate) fn addresses<'a>(&'a self, link: &'a Link) -> impl Iterator<Item = &'a Assigned> {
        let is_up = link.is(InterfaceFlags::IFF_UP);
        let all = match self {
            Self::Real => link.is_real(),
            Self::Listed(_) => self.names(link),
        };
        link.addresses.iter().filter(move |a| is_up && (all || self.holds(a.ip)))
    }

    fn names(&self, link: &Link) -> bool {
        let Self::Listed(picks) = self else { return false };
        picks.iter().any(|pick| matches!(pick, Pick::Name(name) if *name == link.name))
    }

    fn holds(&self, ip: IpAddr) -> bool {
        let Self::Listed(picks) = self else { return false };
        picks.iter().any(|pick| matches!(pick, Pick::Range(range) if holds(range, ip)))
    }
}

/// A range holds loopback addresses only if it is of nothing else: 0.0.0.0/0 means the network.
fn holds(range: &IpNet, ip: IpAddr) -> bool {
    range.contains(&ip) && (range.network().is_loopback() || !ip.is_loopback())
}

impl Link {
    fn is(&self, flag: InterfaceFlags) -> bool {
        self.flags.contains(flag)
    }

    fn is_real(&self) -> bool {
        !self.is(InterfaceFlags::IFF_LOOPBACK) && self.role == Role::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: InterfaceFlags = InterfaceFlags::IFF_UP;
    const BROADCAST: InterfaceFlags = InterfaceFlags::IFF_BROADCAST;
    const MULTICAST: InterfaceFlags = InterfaceFlags::IFF_MULTICAST;
    const LOOPBACK: InterfaceFlags = InterfaceFlags::IFF_LOOPBACK;

    fn link(name: &str, flags: InterfaceFlags, role: Role, ips: &[&str]) -> Link {
        let assigned = |ip: &&str| Assigned { ip: ip.parse().unwrap(), broadcast: None };
        let addresses = ips.iter().map(assigned).collect();
        Link { name: name.to_owned(), index: 1, flags, role, addresses }
    }

    fn list(picks: &[&str]) -> Choice {
        let pick = |text: &&str| match text.parse() {
            Ok(range) => Pick::Range(range),
            Err(_) => Pick::Name((*text).to_owned()),
        };
        Choice::Listed(picks.iter().map(pick).collect())
    }

    fn chosen(choice: &Choice, link: &Link) -> Vec<String> {
        choice.addresses(link).map(|a| a.ip.to_string()).collect()
    }

    #[test]
    fn real_interfaces_are_up_and_neither_loopback_nor_bridge() {
        let ips = &["192.0.2.1", "2001:db8::1"];
        let real = UP | MULTICAST;
        let taken = |flags, role| {
            let link = link("x0", flags, role, ips);
            assert_eq!(!chosen(&Choice::Real, &link).is_empty(), Choice::Real.takes(&link));
            Choice::Real.takes(&link)
        };
        assert!(taken(real, Role::Other));
        assert!(!taken(real, Role::Bridge));
        assert!(!taken(real | LOOPBACK, Role::Other));
        assert!(!taken(MULTICAST, Role::Other));
        let no_multicast = link("x0", UP, Role::Other, ips);
        assert!(!Choice::Real.takes(&no_multicast));
        assert_eq!(chosen(&Choice::Real, &no_multicast), ips);
    }

    #[test]
    fn a_name_means_an_interface_whatever_it_is_while_it_is_up() {
        let choice = list(&["br0", "lo"]);
        let bridge = link("br0", UP, Role::Bridge, &["192.0.2.1", "fe80::1"]);
        assert_eq!(chosen(&choice, &bridge), ["192.0.2.1", "fe80::1"]);
        assert!(choice.takes(&bridge));
        assert!(choice.takes(&link("lo", UP | LOOPBACK, Role::Other, &[])));
        assert!(!choice.takes(&link("br0", MULTICAST, Role::Bridge, &["192.0.2.1"])));
        assert!(!choice.takes(&link("br1", UP | MULTICAST, Role::Other, &["192.0.2.1"])));
    }

    #[test]
    fn a_range_means_addresses_and_loopback_only_where_it_is_of_nothing_else() {
        let link = link("eth0", UP, Role::Other, &["192.0.2.1", "198.51.100.1", "127.0.0.9"]);
        assert_eq!(chosen(&list(&["192.0.2.0/24"]), &link), ["192.0.2.1"]);
        assert_eq!(chosen(&list(&["0.0.0.0/0"]), &link), ["192.0.2.1", "198.51.100.1"]);
        assert_eq!(chosen(&list(&["127.0.0.0/8"]), &link), ["127.0.0.9"]);
        assert_eq!(chosen(&list(&["::/0"]), &link), [""; 0]);
        assert!(list(&["192.0.2.0/24"]).takes(&link));
        assert!(!list(&["::/0"]).takes(&link));
    }

    #[test]
    fn the_broadcast_address_is_the_one_told_or_the_subnets_last() {
        let of = |ip: &str, mask: &str, told: &str, flags| {
            let parse = |text: &str| text.parse::<Ipv4Addr>().ok();
            let broadcast = broadcast_of(ip.parse().unwrap(), parse(mask), parse(told), flags);
            broadcast.map(|ip| ip.to_string()).unwrap_or_default()
        };
        let net = "255.255.255.0";
        assert_eq!(of("192.0.2.1", net, "192.0.2.255", BROADCAST), "192.0.2.255");
        assert_eq!(of("192.0.2.1", net, "192.0.2.127", BROADCAST), "192.0.2.127");
        assert_eq!(of("192.0.2.1", net, "", BROADCAST), "192.0.2.255");
        assert_eq!(of("192.0.2.1", net, "0.0.0.0", BROADCAST), "192.0.2.255");
        assert_eq!(of("192.0.2.1", net, "255.255.255.255", BROADCAST), "192.0.2.255");
        assert_eq!(of("127.0.0.1", "255.0.0.0", "", LOOPBACK), "127.255.255.255");
        assert_eq!(of("192.0.2.1", "255.255.255.252", "", BROADCAST), "192.0.2.3");
        assert_eq!(of("192.0.2.1", "255.255.255.254", "", BROADCAST), "");
        assert_eq!(of("192.0.2.1", "255.255.255.255", "192.0.2.1", BROADCAST), "");
        assert_eq!(of("192.0.2.1", net, "", InterfaceFlags::IFF_POINTOPOINT), "");
        assert_eq!(of("192.0.2.1", "", "", BROADCAST), "");
    }

    #[test]
    fn the_loopback_interface_of_this_host_is_found() {
        let links = scan().unwrap();
        let lo = links.iter().find(|link| link.is(LOOPBACK)).unwrap();
        assert_ne!(lo.index, 0);
        assert_eq!(lo.role, Role::Other);
        assert!(lo.addresses.contains(&Assigned {
            ip: Ipv4Addr::LOCALHOST.into(),
            broadcast: Some(Ipv4Addr::new(127, 255, 255, 255)),
        }));
    }
}
