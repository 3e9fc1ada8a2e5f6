//! A costly reading that several wait for, taken once for all of them.

use std::sync::{Mutex, PoisonError};

/// The last reading, and how many there have been.
pub(crate) struct Shared<T>(Mutex<(u64, Option<T>)>);

/// Taken before waiting: tells which readings are not too old.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket(u64);

impl<T> Shared<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new((0, None)))
    }

    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(self.0.lock().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// What `judge` says of a reading that began after `ticket` was taken: that of another, or else
    /// by `read`, while all others wait.
    pub(crate) fn with<R>(
        &self,
        ticket: Ticket,
        read: impl FnOnce() -> T,
        judge: impl FnOnce(&T) -> R,
    ) -> R {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, reading) = &mut *last;
        if *count == ticket.0 {
            *reading = None;
            *count += 1;
        }
        judge(reading.get_or_insert_with(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_for_a_reading_shares_it_and_who_came_later_does_not() {
        let shared = Shared::new();
        let (one, two) = (shared.ticket(), shared.ticket());
        assert_eq!(shared.with(two, || "first", |reading| *reading), "first");
        let late = shared.ticket();
        assert_eq!(shared.with(one, || "unasked", |reading| *reading), "first");
        assert_eq!(shared.with(late, || "second", |reading| *reading), "second");
        // It is younger than what the first of them asked for.
        assert_eq!(shared.with(one, || "unasked", |reading| *reading), "second");
    }
}
