//! What happens next: a calendar of events in virtual time.
//!
//! Millions of requests, each some seconds ahead, are nearly in order: a ring of days, each sorted
//! when it comes, takes and gives one in constant time, where a heap would go through memory.

use rais_proto::time::Time;

/// Nanoseconds of a day: 2 ms.
const DAY: u64 = 1 << 21;
/// Days of a year: 17 s. What is further ahead stays where it is for another year.
const YEAR: usize = 1 << 13;

/// Events of type `T`, each at its time; those at one time in no order of note, but always in the
/// same.
#[derive(Debug)]
pub struct Queue<T> {
    days: Vec<Vec<(Time, T)>>,
    /// The day that it is, counted from the origin.
    today: u64,
    /// What is left of it, the next last.
    left: Vec<(Time, T)>,
    len: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        let days = std::iter::repeat_with(Vec::new).take(YEAR).collect();
        Queue { days, today: 0, left: Vec::new(), len: 0 }
    }
}

impl<T> Queue<T> {
    /// `event` is to happen at `at`, which is not before what was taken last.
    pub fn put(&mut self, at: Time, event: T) {
        self.len += 1;
        let day = day_of(at);
        if day <= self.today {
            let place = self.left.partition_point(|(other, _)| *other > at);
            self.left.insert(place, (at, event));
        } else {
            self.days[slot_of(day)].push((at, event));
        }
    }

    /// The next event, if it is not after `until`.
    pub fn take(&mut self, until: Time) -> Option<(Time, T)> {
        while self.left.is_empty() {
            if self.len == 0 || self.today >= day_of(until) {
                return None;
            }
            self.today += 1;
            self.begin_day();
        }
        let (at, _) = self.left.last()?;
        if *at > until {
            return None;
        }
        self.len -= 1;
        self.left.pop()
    }

    fn begin_day(&mut self) {
        let today = self.today;
        let day = &mut self.days[slot_of(today)];
        let mut index = 0;
        while let Some((at, _)) = day.get(index) {
            if day_of(*at) == today {
                self.left.push(day.swap_remove(index));
            } else {
                index += 1;
            }
        }
        self.left.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    }
}

fn day_of(at: Time) -> u64 {
    at.as_nanos() / DAY
}

fn slot_of(day: u64) -> usize {
    (day % YEAR as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_in_order_whatever_is_put_in_between() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut queue = Queue::default();
        let far = 60 * 1_000_000_000;
        for _ in 0..5_000 {
            let at = random.u64(0..far);
            queue.put(Time::from_nanos(at), at);
        }
        let (mut last, mut taken) = (Time::ZERO, 0);
        let until = Time::from_nanos(far / 2);
        while let Some((at, event)) = queue.take(until) {
            assert!(last <= at && at <= until && at.as_nanos() == event);
            (last, taken) = (at, taken + 1);
            if taken % 3 == 0 {
                let at = at.as_nanos() + random.u64(0..3 * DAY);
                queue.put(Time::from_nanos(at), at);
            }
        }
        let mut rest = 0;
        while let Some((at, _)) = queue.take(Time::from_nanos(u64::MAX)) {
            assert!(last <= at);
            (last, rest) = (at, rest + 1);
        }
        assert_eq!(taken + rest, 5_000 + taken / 3);
        assert!(rest > 2_000, "{rest} were after the half");
    }
}
