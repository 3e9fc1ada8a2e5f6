//! Step 5: where too few are live, being up is not asked for any more.
//!
//! Fewer live members than `panic` percent of the known, not drained ones would each get more than
//! they can carry, and are likelier to be told wrongly: then all that are known and not drained are
//! in but those in maintenance, and neither tier nor load nor `max_servers` takes any of them out. Who
//! is held stands, and counts as live; so does, while a binder listens, who is stored.

use super::{AddressSet, Decision, Percent, Verdict};
use crate::heartbeat::State;
use crate::policy::silence::is_known_and_not_drained;
use crate::table::{Row, Standing};

/// Whether so few of `rows` are left by `decision`, which health alone has made.
pub fn is_on(panic: Option<Percent>, decision: &Decision, rows: &[Row<'_>]) -> bool {
    let known = || rows.iter().filter(|row| is_known_and_not_drained(row));
    let live = || known().filter(|row| decision.set.contains(&row.address)).count();
    panic.is_some_and(|panic| live() < panic.of(known().count()))
}

/// Lets everybody in who is known and not drained.
pub fn let_all_in(decision: &mut Decision, rows: &[Row<'_>]) {
    let may_serve = |row: &&Row<'_>| {
        is_known_and_not_drained(row) && row.standing != Standing::Out(State::Maintenance)
    };
    let all: AddressSet = rows.iter().filter(may_serve).map(|row| row.address).collect();
    let more = all.difference(&decision.set).map(|&address| (address, Verdict::Panic));
    decision.verdicts.extend(more);
    decision.set.extend(all);
}
