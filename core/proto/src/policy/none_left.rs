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
            rows.iter().filter(|r| is_known_and_not_drained(r)).map(|r| r.address).collect()
        }
        WhenNone::Empty => return,
    };
    for &address in &decision.set {
        decision.verdicts.insert(address, Verdict::LastResort);
    }
}
