//! Step 8: no more than `max_servers`, the least loaded of them.
//!
//! Whoever is in stays, and the least loaded of the others fill what is free: who is out has nothing
//! to do, and were the least loaded chosen anew, the set would be another one at every timer. At the
//! load timer and whenever a member has gone, one that is above `max_load` gives way. An unknown load
//! counts as more than every known one within `max_load`. Among equals the lower address is in.

use std::net::IpAddr;
use std::num::NonZeroU32;

use super::paper::Class;
use super::prune::{Candidate, Occasion};
use crate::load::Load;

/// Those of `candidates` that are too many; without a `max_load` nobody is above it.
pub fn surplus(
    max: NonZeroU32,
    max_load: Option<Load>,
    occasion: Occasion,
    candidates: &[Candidate],
) -> Vec<IpAddr> {
    let most = usize::try_from(max.get()).unwrap_or(usize::MAX);
    if candidates.len() <= most {
        return Vec::new();
    }
    let class = |one: &Candidate| Class::of(one.load, max_load.unwrap_or(Load::MAX));
    let mut sorted: Vec<&Candidate> = candidates.iter().collect();
    sorted.sort_unstable_by_key(|one| {
        let gives_way = occasion != Occasion::Other && matches!(class(one), Class::Above(_));
        (!one.stood || gives_way, class(one), !one.stood, one.address)
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
        let max_load = Load::from_percent(60.0);
        let out = surplus(NonZeroU32::new(2).unwrap(), max_load, occasion, candidates);
        let last = |address: IpAddr| match address {
            IpAddr::V4(v4) => v4.octets()[3],
            IpAddr::V6(_) => unreachable!("only IPv4 here"),
        };
        let stays = candidates.iter().filter(|one| !out.contains(&one.address));
        stays.map(|one| last(one.address)).collect()
    }

    #[test]
    fn the_least_loaded_are_chosen_and_the_unknown_come_after_them() {
        let all =
            [one(1, 50.0, false), one(2, None, false), one(3, 20.0, false), one(4, 70.0, false)];
        assert_eq!(left_of(Occasion::Timer, &all), [1, 3]);
        assert_eq!(left_of(Occasion::Other, &all[1..]), [2, 3]);
        assert_eq!(left_of(Occasion::Timer, &all[..2]), [1, 2]);
    }

    #[test]
    fn who_is_in_stays_until_it_is_overloaded_and_the_timer_comes() {
        let well = [one(1, 59.0, true), one(2, 60.0, true), one(3, 0.0, false)];
        assert_eq!(left_of(Occasion::Timer, &well), [1, 2], "idle since it is out");
        let all = [one(1, 59.0, true), one(2, 61.0, true), one(3, 0.0, false)];
        assert_eq!(left_of(Occasion::Timer, &all), [1, 3]);
        assert_eq!(left_of(Occasion::Departure, &all), [1, 3]);
        assert_eq!(left_of(Occasion::Other, &all), [1, 2]);
        // Where all are, the least overloaded stay.
        let hot = [one(1, 90.0, true), one(2, 95.0, true), one(3, 94.0, false)];
        assert_eq!(left_of(Occasion::Timer, &hot), [1, 3]);
    }

    #[test]
    fn of_equals_the_lower_address_is_in() {
        let all = [one(9, 10.0, false), one(1, 10.0, false), one(5, 10.0, false)];
        assert_eq!(left_of(Occasion::Timer, &all), [1, 5]);
    }
}
