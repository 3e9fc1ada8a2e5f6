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

/// A member's part of the answers must change by more than this to be worth a publication, in
/// percent of what it has.
const WORTH_PERCENT: u64 = 5;

/// Whether `now` is worth a publication where `published` stands: somebody came or went, or
/// somebody's part of the answers is another by more than noise.
pub fn differ(published: &Shares, now: &Shares) -> bool {
    if !published.keys().eq(now.keys()) {
        return true;
    }
    let sum = |shares: &Shares| shares.values().map(|share| u64::from(share.get())).sum::<u64>();
    let (all_before, all_now) = (sum(published), sum(now));
    published.values().zip(now.values()).any(|(before, now)| {
        // As parts of a common denominator.
        let before = u64::from(before.get()) * all_now;
        let now = u64::from(now.get()) * all_before;
        before.abs_diff(now) * 100 > before * WORTH_PERCENT
    })
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
