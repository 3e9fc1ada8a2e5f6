//! The paper's site (Fig. 2): servers on one network, each with a second, excluded network for
//! its management, and two name servers beside them.

use std::net::IpAddr;

use crate::host::Host;
use crate::netns::{Lan, add_address};

/// The zones of Fig. 9.
pub const WWW: &str = "www.isg.sun.com";
/// The zones of Fig. 9.
pub const NEWS: &str = "news.isg.sun.com";

/// The networks. Namespaces keep them off the machine's own.
#[derive(Debug)]
pub struct Site {
    /// The servers' network, 129.144.168.0/24 and 2001:db8:168::/64.
    pub lan: Lan,
    /// The management network, 192.0.2.0/24.
    pub management: Lan,
}

impl Site {
    /// Two empty networks.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        Self { lan: Lan::new(), management: Lan::new() }
    }

    /// A host with `eth0` at `129.144.168.NUMBER` and `eth1` at `192.0.2.NUMBER`.
    #[track_caller]
    #[must_use]
    pub fn host(&self, name: &str, number: u8) -> Host {
        let host = Host::new(name);
        self.lan.attach(host.net(), "eth0", &[&format!("129.144.168.{number}/24")]);
        self.management.attach(host.net(), "eth1", &[&format!("192.0.2.{number}/24")]);
        host
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

/// The address of host NUMBER on the servers' network.
#[must_use]
pub fn address(number: u8) -> IpAddr {
    IpAddr::from([129, 144, 168, number])
}

/// `address` for several, as a set.
#[must_use]
pub fn addresses<const N: usize>(numbers: [u8; N]) -> std::collections::BTreeSet<IpAddr> {
    numbers.map(address).into()
}

/// One more address for `eth0` of a host of the site.
#[track_caller]
pub fn grow(host: &Host, number: u8) {
    add_address(host.net(), "eth0", &format!("129.144.168.{number}/24"));
}

/// The header of a zone as the paper has it beside the name server: SOA, NS, and the name
/// server's own address.
#[must_use]
pub fn header(zone: &str, serial: u32) -> String {
    format!(
        "$TTL 10\n\
         @\tIN\tSOA\tns1.{zone}. hostmaster.{zone}. ( {serial} 3600 600 86400 10 )\n\
         \tIN\tNS\tns1.{zone}.\n\
         ns1\tIN\tA\t129.144.168.53\n"
    )
}

/// The paper's configuration, Figs. 7, 8 and 9, by file name.
#[must_use]
pub fn paper_files() -> [(&'static str, &'static str); 3] {
    [
        (
            "monitor.conf",
            "service 60 http 80\nservice 120 news 119\nsample 120\nexclude 192.0.2.0/24\n",
        ),
        (
            "binder.conf",
            "dns-update 120 http www.isg.sun.com.header www.isg.sun.com.cache 1 60\n\
             dns-update 240 news news.isg.sun.com.header news.isg.sun.com.cache 2 60\n",
        ),
        (
            "named.boot",
            "www.isg.sun.com www.isg.sun.com.cache RR\n\
             news.isg.sun.com news.isg.sun.com.cache RR\n",
        ),
    ]
}
