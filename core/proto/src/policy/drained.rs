//! Step 4 where an operator has drained: the addresses of one service that are to be left alone.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::AddressSet;

/// Addresses of a service that an operator has drained.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drained {
    addresses: BTreeMap<IpAddr, Force>,
}

/// Whether a drain may leave a service without addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Force {
    /// It may not.
    Withheld,
    /// It may.
    Given,
}

impl Drained {
    /// Adds one; of several drains the most forceful counts.
    pub fn add(&mut self, address: IpAddr, force: Force) {
        let known = self.addresses.entry(address).or_insert(force);
        *known = force.max(*known);
    }

    /// Whether `address` is drained.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.addresses.contains_key(&address)
    }

    /// Whether anybody is.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Whether the service may be left without addresses for it.
    pub fn may_empty(&self) -> bool {
        self.addresses.values().any(|&force| force == Force::Given)
    }

    /// Those of `set` that are not drained.
    pub fn without(&self, set: &AddressSet) -> AddressSet {
        set.iter().copied().filter(|&address| !self.contains(address)).collect()
    }
}

impl FromIterator<(IpAddr, Force)> for Drained {
    fn from_iter<T: IntoIterator<Item = (IpAddr, Force)>>(all: T) -> Drained {
        let mut drained = Drained::default();
        all.into_iter().for_each(|(address, force)| drained.add(address, force));
        drained
    }
}
