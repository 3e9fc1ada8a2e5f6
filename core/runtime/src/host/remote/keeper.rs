//! When the process of an isolated plugin is started, and when it is given up for a while.
//!
//! Decides, and does nothing: it is told what happened and when, and says what is to be done.

use std::collections::VecDeque;
use std::time::Duration;

use rais_proto::time::Time;

use crate::config::Restart;

/// From a first death to the next start: what came from outside may have passed.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Each death after the last doubles the pause up to this: nobody waits much longer for a cure.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A life so long was a good one: the next pause is the first again.
const GOOD_LIFE: Duration = Duration::from_secs(60);
/// So many deaths within [`WITHIN`] are no accident any more.
const DEATHS: usize = 5;
const WITHIN: Duration = Duration::from_secs(60);
/// After those nothing is tried for so long: a start costs the machine more than an answer.
const OPEN: Duration = Duration::from_secs(30);
/// Then one is on trial, for so long.
const TRIAL: Duration = Duration::from_secs(10);
/// A process is there within milliseconds; one that is not by now will not be.
const STARTING: Duration = Duration::from_secs(10);

/// Keeps one plugin's process.
#[derive(Debug, Clone)]
pub(super) struct Keeper {
    restart: Restart,
    wanted: Wanted,
    phase: Phase,
    /// Of those within [`WITHIN`].
    deaths: VecDeque<Time>,
    /// The next one; doubles.
    pause: Duration,
    /// How the last life ended.
    why: String,
}

/// Whether there are instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    No,
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No process, and nothing against one.
    Rest,
    /// It was started and has not said that it is ready.
    Starting {
        since: Time,
        on: Terms,
    },
    Running {
        since: Time,
        on: Terms,
    },
    /// It was not ready in time; what is left of it will die.
    Dying {
        on: Terms,
    },
    /// Until its next start.
    Pausing {
        until: Time,
    },
    /// It died too often.
    Open {
        until: Time,
    },
    /// It died once, and is not to be started again.
    Down,
}

/// What becomes of a process that dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Terms {
    Usual,
    /// The circuit opens again at once.
    Trial,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Do {
    Start,
    /// It does not become ready. Its death is then to be told as any.
    Kill,
}

/// What became of a process that died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nobody wants it.
    Nothing,
    /// It is started again after this pause.
    Again(Duration),
    /// It is tried again after this one.
    Open(Duration),
    /// It stays down.
    Never,
}

/// How it stands with the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    Unused,
    /// It runs, or starts for the first time.
    Fine,
    /// It died so, and comes back.
    Restarting(String),
    /// It died so, and does not come back, or not for now.
    Down(String),
}

impl Keeper {
    pub(super) fn new(restart: Restart) -> Keeper {
        Keeper {
            restart,
            wanted: Wanted::No,
            phase: Phase::Rest,
            deaths: VecDeque::new(),
            pause: FIRST_PAUSE,
            why: String::new(),
        }
    }

    /// There is an instance.
    pub(super) fn wanted(&mut self, now: Time) -> Option<Do> {
        self.wanted = Wanted::Yes;
        (self.phase == Phase::Rest).then(|| self.start(now, Terms::Usual))
    }

    /// There is no instance any more. A process that runs is no longer this keeper's; what was
    /// learned of its deaths stays.
    pub(super) fn unwanted(&mut self) {
        self.wanted = Wanted::No;
        match self.phase {
            // A pause is not got round by asking again.
            Phase::Pausing { .. } | Phase::Open { .. } => {}
            _ => {
                self.phase = Phase::Rest;
                self.why.clear();
            }
        }
    }

    /// The process said that it is ready.
    pub(super) fn ready(&mut self, now: Time) {
        if let Phase::Starting { on, .. } = self.phase {
            self.phase = Phase::Running { since: now, on };
        }
    }

    /// The process is gone, or could not be started: `why`.
    pub(super) fn died(&mut self, now: Time, why: String) -> Next {
        let on = match self.phase {
            Phase::Running { since, on } => {
                if now.since(since) >= GOOD_LIFE {
                    self.pause = FIRST_PAUSE;
                }
                on
            }
            Phase::Starting { on, .. } | Phase::Dying { on } => on,
            // It was let go before.
            _ => return Next::Nothing,
        };
        self.why = why;
        self.deaths.retain(|death| now.since(*death) < WITHIN);
        self.deaths.push_back(now);
        if self.restart == Restart::Never {
            self.phase = Phase::Down;
            return Next::Never;
        }
        if on == Terms::Trial || self.deaths.len() >= DEATHS {
            self.phase = Phase::Open { until: now + OPEN };
            return Next::Open(OPEN);
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        self.phase = Phase::Pausing { until: now + pause };
        Next::Again(pause)
    }

    /// Time has passed, maybe up to [`wakes_at`](Keeper::wakes_at).
    pub(super) fn tick(&mut self, now: Time) -> Option<Do> {
        if self.wakes_at().is_none_or(|at| now < at) {
            return None;
        }
        match self.phase {
            Phase::Starting { on, .. } => {
                self.phase = Phase::Dying { on };
                return Some(Do::Kill);
            }
            Phase::Running { since, on: Terms::Trial } => {
                self.deaths.clear();
                self.pause = FIRST_PAUSE;
                self.phase = Phase::Running { since, on: Terms::Usual };
            }
            Phase::Pausing { .. } => return Some(self.start(now, Terms::Usual)),
            Phase::Open { .. } => return Some(self.start(now, Terms::Trial)),
            Phase::Rest | Phase::Running { .. } | Phase::Dying { .. } | Phase::Down => {}
        }
        None
    }

    /// When it must be told the time.
    pub(super) fn wakes_at(&self) -> Option<Time> {
        match self.phase {
            Phase::Starting { since, .. } => Some(since + STARTING),
            Phase::Running { since, on: Terms::Trial } => Some(since + TRIAL),
            Phase::Pausing { until } | Phase::Open { until } if self.wanted == Wanted::Yes => {
                Some(until)
            }
            _ => None,
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let why = || self.why.clone();
        match self.phase {
            _ if self.wanted == Wanted::No => Standing::Unused,
            Phase::Rest | Phase::Running { .. } => Standing::Fine,
            Phase::Starting { .. } | Phase::Dying { .. } if self.why.is_empty() => Standing::Fine,
            Phase::Starting { .. } | Phase::Dying { .. } | Phase::Pausing { .. } => {
                Standing::Restarting(why())
            }
            Phase::Open { .. } | Phase::Down => Standing::Down(why()),
        }
    }

    fn start(&mut self, now: Time, on: Terms) -> Do {
        self.phase = Phase::Starting { since: now, on };
        Do::Start
    }
}

#[cfg(test)]
mod tests;
