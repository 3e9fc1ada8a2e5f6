//! The duty cycle: weights where answers cannot carry them, by who is in how often.
//!
//! Each member has an accumulator. At each turn its share is added; whenever it passes that of the
//! heaviest, which is 1, the member is in until the next turn, and 1 is taken off. So the heaviest
//! is always in, one with half its share every other turn, and the set is never empty.
//!
//! Where that leaves fewer than `min_servers`, those who are nearest to their turn have it early: it
//! is given to them whole, though they had not gathered all of it.
//!
//! Newcomers begin with accumulators that lie evenly between 0 and 1: members alike take turns, and
//! are not all in and all out together.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::AddressSet;
use super::weights::{Share, Shares};

/// What is kept of each member between turns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DutyCycle {
    members: BTreeMap<IpAddr, Turn>,
    /// How many have come: the next begins with so many times [`GOLDEN`].
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
    /// The next turn of those with `shares`, one of whom has [`Share::MOST`]: who is in until the
    /// one after it. Empty only where nobody has a share.
    pub fn turn(&mut self, shares: &Shares) -> AddressSet {
        self.admit(shares);
        for (address, turn) in &mut self.members {
            let share = shares.get(address).map_or(0, |share| share.get());
            turn.advance(share);
        }
        self.among(shares)
    }

    /// Whether nobody has had a turn yet.
    pub fn is_fresh(&self) -> bool {
        self.members.is_empty()
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

    /// As [`among`](DutyCycle::among), and where that is fewer than `least`, with those in whose turn
    /// is the next, until the next turn; with all of them where there are no more.
    pub fn at_least(&mut self, least: usize, shares: &Shares) -> AddressSet {
        let mut set = self.among(shares);
        let missing = least.saturating_sub(set.len());
        if missing == 0 {
            return set;
        }
        let mut off: Vec<(&IpAddr, &mut Turn)> =
            self.members.iter_mut().filter(|(address, _)| !set.contains(address)).collect();
        // Among equals the lower address is in.
        off.sort_by_key(|(_, turn)| std::cmp::Reverse(turn.accumulator));
        let early: Vec<IpAddr> = off
            .into_iter()
            .take(missing)
            .map(|(&address, turn)| {
                *turn = Turn { accumulator: 0, is_in: true };
                address
            })
            .collect();
        set.extend(early);
        set
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn web(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    fn shares(shares: &[u16]) -> Shares {
        (1..).zip(shares).map(|(n, &share)| (web(n), Share::new(share).unwrap())).collect()
    }

    #[test]
    fn each_is_in_as_often_as_its_share_says() {
        let shares = shares(&[65_535, 32_768, 16_384, 1]);
        let mut duty = DutyCycle::default();
        let mut counts = [0; 4];
        for _ in 0..400 {
            let set = duty.turn(&shares);
            for (n, count) in (1..).zip(&mut counts) {
                *count += u32::from(set.contains(&web(n)));
            }
        }
        assert_eq!(counts[0], 400);
        assert!((199..=201).contains(&counts[1]), "{counts:?}");
        assert!((99..=101).contains(&counts[2]), "{counts:?}");
        assert!(counts[3] <= 1, "{counts:?}");
    }

    #[test]
    fn members_alike_take_turns() {
        let mut all = [16_384; 21];
        all[0] = 65_535;
        let shares = shares(&all);
        let mut duty = DutyCycle::default();
        for _ in 0..100 {
            let others = duty.turn(&shares).len() - 1;
            assert!((4..=6).contains(&others), "{others} of 20 with a quarter each");
        }
    }

    #[test]
    fn between_turns_nobody_comes_unless_nobody_is_left() {
        let mut duty = DutyCycle::default();
        let set = duty.turn(&shares(&[65_535, 65_535]));
        assert_eq!(duty.among(&shares(&[65_535, 65_535, 65_535])), set, "the third waits");
        let third: Shares = shares(&[65_535, 65_535, 65_535]).split_off(&web(3));
        assert_eq!(duty.among(&third), [web(3)].into());
        assert_eq!(duty.turn(&shares(&[65_535, 65_535, 65_535])).len(), 3);
        assert_eq!(duty.turn(&Shares::new()), AddressSet::new());
    }

    #[test]
    fn a_minimum_is_kept_and_taken_in_turns() {
        let shares = shares(&[65_535, 1, 1, 1]);
        let mut duty = DutyCycle::default();
        let mut counts = [0; 4];
        for _ in 0..300 {
            duty.turn(&shares);
            let set = duty.at_least(2, &shares);
            assert_eq!(set.len(), 2);
            assert_eq!(duty.at_least(2, &shares), set, "nobody else comes between turns");
            for (n, count) in (1..).zip(&mut counts) {
                *count += u32::from(set.contains(&web(n)));
            }
        }
        assert_eq!(counts[0], 300);
        assert!(counts[1..].iter().all(|count| (99..=101).contains(count)), "{counts:?}");
        assert_eq!(duty.at_least(9, &shares).len(), 4, "there are no more");
    }

    proptest! {
        #[test]
        fn so_many_are_in_and_nobody_less_often_than_by_its_share(
            mut life in prop::collection::vec(1..=u16::MAX, 1..12),
            least in 1_usize..14,
        ) {
            life[0] = u16::MAX;
            let shares = shares(&life);
            let (mut duty, mut plain) = (DutyCycle::default(), DutyCycle::default());
            let mut counts = vec![0_u64; life.len()];
            const TURNS: u64 = 50;
            for _ in 0..TURNS {
                duty.turn(&shares);
                let set = duty.at_least(least, &shares);
                prop_assert!(set.len() >= least.min(life.len()), "{} of {}", set.len(), least);
                prop_assert_eq!(plain.turn(&shares), plain.at_least(1, &shares));
                for (n, count) in (1..).zip(&mut counts) {
                    *count += u64::from(set.contains(&web(n)));
                }
            }
            for (&share, &count) in life.iter().zip(&counts) {
                let exact = u64::from(share) * TURNS / u64::from(u16::MAX);
                prop_assert!(count + 1 >= exact, "{} of {}", count, exact);
            }
        }

        #[test]
        fn never_empty_and_in_by_its_share(
            lives in prop::collection::vec(prop::collection::vec(1..=u16::MAX, 1..12), 1..20),
        ) {
            let mut duty = DutyCycle::default();
            for mut life in lives {
                life[0] = u16::MAX;
                let shares = shares(&life);
                let mut counts = vec![0_u64; life.len()];
                const TURNS: u64 = 50;
                for _ in 0..TURNS {
                    let set = duty.turn(&shares);
                    prop_assert!(set.contains(&web(1)));
                    prop_assert_eq!(&duty.among(&shares), &set);
                    for (n, count) in (1..).zip(&mut counts) {
                        *count += u64::from(set.contains(&web(n)));
                    }
                }
                for (&share, &count) in life.iter().zip(&counts) {
                    let exact = u64::from(share) * TURNS / u64::from(u16::MAX);
                    prop_assert!(count.abs_diff(exact) <= 1, "{} of {}", count, exact);
                }
                duty.among(&shares.into_iter().rev().take(life.len() / 2).collect());
            }
        }
    }
}
