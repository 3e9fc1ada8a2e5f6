//! The table of a transport `udp`, as it stands there and as it is understood.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;

use ipnet::IpNet;
use rais_sdk::serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};
use rais_sdk::{Describe, Fault, config};

use crate::interfaces::{Choice, Pick};

/// The table as it stands in the file.
#[config]
#[derive(Debug)]
pub struct UdpTable {
    /// How beats reach binders: "broadcast" to the subnets of this host, "multicast" to groups,
    /// "unicast" to the peers named.
    #[default]
    mode: Mode,
    /// Where binders listen; in unicast that of addresses without a port.
    #[default]
    port: Port,
    /// Broadcast and multicast: interfaces to send on, by name ("eth0") or by range
    /// ("192.0.2.0/24": the addresses in it). Without it all real ones: up, no loopback, no bridge.
    /// Required for link-local groups.
    #[option(type = "list of interface names and ranges")]
    interfaces: Option<Vec<String>>,
    /// Multicast: the groups, IPv4 or IPv6. Without it 239.255.53.69.
    #[option(type = "list of addresses")]
    groups: Option<Vec<String>>,
    /// Unicast: where a binder listens; "[::]:5369" is all its addresses.
    #[option(type = "address or socket")]
    listen: Option<String>,
    /// Unicast: where a monitor sends; each beat goes to all of them.
    #[option(type = "list of addresses or sockets")]
    peers: Option<Vec<String>>,
}

#[config]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Broadcast,
    Multicast,
    Unicast,
}

/// From 1 to 65535.
#[derive(Debug, Clone, Copy)]
struct Port(NonZeroU16);

/// Who hears a beat.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The subnets of the interfaces chosen.
    Broadcast { port: NonZeroU16, interfaces: Choice },
    /// Those who joined the groups, on the interfaces chosen.
    Multicast { port: NonZeroU16, interfaces: Choice, groups: Vec<IpAddr> },
    /// The peers; `listen` is our end as one of them. One of the two is there.
    Unicast { listen: Option<SocketAddr>, peers: Vec<SocketAddr> },
}

/// In the local scope of RFC 2365 §6.1.
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 255, 53, 69));

impl TryFrom<UdpTable> for Reach {
    type Error = Fault;

    fn try_from(table: UdpTable) -> Result<Self, Fault> {
        table.only_keys_of_its_mode()?;
        let port = table.port.0;
        match table.mode {
            Mode::Broadcast => {
                Ok(Self::Broadcast { port, interfaces: choice(table.interfaces.as_deref())? })
            }
            Mode::Multicast => {
                let groups = table.groups.as_deref().map_or(Ok(vec![GROUP]), groups)?;
                if table.interfaces.is_none()
                    && let Some(group) = groups.iter().copied().find(is_link_local)
                {
                    let text = format!("missing; {group} is link-local: name the interfaces");
                    return Err(Fault::config("interfaces", text));
                }
                Ok(Self::Multicast {
                    port,
                    interfaces: choice(table.interfaces.as_deref())?,
                    groups,
                })
            }
            Mode::Unicast => {
                let listen = table.listen.map(|text| listen(&text, port)).transpose()?;
                let peers = table.peers.map_or(Ok(vec![]), |texts| peers(&texts, port))?;
                if listen.is_none() && peers.is_empty() {
                    let text = "unicast needs `peers` (where a monitor sends), `listen` (where a \
                                binder listens) or both";
                    return Err(Fault::config("mode", text));
                }
                Ok(Self::Unicast { listen, peers })
            }
        }
    }
}

impl UdpTable {
    /// A key that would do nothing is a mistake about the mode.
    fn only_keys_of_its_mode(&self) -> Result<(), Fault> {
        let (unicast, multicast) = (Mode::Unicast, Mode::Multicast);
        let misplaced = [
            ("interfaces", self.interfaces.is_some(), self.mode == unicast),
            ("groups", self.groups.is_some(), self.mode != multicast),
            ("listen", self.listen.is_some(), self.mode != unicast),
            ("peers", self.peers.is_some(), self.mode != unicast),
        ];
        match misplaced.into_iter().find(|&(_, given, foreign)| given && foreign) {
            None => Ok(()),
            Some((key, ..)) => {
                let modes = match key {
                    "interfaces" => "\"broadcast\" or \"multicast\"",
                    "groups" => "\"multicast\"",
                    _ => "\"unicast\"",
                };
                let mode = self.mode.word();
                Err(Fault::config(key, format!("goes with mode {modes}; here it is \"{mode}\"")))
            }
        }
    }
}

impl Mode {
    const fn word(self) -> &'static str {
        match self {
            Self::Broadcast => "broadcast",
            Self::Multicast => "multicast",
            Self::Unicast => "unicast",
        }
    }
}

impl Default for Port {
    fn default() -> Self {
        // Of rais; not registered with IANA.
        const PORT: NonZeroU16 = NonZeroU16::new(5369).unwrap();

        Self(PORT)
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;

        impl Visitor<'_> for Number {
            type Value = Port;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a port from 1 to 65535")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Port, E> {
                let port = u16::try_from(number).ok().and_then(NonZeroU16::new).map(Port);
                port.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
            }
        }

        deserializer.deserialize_u64(Number)
    }
}

impl Describe for Port {
    fn words() -> String {
        NonZeroU16::words()
    }

    fn written(&self) -> Option<String> {
        self.0.written()
    }
}

fn choice(texts: Option<&[String]>) -> Result<Choice, Fault> {
    let Some(texts) = texts else { return Ok(Choice::Real) };
    if texts.is_empty() {
        let text = "names none; list names or CIDRs, or leave the key out for all real interfaces";
        return Err(Fault::config("interfaces", text));
    }
    let pick = |(i, text): (usize, &String)| {
        pick(text).map_err(|why| Fault::config(format!("interfaces[{i}]"), why))
    };
    texts.iter().enumerate().map(pick).collect::<Result<_, _>>().map(Choice::Listed)
}

fn pick(text: &str) -> Result<Pick, String> {
    // IFNAMSIZ of Linux, less the NUL.
    const LONGEST_NAME: usize = 15;

    if let Ok(range) = text.parse::<IpNet>() {
        return Ok(Pick::Range(range.trunc()));
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Err(format!("`{text}` is an address; write a CIDR: \"{}\"", IpNet::from(ip)));
    }
    let is_name = (1..=LONGEST_NAME).contains(&text.len())
        && !text.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control());
    if is_name {
        Ok(Pick::Name(text.to_owned()))
    } else {
        Err(format!(
            "`{text}` is neither a CIDR (\"192.0.2.0/24\") nor a name of at most {LONGEST_NAME} \
             octets (\"eth0\")"
        ))
    }
}

fn groups(texts: &[String]) -> Result<Vec<IpAddr>, Fault> {
    if texts.is_empty() {
        let text =
            format!("names none; list multicast addresses, or leave the key out for {GROUP}");
        return Err(Fault::config("groups", text));
    }
    let group = |text: &str| match text.parse::<IpAddr>() {
        Ok(ip) if ip.is_multicast() => Ok(ip),
        _ => Err(format!(
            "`{text}` is no multicast address; allowed: 224.0.0.0/4 and ff00::/8, without a port"
        )),
    };
    each("groups", texts, group)
}

/// Of link-local or smaller scope: RFC 5771 §4, RFC 7346 §2.
fn is_link_local(group: &IpAddr) -> bool {
    match group {
        IpAddr::V4(v4) => matches!(v4.octets(), [224, 0, 0, _]),
        IpAddr::V6(v6) => v6.segments()[0] & 0xf <= 2,
    }
}

fn listen(text: &str, port: NonZeroU16) -> Result<SocketAddr, Fault> {
    endpoint(text, port).map_err(|why| Fault::config("listen", why))
}

fn peers(texts: &[String], port: NonZeroU16) -> Result<Vec<SocketAddr>, Fault> {
    if texts.is_empty() {
        return Err(Fault::config("peers", "names none; list addresses, or leave the key out"));
    }
    let peer = |text: &str| match endpoint(text, port)? {
        peer if peer.ip().is_unspecified() => {
            Err(format!("`{text}` is nobody's address; name the binder's own"))
        }
        peer => Ok(peer),
    };
    each("peers", texts, peer)
}

fn endpoint(text: &str, port: NonZeroU16) -> Result<SocketAddr, String> {
    let with_port = text.parse::<SocketAddr>();
    let without = |ip| SocketAddr::new(ip, port.get());
    match with_port.or_else(|_| text.parse::<IpAddr>().map(without)) {
        Ok(address) if address.port() == 0 => {
            Err(format!("`{text}` has port 0; allowed: 1 to 65535"))
        }
        Ok(address) if address.ip().is_multicast() => Err(format!(
            "`{text}` is a multicast address; it goes into `groups`, mode \"multicast\""
        )),
        Ok(address) => Ok(address),
        Err(_) => Err(format!(
            "`{text}` is no address; write \"192.0.2.53\", \"192.0.2.53:5369\", \"2001:db8::53\" or \
             \"[2001:db8::53]:5369\""
        )),
    }
}

/// Every one parsed, none twice.
fn each<T: Ord + Clone>(
    key: &str,
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, Fault> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::with_capacity(texts.len());
    for (i, text) in texts.iter().enumerate() {
        let place = || format!("{key}[{i}]");
        let one = parse(text).map_err(|why| Fault::config(place(), why))?;
        if !seen.insert(one.clone()) {
            return Err(Fault::config(place(), format!("`{text}` is given twice")));
        }
        all.push(one);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use rais_sdk::{Need, OptionInfo};

    use super::*;

    /// Key, default and meaning of each row under "Configuration".
    fn rows() -> Vec<[&'static str; 2]> {
        let (_, part) = include_str!("../README.md").split_once("## Configuration").unwrap();
        let (part, _) = part.split_once("\n## ").unwrap();
        let rows = part.lines().filter(|line| line.starts_with("| `"));
        rows.map(|row| {
            let mut cells = row.split(" | ").map(|cell| cell.trim_matches(['|', ' ', '`']));
            [cells.next().unwrap(), cells.next().unwrap()]
        })
        .collect()
    }

    #[test]
    fn what_is_told_is_what_the_readme_says() {
        let told = UdpTable::options();
        let keys: Vec<_> = told.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(keys, rows().iter().map(|[key, _]| *key).collect::<Vec<_>>());
        for (OptionInfo { name, need, text, kind, .. }, [_, default]) in told.iter().zip(rows()) {
            match need {
                Need::Default(text) => assert_eq!(text, default, "{name}"),
                Need::Optional if default.starts_with('[') => {
                    // What it is without the key depends on the mode; the text says it.
                    assert!(text.contains(default.trim_matches(['[', ']', '"'])), "{text}");
                }
                Need::Optional => assert!(["all real ones", "–"].contains(&default), "{name}"),
                other => panic!("{name}: {other:?}"),
            }
            assert!(!text.is_empty() && kind != "value", "{name}");
        }
        assert_eq!(told[0].kind, "one of \"broadcast\" | \"multicast\" | \"unicast\"");
        assert_eq!(told[1].kind, "whole number, 1 to 65535");
    }
}
