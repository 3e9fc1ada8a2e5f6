//! What an isolated plugin says, as lines of the host's log: so many a second, not more.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rais_sdk::host::{Level, one_line};
use tracing::{debug, error, info, warn};

use super::wire::InstanceId;
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
    /// Of what is no transport's: the whole process's.
    complaints: Complaints,
    transports: Mutex<BTreeMap<InstanceId, Complaints>>,
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
        let (complaints, transports) = (Complaints::default(), Mutex::default());
        Voice { plugin, measure, complaints, transports }
    }

    /// What it warns of.
    pub(super) fn complaints(&self) -> Vec<Complaint> {
        let transports = self.transports();
        transports.values().chain([&self.complaints]).filter_map(Complaints::now).collect()
    }

    /// From now on a transport is heard that its table calls `name`.
    pub(super) fn join(&self, instance: InstanceId, name: Option<&str>) {
        self.transports().insert(instance, Complaints::of(name));
    }

    /// An instance is no longer there: nothing that it has said matters.
    pub(super) fn leave(&self, instance: InstanceId) {
        self.transports().remove(&instance);
    }

    fn transports(&self) -> MutexGuard<'_, BTreeMap<InstanceId, Complaints>> {
        self.transports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line that the plugin logs, one of its transports where it is one's.
    pub(super) fn log(&self, instance: Option<InstanceId>, level: Level, text: &str) {
        let mut transport = None;
        match instance {
            None => self.complaints.hear(level, text),
            Some(instance) => {
                if let Some(complaints) = self.transports().get(&instance) {
                    complaints.hear(level, text);
                    transport = complaints.transport().map(str::to_owned);
                }
            }
        }
        self.say_of(transport.as_deref(), level, text);
    }

    /// A line that is printed.
    pub(super) fn say(&self, level: Level, text: &str) {
        self.say_of(None, level, text);
    }

    fn say_of(&self, transport: Option<&str>, level: Level, text: &str) {
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
            Level::Error => error!(target: "plugin", plugin, transport, "{text}"),
            Level::Warn => warn!(target: "plugin", plugin, transport, "{text}"),
            Level::Info => info!(target: "plugin", plugin, transport, "{text}"),
            Level::Debug => debug!(target: "plugin", plugin, transport, "{text}"),
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
    fn a_transport_takes_back_its_own_warning_alone() {
        let voice = Voice::new("bus");
        voice.join(0, Some("a"));
        voice.join(1, Some("b"));
        let warned = || {
            let all = voice.complaints().into_iter();
            all.map(|it| (it.transport.unwrap_or_default(), it.text)).collect::<Vec<_>>()
        };
        let down = |name: &str| (name.to_owned(), "not connected".to_owned());
        voice.log(Some(0), Level::Warn, "not connected");
        voice.log(Some(1), Level::Warn, "not connected");
        assert_eq!(warned(), [down("a"), down("b")]);
        voice.log(Some(1), Level::Info, "connected");
        voice.log(None, Level::Info, "greetings");
        assert_eq!(warned(), [down("a")]);
        voice.leave(0);
        voice.log(Some(0), Level::Warn, "not connected");
        assert_eq!(warned(), []);
    }

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
