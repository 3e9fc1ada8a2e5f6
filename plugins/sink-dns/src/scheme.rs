//! In which order an answer lists a name's addresses.

use std::net::IpAddr;

/// The paper's balancing scheme (Fig. 9), by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Each is first in its turn.
    #[default]
    RoundRobin,
    /// Each is in answers, and first in them, as often as its share says (the wheel).
    Weighted,
    /// Each answer is shuffled.
    Random,
    /// The least loaded first.
    LeastLoad,
    /// By address.
    Fixed,
    /// The same for the same client.
    ClientHash,
}

impl Scheme {
    const ALL: [(&'static str, Scheme); 6] = [
        ("round-robin", Scheme::RoundRobin),
        ("weighted", Scheme::Weighted),
        ("random", Scheme::Random),
        ("least-load", Scheme::LeastLoad),
        ("fixed", Scheme::Fixed),
        ("client-hash", Scheme::ClientHash),
    ];

    /// By the name that a configuration or a header gives it.
    pub(crate) fn parse(word: &str) -> Option<Scheme> {
        Scheme::ALL.iter().find(|(name, _)| *name == word).map(|(_, scheme)| *scheme)
    }

    /// For people.
    pub(crate) fn allowed() -> String {
        Scheme::ALL.map(|(name, _)| format!("{name:?}")).join(", ")
    }
}

/// A client by its network, and an address, as numbers that are the same on every machine: by the
/// highest of them all a client finds its server, and only who had a server that is gone finds
/// another (rendezvous hashing).
pub(crate) mod client {
    use super::IpAddr;

    /// Hosts of one network share their server: /24 of IPv4, /56 of IPv6, as RFC 7871 §11.1 has it.
    pub(crate) fn of(ip: IpAddr) -> u64 {
        match ip.to_canonical() {
            IpAddr::V4(ip) => u64::from(u32::from(ip) >> 8),
            IpAddr::V6(ip) => (u128::from(ip) >> 72) as u64 | 1 << 63,
        }
    }

    pub(crate) fn address(ip: IpAddr) -> u64 {
        match ip {
            IpAddr::V4(ip) => mix(u64::from(u32::from(ip))),
            IpAddr::V6(ip) => {
                let ip = u128::from(ip);
                mix(mix((ip >> 64) as u64) ^ ip as u64)
            }
        }
    }

    /// How near an address is to a client.
    pub(crate) fn nearness(client: u64, address: u64) -> u64 {
        mix(client ^ address)
    }

    /// The finaliser of splitmix64.
    fn mix(number: u64) -> u64 {
        let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
