//! Sockets that take anybody's datagrams.

use std::collections::HashMap;
use std::net::IpAddr;

/// Every such socket of the host, by its port.
pub(crate) type Sockets = HashMap<u16, Vec<Bound>>;

/// Where a socket is bound that is not connected to one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    /// Unspecified: at every address of the host.
    pub(crate) at: IpAddr,
    pub(crate) families: Families,
}

/// What a socket at `::` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Families {
    /// That of its address alone (IPV6_V6ONLY).
    Own,
    /// IPv4 as well.
    Both,
}

impl Bound {
    /// Whether it is given what is sent to `ip`, an address of this host.
    pub(crate) fn takes(&self, ip: IpAddr) -> bool {
        if self.at.is_unspecified() {
            return self.at.is_ipv4() == ip.is_ipv4() || self.families == Families::Both;
        }
        // A socket of IPv6 may be bound to an address of IPv4: ::ffff:192.0.2.1.
        self.at.to_canonical() == ip.to_canonical()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_takes_what_is_sent_to_its_address() {
        use Families::{Both, Own};
        for (at, families, takes, others) in [
            ("192.0.2.1", Own, vec!["192.0.2.1"], vec!["192.0.2.2", "2001:db8::1"]),
            ("2001:db8::1", Both, vec!["2001:db8::1"], vec!["2001:db8::2", "192.0.2.1"]),
            ("0.0.0.0", Own, vec!["192.0.2.1"], vec!["2001:db8::1"]),
            ("::", Own, vec!["2001:db8::1"], vec!["192.0.2.1"]),
            ("::", Both, vec!["2001:db8::1", "192.0.2.1"], vec![]),
            ("::ffff:192.0.2.1", Both, vec!["192.0.2.1"], vec!["192.0.2.2", "::1"]),
        ] {
            let bound = Bound { at: at.parse().unwrap(), families };
            let given = |ip: &&str| bound.takes(ip.parse().unwrap());
            assert!(takes.iter().all(given), "{bound:?}");
            assert!(!others.iter().any(given), "{bound:?}");
        }
    }
}
