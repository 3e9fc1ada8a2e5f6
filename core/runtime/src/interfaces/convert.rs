//! From the kernel's words to ours.

use std::net::IpAddr;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressScope};
use netlink_packet_route::link::{
    InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage,
};
use rais_proto::monitor::advertise::{
    Interface, InterfaceAddress, InterfaceKind, Lifetime, Link, Scope,
};

/// Puts every address to its interface.
pub(super) fn interfaces(
    links: &[RouteNetlinkMessage],
    addresses: &[RouteNetlinkMessage],
) -> Vec<Interface> {
    let addresses: Vec<(u32, InterfaceAddress)> = addresses
        .iter()
        .filter_map(|message| match message {
            RouteNetlinkMessage::NewAddress(one) => Some((one.header.index, address(one)?)),
            _ => None,
        })
        .collect();
    links
        .iter()
        .filter_map(|message| match message {
            RouteNetlinkMessage::NewLink(link) => Some(link),
            _ => None,
        })
        .map(|link| {
            let own = addresses.iter().filter(|(index, _)| *index == link.header.index);
            Interface {
                name: name(link),
                kind: kind(link),
                link: state(link),
                addresses: own.map(|(_, address)| address.clone()).collect(),
            }
        })
        .collect()
}

fn name(link: &LinkMessage) -> String {
    let name = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    });
    name.unwrap_or_else(|| format!("#{}", link.header.index))
}

fn state(link: &LinkMessage) -> Link {
    if link.header.flags.contains(LinkFlags::Up) { Link::Up } else { Link::Down }
}

fn kind(link: &LinkMessage) -> InterfaceKind {
    let info = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => infos.iter().find_map(|info| match info {
            LinkInfo::Kind(kind) => Some(kind),
            _ => None,
        }),
        _ => None,
    });
    let flags = link.header.flags;
    match info {
        _ if flags.contains(LinkFlags::Loopback) => InterfaceKind::Loopback,
        Some(InfoKind::Bridge) => InterfaceKind::Bridge,
        Some(InfoKind::Veth | InfoKind::Netkit) => InterfaceKind::Veth,
        // Tunnels; some of them can have several ends and do not have the flag.
        Some(
            InfoKind::IpIp
            | InfoKind::Ip6Tnl
            | InfoKind::SitTun
            | InfoKind::GreTun
            | InfoKind::GreTun6
            | InfoKind::Vti
            | InfoKind::Vti6
            | InfoKind::Xfrm
            | InfoKind::Wireguard,
        ) => InterfaceKind::PointToPoint,
        _ if flags.contains(LinkFlags::Pointopoint) => InterfaceKind::PointToPoint,
        _ if link.header.link_layer_type == LinkLayerType::Ether => InterfaceKind::Ethernet,
        _ => InterfaceKind::Other,
    }
}

fn address(message: &AddressMessage) -> Option<InterfaceAddress> {
    // Where there is a peer, IFA_ADDRESS is the peer's.
    let of = |wanted: fn(&AddressAttribute) -> Option<IpAddr>| {
        message.attributes.iter().find_map(wanted)
    };
    let local = of(|attribute| match attribute {
        AddressAttribute::Local(ip) => Some(*ip),
        _ => None,
    });
    let ip = local.or_else(|| {
        of(|attribute| match attribute {
            AddressAttribute::Address(ip) => Some(*ip),
            _ => None,
        })
    })?;
    Some(InterfaceAddress {
        ip,
        prefix_len: message.header.prefix_len,
        scope: match message.header.scope {
            AddressScope::Universe => Scope::Global,
            // What an administrator numbers himself lies between the two.
            AddressScope::Site | AddressScope::Other(_) => Scope::Site,
            AddressScope::Link => Scope::Link,
            _ => Scope::Host,
        },
        lifetime: lifetime(ip, flags(message)),
    })
}

fn flags(message: &AddressMessage) -> AddressFlags {
    let wide = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Flags(flags) => Some(*flags),
        _ => None,
    });
    // The header has room for the first eight.
    wide.unwrap_or_else(|| AddressFlags::from_bits_retain(u32::from(message.header.flags.bits())))
}

fn lifetime(ip: IpAddr, flags: AddressFlags) -> Lifetime {
    if flags.intersects(AddressFlags::Tentative | AddressFlags::Dadfailed) {
        Lifetime::Tentative
    } else if flags.contains(AddressFlags::Deprecated) {
        Lifetime::Deprecated
    } else if ip.is_ipv6() && flags.contains(AddressFlags::Secondary) {
        // One bit: with IPv4 it is a second address of a network, with IPv6 IFA_F_TEMPORARY.
        Lifetime::Temporary
    } else {
        Lifetime::Lasting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(flags: LinkFlags, info: Option<InfoKind>) -> LinkMessage {
        let mut link = LinkMessage::default();
        link.header.index = 7;
        link.header.flags = flags;
        link.header.link_layer_type = LinkLayerType::Ether;
        link.attributes.push(LinkAttribute::IfName("eth0".to_owned()));
        link.attributes
            .extend(info.map(|kind| LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)])));
        link
    }

    fn v6(flags: AddressFlags) -> AddressMessage {
        let mut message = AddressMessage::default();
        message.header.index = 7;
        message.header.prefix_len = 64;
        message.attributes.push(AddressAttribute::Address("2001:db8::1".parse().unwrap()));
        message.attributes.push(AddressAttribute::Flags(flags));
        message
    }

    #[test]
    fn what_carries_ethernet_is_real_but_for_bridges_and_pairs() {
        let of = |info| kind(&link(LinkFlags::Up, info));
        for real in
            [InfoKind::MacVlan, InfoKind::IpVlan, InfoKind::Vlan, InfoKind::Bond, InfoKind::Dummy]
        {
            assert_eq!(of(Some(real.clone())), InterfaceKind::Ethernet, "{real}");
        }
        assert_eq!(of(None), InterfaceKind::Ethernet);
        assert_eq!(of(Some(InfoKind::Bridge)), InterfaceKind::Bridge);
        assert_eq!(of(Some(InfoKind::Veth)), InterfaceKind::Veth);
        assert_eq!(of(Some(InfoKind::Wireguard)), InterfaceKind::PointToPoint);
        let tun = link(LinkFlags::Up | LinkFlags::Pointopoint, Some(InfoKind::Tun));
        assert_eq!(kind(&tun), InterfaceKind::PointToPoint);
        assert_eq!(kind(&link(LinkFlags::Loopback, None)), InterfaceKind::Loopback);
    }

    #[test]
    fn an_address_that_is_not_to_stay_is_told_apart() {
        let of = |flags| address(&v6(flags)).unwrap().lifetime;
        let temporary = AddressFlags::Secondary;
        assert_eq!(of(AddressFlags::Permanent), Lifetime::Lasting);
        assert_eq!(of(temporary), Lifetime::Temporary);
        assert_eq!(of(temporary | AddressFlags::Deprecated), Lifetime::Deprecated);
        assert_eq!(of(temporary | AddressFlags::Tentative), Lifetime::Tentative);
        assert_eq!(of(AddressFlags::Dadfailed), Lifetime::Tentative);
        let second = lifetime("192.0.2.2".parse().unwrap(), AddressFlags::Secondary);
        assert_eq!(second, Lifetime::Lasting);
    }

    #[test]
    fn flags_are_the_headers_where_there_is_no_attribute() {
        let mut message = v6(AddressFlags::empty());
        message.attributes.pop();
        message.header.flags = netlink_packet_route::address::AddressHeaderFlags::Deprecated;
        assert_eq!(address(&message).unwrap().lifetime, Lifetime::Deprecated);
    }

    #[test]
    fn the_local_end_counts_and_goes_to_its_interface() {
        let mut message = AddressMessage::default();
        message.header.index = 7;
        message.header.prefix_len = 32;
        message.header.scope = AddressScope::Link;
        message.attributes.push(AddressAttribute::Address("192.0.2.1".parse().unwrap()));
        message.attributes.push(AddressAttribute::Local("192.0.2.2".parse().unwrap()));
        let mut elsewhere = message.clone();
        elsewhere.header.index = 8;
        let links = [RouteNetlinkMessage::NewLink(link(LinkFlags::empty(), None))];
        let addresses = [message, elsewhere].map(RouteNetlinkMessage::NewAddress);
        let found = interfaces(&links, &addresses);
        assert_eq!(found.len(), 1);
        assert_eq!((&*found[0].name, found[0].link), ("eth0", Link::Down));
        let ips: Vec<_> =
            found[0].addresses.iter().map(|at| (at.ip.to_string(), at.scope)).collect();
        assert_eq!(ips, [("192.0.2.2".to_owned(), Scope::Link)]);
    }
}
