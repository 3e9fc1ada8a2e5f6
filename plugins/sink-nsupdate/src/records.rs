//! Address records by name: what is wanted, what is there, and how they differ.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use domain::base::iana::Rtype;
use rais_sdk::{Fault, Owner, Zone};
use rais_zone::{OwnerName, ZoneName};

/// Octets of a record in a message but for its name and data.
const RECORD: usize = 10;
/// Of a name that was written before and can be pointed at (RFC 1035 §4.1.4).
const POINTER: usize = 2;
/// As many may be needed for one name in a message: 65,535 less what else is in it.
const LONGEST_NAME: usize = 64_000;

/// The records of one name and type. An empty set has no TTL; it is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rrset {
    pub(crate) ttl: u32,
    pub(crate) addresses: BTreeSet<IpAddr>,
}

/// A name's A and its AAAA records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) a: Rrset,
    pub(crate) aaaa: Rrset,
}

pub(crate) type Records = BTreeMap<OwnerName, Addresses>;

/// Both of a name's sets, or one of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sets<'r> {
    pub(crate) name: &'r OwnerName,
    a: Option<&'r Rrset>,
    aaaa: Option<&'r Rrset>,
}

pub(crate) static NONE: Addresses = Addresses {
    a: Rrset { ttl: 0, addresses: BTreeSet::new() },
    aaaa: Rrset { ttl: 0, addresses: BTreeSet::new() },
};

impl Rrset {
    fn insert(&mut self, address: IpAddr, ttl: u32) {
        self.ttl = ttl;
        self.addresses.insert(address);
    }

    /// In a message, each record under `name` octets, with one more that stands for the whole set.
    fn octets(&self, name: usize) -> usize {
        let data = if self.addresses.iter().any(IpAddr::is_ipv6) { 16 } else { 4 };
        let records = self.addresses.len();
        (records + 1) * (name + RECORD) + records * data
    }
}

impl Addresses {
    /// What stands for something else than is wanted, whatever that is.
    pub(crate) fn other() -> Addresses {
        let other = Rrset { ttl: u32::MAX, addresses: BTreeSet::new() };
        Addresses { a: other.clone(), aaaa: other }
    }

    pub(crate) fn insert(&mut self, address: IpAddr, ttl: u32) {
        match address {
            IpAddr::V4(_) => self.a.insert(address, ttl),
            IpAddr::V6(_) => self.aaaa.insert(address, ttl),
        }
    }

    pub(crate) fn ips(&self) -> impl Iterator<Item = IpAddr> {
        self.a.addresses.iter().chain(&self.aaaa.addresses).copied()
    }

    /// Of one of the two, if there are any.
    pub(crate) fn ttl(&self) -> Option<u32> {
        [&self.a, &self.aaaa].iter().find(|set| !set.addresses.is_empty()).map(|set| set.ttl)
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == NONE
    }

    fn of(&self, rtype: Rtype) -> &Rrset {
        if rtype == Rtype::A { &self.a } else { &self.aaaa }
    }
}

impl<'r> Sets<'r> {
    /// Those of `addresses` that `are` of interest; as two if they are too many for one message.
    fn of(
        name: &'r OwnerName,
        addresses: &'r Addresses,
        are: impl Fn(Rtype) -> bool,
    ) -> impl Iterator<Item = Sets<'r>> {
        let a = Some(&addresses.a).filter(|_| are(Rtype::A));
        let aaaa = Some(&addresses.aaaa).filter(|_| are(Rtype::AAAA));
        let both = Sets { name, a, aaaa };
        let octets: usize = both.iter().map(|(_, set)| set.octets(POINTER)).sum();
        let parts = if octets > LONGEST_NAME {
            [Sets { aaaa: None, ..both }, Sets { a: None, ..both }]
        } else {
            [both, Sets { name, a: None, aaaa: None }]
        };
        parts.into_iter().filter(|sets| sets.iter().next().is_some())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Rtype, &'r Rrset)> {
        let sets = [(Rtype::A, self.a), (Rtype::AAAA, self.aaaa)];
        sets.into_iter().filter_map(|(rtype, set)| Some((rtype, set?)))
    }

    /// In a message at most, with a condition on the name; so far in that no name but that of the
    /// zone, of `zone` octets, can be pointed at.
    pub(crate) fn octets(&self, zone: usize) -> usize {
        let name = self.name.as_str().len().saturating_sub(zone) + POINTER;
        let sets: usize = self.iter().map(|(_, set)| set.octets(name)).sum();
        name + RECORD + sets
    }

    pub(crate) fn are_in(&self, there: &Records) -> bool {
        let there = there.get(self.name).unwrap_or(&NONE);
        self.iter().all(|(rtype, set)| set == there.of(rtype))
    }
}

/// Every name with both its sets.
pub(crate) fn all<'r>(
    records: impl IntoIterator<Item = (&'r OwnerName, &'r Addresses)>,
) -> Vec<Sets<'r>> {
    let pairs = records.into_iter();
    pairs.flat_map(|(name, addresses)| Sets::of(name, addresses, |_| true)).collect()
}

/// What makes `there` as `wanted`, under the names of `there` alone. One that is not wanted is
/// emptied unless it `stays`.
pub(crate) fn changes<'r>(
    there: &'r Records,
    wanted: &'r Records,
    stays: impl Fn(&OwnerName) -> bool,
) -> Vec<Sets<'r>> {
    let mut changes = Vec::new();
    for (name, before) in there {
        let after = match wanted.get(name) {
            Some(after) => after,
            None if stays(name) => continue,
            None => &NONE,
        };
        changes.extend(Sets::of(name, after, |rtype| before.of(rtype) != after.of(rtype)));
    }
    changes
}

/// The names of the zone's owners, in their order; all lie in `server_zone`, too.
pub(crate) fn names(
    zone: &str,
    owners: &[Owner],
    server_zone: &ZoneName,
) -> Result<Vec<OwnerName>, Fault> {
    let refused = |error: &dyn std::fmt::Display| Fault::refused(format!("{zone}: {error}"));
    let name = ZoneName::parse(zone).map_err(|error| refused(&error))?;
    let named = owners.iter().map(|owner| {
        let owner = OwnerName::parse(&owner.name, &name).map_err(|error| refused(&error))?;
        OwnerName::absolute(owner.as_str(), server_zone)
            .map_err(|error| refused(&format!("the sink's `zone`: {error}")))
    });
    named.collect()
}

/// What is to be served under `names`, which are those of the zone's owners.
pub(crate) fn wanted(zone: &Zone<'_>, names: &[OwnerName]) -> Result<Records, Fault> {
    let mut sets = vec![Addresses::default(); names.len()];
    for record in zone.records() {
        let index = usize::try_from(record.owner).unwrap_or(usize::MAX);
        let Some((owner, set)) = zone.head.owners.get(index).zip(sets.get_mut(index)) else {
            let text = format!("{}: {} has no owner", zone.name, record.ip);
            return Err(Fault::refused(text));
        };
        set.insert(record.ip, owner.ttl);
    }
    for (name, set) in names.iter().zip(&sets) {
        for (set, rtype) in [(&set.a, "A"), (&set.aaaa, "AAAA")] {
            if set.octets(POINTER) > LONGEST_NAME {
                return Err(Fault::refused(format!(
                    "{name}: {} records of type {rtype} are more than any DNS answer can hold",
                    set.addresses.len()
                )));
            }
        }
    }
    Ok(names.iter().cloned().zip(sets).collect())
}
