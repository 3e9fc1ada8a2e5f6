//! Which of a host's addresses are its own to announce (`advertise`, `addresses`, `exclude`).

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
    /// What a selector names, also where `auto` would pass it over.
    Only(Vec<Selector>),
}

/// Names addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// This one.
    Address(IpAddr),
    /// Those in this network.
    Network(IpNet),
    /// Those of the interface of this name.
    Interface(String),
}
