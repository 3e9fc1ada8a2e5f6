//! Which beats of one epoch were heard: the sliding window of RFC 4303 §3.4.3.

use crate::name::Sequence;

/// The beats of one sender's epoch that were heard: the highest, and which of the 63 below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    highest: u64,
    /// Bit n stands for `highest - n`.
    seen: u64,
}

/// What a window says of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Above all: sets state and load.
    Newest,
    /// Overtaken, and not heard before: a sign of life, no more.
    Older,
    /// Heard before.
    Duplicate,
    /// Below the window: heard before, or so late that it might as well have been.
    TooOld,
}

impl Window {
    /// How many numbers it spans.
    pub const WIDTH: u64 = 64;

    /// Nothing was heard; numbers start at 1.
    pub const fn new() -> Window {
        Window::after(Sequence(0))
    }

    /// Everything up to `highest` counts as heard: what a snapshot leaves.
    pub const fn after(highest: Sequence) -> Window {
        Window { highest: highest.0, seen: u64::MAX }
    }

    /// The highest heard, for a snapshot; 0 where nothing was.
    pub const fn highest(&self) -> Sequence {
        Sequence(self.highest)
    }

    /// What [`Window::accept`] would say.
    pub const fn look(&self, sequence: Sequence) -> Seen {
        if sequence.0 > self.highest {
            return Seen::Newest;
        }
        let back = self.highest - sequence.0;
        if back >= Window::WIDTH {
            Seen::TooOld
        } else if self.seen & (1 << back) != 0 {
            Seen::Duplicate
        } else {
            Seen::Older
        }
    }

    /// Takes note of `sequence`, and says what it was before.
    pub const fn accept(&mut self, sequence: Sequence) -> Seen {
        let seen = self.look(sequence);
        match seen {
            Seen::Newest => {
                let ahead = sequence.0 - self.highest;
                let kept = if ahead < Window::WIDTH { self.seen << ahead } else { 0 };
                self.seen = kept | 1;
                self.highest = sequence.0;
            }
            Seen::Older => self.seen |= 1 << (self.highest - sequence.0),
            Seen::Duplicate | Seen::TooOld => {}
        }
        seen
    }
}

impl Default for Window {
    fn default() -> Window {
        Window::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The same by keeping everything.
    struct Naive(BTreeSet<u64>);

    impl Naive {
        fn accept(&mut self, number: u64) -> Seen {
            let highest = self.0.last().copied().unwrap_or(0);
            let newest = number > highest;
            let unseen = self.0.insert(number);
            match (newest, highest - number.min(highest) >= 64, unseen) {
                (true, _, _) => Seen::Newest,
                (_, true, _) => Seen::TooOld,
                (_, _, true) => Seen::Older,
                (_, _, false) => Seen::Duplicate,
            }
        }
    }

    proptest! {
        #[test]
        fn does_as_a_set_of_all_numbers_does(
            start in 0..200u64,
            steps in prop::collection::vec(-80i64..80, 1..200),
        ) {
            let mut window = Window::after(Sequence(start));
            let mut naive = Naive((0..=start).collect());
            let mut at = start;
            for step in steps {
                at = at.saturating_add_signed(step);
                let look = window.look(Sequence(at));
                prop_assert_eq!(look, naive.accept(at));
                prop_assert_eq!(window.accept(Sequence(at)), look);
            }
        }
    }

    #[test]
    fn the_edges() {
        let mut window = Window::new();
        assert_eq!(window.accept(Sequence(64)), Seen::Newest);
        assert_eq!(window.accept(Sequence(1)), Seen::Older);
        assert_eq!(window.accept(Sequence(1)), Seen::Duplicate);
        assert_eq!(window.accept(Sequence(0)), Seen::TooOld);
        assert_eq!(window.accept(Sequence(u64::MAX)), Seen::Newest);
        assert_eq!(window.accept(Sequence(u64::MAX)), Seen::Duplicate);
        assert_eq!(window.accept(Sequence(u64::MAX - 63)), Seen::Older);
        assert_eq!(window.accept(Sequence(u64::MAX - 64)), Seen::TooOld);
    }

    #[test]
    fn a_snapshot_takes_nothing_twice() {
        let mut window = Window::new();
        window.accept(Sequence(500));
        let mut restored = Window::after(window.highest());
        assert_eq!(restored.accept(Sequence(500)), Seen::Duplicate);
        assert_eq!(restored.accept(Sequence(499)), Seen::Duplicate);
        assert_eq!(restored.accept(Sequence(436)), Seen::TooOld);
        assert_eq!(restored.accept(Sequence(501)), Seen::Newest);
    }
}
