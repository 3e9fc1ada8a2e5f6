//! Step 7 of the table where `balance` is `prune`: who leaves for load, and who returns.
//!
//! Judged at the load timer and whenever a member has gone; in between only an arrival above
//! `max_load` is kept waiting for the timer. The rules, in order:
//!
//! 1. **Return.** Who was taken out comes back at `return_load` or below (the return band), once
//!    its wait is over; so does one whose load is no longer known.
//! 2. **Prune.** The most loaded above `max_load` leaves, one after the other, while the rest are
//!    projected to stay within `max_load`: they carry what all did before. `min_servers` stay. Who
//!    is in, but would be cut (step 8), carries nothing and leaves without a projection.
//! 3. **Relief.** Where those left carry more than `max_load` on average, all of those out come back
//!    who are less loaded than they are. How many would do cannot be told: a full server's load does
//!    not say how much more it was asked for.
//! 4. **Minimum.** Below `min_servers` the least loaded of those out come back.
//!
//! An unknown load counts as more than every known one within `max_load` and less than those above.
//!
//! Who is taken out again soon after its return waits twice as long (balance.md's guard). Who
//! falls silent while it is out is out again if it comes back soon, unless it comes back at
//! `return_load` or below. Why it was away is not asked: one that was mended has little to do.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use super::paper::Class;
use super::{AddressSet, cut};
use crate::heartbeat::Capacity;
use crate::load::Load;
use crate::time::Time;

/// No wait is longer, unless the first is.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// Within so many of its waits after a return, or after it was taken out, a member is remembered.
const SOON: u32 = 4;

/// By what load is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Above it a member leaves.
    pub max_load: Load,
    /// At or below it a member returns.
    pub return_load: Load,
    /// So many stay whatever their load.
    pub min_servers: usize,
    /// No more than so many carry anything, those that [`super::cut`] keeps.
    pub max_servers: Option<NonZeroU32>,
    /// The first wait.
    pub interval: Duration,
}

/// Why load is judged now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The load timer.
    Timer,
    /// A member has gone.
    Departure,
    /// Something else: nobody who is in leaves for load.
    Other,
}

/// A member that health lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub address: IpAddr,
    /// None where it is not known: then it never leaves for it.
    pub load: Option<Load>,
    /// What it carries at 100 %.
    pub capacity: Capacity,
    /// Whether it is in the answers.
    pub stood: bool,
}

/// Who is out for load, and what is kept of those who were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overloaded {
    members: BTreeMap<IpAddr, Member>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    /// Came above `max_load`, and waits for the timer; with what is kept of its last return.
    Arrived(Option<Spell>),
    Out(Spell),
    /// Was out, and is no candidate now.
    Away(Spell),
    Back(Spell),
}

/// What began then, and how long a member waits that is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spell {
    since: Time,
    wait: Duration,
}

impl Overloaded {
    /// Whether nothing is kept: then nobody is out whose load is not above `max_load`.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Judges `candidates`; those of them that it returns are out for load.
    pub fn judge(
        &mut self,
        now: Time,
        occasion: Occasion,
        limits: &Limits,
        candidates: &[Candidate],
    ) -> AddressSet {
        self.forget(now, candidates);
        self.admit(now, limits, candidates);
        // Where nobody is out, and nobody has to be, nothing is to be done.
        let is_calm = || candidates.iter().all(|one| !one.is_above(limits.max_load));
        if !self.members.values().any(Member::is_out) && (occasion == Occasion::Other || is_calm())
        {
            return AddressSet::new();
        }
        if occasion != Occasion::Other {
            self.bring_back(now, limits, candidates);
        }
        let mut sides = self.sides(limits, candidates);
        if occasion != Occasion::Other {
            self.prune(now, limits, &mut sides);
            self.relieve(now, limits, &mut sides);
        }
        self.fill(now, limits, &mut sides);
        let out = self.members.iter().filter(|(_, member)| member.is_out());
        out.map(|(&address, _)| address).collect()
    }

    /// Who is not there is not out for load; whose return, or absence, is long ago has a clean
    /// slate.
    fn forget(&mut self, now: Time, candidates: &[Candidate]) {
        if self.members.is_empty() {
            return;
        }
        let there: AddressSet = candidates.iter().map(|candidate| candidate.address).collect();
        self.members.retain(|address, member| {
            if !there.contains(address) {
                match *member {
                    Member::Out(spell) => *member = Member::Away(spell),
                    Member::Arrived(Some(back)) => *member = Member::Back(back),
                    Member::Arrived(None) => return false,
                    Member::Away(_) | Member::Back(_) => {}
                }
            }
            match member {
                Member::Arrived(_) | Member::Out(_) => true,
                Member::Away(spell) | Member::Back(spell) => !spell.is_long_ago(now),
            }
        });
    }

    /// An arrival above `max_load` waits for the timer, where there are enough without it. Who was
    /// out before it went away is out again, above `return_load`.
    fn admit(&mut self, now: Time, limits: &Limits, candidates: &[Candidate]) {
        let stood = candidates.iter().filter(|candidate| candidate.stood).count();
        let are_enough = stood >= limits.least();
        for candidate in candidates.iter().filter(|candidate| !candidate.stood) {
            let is_above = |limit| candidate.is_above(limit);
            let before = self.members.get(&candidate.address).copied();
            let member = match before {
                Some(Member::Arrived(_) | Member::Out(_)) => continue,
                Some(Member::Away(spell)) if is_above(limits.return_load) => Member::Out(spell),
                Some(Member::Away(spell)) => Member::Back(Spell { since: now, ..spell }),
                Some(Member::Back(_)) | None if !are_enough || !is_above(limits.max_load) => {
                    continue;
                }
                Some(Member::Back(spell)) => Member::Arrived(Some(spell)),
                None => Member::Arrived(None),
            };
            self.members.insert(candidate.address, member);
        }
    }

    fn bring_back(&mut self, now: Time, limits: &Limits, candidates: &[Candidate]) {
        for candidate in candidates {
            let returns = match self.members.get(&candidate.address) {
                // From here on it is judged like everybody else.
                Some(Member::Arrived(_)) => true,
                Some(Member::Out(spell)) => {
                    spell.is_over(now)
                        && candidate.load.is_none_or(|load| load <= limits.return_load)
                }
                Some(Member::Away(_) | Member::Back(_)) | None => false,
            };
            if returns {
                self.let_in(now, candidate.address);
            }
        }
    }

    fn prune(&mut self, now: Time, limits: &Limits, sides: &mut Sides<'_>) {
        let work = sides.carried.work;
        while sides.within.len() > limits.least()
            && let Some(&worst) = sides.within.last()
            && worst.load > Some(limits.max_load)
        {
            if !sides.surplus.contains(&worst.address) {
                let left = sides.carried.without(worst);
                if !(Carried { work, ..left }).is_within(limits.max_load) {
                    return;
                }
                sides.carried = left;
            }
            sides.within.pop();
            let wait = match self.members.get(&worst.address) {
                Some(Member::Back(spell)) => limits.longer(spell.wait),
                _ => limits.interval,
            };
            self.members.insert(worst.address, Member::Out(Spell { since: now, wait }));
        }
    }

    fn relieve(&mut self, now: Time, limits: &Limits, sides: &mut Sides<'_>) {
        if sides.carried.is_within(limits.max_load) {
            return;
        }
        while limits.most().is_none_or(|most| sides.within.len() < most)
            && let Some(&least) = sides.out.last()
            && !sides.carried.is_within(least.load.unwrap_or(limits.max_load))
        {
            self.bring_in(now, sides);
        }
    }

    fn fill(&mut self, now: Time, limits: &Limits, sides: &mut Sides<'_>) {
        while sides.within.len() < limits.least() && !sides.out.is_empty() {
            self.bring_in(now, sides);
        }
    }

    fn bring_in(&mut self, now: Time, sides: &mut Sides<'_>) {
        if let Some(least) = sides.out.pop() {
            self.let_in(now, least.address);
            sides.carried = sides.carried.with(least);
            sides.within.push(least);
        }
    }

    /// Whoever is out is in.
    fn let_in(&mut self, now: Time, address: IpAddr) {
        let back = match self.members.remove(&address) {
            Some(Member::Out(spell)) => Some(Spell { since: now, ..spell }),
            Some(Member::Away(spell) | Member::Back(spell)) => Some(spell),
            Some(Member::Arrived(before)) => before,
            None => None,
        };
        if let Some(spell) = back {
            self.members.insert(address, Member::Back(spell));
        }
    }

    fn sides<'a>(&self, limits: &Limits, candidates: &'a [Candidate]) -> Sides<'a> {
        let is_out = |one: &&Candidate| self.members.get(&one.address).is_some_and(Member::is_out);
        let (mut out, within): (Vec<&Candidate>, Vec<&Candidate>) =
            candidates.iter().partition(is_out);
        let class = |one: &Candidate| Class::of(one.load, limits.max_load);
        let is_above = |one: &&Candidate| one.is_above(limits.max_load);
        let (mut above, mut within): (Vec<_>, Vec<_>) = within.into_iter().partition(is_above);
        // Of two alike the newcomer goes first, then the higher address.
        above.sort_unstable_by_key(|one: &&Candidate| (one.load, !one.stood, one.address));
        within.extend(above);
        out.sort_unstable_by_key(|one| Reverse((class(one), one.address)));
        let surplus: AddressSet = limits.max_servers.map_or_else(AddressSet::new, |max| {
            let all: Vec<Candidate> = within.iter().map(|&one| *one).collect();
            let surplus = cut::surplus(max, Some(limits.max_load), Occasion::Timer, &all);
            surplus.into_iter().collect()
        });
        let carry = within.iter().filter(|one| !surplus.contains(&one.address));
        let carried = carry.fold(Carried::default(), |sum, one| sum.with(one));
        Sides { within, out, surplus, carried }
    }
}

impl Candidate {
    /// Whether its load is known to be.
    fn is_above(&self, limit: Load) -> bool {
        self.load.is_some_and(|load| load > limit)
    }
}

impl Limits {
    fn least(&self) -> usize {
        self.min_servers.max(1)
    }

    fn most(&self) -> Option<usize> {
        self.max_servers.map(|max| usize::try_from(max.get()).unwrap_or(usize::MAX))
    }

    /// The wait after `wait`.
    fn longer(&self, wait: Duration) -> Duration {
        (wait * 2).min(LONGEST_WAIT.max(self.interval))
    }
}

impl Member {
    fn is_out(&self) -> bool {
        matches!(self, Member::Arrived(_) | Member::Out(_))
    }
}

impl Spell {
    fn is_over(&self, now: Time) -> bool {
        now.since(self.since) >= self.wait
    }

    fn is_long_ago(&self, now: Time) -> bool {
        now.since(self.since) >= self.wait * SOON
    }
}

/// The candidates: those in the answers, and those out for load.
struct Sides<'a> {
    /// Those above `max_load` are last, and who of them leaves first the very last, until somebody
    /// is brought in.
    within: Vec<&'a Candidate>,
    /// Who returns first is last.
    out: Vec<&'a Candidate>,
    /// Those within whom the cut would take out: too many.
    surplus: AddressSet,
    /// By those within who are not surplus.
    carried: Carried,
}

/// What some members carry together. Of an unknown load nothing can be told: whoever has one is
/// left out on both sides.
#[derive(Debug, Clone, Copy, Default)]
struct Carried {
    /// Capacity in thousandths times load in hundredths of a percent.
    work: u128,
    capacity: u128,
}

impl Carried {
    fn of(one: &Candidate) -> Carried {
        one.load.map_or(Carried::default(), |load| {
            let capacity = u128::from(one.capacity.as_thousandths());
            Carried { work: capacity * u128::from(load.as_hundredths()), capacity }
        })
    }

    fn with(self, one: &Candidate) -> Carried {
        let other = Carried::of(one);
        Carried { work: self.work + other.work, capacity: self.capacity + other.capacity }
    }

    fn without(self, one: &Candidate) -> Carried {
        let other = Carried::of(one);
        Carried { work: self.work - other.work, capacity: self.capacity - other.capacity }
    }

    fn is_within(self, load: Load) -> bool {
        self.work <= self.capacity * u128::from(load.as_hundredths())
    }
}

#[cfg(test)]
mod tests;
