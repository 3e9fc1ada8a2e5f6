//! The paper's prune (Fig. 6a, steps 606–614), bit for bit.
//!
//! Sort by load; where more than `min_servers` are within `max_load` keep those, else keep the
//! `min_servers` least loaded. A load exactly at `max_load` stays. Among equal loads those already
//! in the zone come first, then the lower address: ties never churn the zone.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::AddressSet;
use crate::load::Load;

/// Who was heard in this period, and with what load (Fig. 10's current list).
pub type Current = BTreeMap<IpAddr, Option<Load>>;

/// Those of `current` who stay.
///
/// An unknown load is never pruned: it sorts after every known one within `max_load` and before
/// those above. Without a `max_load` everybody stays.
pub fn prune(
    current: &Current,
    previous: &AddressSet,
    max_load: Option<Load>,
    min_servers: usize,
) -> AddressSet {
    let Some(max_load) = max_load else {
        return current.keys().copied().collect();
    };
    let mut sorted: Vec<(Class, bool, IpAddr)> = current
        .iter()
        .map(|(address, &load)| (Class::of(load, max_load), !previous.contains(address), *address))
        .collect();
    sorted.sort_unstable();
    let below = sorted.iter().filter(|(class, ..)| !matches!(class, Class::Above(_))).count();
    sorted.into_iter().take(below.max(min_servers)).map(|(.., address)| address).collect()
}

/// A load to one side of `max_load`, in the order in which members are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Within(Load),
    Unknown,
    Above(Load),
}

impl Class {
    pub(super) fn of(load: Option<Load>, max_load: Load) -> Class {
        match load {
            Some(load) if load <= max_load => Class::Within(load),
            None => Class::Unknown,
            Some(load) => Class::Above(load),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn news(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    fn current(loads: &[(u8, Option<f64>)]) -> Current {
        loads.iter().map(|&(n, load)| (news(n), load.and_then(Load::from_percent))).collect()
    }

    fn kept(loads: &[(u8, Option<f64>)], previous: &[u8], max: f64, min: usize) -> Vec<IpAddr> {
        let previous = previous.iter().copied().map(news).collect();
        prune(&current(loads), &previous, Load::from_percent(max), min).into_iter().collect()
    }

    #[test]
    fn the_papers_worked_example() {
        let loads = [(1, Some(10.0)), (2, Some(65.0)), (3, Some(70.0)), (4, Some(80.0))];
        assert_eq!(kept(&loads, &[], 60.0, 2), [news(1), news(2)]);
    }

    #[test]
    fn exactly_at_max_load_stays() {
        assert_eq!(kept(&[(1, Some(60.0)), (2, Some(60.01))], &[], 60.0, 1), [news(1)]);
    }

    #[test]
    fn more_than_the_minimum_within_max_load_all_stay() {
        let loads = [(1, Some(10.0)), (2, Some(20.0)), (3, Some(30.0)), (4, Some(99.0))];
        assert_eq!(kept(&loads, &[], 60.0, 2), [news(1), news(2), news(3)]);
    }

    #[test]
    fn fewer_than_the_minimum_all_stay() {
        assert_eq!(kept(&[(1, Some(99.0))], &[], 60.0, 2), [news(1)]);
    }

    #[test]
    fn ties_stay_with_those_already_in_then_with_the_lower_address() {
        let loads = [(1, Some(90.0)), (2, Some(90.0)), (3, Some(90.0))];
        assert_eq!(kept(&loads, &[], 60.0, 1), [news(1)]);
        assert_eq!(kept(&loads, &[3], 60.0, 1), [news(3)]);
    }

    #[test]
    fn an_unknown_load_is_never_pruned_and_comes_before_those_above() {
        assert_eq!(kept(&[(1, Some(70.0)), (2, None)], &[], 60.0, 1), [news(2)]);
        let loads = [(1, Some(50.0)), (2, None), (3, None), (4, Some(61.0))];
        assert_eq!(kept(&loads, &[], 60.0, 1), [news(1), news(2), news(3)]);
    }

    proptest! {
        #[test]
        fn keeps_at_least_the_minimum_and_all_within(
            loads in proptest::collection::btree_map(0u8..40, proptest::option::of(0.0..150.0f64), 0..20),
            min in 0usize..10,
        ) {
            let loads: Vec<_> = loads.into_iter().collect();
            let now = current(&loads);
            let kept = prune(&now, &AddressSet::new(), Load::from_percent(60.0), min);
            prop_assert!(kept.len() >= min.min(now.len()));
            for (address, load) in &now {
                let within = load.is_none_or(|load| load.as_percent() <= 60.0);
                prop_assert!(!within || kept.contains(address));
            }
            // Idempotent: judged again with what it kept as the zone, nothing moves.
            prop_assert_eq!(&prune(&now, &kept, Load::from_percent(60.0), min), &kept);
        }
    }
}
