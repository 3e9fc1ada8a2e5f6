//! How much a probe may do before others get their turn.

use std::cell::Cell;

/// So many operations on sockets succeed in one poll of a probe: with pieces of 16 KiB that is a
/// MiB, which takes a millisecond with TLS.
const OPERATIONS: u32 = 64;

thread_local! {
    /// Of the poll under way on this thread; `None` elsewhere, where nobody would begin a new turn.
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Puts back what was there, also when `poll` panics.
struct Before(Option<u32>);

/// One poll of a probe.
pub(crate) fn take<T>(poll: impl FnOnce() -> T) -> T {
    let _before = Before(LEFT.replace(Some(OPERATIONS)));
    poll()
}

pub(super) fn is_over() -> bool {
    LEFT.get() == Some(0)
}

pub(super) fn count() {
    LEFT.set(LEFT.get().map(|left| left.saturating_sub(1)));
}

impl Drop for Before {
    fn drop(&mut self) {
        LEFT.set(self.0);
    }
}
