//! Which addresses: selectors of own ones, address ranges, interface names.

use std::net::IpAddr;

use ipnet::IpNet;

use super::tree::Node;
use super::value::Value;

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

impl Advertise {
    pub(super) fn read(value: &Value<'_>) -> Option<Advertise> {
        match &value.item.node {
            Node::Text(text) if text == "auto" => Some(Advertise::Auto),
            Node::List(_) => value.some(Selector::read).map(Advertise::List),
            _ => value.refuse(
                format!("`{}` is no list", value.name()),
                "`\"auto\"`, or a list of addresses, ranges and interface names",
            ),
        }
    }
}

impl Selector {
    fn read(value: &Value<'_>) -> Option<Selector> {
        let text = value.text()?;
        if let Ok(address) = text.parse() {
            return Some(Selector::Address(address));
        }
        // An address with a slip in it must not pass for an interface.
        let numeric = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '/');
        if text.contains(['/', ':']) || text.contains('.') && text.chars().all(numeric) {
            return value.net().map(Selector::Net);
        }
        interface(value).map(Selector::Interface)
    }
}

/// An interface's name, as the kernel takes it.
fn interface(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let fits = (1..=15).contains(&text.len())
        && !matches!(text, "." | "..")
        && !text.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control());
    if !fits {
        return value.refuse(
            format!("{text:?} is no address, no range and no interface's name"),
            "as in \"192.0.2.1\", \"192.0.2.0/24\" or \"eth0\"",
        );
    }
    Some(text.to_owned())
}
