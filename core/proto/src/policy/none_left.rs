//! Step 9: what stands where nobody is left.
//!
//! What an operator has drained is the last to be brought back: where a drain was forced, not even
//! then. It asked for an empty set, if that is what is left.

use super::drained::Drained;
use super::{AddressSet, Decision, Verdict, WhenNone};
use crate::policy::silence::is_known_and_not_drained;
use crate::table::Row;

/// Fills an empty `decision` as `when_none` says: `last` is the last set that was not empty.
pub fn apply(
    decision: &mut Decision,
    when_none: WhenNone,
    last: &AddressSet,
    rows: &[Row<'_>],
    drained: &Drained,
) {
    if !decision.set.is_empty() {
        return;
    }
    let hold = || {
        let left = drained.without(last);
        if left.is_empty() && !drained.may_empty() { last.clone() } else { left }
    };
    decision.set = match when_none {
        WhenNone::Hold => hold(),
        WhenNone::All => {
            let all = rows.iter().filter(|r| is_known_and_not_drained(r)).map(|r| r.address);
            let all: AddressSet = all.collect();
            // Everybody is forgotten, or has left: an empty set has its own word.
            if all.is_empty() { hold() } else { all }
        }
        WhenNone::Empty => return,
    };
    let last_resort = decision.set.iter().map(|&address| (address, Verdict::LastResort));
    decision.verdicts.extend(last_resort);
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::policy::drained::Force;

    fn address(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    fn left(when_none: WhenNone, last: &[u8], drained: &[(u8, Force)]) -> Vec<IpAddr> {
        let last = last.iter().copied().map(address).collect();
        let drained = drained.iter().map(|&(n, force)| (address(n), force)).collect();
        let mut decision = Decision::default();
        apply(&mut decision, when_none, &last, &[], &drained);
        decision.set.into_iter().collect()
    }

    #[test]
    fn where_nobody_is_known_all_is_the_last_set() {
        assert_eq!(left(WhenNone::All, &[1], &[]), [address(1)]);
        assert_eq!(left(WhenNone::Empty, &[1], &[]), [] as [IpAddr; 0]);
    }

    #[test]
    fn who_is_drained_is_the_last_to_be_brought_back_and_by_force_never() {
        assert_eq!(left(WhenNone::Hold, &[1, 2], &[(2, Force::Withheld)]), [address(1)]);
        assert_eq!(left(WhenNone::Hold, &[1], &[(1, Force::Withheld)]), [address(1)]);
        assert_eq!(left(WhenNone::Hold, &[1, 2], &[(2, Force::Given)]), [address(1)]);
        assert_eq!(left(WhenNone::Hold, &[1], &[(1, Force::Given)]), [] as [IpAddr; 0]);
        assert_eq!(left(WhenNone::All, &[1], &[(1, Force::Given)]), [] as [IpAddr; 0]);
    }
}
