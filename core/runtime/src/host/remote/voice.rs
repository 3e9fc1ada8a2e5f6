//! What an isolated plugin says, as lines of the host's log: so many a second, not more.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rais_sdk::host::{Level, one_line};
use tracing::{debug, error, info, warn};

use crate::host::complaint::{Complaint, Complaints};

/// So many lines at once are a plugin's good right.
const BURST: u32 = 200;
/// And then one in so long: a log is for people, and a disk has an end.
const EACH: Duration = Duration::from_secs(1);
/// Of a line, so many octets are logged.
const LONGEST: usize = 4096;

/// The voice of one plugin in the log.
#[derive(Debug)]
pub(super) struct Voice {
    plugin: String,
    measure: Mutex<Measure>,
    complaints: Complaints,
}

/// How much may be said.
#[derive(Debug)]
struct Measure {
    left: u32,
    /// When `left` was true.
    at: Instant,
    unsaid: u64,
}

/// Whether a line is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Say {
        /// So many before it were not.
        unsaid: u64,
    },
    Leave,
}

impl Voice {
    pub(super) fn new(plugin: &str) -> Voice {
        let measure = Measure::full(Instant::now());
        let (plugin, measure) = (plugin.to_owned(), Mutex::new(measure));
        Voice { plugin, measure, complaints: Complaints::default() }
    }

    /// What it warns of.
    pub(super) fn complaint(&self) -> Option<Complaint> {
        self.complaints.now()
    }

    /// A line that the plugin logs.
    pub(super) fn log(&self, level: Level, text: &str) {
        self.complaints.hear(level, text);
        self.say(level, text);
    }

    /// A line, logged or printed.
    pub(super) fn say(&self, level: Level, text: &str) {
        let mut measure = self.measure.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = measure.judge(Instant::now());
        drop(measure);
        let Verdict::Say { unsaid } = verdict else { return };
        let plugin = self.plugin.as_str();
        if unsaid > 0 {
            warn!(target: "plugin", plugin, "{unsaid} of its lines were left out: too many at once");
        }
        let text = one_line(text[..text.floor_char_boundary(LONGEST)].to_owned());
        match level {
            Level::Error => error!(target: "plugin", plugin, "{text}"),
            Level::Warn => warn!(target: "plugin", plugin, "{text}"),
            Level::Info => info!(target: "plugin", plugin, "{text}"),
            Level::Debug => debug!(target: "plugin", plugin, "{text}"),
        }
    }
}

impl Measure {
    fn full(now: Instant) -> Measure {
        Measure { left: BURST, at: now, unsaid: 0 }
    }

    fn judge(&mut self, now: Instant) -> Verdict {
        let more = now.saturating_duration_since(self.at).as_millis() / EACH.as_millis();
        if let Ok(more @ 1..) = u32::try_from(more) {
            self.left = self.left.saturating_add(more).min(BURST);
            self.at += EACH * more;
        } else if more > 0 {
            *self = Measure { unsaid: self.unsaid, ..Measure::full(now) };
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Verdict::Say { unsaid: std::mem::take(&mut self.unsaid) }
            }
            None => {
                self.unsaid += 1;
                Verdict::Leave
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_said_and_then_one_at_a_time() {
        let start = Instant::now();
        let mut measure = Measure::full(start);
        for _ in 0..BURST {
            assert_eq!(measure.judge(start), Verdict::Say { unsaid: 0 });
        }
        for _ in 0..3 {
            assert_eq!(measure.judge(start), Verdict::Leave);
        }
        assert_eq!(measure.judge(start + EACH), Verdict::Say { unsaid: 3 });
        assert_eq!(measure.judge(start + EACH), Verdict::Leave);
        // What was not used is not kept beyond a burst.
        let later = start + Duration::from_secs(1 << 40);
        for _ in 0..BURST {
            assert!(matches!(measure.judge(later), Verdict::Say { .. }));
        }
        assert_eq!(measure.judge(later), Verdict::Leave);
    }
}
