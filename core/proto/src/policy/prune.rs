//! Step 7 of the table where `balance` is `prune`: who leaves for load, and who returns.
//!
//! Judged at the load timer and whenever a member has gone; in between only an arrival above
//! `max_load` is kept waiting for the timer. The rules, in order:
//!
//! 1. **Return.** Who was taken out comes back at `return_load` or below (the return band), once
//!    its wait is over; so does one whose load is no longer known.
//! 2. **Prune.** The most loaded above `max_load` leaves, one after the other, while the rest are
//!    projected to stay within `max_load`: they carry what it carried. `min_servers` stay.
//! 3. **Relief.** Where those left carry more than `max_load` on average, the least loaded of those
//!    out comes back, if it is less loaded than they are.
//! 4. **Minimum.** Below `min_servers` the least loaded of those out come back.
//!
//! Who is taken out again soon after its return waits twice as long (balance.md's guard).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::AddressSet;
use crate::heartbeat::Capacity;
use crate::load::Load;
use crate::time::Time;

/// No wait is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// Taken out again within so many of its waits after a return, a member waits longer.
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
    /// Came above `max_load`, and waits for the timer.
    Arrived,
    Out {
        since: Time,
        wait: Duration,
    },
    Back {
        since: Time,
        wait: Duration,
    },
}

impl Overloaded {
    /// Judges `candidates`; those it returns are out for load.
    pub fn judge(
        &mut self,
        now: Time,
        occasion: Occasion,
        limits: &Limits,
        candidates: &[Candidate],
    ) -> AddressSet {
        self.forget(now, candidates);
        self.admit(limits, candidates);
        if occasion != Occasion::Other {
            self.bring_back(now, limits, candidates);
            self.prune(now, limits, candidates);
            self.relieve(now, limits, candidates);
        }
        self.fill(now, limits, candidates);
        let out = self.members.iter().filter(|(_, member)| member.is_out());
        out.map(|(&address, _)| address).collect()
    }

    /// Who is not there is no longer out for load; who returned long ago has a clean slate.
    fn forget(&mut self, now: Time, candidates: &[Candidate]) {
        let there: AddressSet = candidates.iter().map(|candidate| candidate.address).collect();
        self.members.retain(|address, member| match *member {
            Member::Arrived | Member::Out { .. } => there.contains(address),
            Member::Back { since, wait } => now.since(since) < wait * SOON,
        });
    }

    /// An arrival above `max_load` waits for the timer, where there are enough without it.
    fn admit(&mut self, limits: &Limits, candidates: &[Candidate]) {
        let enough = candidates.iter().filter(|candidate| candidate.stood).count();
        for candidate in candidates.iter().filter(|candidate| !candidate.stood) {
            let above = candidate.load.is_some_and(|load| load > limits.max_load);
            let known = self.members.get(&candidate.address).is_some_and(Member::is_out);
            if above && !known && enough >= limits.min_servers.max(1) {
                self.members.insert(candidate.address, Member::Arrived);
            }
        }
    }

    fn bring_back(&mut self, now: Time, limits: &Limits, candidates: &[Candidate]) {
        for candidate in candidates {
            let Some(&member) = self.members.get(&candidate.address) else { continue };
            match member {
                // From here on it is judged like everybody else.
                Member::Arrived => {
                    self.members.remove(&candidate.address);
                }
                Member::Out { since, wait }
                    if now.since(since) >= wait
                        && candidate.load.is_none_or(|load| load <= limits.return_load) =>
                {
                    self.members.insert(candidate.address, Member::Back { since: now, wait });
                }
                Member::Out { .. } | Member::Back { .. } => {}
            }
        }
    }

    fn prune(&mut self, now: Time, limits: &Limits, candidates: &[Candidate]) {
        let mut within = self.within(candidates);
        // The most loaded last; of two alike the newcomer goes first, then the higher address.
        within.sort_by_key(|one| (one.load, !one.stood, one.address));
        while within.len() > limits.min_servers.max(1)
            && let Some(worst) = within.pop_if(|one| one.load > Some(limits.max_load))
        {
            let without = Carried::by(&within);
            if !without.with_the_work_of(&worst).is_within(limits.max_load) {
                return;
            }
            let wait = match self.members.get(&worst.address) {
                Some(Member::Back { wait, .. }) => (*wait * 2).min(LONGEST_WAIT),
                _ => limits.interval,
            };
            self.members.insert(worst.address, Member::Out { since: now, wait });
        }
    }

    fn relieve(&mut self, now: Time, limits: &Limits, candidates: &[Candidate]) {
        while let Some(least) = self.least_out(candidates) {
            let carried = Carried::by(&self.within(candidates));
            if carried.is_within(limits.max_load) || !carried.is_above(least.load) {
                return;
            }
            self.let_in(now, &least);
        }
    }

    fn fill(&mut self, now: Time, limits: &Limits, candidates: &[Candidate]) {
        while self.within(candidates).len() < limits.min_servers.max(1)
            && let Some(least) = self.least_out(candidates)
        {
            self.let_in(now, &least);
        }
    }

    fn let_in(&mut self, now: Time, candidate: &Candidate) {
        let back = match self.members.get(&candidate.address) {
            Some(&Member::Out { wait, .. }) => Some(Member::Back { since: now, wait }),
            _ => None,
        };
        match back {
            Some(back) => self.members.insert(candidate.address, back),
            None => self.members.remove(&candidate.address),
        };
    }

    fn within(&self, candidates: &[Candidate]) -> Vec<Candidate> {
        let is_in = |one: &&Candidate| !self.members.get(&one.address).is_some_and(Member::is_out);
        candidates.iter().filter(is_in).copied().collect()
    }

    fn least_out(&self, candidates: &[Candidate]) -> Option<Candidate> {
        let is_out = |one: &&Candidate| self.members.get(&one.address).is_some_and(Member::is_out);
        candidates.iter().filter(is_out).min_by_key(|one| (one.load, one.address)).copied()
    }
}

impl Member {
    fn is_out(&self) -> bool {
        matches!(self, Member::Arrived | Member::Out { .. })
    }
}

/// What some members carry together.
#[derive(Debug, Clone, Copy, Default)]
struct Carried {
    /// Capacity in thousandths times load in hundredths of a percent, of those whose load is known.
    work: u128,
    capacity: u128,
}

impl Carried {
    /// Of an unknown load nothing can be told: whoever has one is left out on both sides.
    fn by(members: &[Candidate]) -> Carried {
        members.iter().fold(Carried::default(), |sum, one| match one.load {
            Some(load) => {
                let capacity = capacity(one);
                let work = sum.work + capacity * u128::from(load.as_hundredths());
                Carried { work, capacity: sum.capacity + capacity }
            }
            None => sum,
        })
    }

    fn with_the_work_of(self, other: &Candidate) -> Carried {
        let load = other.load.map_or(0, |load| u128::from(load.as_hundredths()));
        Carried { work: self.work + capacity(other) * load, ..self }
    }

    fn is_within(self, load: Load) -> bool {
        self.work <= self.capacity * u128::from(load.as_hundredths())
    }

    fn is_above(self, load: Option<Load>) -> bool {
        let load = load.map_or(0, |load| u128::from(load.as_hundredths()));
        self.work > self.capacity * load
    }
}

fn capacity(of: &Candidate) -> u128 {
    u128::from(of.capacity.as_thousandths())
}

#[cfg(test)]
mod tests;
