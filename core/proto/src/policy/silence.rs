//! Step 3: silence is death, unless too many fall silent at once.
//!
//! A member that expired goes out at once. But where it fell silent together with more than half
//! of the service's known addresses, on at least two machines, the network is the likelier culprit,
//! or, of machines that a watcher speaks for, the watcher:
//! they are held, for `hold`, and then go one by one, oldest first. When the others are heard
//! again, each that is still silent has one interval left to be heard too.
//!
//! Members that fell silent together expire up to an interval apart. So a member that has missed
//! its latest beat counts as silent together with one that has expired already: otherwise each
//! mass silence would first take somebody out and then bring it back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::AddressSet;
use crate::heartbeat::Claim;
use crate::name::HostId;
use crate::table::{Row, Standing};
use crate::time::Time;

/// The silent members that are not simply out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holds {
    members: BTreeMap<IpAddr, Hold>,
    last_release: Option<Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// In since.
    Held(Time),
    /// In until, unless it is heard: the mass silence is over.
    Awaited(Time),
    /// It has been held long enough.
    Released,
}

/// How long the held are held, and how far apart they go after it.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long each is held.
    pub hold: Duration,
    /// Between one that goes and the next.
    pub pace: Duration,
}

impl Holds {
    /// Whether anybody is held: then every beat may end a mass silence.
    pub fn any(&self) -> bool {
        self.members.values().any(|hold| !matches!(hold, Hold::Released))
    }

    /// Whether `address` is held.
    pub fn holds(&self, address: IpAddr) -> bool {
        matches!(self.members.get(&address), Some(Hold::Held(_) | Hold::Awaited(_)))
    }

    /// Since when somebody is held; none where nobody is.
    pub fn since(&self) -> Option<Time> {
        let held = self.members.values().filter_map(|hold| match hold {
            Hold::Held(since) => Some(*since),
            Hold::Awaited(_) | Hold::Released => None,
        });
        held.min()
    }

    /// Judges the silent among `rows`; afterwards [`Holds::holds`] tells who stays. Only who was
    /// `healthy` can stay: a mass silence brings nobody back.
    pub fn judge(&mut self, now: Time, rows: &[Row<'_>], healthy: &AddressSet, patience: Patience) {
        if !rows.iter().any(|row| row.standing == Standing::Silent) {
            *self = Holds::default();
            return;
        }
        let together = mass_silence(now, rows);
        let mut before = std::mem::take(&mut self.members);
        for row in rows {
            let address = row.address;
            let hold = match before.remove(&address) {
                _ if row.standing != Standing::Silent => None,
                Some(Hold::Awaited(_)) if together.contains(&address) => Some(Hold::Held(now)),
                None if together.contains(&address) && healthy.contains(&address) => {
                    Some(Hold::Held(now))
                }
                hold if together.contains(&address) => hold,
                Some(Hold::Held(_)) => Some(Hold::Awaited(now + a_beat(row))),
                Some(Hold::Awaited(until)) if now < until => Some(Hold::Awaited(until)),
                Some(Hold::Awaited(_) | Hold::Released) | None => None,
            };
            if let Some(hold) = hold {
                self.members.insert(address, hold);
            }
        }
        if self.members.is_empty() {
            self.last_release = None;
        }
        self.release(now, rows, patience);
    }

    /// When a held member may go next.
    pub fn next_wake(&self, patience: Patience) -> Option<Time> {
        let awaited = self.members.values().filter_map(|hold| match hold {
            Hold::Awaited(until) => Some(*until),
            Hold::Held(_) | Hold::Released => None,
        });
        awaited.chain(self.next_release(patience)).min()
    }

    /// When the next that was held long enough goes.
    fn next_release(&self, patience: Patience) -> Option<Time> {
        let due = self.since()? + patience.hold;
        Some(self.last_release.map_or(due, |last| due.max(last + patience.pace)))
    }

    fn release(&mut self, now: Time, rows: &[Row<'_>], patience: Patience) {
        while self.next_release(patience).is_some_and(|due| due <= now) {
            let oldest = rows
                .iter()
                .filter(|row| matches!(self.members.get(&row.address), Some(Hold::Held(_))))
                .min_by_key(|row| (row.claimed.heard, row.address));
            let Some(oldest) = oldest else { return };
            self.members.insert(oldest.address, Hold::Released);
            self.last_release = Some(now);
        }
    }
}

/// The expired members that fell silent within one `expire` of each other, being more than half of
/// the known on at least two machines.
///
/// A window slides over all that are silent, in the order in which they were last heard.
fn mass_silence(now: Time, rows: &[Row<'_>]) -> BTreeSet<IpAddr> {
    let is_silent = |row: &&Row<'_>| row.standing == Standing::Silent;
    let Some(last_silent) = rows.iter().filter(is_silent).map(|row| row.claimed.heard).max() else {
        return BTreeSet::new();
    };
    let known = rows.iter().filter(|row| is_known_and_not_drained(row)).count();
    let mut fallen: Vec<&Row<'_>> =
        rows.iter().filter(|row| has_fallen_silent(row, last_silent, now)).collect();
    fallen.sort_by_key(|row| (row.claimed.heard, row.address));

    let mut together = BTreeSet::new();
    let mut machines: BTreeMap<Machine, usize> = BTreeMap::new();
    let mut start = 0;
    // Of the windows so far, everything before this is in `together` already.
    let mut taken = 0;
    for (end, row) in fallen.iter().enumerate() {
        *machines.entry(Machine::of(row)).or_default() += 1;
        while let Some(first) = fallen.get(start)
            && row.claimed.heard.since(first.claimed.heard) > first.claimed.expire.get()
        {
            let machine = Machine::of(first);
            if let Some(count) = machines.get_mut(&machine) {
                *count -= 1;
                if *count == 0 {
                    machines.remove(&machine);
                }
            }
            start += 1;
        }
        let size = end + 1 - start;
        if size * 2 > known && machines.len() >= 2 {
            let window = fallen.get(start.max(taken)..=end).unwrap_or_default();
            together.extend(window.iter().copied().filter(is_silent).map(|row| row.address));
            taken = end + 1;
        }
    }
    together
}

/// Whose silence it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Machine {
    Own(HostId),
    /// Each for itself: that a watcher falls silent says nothing of those that it watches.
    Watched(IpAddr),
}

impl Machine {
    fn of(row: &Row<'_>) -> Machine {
        match row.claimed.claim {
            Claim::Own => Machine::Own(row.claimed.host),
            Claim::Watched => Machine::Watched(row.address),
        }
    }
}

/// Known: heard within a day (the table forgets the rest) and not left since.
pub(crate) fn is_known_and_not_drained(row: &Row<'_>) -> bool {
    use crate::heartbeat::State;
    !matches!(row.standing, Standing::Draining | Standing::Out(State::Leaving))
}

/// Within this its next beat is heard, if no datagram is lost: an interval, and 10 % of jitter.
fn a_beat(row: &Row<'_>) -> Duration {
    row.claimed.interval.get() + row.claimed.interval.get() / 10
}

/// Expired; or not yet, but it has missed its latest beat, and fell silent within a beat of one
/// that has expired.
fn has_fallen_silent(row: &Row<'_>, last_silent: Time, now: Time) -> bool {
    let heard = row.claimed.heard;
    match row.standing {
        Standing::Silent => true,
        Standing::Up | Standing::Reviving => {
            heard <= last_silent + a_beat(row) && now >= heard + a_beat(row)
        }
        Standing::Out(_) | Standing::Draining => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heartbeat::{Capacity, Reason, State, Weight};
    use crate::table::{Claimed, Revival, Table};

    const PATIENCE: Patience =
        Patience { hold: Duration::from_secs(300), pace: Duration::from_secs(10) };

    fn address(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    /// A service whose member n is on host n, beats every second, expires after three.
    fn table(heard_millis: &[u64]) -> Table {
        let mut table = Table::default();
        for (n, &heard) in (1..).zip(heard_millis) {
            let claimed = Claimed {
                host: HostId([n; 16]),
                claim: Claim::Own,
                state: State::Up,
                reason: Reason::default(),
                load: None,
                capacity: Capacity::ONE,
                weight: Weight::USUAL,
                interval: Duration::from_secs(1).into(),
                expire: Duration::from_secs(3).into(),
                heard: Time::from_millis(heard),
                revival: Revival::Done,
                key: None,
            };
            table.restore(address(n), claimed);
        }
        table
    }

    fn held_at(holds: &mut Holds, table: &Table, millis: u64) -> Vec<IpAddr> {
        let now = Time::from_millis(millis);
        let rows: Vec<_> = table.rows(now).collect();
        let everybody = rows.iter().map(|row| row.address).collect();
        holds.judge(now, &rows, &everybody, PATIENCE);
        rows.iter().map(|r| r.address).filter(|&a| holds.holds(a)).collect()
    }

    #[test]
    fn one_of_two_is_simply_dead() {
        let table = table(&[10_000, 12_500]);
        assert!(held_at(&mut Holds::default(), &table, 13_000).is_empty());
    }

    #[test]
    fn two_of_two_are_held_from_the_first_expiry_on() {
        let table = table(&[10_000, 10_900]);
        assert_eq!(held_at(&mut Holds::default(), &table, 13_000), [address(1)]);
        assert_eq!(held_at(&mut Holds::default(), &table, 13_900), [address(1), address(2)]);
    }

    #[test]
    fn all_of_one_host_are_dead_with_it_and_all_that_one_watches_are_held() {
        let of_one = |claim: Claim| {
            let mut table = Table::default();
            for (address, claimed) in self::table(&[10_000, 10_000, 10_000]).claims() {
                let host = HostId([9; 16]);
                table.restore(address, Claimed { host, claim, ..claimed.clone() });
            }
            held_at(&mut Holds::default(), &table, 13_500)
        };
        assert!(of_one(Claim::Own).is_empty());
        assert_eq!(of_one(Claim::Watched), [1, 2, 3].map(address));
    }

    #[test]
    fn half_is_not_more_than_half() {
        let table = table(&[10_000, 10_100, 13_000, 13_000]);
        assert!(held_at(&mut Holds::default(), &table, 13_200).is_empty());
    }

    #[test]
    fn deaths_far_apart_are_deaths() {
        let table = table(&[1_000, 9_000, 20_000]);
        assert!(held_at(&mut Holds::default(), &table, 20_100).is_empty());
    }

    #[test]
    fn deaths_further_apart_than_an_expire_are_deaths_though_each_is_near_the_next() {
        let table = table(&[4_000, 6_500, 9_000, 20_000, 20_000]);
        assert!(held_at(&mut Holds::default(), &table, 20_100).is_empty());
    }

    #[test]
    fn who_was_out_before_stays_out() {
        let table = table(&[10_000, 10_100, 10_200]);
        let now = Time::from_secs(14);
        let rows: Vec<_> = table.rows(now).collect();
        let mut holds = Holds::default();
        holds.judge(now, &rows, &[address(1), address(2)].into(), PATIENCE);
        assert_eq!([1, 2, 3].map(|n| holds.holds(address(n))), [true, true, false]);
    }

    #[test]
    fn the_held_go_one_by_one_oldest_first() {
        let table = table(&[10_200, 10_000, 10_100]);
        let mut holds = Holds::default();
        assert_eq!(held_at(&mut holds, &table, 14_000).len(), 3);
        assert_eq!(holds.next_release(PATIENCE), Some(Time::from_secs(314)));
        assert_eq!(held_at(&mut holds, &table, 314_000), [address(1), address(3)]);
        assert_eq!(holds.next_release(PATIENCE), Some(Time::from_secs(324)));
        assert_eq!(held_at(&mut holds, &table, 324_000), [address(1)]);
        assert!(held_at(&mut holds, &table, 334_000).is_empty());
        assert_eq!(holds.next_release(PATIENCE), None);
    }

    #[test]
    fn when_a_mass_silence_ends_the_rest_have_one_interval_left() {
        let mut holds = Holds::default();
        assert_eq!(held_at(&mut holds, &table(&[10_000, 10_000, 10_000]), 14_000).len(), 3);
        let healed = table(&[10_000, 14_500, 14_600]);
        assert_eq!(held_at(&mut holds, &healed, 15_000), [address(1)]);
        assert_eq!(holds.next_wake(PATIENCE), Some(Time::from_millis(16_100)));
        assert_eq!(held_at(&mut holds, &healed, 16_099), [address(1)]);
        assert!(held_at(&mut holds, &healed, 16_100).is_empty());
        assert!(!holds.any());
    }
}
