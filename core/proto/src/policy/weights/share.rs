//! A share of the answers, as it is published.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU16;

/// The share of each address.
pub type Shares = BTreeMap<IpAddr, Share>;

/// How much of the answers an address is to have, against the others: the heaviest of them has
/// [`Share::MOST`], and nobody who is in has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(NonZeroU16);

impl Share {
    /// That of the heaviest.
    pub const MOST: Share = Share(NonZeroU16::MAX);

    /// Out of 65,535; none for 0.
    pub fn new(share: u16) -> Option<Share> {
        NonZeroU16::new(share).map(Share)
    }

    /// Out of 65,535.
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

/// Of weights that are finite and above 0.
pub(super) fn of(weights: impl Iterator<Item = (IpAddr, f64)> + Clone) -> Shares {
    let heaviest = weights.clone().map(|(_, weight)| weight).fold(f64::MIN_POSITIVE, f64::max);
    weights
        .map(|(address, weight)| {
            let share = (weight / heaviest * f64::from(u16::MAX)).round();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
            let share = share.clamp(1.0, f64::from(u16::MAX)) as u16;
            (address, Share::new(share).unwrap_or(Share::MOST))
        })
        .collect()
}
