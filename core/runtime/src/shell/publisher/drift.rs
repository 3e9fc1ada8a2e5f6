//! How what is served differs from what was published.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rais_proto::serial::Serial;
use rais_sdk::{Owner, Record, Served};

use super::worker::Confirmed;

/// The first difference, for people; none where there is none. A serial ahead of ours is the
/// server's own business.
pub(super) fn difference(confirmed: &Confirmed, served: &Served) -> Option<String> {
    let published = &confirmed.publication;
    let ours = addresses(&published.head.owners, &published.records);
    let theirs = addresses(&served.owners, &served.records);
    let count = |of: &BTreeSet<_>, without: &BTreeSet<_>| of.difference(without).count();
    let (missing, foreign) = (count(&ours, &theirs), count(&theirs, &ours));
    if (missing, foreign) != (0, 0) {
        return Some(format!("{missing} addresses missing, {foreign} not ours"));
    }
    if let Some(differs) = &served.differs {
        return Some(differs.clone());
    }
    if let Some(lifetime) = lifetime(&published.head.owners, served) {
        return Some(lifetime);
    }
    let behind = served.serial.filter(|&serial| confirmed.serial.is_after(Serial(serial)))?;
    Some(format!("serial {behind} in place of {}", confirmed.serial))
}

/// A dead server stays with resolvers for as long as the TTL says that is served.
fn lifetime(ours: &[Owner], served: &Served) -> Option<String> {
    let ttls: BTreeMap<&str, u32> =
        ours.iter().map(|owner| (owner.name.as_str(), owner.ttl)).collect();
    let owners = (0..).zip(&served.owners);
    let mut others = owners.filter_map(|(index, owner)| {
        let ttl = ttls.get(owner.name.as_str()).filter(|ttl| **ttl != owner.ttl)?;
        // Where there is no record, nothing has a TTL.
        let has_any = served.records.iter().any(|record| record.owner == index);
        has_any.then(|| format!("a TTL of {} in place of {ttl} at {}", owner.ttl, owner.name))
    });
    others.next()
}

fn addresses<'a>(owners: &'a [Owner], records: &[Record]) -> BTreeSet<(&'a str, IpAddr)> {
    let named = records.iter().filter_map(|record| {
        let owner = owners.get(usize::try_from(record.owner).ok()?)?;
        Some((owner.name.as_str(), record.ip))
    });
    named.collect()
}
