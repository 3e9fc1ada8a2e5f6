//! The duty cycle: weights where answers cannot carry them, by who is in how often.
//!
//! Each member has an accumulator. At each turn its share is added; whenever it passes that of the
//! heaviest, which is 1, the member is in until the next turn, and 1 is taken off. So the heaviest
//! is always in, one with half its share every other turn, and the set is never empty.
//!
//! A newcomer begins where the accumulators of those before it leave most room: members alike take
//! turns, and are not all in and all out together.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::AddressSet;
use super::weights::{Share, Shares};

/// What is kept of each member between turns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DutyCycle {
    members: BTreeMap<IpAddr, Turn>,
    /// How many have come; what a newcomer begins with.
    arrivals: u16,
}

/// A member between two turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Turn {
    /// Of [`Share::MOST`]; below it.
    accumulator: u16,
    is_in: bool,
}

/// 2^16 over the golden ratio: multiples of it are spread evenly however many there are.
const GOLDEN: u16 = 40_503;

impl DutyCycle {
    /// The next turn of those with `shares`: who is in until the one after it. None empty but for
    /// nobody.
    pub fn turn(&mut self, shares: &Shares) -> AddressSet {
        self.admit(shares);
        for (address, turn) in &mut self.members {
            let share = shares.get(address).map_or(0, |share| share.get());
            turn.advance(share);
        }
        self.among(shares)
    }

    /// Who of those with `shares` is in, between two turns: newcomers wait for the next, unless
    /// nobody else is left.
    pub fn among(&mut self, shares: &Shares) -> AddressSet {
        self.admit(shares);
        let is_in = |address: &IpAddr| self.members.get(address).is_some_and(|turn| turn.is_in);
        let set: AddressSet = shares.keys().copied().filter(is_in).collect();
        if !set.is_empty() {
            return set;
        }
        let heaviest = shares.values().max();
        shares.iter().filter(|(_, share)| Some(*share) == heaviest).map(|(&a, _)| a).collect()
    }

    /// Who has no share has no accumulator: it begins anew if it returns.
    fn admit(&mut self, shares: &Shares) {
        self.members.retain(|address, _| shares.contains_key(address));
        for &address in shares.keys() {
            self.members.entry(address).or_insert_with(|| {
                self.arrivals = self.arrivals.wrapping_add(1);
                let accumulator = self.arrivals.wrapping_mul(GOLDEN) % Share::MOST.get();
                Turn { accumulator, is_in: false }
            });
        }
    }
}

impl Turn {
    fn advance(&mut self, share: u16) {
        let sum = u32::from(self.accumulator) + u32::from(share);
        let whole = u32::from(Share::MOST.get());
        self.is_in = sum >= whole;
        let left = if self.is_in { sum - whole } else { sum };
        // Below the whole, since both were.
        self.accumulator = u16::try_from(left).unwrap_or_default();
    }
}
