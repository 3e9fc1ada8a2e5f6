//! Step 9: what stands where nobody is left.

use super::{AddressSet, Decision, Verdict, WhenNone};
use crate::policy::silence::is_known_and_not_drained;
use crate::table::Row;

/// Fills an empty `decision` as `when_none` says: `last` is the last set that was not empty.
pub fn apply(decision: &mut Decision, when_none: WhenNone, last: &AddressSet, rows: &[Row<'_>]) {
    if !decision.set.is_empty() {
        return;
    }
    decision.set = match when_none {
        WhenNone::Hold => last.clone(),
        WhenNone::All => {
            let all = rows.iter().filter(|r| is_known_and_not_drained(r)).map(|r| r.address);
            let all: AddressSet = all.collect();
            // Everybody is forgotten, or has left: an empty set has its own word.
            if all.is_empty() { last.clone() } else { all }
        }
        WhenNone::Empty => return,
    };
    for &address in &decision.set {
        decision.verdicts.insert(address, Verdict::LastResort);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nobody_is_known_all_is_the_last_set() {
        let last = AddressSet::from(["192.0.2.1".parse().unwrap()]);
        let mut decision = Decision::default();
        apply(&mut decision, WhenNone::All, &last, &[]);
        assert_eq!(decision.set, last);
        let mut decision = Decision::default();
        apply(&mut decision, WhenNone::Empty, &last, &[]);
        assert_eq!(decision.set, AddressSet::new());
    }
}
