//! Which addresses: selectors of own ones, address ranges, interface names.

use std::net::IpAddr;

use ipnet::IpNet;

/// Which of the host's own addresses are announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advertise {
    /// Global scope on interfaces that are up, none that is loopback, link-local, point-to-point,
    /// bridge, veth, temporary, deprecated or tentative.
    Auto,
    /// Those that one of these selects.
    List(Vec<Selector>),
}

/// What selects an address of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// This one.
    Address(IpAddr),
    /// Those in this range.
    Net(IpNet),
    /// Those of this interface.
    Interface(String),
}
