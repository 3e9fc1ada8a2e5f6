//! The table of the design's section 7, from the top: the default way to judge.
//!
//! | step | here |
//! |---|---|
//! | 0 start | while listening, what stood stands; evidence and arrivals count, arrivals above `max_load` wait |
//! | 1 deaf | everything is frozen |
//! | 2 evidence | down, maintenance, leaving: out, never held back |
//! | 3 silence | [`super::silence`] |
//! | 4 drain | out, on the server's own wish or an operator's: [`super::drained`] |
//! | 5 panic | [`super::panic`] |
//! | 6 tier | [`super::tiers`] |
//! | 7 load | [`super::prune`]; or [`super::duty_cycle`], by [`super::weights`] |
//! | 8 cut | [`super::cut`] |
//! | 9 none left | [`super::none_left`] |
//!
//! Step 10, the gap between publications, is the binder's.

use std::borrow::Cow;
use std::net::IpAddr;

use super::drained::Drained;
use super::duty_cycle::DutyCycle;
use super::prune::{Candidate, Occasion, Overloaded};
use super::silence::{Holds, Patience, is_known_and_not_drained};
use super::weights::{self, Newcomers};
use super::{
    AddressSet, Ascending, Balance, Decision, ServicePolicy, Verdict, cut, none_left, panic, tiers,
};
use crate::heartbeat::{Capacity, Weight};
use crate::table::{Row, Standing};
use crate::time::Time;

/// Whether silence can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hearing {
    /// Not yet for a full period: silence counts for nothing.
    Listening,
    /// It can.
    Clear,
    /// Nobody at all is heard: it is us.
    Deaf,
}

/// What was decided before, and what is kept between judgements.
#[derive(Debug)]
pub struct Memory<'a> {
    /// The set that stands.
    pub set: &'a AddressSet,
    /// Those whom health let in, whatever became of them after it: who is brought in by panic, or left
    /// out for load, stands to health as before, or one step would undo the other.
    pub healthy: &'a mut AddressSet,
    /// The last set that was not empty.
    pub last: &'a AddressSet,
    /// The silent who are held.
    pub holds: &'a mut Holds,
    /// Those who are out for load.
    pub overloaded: &'a mut Overloaded,
    /// What is kept of turns.
    pub turns: &'a mut Turns,
    /// Those whom an operator has drained; the rows say so too.
    pub drained: &'a Drained,
}

/// What the duty cycle keeps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Turns {
    /// How loaded everybody was found.
    pub balance: weights::Balance,
    cycle: DutyCycle,
}

/// Whether the load timer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadTimer {
    /// It has; or listening is over, and everybody who is there was heard.
    Due,
    /// It has not: what is judged is an event.
    Running,
}

/// Judges `rows` at `now`. They may come in any order; in that of their addresses they need not be
/// sorted.
pub fn judge(
    now: Time,
    policy: &ServicePolicy,
    rows: &[Row<'_>],
    hearing: Hearing,
    timer: LoadTimer,
    memory: &mut Memory<'_>,
) -> Decision {
    let rows = &*in_order(rows);
    if hearing == Hearing::Deaf {
        return frozen(memory, rows);
    }
    if hearing == Hearing::Clear {
        memory.holds.judge(now, rows, memory.healthy, patience(policy));
    }
    let mut decision = by_health(rows, hearing, memory);
    memory.healthy.clone_from(&decision.set);
    if panic::is_on(policy.panic, &decision, rows) {
        panic::let_all_in(&mut decision, rows);
    } else {
        tiers::choose(&policy.tiers, &mut decision);
        let occasion = occasion(hearing, timer, memory.set, &decision);
        match policy.balance {
            Balance::Prune => judge_load(now, policy, rows, occasion, memory, &mut decision),
            Balance::DutyCycle(constants) => {
                let minimum = minimum(policy, rows);
                let when = (hearing, timer);
                take_turns(now, &constants, minimum, rows, when, memory, &mut decision);
            }
            Balance::Weights(_) | Balance::None => {}
        }
        cut(policy, rows, occasion, memory, &mut decision);
    }
    none_left::apply(&mut decision, policy.when_none, memory.last, rows, memory.drained);
    decision
}

fn in_order<'a, 'b>(rows: &'a [Row<'b>]) -> Cow<'a, [Row<'b>]> {
    if rows.is_sorted_by_key(|row| row.address) {
        return Cow::Borrowed(rows);
    }
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.address);
    Cow::Owned(rows)
}

/// Steps 0 and 2 to 4.
fn by_health(rows: &[Row<'_>], hearing: Hearing, memory: &Memory<'_>) -> Decision {
    let mut set = Vec::with_capacity(rows.len());
    let verdict = |row: &Row<'_>| {
        let stood = || memory.healthy.contains(&row.address);
        let verdict = match row.standing {
            Standing::Up => Verdict::In,
            Standing::Out(state) => Verdict::Out(state),
            Standing::Draining => Verdict::Draining,
            Standing::Silent | Standing::Reviving if hearing == Hearing::Listening && stood() => {
                Verdict::Stored
            }
            // One beat does not bring a member back, nor does it take a held one out.
            Standing::Reviving if stood() => Verdict::In,
            Standing::Reviving => Verdict::Reviving,
            Standing::Silent if memory.holds.holds(row.address) => Verdict::Held,
            Standing::Silent => Verdict::Expired,
        };
        if matches!(verdict, Verdict::In | Verdict::Stored | Verdict::Held) {
            set.push(row.address);
        }
        (row.address, verdict)
    };
    let verdicts = rows.iter().map(verdict).collect();
    let mut decision = Decision { verdicts, set: set.into_iter().collect() };
    if hearing == Hearing::Listening {
        // Stored, and nobody has said a word of it since.
        let mut heard = Ascending::new(rows, |row| row.address);
        let unheard = memory.healthy.iter().filter(|&&address| heard.find(address).is_none());
        let unheard: AddressSet = unheard.copied().collect();
        let verdict = |&address: &IpAddr| match memory.drained.contains(address) {
            true => (address, Verdict::Draining),
            false => (address, Verdict::Stored),
        };
        decision.verdicts.extend(unheard.iter().map(verdict));
        decision.set.extend(memory.drained.without(&unheard));
    }
    decision
}

/// Why load is judged now: while listening nobody who stood leaves for it.
fn occasion(
    hearing: Hearing,
    timer: LoadTimer,
    stood: &AddressSet,
    decision: &Decision,
) -> Occasion {
    match (hearing, timer) {
        (Hearing::Listening | Hearing::Deaf, _) => Occasion::Other,
        (Hearing::Clear, LoadTimer::Due) => Occasion::Timer,
        (Hearing::Clear, LoadTimer::Running) if stood.is_subset(&decision.set) => Occasion::Other,
        (Hearing::Clear, LoadTimer::Running) => Occasion::Departure,
    }
}

/// Takes out of `decision` who is overloaded.
fn judge_load(
    now: Time,
    policy: &ServicePolicy,
    rows: &[Row<'_>],
    occasion: Occasion,
    memory: &mut Memory<'_>,
    decision: &mut Decision,
) {
    let known = rows.iter().filter(|row| is_known_and_not_drained(row)).count();
    let Some(limits) = policy.load_limits(known) else { return };
    // Mostly: then candidates need not be looked at one by one.
    let is_calm = |row: &Row<'_>| row.claimed.load.is_none_or(|load| load <= limits.max_load);
    if memory.overloaded.is_empty() && rows.iter().all(is_calm) {
        return;
    }
    let candidates = candidates(rows, memory, decision);
    take_out(
        decision,
        memory.overloaded.judge(now, occasion, &limits, &candidates),
        Verdict::Pruned,
    );
}

/// Takes those of `out` out, by `verdict`; all of them are in.
fn take_out(decision: &mut Decision, out: AddressSet, verdict: Verdict) {
    decision.set.retain(|address| !out.contains(address));
    out.into_iter().for_each(|address| decision.verdicts.insert(address, verdict));
}

/// So many stay whatever their load.
fn minimum(policy: &ServicePolicy, rows: &[Row<'_>]) -> usize {
    policy.min_servers.of(rows.iter().filter(|row| is_known_and_not_drained(row)).count())
}

/// Takes out of `decision` whose turn it is not: turns are taken at the timer.
fn take_turns(
    now: Time,
    constants: &weights::Constants,
    minimum: usize,
    rows: &[Row<'_>],
    (hearing, timer): (Hearing, LoadTimer),
    memory: &mut Memory<'_>,
    decision: &mut Decision,
) {
    let members = members(rows, decision);
    let shares = memory.turns.balance.judge(now, constants, newcomers(hearing), &members);
    if hearing == Hearing::Listening {
        // What stood stands: the first turn is taken when everybody who is there was heard.
        return;
    }
    let cycle = &mut memory.turns.cycle;
    if timer == LoadTimer::Due || cycle.is_fresh() {
        cycle.turn(&shares);
    }
    let on_duty = cycle.at_least(minimum, &shares);
    for address in decision.set.difference(&on_duty) {
        decision.verdicts.insert(*address, Verdict::OffDuty);
    }
    decision.set = on_duty;
}

/// Whoever is in at a start may have been in for long.
pub fn newcomers(hearing: Hearing) -> Newcomers {
    match hearing {
        Hearing::Listening => Newcomers::Found,
        Hearing::Clear | Hearing::Deaf => Newcomers::LetIn,
    }
}

/// Who is in by `decision`, as weights are made of it; `rows` are in the order of their addresses.
pub fn members(rows: &[Row<'_>], decision: &Decision) -> Vec<weights::Member> {
    let mut rows = Ascending::new(rows, |row: &Row<'_>| row.address);
    let mut verdicts = Ascending::new(decision.verdicts.as_slice(), |&(address, _)| address);
    let of = |&address: &IpAddr| {
        let claimed = rows.find(address).map(|row| row.claimed);
        let is_heard = verdicts.find(address).is_some_and(|&(_, v)| v == Verdict::In);
        weights::Member {
            address,
            load: claimed.filter(|_| is_heard).and_then(|claimed| claimed.load),
            capacity: claimed.map_or(Capacity::ONE, |claimed| claimed.capacity),
            weight: claimed.map_or(Weight::USUAL, |claimed| claimed.weight),
        }
    };
    decision.set.iter().map(of).collect()
}

/// Takes out of `decision` who is too much.
fn cut(
    policy: &ServicePolicy,
    rows: &[Row<'_>],
    occasion: Occasion,
    memory: &Memory<'_>,
    decision: &mut Decision,
) {
    let Some(max) = policy.max_servers else { return };
    let candidates = candidates(rows, memory, decision);
    let surplus = cut::surplus(max, policy.max_load, occasion, &candidates);
    take_out(decision, surplus.into_iter().collect(), Verdict::Surplus);
}

/// Who is in so far, and how loaded; `rows` are in the order of their addresses.
fn candidates(rows: &[Row<'_>], memory: &Memory<'_>, decision: &Decision) -> Vec<Candidate> {
    let mut stood = Ascending::new(memory.set.as_slice(), |&address| address);
    let of = |member: weights::Member| Candidate {
        address: member.address,
        // What a silent one said last is no load of now.
        load: member.load,
        capacity: member.capacity,
        stood: stood.find(member.address).is_some(),
    };
    members(rows, decision).into_iter().map(of).collect()
}

/// How long the held of a service are held, and how far apart they go.
pub fn patience(policy: &ServicePolicy) -> Patience {
    Patience { hold: policy.hold, pace: policy.interval }
}

/// Step 1: as it stands; an operator's commands still act.
fn frozen(memory: &Memory<'_>, rows: &[Row<'_>]) -> Decision {
    let left = memory.drained.without(memory.set);
    let is_asked_for = !left.is_empty() || memory.drained.may_empty();
    let set = if is_asked_for { left } else { memory.set.clone() };
    let out = rows.iter().filter(|row| !set.contains(&row.address)).map(|row| {
        let verdict = match row.standing {
            Standing::Out(state) => Verdict::Out(state),
            Standing::Draining => Verdict::Draining,
            Standing::Up | Standing::Reviving | Standing::Silent => Verdict::Expired,
        };
        (row.address, verdict)
    });
    let kept = set.iter().map(|&address| (address, Verdict::Frozen));
    Decision { verdicts: out.chain(kept).collect(), set }
}
