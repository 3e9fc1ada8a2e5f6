//! Step 8: no more than `max_servers`, the least loaded of them.
//!
//! Chosen at the load timer and whenever a member has gone; in between whoever is in stays, and the
//! least loaded of the others fill what is free. Loads are never quite the same: who is in gives way
//! only to one that is less loaded by [`MARGIN`], or the set would be another one at every timer. An
//! unknown load counts as more than every known one. Among equals who is in stays, then the lower
//! address.

use std::net::IpAddr;
use std::num::NonZeroU32;

use super::prune::{Candidate, Occasion};
use crate::load::Load;

/// Ten percent of what a server can carry.
const MARGIN: u32 = 1000;

/// Those of `candidates` that are too many.
pub fn surplus(max: NonZeroU32, occasion: Occasion, candidates: &[Candidate]) -> Vec<IpAddr> {
    let most = usize::try_from(max.get()).unwrap_or(usize::MAX);
    if candidates.len() <= most {
        return Vec::new();
    }
    let rank = |one: &Candidate| match one.load {
        Some(load) if one.stood => (0, load.as_hundredths().saturating_sub(MARGIN)),
        Some(load) => (0, load.as_hundredths()),
        None => (1, Load::MAX.as_hundredths()),
    };
    let mut sorted: Vec<&Candidate> = candidates.iter().collect();
    sorted.sort_unstable_by_key(|one| {
        let stays = one.stood && occasion == Occasion::Other;
        (!stays, rank(one), !one.stood, one.address)
    });
    sorted.into_iter().skip(most).map(|one| one.address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heartbeat::Capacity;

    fn one(n: u8, load: impl Into<Option<f64>>, stood: bool) -> Candidate {
        let load = load.into().and_then(Load::from_percent);
        Candidate { address: IpAddr::from([192, 0, 2, n]), load, capacity: Capacity::ONE, stood }
    }

    fn left_of(occasion: Occasion, candidates: &[Candidate]) -> Vec<u8> {
        let out = surplus(NonZeroU32::new(2).unwrap(), occasion, candidates);
        let last = |address: IpAddr| match address {
            IpAddr::V4(v4) => v4.octets()[3],
            IpAddr::V6(_) => unreachable!("only IPv4 here"),
        };
        let stays = candidates.iter().filter(|one| !out.contains(&one.address));
        stays.map(|one| last(one.address)).collect()
    }

    #[test]
    fn the_least_loaded_stay_and_the_unknown_go_first() {
        let all =
            [one(1, 50.0, false), one(2, None, false), one(3, 20.0, false), one(4, 30.0, false)];
        assert_eq!(left_of(Occasion::Timer, &all), [3, 4]);
        assert_eq!(left_of(Occasion::Other, &all), [3, 4]);
        assert_eq!(left_of(Occasion::Timer, &all[..2]), [1, 2]);
    }

    #[test]
    fn who_is_in_gives_way_only_to_one_that_has_much_less_to_do() {
        let all = [one(1, 39.0, true), one(2, 41.0, true), one(3, 30.0, false)];
        assert_eq!(left_of(Occasion::Timer, &all), [1, 3], "by 11 points, and not by 9");
        assert_eq!(left_of(Occasion::Other, &all), [1, 2]);
        let equal = [one(1, 39.0, false), one(2, 39.0, true), one(3, 39.0, true)];
        assert_eq!(left_of(Occasion::Departure, &equal), [2, 3]);
    }

    #[test]
    fn of_equals_the_lower_address_stays() {
        let all = [one(9, 10.0, false), one(1, 10.0, false), one(5, 10.0, false)];
        assert_eq!(left_of(Occasion::Timer, &all), [1, 5]);
    }
}
