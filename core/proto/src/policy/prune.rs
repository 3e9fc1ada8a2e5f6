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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn web(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    fn limits() -> Limits {
        Limits {
            max_load: Load::from_percent(60.0).unwrap(),
            return_load: Load::from_percent(54.0).unwrap(),
            min_servers: 1,
            interval: Duration::from_secs(10),
        }
    }

    /// A service whose members are judged as its binder does: who is in stood.
    struct Pool {
        overloaded: Overloaded,
        limits: Limits,
        set: AddressSet,
    }

    impl Pool {
        /// With all of `members` in.
        fn of<const N: usize>(members: [u8; N]) -> Pool {
            let set = members.map(web).into();
            Pool { overloaded: Overloaded::default(), limits: limits(), set }
        }

        /// Judges members of these loads (below 0: unknown) at so many seconds; who is in.
        fn judge(&mut self, secs: u64, occasion: Occasion, loads: &[(u8, f64)]) -> Vec<u8> {
            let candidates: Vec<Candidate> = loads
                .iter()
                .map(|&(n, load)| Candidate {
                    address: web(n),
                    load: (load >= 0.0).then(|| Load::from_percent(load).unwrap()),
                    capacity: Capacity::ONE,
                    stood: self.set.contains(&web(n)),
                })
                .collect();
            let now = Time::from_secs(secs);
            let out = self.overloaded.judge(now, occasion, &self.limits, &candidates);
            let within = loads.iter().map(|&(n, _)| n).filter(|&n| !out.contains(&web(n)));
            let within: Vec<u8> = within.collect();
            self.set = within.iter().map(|&n| web(n)).collect();
            within
        }

        fn timer(&mut self, secs: u64, loads: &[(u8, f64)]) -> Vec<u8> {
            self.judge(secs, Occasion::Timer, loads)
        }
    }

    #[test]
    fn the_overloaded_leaves_and_returns_through_the_band() {
        let mut pool = Pool::of([1, 2, 3]);
        assert_eq!(pool.timer(10, &[(1, 20.0), (2, 30.0), (3, 60.0)]), [1, 2, 3], "at it it stays");
        assert_eq!(pool.timer(20, &[(1, 20.0), (2, 30.0), (3, 60.01)]), [1, 2]);
        assert_eq!(pool.timer(30, &[(1, 40.0), (2, 40.0), (3, 59.0)]), [1, 2], "within the band");
        assert_eq!(pool.timer(40, &[(1, 40.0), (2, 40.0), (3, 54.0)]), [1, 2, 3]);
    }

    #[test]
    fn between_timers_nobody_leaves_and_an_arrival_above_waits() {
        let mut pool = Pool::of([1, 2]);
        let loads = [(1, 30.0), (2, 90.0), (3, 80.0)];
        assert_eq!(pool.judge(1, Occasion::Other, &loads), [1, 2], "2 stays, 3 waits");
        assert_eq!(pool.judge(2, Occasion::Other, &[(1, 30.0), (2, 90.0), (3, 10.0)]), [1, 2]);
        assert_eq!(pool.timer(10, &[(1, 10.0), (2, 90.0), (3, 10.0)]), [1, 3]);
        let mut alone = Pool::of([]);
        assert_eq!(alone.judge(1, Occasion::Other, &[(3, 80.0)]), [3], "there is nobody else");
    }

    #[test]
    fn only_what_the_rest_can_carry_is_taken_out() {
        let mut pool = Pool::of([1, 2, 3]);
        let loads = [(1, 50.0), (2, 55.0), (3, 90.0)];
        assert_eq!(pool.timer(10, &loads), [1, 2, 3], "195 % on two would be too much");
        assert_eq!(pool.timer(20, &[(1, 10.0), (2, 15.0), (3, 90.0)]), [1, 2]);
        // Two above: the worse goes, the other would be too much.
        let mut pool = Pool::of([1, 2, 3]);
        assert_eq!(pool.timer(10, &[(1, 0.0), (2, 62.0), (3, 58.0)]), [1, 3]);
        let mut pool = Pool::of([1, 2, 3]);
        assert_eq!(pool.timer(10, &[(1, 5.0), (2, 70.0), (3, 65.0)]), [1, 2, 3]);
    }

    #[test]
    fn the_minimum_stays_and_is_filled_at_once() {
        let mut pool = Pool::of([1, 2, 3]);
        pool.limits.min_servers = 2;
        assert_eq!(pool.timer(10, &[(1, 10.0), (2, 10.0), (3, 90.0)]), [1, 2]);
        assert_eq!(pool.judge(11, Occasion::Departure, &[(2, 10.0), (3, 90.0)]), [2, 3]);
        let mut pool = Pool::of([1, 2, 3]);
        pool.limits.min_servers = 3;
        assert_eq!(pool.timer(10, &[(1, 1.0), (2, 1.0), (3, 90.0)]), [1, 2, 3]);
    }

    #[test]
    fn who_is_out_comes_to_the_relief_of_those_who_are_worse_off() {
        let mut pool = Pool::of([1, 2, 3]);
        assert_eq!(pool.timer(10, &[(1, 10.0), (2, 10.0), (3, 90.0)]), [1, 2]);
        assert_eq!(pool.timer(20, &[(1, 80.0), (2, 70.0), (3, 72.0)]), [1, 2, 3]);
    }

    #[test]
    fn an_unknown_load_never_leaves_and_comes_back() {
        let mut pool = Pool::of([1, 2]);
        assert_eq!(pool.timer(10, &[(1, -1.0), (2, 30.0)]), [1, 2]);
        assert_eq!(pool.timer(20, &[(1, 10.0), (2, 90.0)]), [1, 2], "too much for one");
        assert_eq!(pool.timer(30, &[(1, 0.0), (2, 60.5)]), [1, 2]);
        let mut pool = Pool::of([1, 2, 3]);
        assert_eq!(pool.timer(10, &[(1, 10.0), (2, 10.0), (3, 80.0)]), [1, 2]);
        assert_eq!(pool.timer(20, &[(1, 10.0), (2, 10.0), (3, -1.0)]), [1, 2, 3]);
    }

    #[test]
    fn who_leaves_again_soon_waits_twice_as_long_and_ten_minutes_at_most() {
        let mut pool = Pool::of([1, 2, 3]);
        let (calm, busy) = ([(1, 10.0), (2, 10.0), (3, 10.0)], [(1, 10.0), (2, 10.0), (3, 90.0)]);
        let mut waits = Vec::new();
        let mut now = 0;
        for _ in 0..9 {
            now += 10;
            assert_eq!(pool.timer(now, &busy), [1, 2]);
            let out = now;
            loop {
                now += 10;
                if pool.timer(now, &calm).contains(&3) {
                    break;
                }
            }
            waits.push(now - out);
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
        // Long enough in peace, and it is as new.
        now += 2400;
        assert_eq!(pool.timer(now, &busy), [1, 2]);
        assert_eq!(pool.timer(now + 10, &calm), [1, 2, 3]);
    }

    #[test]
    fn who_dies_and_returns_is_an_arrival() {
        let mut pool = Pool::of([1, 2, 3]);
        assert_eq!(pool.timer(10, &[(1, 10.0), (2, 10.0), (3, 90.0)]), [1, 2]);
        assert_eq!(pool.judge(11, Occasion::Departure, &[(1, 10.0), (2, 10.0)]), [1, 2]);
        assert_eq!(pool.judge(12, Occasion::Other, &[(1, 10.0), (2, 10.0), (3, 5.0)]), [1, 2, 3]);
    }

    proptest! {
        #[test]
        fn enough_stay_and_equal_judgements_agree(
            rounds in proptest::collection::vec(
                (proptest::collection::btree_map(1u8..9, -20.0..150.0f64, 0..8), 0usize..3), 1..12),
            min_servers in 0usize..5,
        ) {
            let mut pools = [Pool::of([]), Pool::of([])];
            for (round, (loads, occasion)) in rounds.into_iter().enumerate() {
                let occasion = [Occasion::Timer, Occasion::Departure, Occasion::Other][occasion];
                let mut loads: Vec<_> = loads.into_iter().collect();
                let secs = 10 * round as u64;
                let judged = pools.each_mut().map(|pool| {
                    pool.limits.min_servers = min_servers;
                    let mut within = pool.judge(secs, occasion, &loads);
                    // In whatever order they are given.
                    loads.reverse();
                    within.sort_unstable();
                    within
                });
                prop_assert_eq!(&judged[0], &judged[1]);
                prop_assert!(judged[0].len() >= min_servers.max(1).min(loads.len()));
            }
        }
    }
}
