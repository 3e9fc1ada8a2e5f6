//! The weight rule: how much of the answers each member is to have, from what it can carry and
//! how loaded it is.
//!
//! A member's weight is its capacity times
//! - its **trim**: what its load, against the fleet's, has taught over many minutes. Slow, so that
//!   no cache or session makes it swing; kept while a member is away and over restarts;
//! - **quick**: what its load says now, damped so that no delay alone can make it grow;
//! - the **ramp** of who was let in lately: cold servers take little at first.
//!
//! Load decides nobody's membership here. An unknown load moves nothing: the trim stands, quick
//! is 1. A late report is one that has not come, and never a load of zero.

mod constants;
mod outstanding;
mod share;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

pub use self::constants::{Constants, Quick, TrimBound};
pub use self::outstanding::Outstanding;
pub use self::share::{Share, Shares};

use crate::heartbeat::{Capacity, Weight};
use crate::load::Load;
use crate::time::Time;

/// Nobody starts lower, as a part of the full weight.
const RAMP_FROM: f64 = 0.1;
/// For the sake of ramps nobody at full weight has more than this against a fleet without ramps.
const RAMP_BURDEN: f64 = 1.25;
/// Loads are told apart by as much as this, and by as much of each other: less is noise.
const DEAD_BAND: f64 = 0.02;
/// Of one judgement, however long ago the last one was: as a part of the trim's time.
const LONGEST_STEP: f64 = 0.5;
/// Added to loads that are divided, so that idle servers are alike.
const IDLE: f64 = 0.05;
/// Quick does no more than this, or one over it.
const QUICK_BOUND: f64 = 4.0;
/// The trims of two members are never further apart: the square of the widest bound.
const FARTHEST: f64 = 10_000.0;

/// A member that is in the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Which.
    pub address: IpAddr,
    /// None where it is not known.
    pub load: Option<Load>,
    /// What it carries at 100 %.
    pub capacity: Capacity,
    /// The operator's factor: a member told to take half is judged at twice its load.
    pub weight: Weight,
}

/// How whoever was not in before begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newcomers {
    /// With all its weight: it was found at a start, when nobody can tell how long it was there.
    Found,
    /// With a tenth: it was let in just now.
    LetIn,
}

/// What is kept of each member between judgements.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Balance {
    members: BTreeMap<IpAddr, Kept>,
    judged: Option<Time>,
}

/// What of a member survives a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberMemory {
    /// The trim, in millionths.
    pub trim: u32,
    /// How long it has been in; none where it is away. [`Duration::MAX`]: found at a start.
    pub in_for: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Kept {
    trim: f64,
    in_for: Option<Duration>,
    /// Smoothed, 1.0 for 100 %; before the operator's factor.
    load: Option<f64>,
    /// Whether its trim was one of those that are 1 in the mean.
    settled: bool,
}

impl Default for Kept {
    fn default() -> Kept {
        Kept { trim: 1.0, in_for: None, load: None, settled: false }
    }
}

impl Balance {
    /// The shares of `members`, none of whom stands there twice. Called at each load timer, and
    /// whenever somebody comes or goes.
    pub fn judge(
        &mut self,
        now: Time,
        constants: &Constants,
        newcomers: Newcomers,
        members: &[Member],
    ) -> Shares {
        let elapsed = self.judged.map_or(Duration::ZERO, |before| now.since(before));
        self.judged = Some(now);
        let mut fleet: Vec<Judged> = members
            .iter()
            .map(|member| {
                let kept = self.members.remove(&member.address).unwrap_or_default();
                Judged::of(*member, kept, elapsed, constants, newcomers)
            })
            .collect();
        // Sums of fractions depend on their order: equal inputs give equal outputs.
        fleet.sort_unstable_by_key(|one| one.address);
        self.leave_out_the_rest();
        self.centre_anew(&mut fleet);
        if let Some(mean) = mean_load(&fleet, constants)
            && elapsed > Duration::ZERO
        {
            trim(&mut fleet, mean, elapsed, constants);
        }
        // With the new trims: judged again at once, it is the same.
        let mean = mean_load(&fleet, constants);
        let least = least_ramp(&fleet, constants);
        let weight = |one: &Judged| {
            let ramp = one.ramp(constants).max(least);
            (one.address, one.carries(constants) * one.quick(mean, constants) * ramp)
        };
        let shares = share::of(fleet.iter().map(weight));
        self.members.extend(fleet.into_iter().map(|one| (one.address, one.kept)));
        shares
    }

    /// Forgets all but those that are still known.
    pub fn forget(&mut self, is_known: impl Fn(IpAddr) -> bool) {
        self.members.retain(|&address, _| is_known(address));
    }

    /// What is to be stored.
    pub fn memory(&self) -> impl Iterator<Item = (IpAddr, MemberMemory)> {
        self.members.iter().map(|(&address, kept)| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
            let trim = (kept.trim * 1e6).round().clamp(1.0, f64::from(u32::MAX)) as u32;
            (address, MemberMemory { trim, in_for: kept.in_for })
        })
    }

    /// As it was when `memory` was stored.
    pub fn restore(memory: impl IntoIterator<Item = (IpAddr, MemberMemory)>) -> Balance {
        let kept = |memory: MemberMemory| Kept {
            trim: f64::from(memory.trim.max(1)) / 1e6,
            in_for: memory.in_for,
            ..Kept::default()
        };
        let members = memory.into_iter().map(|(address, memory)| (address, kept(memory)));
        Balance { members: members.collect(), judged: None }
    }

    /// Who is not among the members is away.
    fn leave_out_the_rest(&mut self) {
        for kept in self.members.values_mut() {
            *kept = Kept { trim: kept.trim, settled: kept.settled, ..Kept::default() };
        }
    }

    /// The trims of the settled are 1 in the mean. When others are settled than before, all are
    /// divided by the mean, also those who are away: what they are to each other stays.
    fn centre_anew(&mut self, fleet: &mut [Judged]) {
        let same = fleet.iter().all(|one| one.settled == one.kept.settled);
        if same && self.members.values().all(|away| !away.settled) {
            return;
        }
        let settled = fleet.iter().filter(|one| one.settled);
        let (count, sum) =
            settled.fold((0.0, 0.0), |(count, sum), one| (count + 1.0, sum + one.kept.trim.ln()));
        let mean = if count > 0.0 { f64::exp(sum / count) } else { 1.0 };
        for one in fleet {
            one.kept.trim /= mean;
            one.kept.settled = one.settled;
        }
        for away in self.members.values_mut() {
            away.trim = (away.trim / mean).clamp(1.0 / FARTHEST, FARTHEST);
            away.settled = false;
        }
    }
}

/// A member while it is judged.
struct Judged {
    address: IpAddr,
    kept: Kept,
    /// Its own times the operator's factor.
    capacity: f64,
    /// Smoothed, over the operator's factor.
    load: Option<f64>,
    /// Whether its load is that of a server at full weight.
    settled: bool,
}

impl Judged {
    fn of(
        member: Member,
        mut kept: Kept,
        elapsed: Duration,
        constants: &Constants,
        newcomers: Newcomers,
    ) -> Judged {
        let in_for = match (kept.in_for, newcomers) {
            (Some(before), _) => before.saturating_add(elapsed),
            (None, Newcomers::Found) => Duration::MAX,
            (None, Newcomers::LetIn) => Duration::ZERO,
        };
        kept.in_for = Some(in_for);
        kept.load = member.load.map(|load| {
            let load = f64::from(load.as_hundredths()) / 10_000.0;
            match kept.load {
                Some(before) => before + approached(elapsed, constants.smoothing) * (load - before),
                None => load,
            }
        });
        let factor = f64::from(member.weight.as_percent()) / 100.0;
        Judged {
            address: member.address,
            capacity: member.capacity.as_units() * factor,
            load: kept.load.map(|load| load / factor),
            settled: in_for > constants.slow_start.saturating_add(constants.settle),
            kept,
        }
    }

    fn carries(&self, constants: &Constants) -> f64 {
        self.capacity * constants.trim_bound.clamp(self.kept.trim)
    }

    fn quick(&self, mean: Option<f64>, constants: &Constants) -> f64 {
        match (self.load, mean) {
            (Some(load), Some(mean)) if self.settled => {
                let ratio = (mean.max(IDLE) + IDLE) / (load + IDLE);
                ratio.powf(constants.quick.get()).clamp(1.0 / QUICK_BOUND, QUICK_BOUND)
            }
            _ => 1.0,
        }
    }

    fn ramp(&self, constants: &Constants) -> f64 {
        match self.kept.in_for {
            Some(in_for) if in_for < constants.slow_start => parts(in_for, constants.slow_start),
            Some(_) | None => 1.0,
        }
    }
}

/// Where ramps begin: where many were let in at once, higher than for one, or the others would have
/// to carry it all meanwhile.
fn least_ramp(fleet: &[Judged], constants: &Constants) -> f64 {
    let (full, ramping) = fleet.iter().fold((0.0, 0.0), |(full, ramping), one| {
        let carries = one.carries(constants);
        if one.ramp(constants) < 1.0 {
            (full, ramping + carries)
        } else {
            (full + carries, ramping)
        }
    });
    let wanted = (full + ramping) / RAMP_BURDEN - full;
    if wanted > 0.0 { (wanted / ramping).max(RAMP_FROM) } else { RAMP_FROM }
}

/// The fleet's load, by the settled whose load is known; none where it is nobody's. What a ramp
/// makes of a load says nothing of the fleet either.
fn mean_load(fleet: &[Judged], constants: &Constants) -> Option<f64> {
    let (work, capacity) = fleet.iter().fold((0.0, 0.0), |(work, capacity), one| {
        let Some(load) = one.load.filter(|_| one.settled) else { return (work, capacity) };
        let carries = one.carries(constants);
        (work + carries * load, capacity + carries)
    });
    (capacity > 0.0).then(|| work / capacity)
}

/// Moves the trims of the settled towards the fleet's load.
fn trim(fleet: &mut [Judged], mean: f64, elapsed: Duration, constants: &Constants) {
    let bound = constants.trim_bound;
    let longest = parts(elapsed, constants.trim_time).min(LONGEST_STEP);
    let (mut moved, mut sum) = (0.0, 0.0);
    for one in fleet.iter_mut().filter(|one| one.settled) {
        if let Some(load) = one.load {
            let apart = (mean.max(DEAD_BAND) / load.max(DEAD_BAND)).ln();
            if apart.abs() > DEAD_BAND && (mean - load).abs() > DEAD_BAND {
                let stepped = one.kept.trim * (longest * apart.clamp(-1.0, 1.0)).exp();
                one.kept.trim = bound.clamp(stepped);
            }
            moved += 1.0;
        }
        sum += one.kept.trim.ln();
    }
    // Whose load is not known stands still: the others make up for it.
    let off = if moved > 0.0 { f64::exp(sum / moved) } else { 1.0 };
    for one in fleet.iter_mut().filter(|one| one.settled && one.load.is_some()) {
        one.kept.trim = bound.clamp(one.kept.trim / off);
    }
}

/// How much of `time` has passed; all of it, and no end of it, where `time` is zero.
fn parts(elapsed: Duration, time: Duration) -> f64 {
    match (elapsed.as_secs_f64(), time.as_secs_f64()) {
        (elapsed, time) if time > 0.0 => elapsed / time,
        (elapsed, _) if elapsed > 0.0 => f64::INFINITY,
        _ => 0.0,
    }
}

/// How much of a difference is gone after `elapsed`, with time constant `time`.
fn approached(elapsed: Duration, time: Duration) -> f64 {
    1.0 - (-parts(elapsed, time)).exp()
}

#[cfg(test)]
mod tests;
