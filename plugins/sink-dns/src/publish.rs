//! What a binder publishes, put in front of the threads that answer.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::FixedState;
use rais_sdk::{Fault, MaxAddresses, Owner, Record, Served, Zone as Publication};
use rais_wheel::Seed;
use rais_zone::{Header, OwnerName, ZoneName, contents};

use crate::bound::{Bound, Member};
use crate::engine::Engine;
use crate::name::to_wire;
use crate::scheme::Scheme;
use crate::transfer::Change;
use crate::zone::{Builder, Zone};

/// A zone that a binder publishes, as it was last.
#[derive(Debug, Default)]
pub(crate) struct State {
    published: Option<Published>,
}

#[derive(Debug)]
struct Published {
    header: String,
    sets: Sets,
    zone: Arc<Zone>,
}

/// The bound names of a zone, in the order of its slots.
#[derive(Debug)]
struct Sets {
    owners: Vec<Owner>,
    schemes: Vec<Scheme>,
    /// In one answer.
    most: MaxAddresses,
    /// Of each owner's TTL and addresses, as far as its scheme looks at them.
    prints: Vec<u64>,
}

/// Whether secondaries have anything to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Records {
    Changed,
    /// But for the serial: weights or loads are others, or nothing is.
    Same,
}

/// What a publication gives to each set that it makes anew.
struct Origin<'p> {
    seed: Seed,
    /// For people: why it was published.
    reason: &'p str,
    last: Option<Last>,
}

/// The set that was made last. Owners of one service have the same, and stand side by side: one set
/// for all of them, since the wheel of one that carries weights takes some ten thousand octets.
struct Last {
    scheme: Scheme,
    ttl: u32,
    members: Vec<Member>,
    bound: Arc<Bound>,
}

impl State {
    /// Serves `zone` from now on. Where nothing but addresses has changed, nothing but the sets of
    /// those that changed is made anew, first those that are said to have. The serial that is served
    /// then is the publication's.
    ///
    /// # Errors
    /// The header cannot be answered from, or an owner or its scheme; what was served goes on.
    pub(crate) fn publish(
        &mut self,
        publication: &Publication<'_>,
        engine: &Engine,
    ) -> Result<Records, Fault> {
        let head = &publication.head;
        let refused = |error: &dyn std::fmt::Display| {
            Fault::refused(format!("{}: {error}", publication.name))
        };
        let Some(header) = head.header.as_deref() else {
            let text = "no header: name one in the zone's `header`, or give `ns` and `mailbox` in \
                        [binder], from which one is made";
            return Err(refused(&text));
        };
        let seed = Seed::of(publication.name.as_bytes(), head.serial);
        let mut of = Origin { seed, reason: &head.reason, last: None };
        let is_served = |zone: &Arc<Zone>| {
            engine.zone(zone.apex()).is_some_and(|served| Arc::ptr_eq(&served, zone))
        };
        let same = |published: &&mut Published| {
            published.header == header
                && published.sets.most == head.max_addresses
                && is_served(&published.zone)
        };
        if let Some(Published { header, sets, zone }) = self.published.as_mut().filter(same) {
            let mut history = zone.history();
            let mut change = Change::new(zone.serial(), head.serial);
            sets.bind_first(publication, &mut of, zone, &mut change);
            // To look through all of them takes longer than what was done before it.
            if alike(&sets.owners, &head.owners) {
                sets.owners.clone_from(&head.owners);
                sets.bind(publication.records(), &mut of, zone, &mut change);
                zone.set_serial(head.serial);
                let records = change.records();
                history.push(change);
                return Ok(records);
            }
            // The zone is made anew, also after a failure of that: what has changed by now is half of a
            // change, which must not be told as a whole one.
            change.to = change.from;
            history.push(change);
            header.clear();
        }
        let made = make(publication.name, header, &head.owners);
        let (zone, schemes) = made.map_err(|error| refused(&error))?;
        let mut sets = Sets {
            owners: head.owners.clone(),
            prints: vec![0; schemes.len()],
            schemes,
            most: head.max_addresses,
        };
        if let Some(before) = &self.published {
            sets.inherit(before, &zone);
        }
        // Of a zone that is new there is nothing to be told since.
        let mut change = Change::new(head.serial, head.serial);
        sets.bind(publication.records(), &mut of, &zone, &mut change);
        zone.set_serial(head.serial);
        let zone = engine.serve(zone);
        self.published = Some(Published { header: header.to_owned(), sets, zone });
        Ok(Records::Changed)
    }

    /// What is served; unknown before the first publication.
    pub(crate) fn served(&self, engine: &Engine) -> Option<Served> {
        let published = self.published.as_ref()?;
        let Some(zone) = engine.zone(published.zone.apex()) else {
            return Some(Served::new(None, published.sets.owners.clone(), Vec::new()));
        };
        let records = zone.slots().iter().zip(0..).flat_map(|(slot, owner)| {
            let bound = slot.load_full();
            bound.addresses().map(|ip| Record::new(owner, ip)).collect::<Vec<_>>()
        });
        Some(Served::new(Some(zone.serial()), published.sets.owners.clone(), records.collect()))
    }
}

impl Sets {
    /// Has names stand as they stood in the zone before, until they are bound: why nobody is up is known
    /// from there.
    fn inherit(&self, before: &Published, zone: &Zone) {
        let slots = before.sets.owners.iter().zip(before.zone.slots());
        let slots: HashMap<_, _> = slots.map(|(owner, slot)| (&*owner.name, slot)).collect();
        for (slot, owner) in self.owners.iter().enumerate() {
            if let Some(before) = slots.get(&*owner.name) {
                zone.bind(slot, before.load_full());
            }
        }
    }

    /// What is told as changed, before all is gone through: so that it is seen at once, however
    /// large the zone is.
    fn bind_first(
        &mut self,
        publication: &Publication<'_>,
        of: &mut Origin<'_>,
        zone: &Zone,
        change: &mut Change,
    ) {
        let changed = publication.added().chain(publication.removed());
        let mut owners: Vec<u32> = changed.map(|record| record.owner).collect();
        owners.sort_unstable();
        owners.dedup();
        // The others may have other names by now.
        owners.retain(|&owner| {
            let index = owner as usize;
            match (self.owners.get_mut(index), publication.head.owners.get(index)) {
                (Some(before), Some(now)) if is_alike(before, now) => {
                    before.ttl = now.ttl;
                    true
                }
                _ => false,
            }
        });
        let is_changed = |record: &Record| owners.binary_search(&record.owner).is_ok();
        let mut records: Vec<Record> = publication.records().filter(is_changed).collect();
        records.sort_by_key(|record| record.owner);
        self.bind_owners(owners.iter().map(|owner| *owner as usize), &records, of, zone, change);
    }

    /// Makes the sets of those owners anew whose addresses are others than before.
    fn bind(
        &mut self,
        records: impl Iterator<Item = Record>,
        of: &mut Origin<'_>,
        zone: &Zone,
        change: &mut Change,
    ) {
        let mut records: Vec<Record> = records.collect();
        // Stable, and at once done with what is in order.
        records.sort_by_key(|record| record.owner);
        self.bind_owners(0..self.owners.len(), &records, of, zone, change);
    }

    /// Of some owners, in order, with their records.
    fn bind_owners(
        &mut self,
        owners: impl Iterator<Item = usize>,
        mut records: &[Record],
        of: &mut Origin<'_>,
        zone: &Zone,
        change: &mut Change,
    ) {
        let mut members = Vec::new();
        for owner in owners {
            let ours = |record: &&Record| record.owner as usize == owner;
            let count = records.iter().take_while(ours).count();
            let (of_owner, after) = records.split_at(count);
            records = after;
            members.clear();
            members.extend(of_owner.iter().map(member));
            self.bind_one(owner, &members, of, zone, change);
        }
    }

    fn bind_one(
        &mut self,
        owner: usize,
        members: &[Member],
        of: &mut Origin<'_>,
        zone: &Zone,
        change: &mut Change,
    ) {
        let (Some(owned), Some(scheme), Some(print)) =
            (self.owners.get(owner), self.schemes.get(owner), self.prints.get_mut(owner))
        else {
            return;
        };
        let now = fingerprint(*scheme, owned.ttl, members);
        let Some(slot) = zone.slots().get(owner) else { return };
        if *print != now {
            *print = now;
            let old = slot.load_full();
            let new = match members {
                [] => Arc::new(of.empty(owned.ttl, &old)),
                _ => of.bound(*scheme, owned.ttl, members, self.most),
            };
            change.note(owner, &old, &new);
            zone.bind(owner, new);
        }
    }
}

impl Origin<'_> {
    fn bound(
        &mut self,
        scheme: Scheme,
        ttl: u32,
        members: &[Member],
        most: MaxAddresses,
    ) -> Arc<Bound> {
        let same =
            |last: &&Last| last.scheme == scheme && last.ttl == ttl && last.members == members;
        if let Some(last) = self.last.as_ref().filter(same) {
            return Arc::clone(&last.bound);
        }
        let bound = Arc::new(Bound::new(scheme, ttl, members, most, self.seed));
        let members = members.to_vec();
        self.last = Some(Last { scheme, ttl, members, bound: Arc::clone(&bound) });
        bound
    }

    /// A set without an address. Why it was published is why that is so where there was an address before
    /// it; else it was for another name, or another reason.
    fn empty(&self, ttl: u32, before: &Bound) -> Bound {
        Bound::empty(ttl, if before.is_empty() { before.why() } else { self.reason })
    }
}

/// Reads a header and puts slots for the owners into it.
fn make(
    name: &str,
    header: &str,
    owners: &[Owner],
) -> Result<(Zone, Vec<Scheme>), Box<dyn std::error::Error>> {
    let name = ZoneName::parse(name)?;
    let in_header = |error: &dyn std::fmt::Display| format!("in its header: {error}");
    let checked = Header::of(header, &name).map_err(|error| in_header(&error))?;
    let mut builder = Builder::new(to_wire(name.as_str()));
    contents(header, &name, |record| builder.take(&record)).map_err(|error| in_header(&error))?;
    let mut schemes = Vec::with_capacity(owners.len());
    for owner in owners {
        let bound = OwnerName::parse(&owner.name, &name)?;
        if let Some(there) = checked.conflict(&bound) {
            let text = format!(
                "in its header: {}: {} has a record of type {} there, but its addresses are bound by \
                 rais: take the record out, or bind another owner",
                there.place, there.name, there.rtype
            );
            return Err(text.into());
        }
        builder.bind(to_wire(bound.as_str()));
        schemes.push(scheme(owner)?);
    }
    Ok((builder.build().map_err(|error| in_header(&error))?, schemes))
}

/// The binder has looked at the header's line already.
fn scheme(owner: &Owner) -> Result<Scheme, String> {
    let Some(word) = owner.scheme.as_deref() else { return Ok(Scheme::default()) };
    Scheme::parse(word).ok_or_else(|| {
        format!("the scheme {word:?} of {:?}: allowed are {}", owner.name, Scheme::allowed())
    })
}

fn member(record: &Record) -> Member {
    Member { ip: record.ip, weight: record.weight, load: record.load }
}

/// Whether these are the same names, answered by the same schemes, whatever their TTLs.
fn alike(before: &[Owner], now: &[Owner]) -> bool {
    before.len() == now.len() && before.iter().zip(now).all(|(before, now)| is_alike(before, now))
}

fn is_alike(before: &Owner, now: &Owner) -> bool {
    before.name == now.name && before.scheme == now.scheme
}

/// Never 0. Weights and loads count where the scheme looks at them.
fn fingerprint(scheme: Scheme, ttl: u32, members: &[Member]) -> u64 {
    let mut hasher = FixedState::with_seed(1).build_hasher();
    ttl.hash(&mut hasher);
    for member in members {
        member.ip.hash(&mut hasher);
        match scheme {
            Scheme::Weighted => member.weight.hash(&mut hasher),
            Scheme::LeastLoad => member.load.map(f64::to_bits).hash(&mut hasher),
            _ => {}
        }
    }
    hasher.finish() | 1
}
