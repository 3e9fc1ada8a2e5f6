//! Why each address of a service is in the answers or not.

use std::fmt;
use std::net::IpAddr;

use super::Verdict;

/// A verdict an address, in the order of addresses.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Verdicts(Vec<(IpAddr, Verdict)>);

impl Verdicts {
    /// None.
    pub fn new() -> Verdicts {
        Verdicts::default()
    }

    /// That of `address`.
    pub fn get(&self, address: &IpAddr) -> Option<&Verdict> {
        let place = self.place(address).ok()?;
        self.0.get(place).map(|(_, verdict)| verdict)
    }

    /// Whether there is one of `address`.
    pub fn contains_key(&self, address: &IpAddr) -> bool {
        self.place(address).is_ok()
    }

    /// Sets that of `address`; of an address that had none it costs what there is.
    pub fn insert(&mut self, address: IpAddr, verdict: Verdict) {
        match self.place(&address) {
            Ok(place) => self.0[place].1 = verdict,
            Err(place) => self.0.insert(place, (address, verdict)),
        }
    }

    /// Takes out those for which `stays` is false.
    pub fn retain(&mut self, mut stays: impl FnMut(&IpAddr) -> bool) {
        self.0.retain(|(address, _)| stays(address));
    }

    /// Each address and its verdict.
    pub fn iter(&self) -> impl Iterator<Item = (&IpAddr, &Verdict)> {
        self.0.iter().map(|(address, verdict)| (address, verdict))
    }

    /// The verdicts alone.
    pub fn values(&self) -> impl Iterator<Item = &Verdict> {
        self.0.iter().map(|(_, verdict)| verdict)
    }

    /// As they are kept.
    pub(crate) fn as_slice(&self) -> &[(IpAddr, Verdict)] {
        &self.0
    }

    /// Those that are not what they were in `before`; none for an address that has none any more.
    pub(crate) fn changes_since(&self, before: &Verdicts) -> Vec<(IpAddr, Option<Verdict>)> {
        let (mut new, mut old) = (self.0.as_slice(), before.0.as_slice());
        let mut changes = Vec::new();
        while let Some(&(address, verdict)) = new.first() {
            match old.first() {
                Some(&(gone, _)) if gone < address => {
                    changes.push((gone, None));
                    old = old.get(1..).unwrap_or_default();
                    continue;
                }
                Some(&(stayed, stood)) if stayed == address => {
                    old = old.get(1..).unwrap_or_default();
                    if stood != verdict {
                        changes.push((address, Some(verdict)));
                    }
                }
                Some(_) | None => changes.push((address, Some(verdict))),
            }
            new = new.get(1..).unwrap_or_default();
        }
        changes.extend(old.iter().map(|&(gone, _)| (gone, None)));
        changes
    }

    fn place(&self, address: &IpAddr) -> Result<usize, usize> {
        self.0.binary_search_by(|(one, _)| one.cmp(address))
    }
}

impl FromIterator<(IpAddr, Verdict)> for Verdicts {
    /// Of several of one address the last counts.
    fn from_iter<T: IntoIterator<Item = (IpAddr, Verdict)>>(verdicts: T) -> Verdicts {
        let mut all: Vec<(IpAddr, Verdict)> = verdicts.into_iter().collect();
        if !all.is_sorted_by(|(one, _), (next, _)| one < next) {
            // Stable: equals stay in the order in which they came.
            all.sort_by_key(|&(address, _)| address);
            all.dedup_by(|later, earlier| {
                let is_same = later.0 == earlier.0;
                if is_same {
                    *earlier = *later;
                }
                is_same
            });
        }
        all.shrink_to_fit();
        Verdicts(all)
    }
}

impl Extend<(IpAddr, Verdict)> for Verdicts {
    fn extend<T: IntoIterator<Item = (IpAddr, Verdict)>>(&mut self, verdicts: T) {
        let mut more = verdicts.into_iter().peekable();
        if more.peek().is_some() {
            *self = std::mem::take(&mut self.0).into_iter().chain(more).collect();
        }
    }
}

impl<'a> IntoIterator for &'a Verdicts {
    type Item = (&'a IpAddr, &'a Verdict);
    type IntoIter = std::iter::Map<
        std::slice::Iter<'a, (IpAddr, Verdict)>,
        fn(&'a (IpAddr, Verdict)) -> (&'a IpAddr, &'a Verdict),
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(address, verdict)| (address, verdict))
    }
}

impl fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn verdicts() -> impl Strategy<Value = Vec<(IpAddr, Verdict)>> {
        let verdict = prop_oneof![Just(Verdict::In), Just(Verdict::Pruned), Just(Verdict::Held)];
        let address = (0u8..20).prop_map(|n| IpAddr::from([192, 0, 2, n]));
        prop::collection::vec((address, verdict), 0..20)
    }

    proptest! {
        #[test]
        fn the_last_of_an_address_counts(
            first in verdicts(), more in verdicts(), single in verdicts(),
        ) {
            let mut ours: Verdicts = first.iter().copied().collect();
            let mut model: BTreeMap<IpAddr, Verdict> = first.into_iter().collect();
            prop_assert!(ours.iter().eq(&model));
            ours.extend(more.iter().copied());
            model.extend(more);
            prop_assert!(ours.iter().eq(&model));
            for (address, verdict) in single {
                prop_assert_eq!(ours.get(&address), model.get(&address));
                ours.insert(address, verdict);
                model.insert(address, verdict);
            }
            prop_assert!(ours.iter().eq(&model));
            prop_assert!(ours.values().eq(model.values()));
        }

        #[test]
        fn changes_are_what_is_another(before in verdicts(), after in verdicts()) {
            let (before, after): (Verdicts, Verdicts) =
                (before.into_iter().collect(), after.into_iter().collect());
            let all: BTreeSet<IpAddr> = before.iter().chain(after.iter()).map(|(&a, _)| a).collect();
            let changed = all.into_iter().filter(|a| before.get(a) != after.get(a));
            let changed = changed.map(|address| (address, after.get(&address).copied()));
            prop_assert_eq!(after.changes_since(&before), changed.collect::<Vec<_>>());
        }
    }
}
