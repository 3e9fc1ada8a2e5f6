//! The addresses of a service, of which there may be very many.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// Addresses in order, each once.
///
/// Copies share their memory until one of them is changed: what is decided is mostly what was
/// decided before, and is kept in several places.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct AddressSet(Arc<Vec<IpAddr>>);

impl AddressSet {
    /// None.
    pub fn new() -> AddressSet {
        AddressSet::default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `address` is one of them.
    pub fn contains(&self, address: &IpAddr) -> bool {
        self.0.binary_search(address).is_ok()
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, IpAddr> {
        self.0.iter()
    }

    /// As they are kept.
    pub(crate) fn as_slice(&self) -> &[IpAddr] {
        &self.0
    }

    /// Those that are not in `other`, in order.
    pub fn difference<'a>(&'a self, other: &'a AddressSet) -> impl Iterator<Item = &'a IpAddr> {
        // The very same have none, however many they are.
        let all = if Arc::ptr_eq(&self.0, &other.0) { &[][..] } else { &self.0[..] };
        let mut others = Ascending::new(&other.0, |other| *other);
        all.iter().filter(move |&&address| others.find(address).is_none())
    }

    /// Whether all of them are in `other`.
    pub fn is_subset(&self, other: &AddressSet) -> bool {
        self.difference(other).next().is_none()
    }

    /// Adds one; costs what there is, unless it is the last in order.
    pub fn insert(&mut self, address: IpAddr) {
        if let Err(place) = self.0.binary_search(&address) {
            Arc::make_mut(&mut self.0).insert(place, address);
        }
    }

    /// Takes out those for which `stays` is false; it is asked once for each, in order.
    pub fn retain(&mut self, mut stays: impl FnMut(&IpAddr) -> bool) {
        if let Some(first) = self.0.iter().position(|address| !stays(address)) {
            let (before, from) = self.0.split_at(first);
            let rest = from.iter().skip(1).filter(|&address| stays(address));
            self.0 = Arc::new(before.iter().chain(rest).copied().collect());
        }
    }

    /// Shares the memory of `other` where both are the same.
    pub fn share(&mut self, other: &AddressSet) {
        if self == other {
            self.clone_from(other);
        }
    }
}

impl FromIterator<IpAddr> for AddressSet {
    fn from_iter<T: IntoIterator<Item = IpAddr>>(addresses: T) -> AddressSet {
        let mut all: Vec<IpAddr> = addresses.into_iter().collect();
        if !all.is_sorted_by(|one, next| one < next) {
            all.sort();
            all.dedup();
        }
        all.shrink_to_fit();
        AddressSet(Arc::new(all))
    }
}

impl Extend<IpAddr> for AddressSet {
    fn extend<T: IntoIterator<Item = IpAddr>>(&mut self, addresses: T) {
        let mut more = addresses.into_iter().peekable();
        if more.peek().is_some() {
            *self = self.iter().copied().chain(more).collect();
        }
    }
}

impl<const N: usize> From<[IpAddr; N]> for AddressSet {
    fn from(addresses: [IpAddr; N]) -> AddressSet {
        addresses.into_iter().collect()
    }
}

impl IntoIterator for AddressSet {
    type Item = IpAddr;
    type IntoIter = std::vec::IntoIter<IpAddr>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

impl<'a> IntoIterator for &'a AddressSet {
    type Item = &'a IpAddr;
    type IntoIter = std::slice::Iter<'a, IpAddr>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for AddressSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Looks up one address after the other, each higher than the one before, in what is in the order of
/// addresses: many cost one walk and no search each.
pub(crate) struct Ascending<'a, T, F> {
    left: &'a [T],
    address_of: F,
}

impl<'a, T, F: Fn(&T) -> IpAddr> Ascending<'a, T, F> {
    pub(crate) fn new(all: &'a [T], address_of: F) -> Ascending<'a, T, F> {
        Ascending { left: all, address_of }
    }

    /// What there is of `address`.
    pub(crate) fn find(&mut self, address: IpAddr) -> Option<&'a T> {
        while let Some((first, others)) = self.left.split_first() {
            let at = (self.address_of)(first);
            if at > address {
                return None;
            }
            self.left = others;
            if at == address {
                return Some(first);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn address(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    fn both(numbers: &[u8]) -> (AddressSet, BTreeSet<IpAddr>) {
        let all = || numbers.iter().copied().map(address);
        (all().collect(), all().collect())
    }

    fn same(ours: &AddressSet, model: &BTreeSet<IpAddr>) -> bool {
        ours.iter().eq(model) && ours.len() == model.len()
    }

    #[test]
    fn copies_share_until_one_is_changed() {
        let (set, _) = both(&[1, 2, 3]);
        let mut copy = set.clone();
        copy.retain(|_| true);
        copy.insert(address(2));
        copy.extend([]);
        assert!(Arc::ptr_eq(&set.0, &copy.0));
        copy.retain(|&one| one != address(2));
        assert_eq!((set.len(), copy.len()), (3, 2));
        copy.insert(address(2));
        assert!(!Arc::ptr_eq(&set.0, &copy.0));
        copy.share(&set);
        assert!(Arc::ptr_eq(&set.0, &copy.0));
    }

    proptest! {
        #[test]
        fn it_is_a_set_in_order(
            one in prop::collection::vec(0u8..20, 0..20),
            other in prop::collection::vec(0u8..20, 0..20),
            single in 0u8..20,
        ) {
            let (mut ours, mut model) = both(&one);
            let (others, others_model) = both(&other);
            prop_assert!(same(&ours, &model));
            prop_assert!(ours.difference(&others).eq(model.difference(&others_model)));
            prop_assert_eq!(ours.is_subset(&others), model.is_subset(&others_model));
            prop_assert_eq!(ours == others, model == others_model);
            prop_assert_eq!(ours.contains(&address(single)), model.contains(&address(single)));
            ours.retain(|a| !others.contains(a));
            model.retain(|a| !others_model.contains(a));
            prop_assert!(same(&ours, &model));
            ours.insert(address(single));
            model.insert(address(single));
            prop_assert!(same(&ours, &model));
            ours.extend(others);
            model.extend(others_model);
            prop_assert!(same(&ours, &model));
            prop_assert!(ours.into_iter().eq(model));
        }
    }
}
