//! What of the shares is worth a publication.
//!
//! Somebody came or went, or somebody's part of the answers is another by more than 5 % of what it
//! has: at once. What is less settles: where somebody's part is off by more than 1 % of it, always
//! to the same side, at every judgement for ten minutes, the shares of now are published. Noise
//! goes both ways and does not stand for so long; what a ramp or the trim leaves behind does.
//! With each publication the ten minutes begin anew, so that this costs six an hour at most, and
//! none where shares move by more anyway.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::share::Shares;
use crate::time::Time;

/// A member's part of the answers must change by more than this to be worth a publication at once,
/// in percent of what it has.
const AT_ONCE_PERCENT: u64 = 5;
/// By more than this it must be off to be worth one in the end: about what a wheel of 256 columns
/// can show of the lighter members.
const IN_THE_END_PERCENT: u64 = 1;
/// For so long what is off must have been off.
const STANDS: Duration = Duration::from_secs(600);

/// The shares that are published, and since when others are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outstanding {
    published: Shares,
    /// Whose part is off, to which side, and since when.
    off: BTreeMap<IpAddr, (Side, Time)>,
    judged: Time,
}

/// Where a wanted part lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Above,
    Below,
}

impl Outstanding {
    /// `wanted` is what was judged at `now`.
    pub fn note_wanted(&mut self, now: Time, wanted: &Shares) {
        self.judged = now;
        let off = parts(&self.published, wanted).filter_map(|(address, part)| {
            let side = part.is_off_by(IN_THE_END_PERCENT)?;
            let since = match self.off.get(&address) {
                Some(&(before, since)) if before == side => since,
                Some(_) | None => now,
            };
            Some((address, (side, since)))
        });
        self.off = off.collect();
    }

    /// `shares` are published.
    pub fn note_published(&mut self, shares: &Shares) {
        self.published.clone_from(shares);
        self.off.clear();
    }

    /// What is published.
    pub fn published(&self) -> &Shares {
        &self.published
    }

    /// Whether `wanted`, which was noted last, is worth a publication.
    pub fn is_due(&self, wanted: &Shares) -> bool {
        !self.published.keys().eq(wanted.keys())
            || parts(&self.published, wanted)
                .any(|(_, part)| part.is_off_by(AT_ONCE_PERCENT).is_some())
            || self.off.values().any(|&(_, since)| self.judged.since(since) >= STANDS)
    }
}

/// A member's part of the answers as it is published and as it is wanted, of a common denominator.
struct Part {
    published: u64,
    wanted: u64,
}

impl Part {
    fn is_off_by(&self, percent: u64) -> Option<Side> {
        let is_off = self.wanted.abs_diff(self.published) * 100 > self.published * percent;
        let side = if self.wanted > self.published { Side::Above } else { Side::Below };
        is_off.then_some(side)
    }
}

/// The parts of those who are in both.
fn parts<'a>(
    published: &'a Shares,
    wanted: &'a Shares,
) -> impl Iterator<Item = (IpAddr, Part)> + 'a {
    let sum = |shares: &Shares| shares.values().map(|share| u64::from(share.get())).sum::<u64>();
    let (all_published, all_wanted) = (sum(published), sum(wanted));
    wanted.iter().filter_map(move |(&address, wanted)| {
        let published = u64::from(published.get(&address)?.get()) * all_wanted;
        Some((address, Part { published, wanted: u64::from(wanted.get()) * all_published }))
    })
}

#[cfg(test)]
mod tests;
