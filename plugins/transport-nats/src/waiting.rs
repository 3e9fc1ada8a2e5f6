//! What was sent while the first connection is being made.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The newest of it, and that not for long: a beat that came late would say what was.
#[derive(Debug, Default)]
pub(crate) struct Waiting(VecDeque<(Instant, Vec<u8>)>);

/// What a host sends at once, and some more.
const MOST: usize = 16;
/// As long as beats are apart by default. The first connection takes far less where a server answers.
const LONGEST: Duration = Duration::from_millis(500);

impl Waiting {
    /// In place of the oldest where there are too many.
    pub(crate) fn push(&mut self, data: &[u8], now: Instant) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((now, data.to_vec()));
    }

    /// What has not waited too long, the oldest first.
    pub(crate) fn fresh(self, now: Instant) -> impl Iterator<Item = Vec<u8>> {
        let is_fresh = move |since| now.saturating_duration_since(since) <= LONGEST;
        self.0.into_iter().filter_map(move |(since, data)| is_fresh(since).then_some(data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(range: impl Iterator<Item = usize>) -> Vec<Vec<u8>> {
        range.map(|number| number.to_string().into_bytes()).collect()
    }

    #[test]
    fn the_newest_are_kept() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        for data in numbers(0..1000) {
            waiting.push(&data, now);
        }
        assert_eq!(waiting.fresh(now).collect::<Vec<_>>(), numbers(1000 - MOST..1000));
    }

    #[test]
    fn none_is_kept_for_long() {
        let (mut waiting, begun) = (Waiting::default(), Instant::now());
        let every = LONGEST / 4;
        for (times, data) in (0..).zip(numbers(0..8)) {
            waiting.push(&data, begun + every * times);
        }
        // The newest waits for no time, the oldest of these for just as long as it may.
        assert_eq!(waiting.fresh(begun + every * 7).collect::<Vec<_>>(), numbers(3..8));
    }
}
