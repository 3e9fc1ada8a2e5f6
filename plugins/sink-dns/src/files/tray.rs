//! Zones on their way from their files to those who answer.

use std::time::{Duration, Instant};

use super::Found;

/// So long a zone that was read waits for others: all are served at the price of one.
const WAIT: Duration = Duration::from_millis(100);
/// Serving takes at most one part in so many of the time: its price goes up with the number of zones.
const PART: u32 = 10;
/// To read a file of so many octets takes long: whatever was read is served before.
const LONG: u64 = 256 << 10;

/// What has been read and is not served yet.
pub(super) struct Tray<'s> {
    found: Vec<Found>,
    serve: &'s mut dyn FnMut(Vec<Found>),
    /// When it was last empty, and how long it is filled from then.
    since: Instant,
    wait: Duration,
}

impl<'s> Tray<'s> {
    pub(super) fn new(serve: &'s mut dyn FnMut(Vec<Found>)) -> Tray<'s> {
        Tray { found: Vec::new(), serve, since: Instant::now(), wait: WAIT }
    }

    pub(super) fn put(&mut self, found: Found) {
        self.found.push(found);
    }

    /// A file of so many octets is about to be read.
    pub(super) fn before_reading(&mut self, octets: u64) {
        if octets >= LONG || self.since.elapsed() >= self.wait {
            self.empty();
        }
    }

    /// Serves what there is.
    pub(super) fn empty(&mut self) {
        let begun = Instant::now();
        if !self.found.is_empty() {
            (self.serve)(std::mem::take(&mut self.found));
        }
        self.since = Instant::now();
        self.wait = WAIT.max(begun.elapsed() * PART);
    }
}
