//! The rests of a look at many files.

use std::thread;
use std::time::{Duration, Instant};

/// So many files are looked at before a rest. Each is a call of some microseconds, and a query that comes
/// to a processor at it waits for the rest: of a thousand files looked at once a second by 32, the slowest
/// answers in a hundred did.
const AT_ONCE: usize = 4;
/// All rests of one look: with more, what has changed in a folder of ten thousand files would be seen too
/// late.
const ALL: Duration = Duration::from_millis(250);

/// A rest is as long as the work before it took.
#[derive(Debug)]
pub(super) struct Rests {
    done: usize,
    since: Instant,
    left: Duration,
}

impl Rests {
    pub(super) fn new() -> Rests {
        Rests { done: 0, since: Instant::now(), left: ALL }
    }

    /// A file has been looked at.
    pub(super) fn after_one(&mut self) {
        self.done += 1;
        if !self.done.is_multiple_of(AT_ONCE) {
            return;
        }
        self.rest(self.since.elapsed(), |rest| {
            let begun = Instant::now();
            thread::sleep(rest);
            begun.elapsed()
        });
        self.since = Instant::now();
    }

    /// A system sleeps longer than it was asked to: `sleep` says for how long.
    fn rest(&mut self, took: Duration, sleep: impl FnOnce(Duration) -> Duration) {
        let rest = took.min(self.left);
        if !rest.is_zero() {
            self.left = self.left.saturating_sub(sleep(rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_are_as_long_as_the_work_and_bounded_altogether() {
        for (looks, work, late) in [(250, 10, 60), (2500, 10, 60), (50_000, 10, 60), (9, 90_000, 0)]
        {
            let (work, late) = (Duration::from_micros(work), Duration::from_micros(late));
            let (mut rests, mut asked, mut slept) = (Rests::new(), Vec::new(), Duration::ZERO);
            for _ in 0..looks {
                rests.rest(work, |rest| {
                    asked.push(rest);
                    slept += rest + late;
                    rest + late
                });
            }
            assert!(asked.iter().all(|rest| *rest <= work) && asked[0] == work);
            assert!(slept <= ALL + late, "{looks} looks: {slept:?}");
            // A folder of ten thousand has all its rests.
            assert_eq!(asked.len() == looks, looks <= 2500 && looks > 9, "{looks}");
        }
    }
}
