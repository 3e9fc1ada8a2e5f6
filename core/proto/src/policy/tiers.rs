//! Step 6: the first tier with a candidate serves.
//!
//! A tier is a list of networks; an address belongs to the first that has it, or to a last one of
//! all others. Chosen for IPv4 and IPv6 apart: a site that has lost its IPv6 alone keeps its IPv4.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Decision, Verdict};

/// Takes out of `decision` who is in a later tier than another of its family.
pub fn choose(tiers: &[Vec<IpNet>], decision: &mut Decision) {
    if tiers.is_empty() {
        return;
    }
    for of_family in [IpAddr::is_ipv4, IpAddr::is_ipv6] {
        let candidates = decision.set.iter().filter(|address| of_family(address));
        let Some(first) = candidates.map(|&address| tier_of(tiers, address)).min() else {
            continue;
        };
        decision.set.retain(|&address| {
            let stays = !of_family(&address) || tier_of(tiers, address) == first;
            if !stays {
                decision.verdicts.insert(address, Verdict::LowerTier);
            }
            stays
        });
    }
}

fn tier_of(tiers: &[Vec<IpNet>], address: IpAddr) -> usize {
    let has = |tier: &Vec<IpNet>| tier.iter().any(|net| net.contains(&address));
    tiers.iter().position(has).unwrap_or(tiers.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(addresses: &[&str]) -> Vec<String> {
        let nets = |list: &[&str]| list.iter().map(|net| net.parse().unwrap()).collect();
        let tiers = [
            nets(&["192.0.2.0/28", "2001:db8:1::/48"]),
            nets(&["192.0.2.0/24", "2001:db8:2::/48"]),
        ];
        let set: super::super::AddressSet =
            addresses.iter().map(|address| address.parse().unwrap()).collect();
        let verdicts = set.iter().map(|&address| (address, Verdict::In)).collect();
        let mut decision = Decision { set, verdicts };
        choose(&tiers, &mut decision);
        for (address, verdict) in &decision.verdicts {
            let is_in = decision.set.contains(address);
            assert_eq!(*verdict, if is_in { Verdict::In } else { Verdict::LowerTier });
        }
        decision.set.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_first_with_a_candidate_serves() {
        assert_eq!(chosen(&["192.0.2.1", "192.0.2.2", "192.0.2.99"]), ["192.0.2.1", "192.0.2.2"]);
        assert_eq!(chosen(&["192.0.2.99", "198.51.100.1"]), ["192.0.2.99"]);
    }

    #[test]
    fn what_is_in_none_is_the_last() {
        assert_eq!(chosen(&["198.51.100.1"]), ["198.51.100.1"]);
        assert_eq!(chosen(&[]), [""; 0]);
    }

    #[test]
    fn families_are_chosen_for_apart() {
        let found = chosen(&["192.0.2.1", "192.0.2.99", "2001:db8:2::1", "2001:db8:9::1"]);
        assert_eq!(found, ["192.0.2.1", "2001:db8:2::1"]);
    }
}
