//! What happened so far, and what is still waited for. Pure: it is told everything, and when.

use std::time::Duration;

use super::watch::Zone;
use super::which::{Each, Which};
use crate::output::Tone;

/// A change that takes longer than this is not coming.
const PATIENCE: Duration = Duration::from_secs(10);

/// The story of one demo. Times count from its start.
#[derive(Debug)]
pub(super) struct Story {
    stage: Stage,
    courses: Each<Course>,
    zone: Option<Zone>,
    lines: Vec<Line>,
    settled: Vec<(Which, Outcome)>,
}

/// How far the site is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not all three were in the answers yet.
    Starting,
    /// They were.
    Running,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// When.
    pub(super) at: Duration,
    /// In a sentence.
    pub(super) text: String,
    /// Whether it is good news.
    pub(super) tone: Tone,
}

/// What became of something that was waited for, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has happened.
    Happened(String),
    /// It has not, and is no longer waited for.
    Failed(String),
}

/// One server.
#[derive(Debug, Clone, Copy, Default)]
struct Course {
    awaited: Option<Awaited>,
}

/// A change of the answers that has to come.
#[derive(Debug, Clone, Copy)]
struct Awaited {
    goal: Goal,
    /// What brings it about, as in "it was killed".
    cause: &'static str,
    since: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Out,
    Back,
}

impl Story {
    /// Nothing has happened.
    pub(super) fn new() -> Story {
        Story {
            stage: Stage::Starting,
            courses: Each::default(),
            zone: None,
            lines: Vec::new(),
            settled: Vec::new(),
        }
    }

    /// How far the site is.
    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    /// All that happened, in order.
    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The zone as it last was.
    pub(super) fn zone(&self) -> Option<&Zone> {
        self.zone.as_ref()
    }

    /// Whether a server is in the answers.
    pub(super) fn is_in(&self, which: Which) -> bool {
        self.zone.as_ref().is_some_and(|zone| zone.holds(which))
    }

    /// Whether a change of a server is still to come.
    pub(super) fn is_awaited(&self, which: Which) -> bool {
        self.courses[which].awaited.is_some()
    }

    /// What is no longer waited for, since this was last asked.
    pub(super) fn take_settled(&mut self) -> Vec<(Which, Outcome)> {
        std::mem::take(&mut self.settled)
    }

    /// Something that has no consequences.
    pub(super) fn note(&mut self, at: Duration, text: impl Into<String>, tone: Tone) {
        self.lines.push(Line::new(at, text, tone));
    }

    /// A server was killed.
    pub(super) fn killed(&mut self, at: Duration, which: Which) {
        self.gone(at, which, &format!("{which} killed"), "it was killed");
    }

    /// A server ended by itself, as `how` says in a sentence.
    pub(super) fn died(&mut self, at: Duration, which: Which, how: &str) {
        self.gone(at, which, how, "it ended");
    }

    /// A server was started again.
    pub(super) fn revived(&mut self, at: Duration, which: Which) {
        self.supersede(which, "revived");
        self.note(at, format!("{which} revived"), Tone::Plain);
        if self.is_in(which) {
            let text = format!("{which} revived; it was in the answers all the time");
            self.settled.push((which, Outcome::Happened(text)));
        } else {
            let awaited = Awaited { goal: Goal::Back, cause: "it was revived", since: at };
            self.courses[which].awaited = Some(awaited);
        }
    }

    /// A server could not be started again.
    pub(super) fn failed(&mut self, at: Duration, which: Which, why: &str) {
        let text = format!("{which} cannot be revived: {why}");
        self.note(at, text.clone(), Tone::Bad);
        self.settled.push((which, Outcome::Failed(text)));
    }

    /// The zone is another in the answers.
    pub(super) fn see_zone(&mut self, at: Duration, zone: Zone) {
        let before = self.zone.replace(zone);
        if self.stage == Stage::Starting {
            if Which::ALL.iter().all(|&which| self.is_in(which)) {
                self.stage = Stage::Running;
                self.note(at, "web1, web2 and web3 are in the answers", Tone::Good);
            }
            return;
        }
        for which in Which::ALL {
            let was = before.as_ref().is_some_and(|zone| zone.holds(which));
            match (was, self.is_in(which)) {
                (true, false) => self.changed(at, which, Goal::Out),
                (false, true) => self.changed(at, which, Goal::Back),
                _ => {}
            }
        }
    }

    /// The binder keeps a server in the answers, dead or not, since nobody else is left.
    pub(super) fn see_last_resort(&mut self, at: Duration, which: Which) {
        let waits = |awaited: &Awaited| awaited.goal == Goal::Out;
        if self.is_in(which) && self.courses[which].awaited.as_ref().is_some_and(waits) {
            self.courses[which].awaited = None;
            let text = format!("{which} stays in the answers, since nobody else is left");
            self.note(at, text.clone(), Tone::Doubtful);
            self.settled.push((which, Outcome::Happened(text)));
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, at: Duration) {
        for which in Which::ALL {
            let Some(awaited) = self.courses[which].awaited else { continue };
            if at.saturating_sub(awaited.since) < PATIENCE {
                continue;
            }
            self.courses[which].awaited = None;
            let place = match awaited.goal {
                Goal::Out => "still in",
                Goal::Back => "not back in",
            };
            let waited = seconds(PATIENCE);
            let text = format!("{which} is {place} the answers {waited} after {}", awaited.cause);
            self.note(at, text.clone(), Tone::Bad);
            self.settled.push((which, Outcome::Failed(text)));
        }
    }

    /// What was waited for cannot be told from what comes next.
    pub(super) fn supersede(&mut self, which: Which, by: &str) {
        if let Some(awaited) = self.courses[which].awaited.take() {
            let state = match awaited.goal {
                Goal::Out => "out of",
                Goal::Back => "back in",
            };
            let text = format!("{which} was {by} before it was {state} the answers");
            self.settled.push((which, Outcome::Failed(text)));
        }
    }

    fn gone(&mut self, at: Duration, which: Which, text: &str, cause: &'static str) {
        self.supersede(which, "killed");
        self.note(at, text, Tone::Bad);
        if self.is_in(which) {
            self.courses[which].awaited = Some(Awaited { goal: Goal::Out, cause, since: at });
        } else {
            let text = format!("{text}; it was not in the answers");
            self.settled.push((which, Outcome::Happened(text)));
        }
    }

    fn changed(&mut self, at: Duration, which: Which, goal: Goal) {
        let (place, tone) = match goal {
            Goal::Out => ("out of", Tone::Doubtful),
            Goal::Back => ("back in", Tone::Good),
        };
        let text = format!("{which} is {place} the answers");
        match self.courses[which].awaited {
            Some(awaited) if awaited.goal == goal => {
                self.courses[which].awaited = None;
                let took = seconds(at.saturating_sub(awaited.since));
                let text = format!("{text} {took} after {}", awaited.cause);
                self.note(at, text.clone(), tone);
                self.settled.push((which, Outcome::Happened(text)));
            }
            _ => self.note(at, text, tone),
        }
    }
}

impl Line {
    /// One more line.
    pub(super) fn new(at: Duration, text: impl Into<String>, tone: Tone) -> Line {
        Line { at, text: text.into(), tone }
    }
}

/// `0.36 s`.
pub(super) fn seconds(duration: Duration) -> String {
    let text = format!("{:.2}", duration.as_secs_f64());
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn zone(serial: u32, members: &[Which]) -> Zone {
        Zone::of(serial, members)
    }

    /// All three are in the answers after a second.
    fn running() -> Story {
        let mut story = Story::new();
        story.see_zone(ms(900), zone(1, &[Which::Web1]));
        assert_eq!(story.stage(), Stage::Starting);
        story.see_zone(ms(1000), zone(2, &Which::ALL));
        assert_eq!(story.stage(), Stage::Running);
        story
    }

    fn last(story: &Story) -> &str {
        &story.lines().last().unwrap().text
    }

    #[test]
    fn from_kill_to_removal_and_from_revival_to_return() {
        let mut story = running();
        story.killed(ms(2000), Which::Web2);
        assert!(story.is_awaited(Which::Web2));
        story.see_zone(ms(2360), zone(3, &[Which::Web1, Which::Web3]));
        let out = "web2 is out of the answers 0.36 s after it was killed";
        assert_eq!(last(&story), out);
        let happened = |text: &str| vec![(Which::Web2, Outcome::Happened(text.to_owned()))];
        assert_eq!(story.take_settled(), happened(out));
        story.revived(ms(5000), Which::Web2);
        story.see_zone(ms(5700), zone(4, &Which::ALL));
        let back = "web2 is back in the answers 0.7 s after it was revived";
        assert_eq!(last(&story), back);
        assert_eq!(story.take_settled(), happened(back));
    }

    #[test]
    fn the_last_one_stays_and_goes_when_another_is_back() {
        let mut story = running();
        story.see_zone(ms(2000), zone(3, &[Which::Web3]));
        story.see_last_resort(ms(2100), Which::Web3);
        assert_eq!(last(&story), "web2 is out of the answers");
        story.killed(ms(3000), Which::Web3);
        story.see_last_resort(ms(3400), Which::Web3);
        let stays = "web3 stays in the answers, since nobody else is left";
        assert_eq!(story.take_settled(), [(Which::Web3, Outcome::Happened(stays.to_owned()))]);
        story.see_last_resort(ms(3500), Which::Web3);
        assert_eq!(story.lines().iter().filter(|line| line.text == stays).count(), 1);
        story.see_zone(ms(9000), zone(4, &[Which::Web1]));
        assert_eq!(last(&story), "web3 is out of the answers");
    }

    #[test]
    fn a_revival_before_the_removal_is_no_removal() {
        let mut story = running();
        story.killed(ms(2000), Which::Web1);
        story.revived(ms(2100), Which::Web1);
        let outcomes = [
            Outcome::Failed("web1 was revived before it was out of the answers".to_owned()),
            Outcome::Happened("web1 revived; it was in the answers all the time".to_owned()),
        ];
        assert_eq!(story.take_settled(), outcomes.map(|outcome| (Which::Web1, outcome)));
        assert!(!story.is_awaited(Which::Web1));
    }

    #[test]
    fn what_does_not_come_is_said_once() {
        let mut story = running();
        story.died(ms(2000), Which::Web1, "web1 ended (signal: 9 (SIGKILL))");
        assert_eq!(last(&story), "web1 ended (signal: 9 (SIGKILL))");
        story.tick(ms(11_999));
        assert_eq!(story.take_settled(), []);
        story.tick(ms(12_000));
        let text = "web1 is still in the answers 10 s after it ended".to_owned();
        assert_eq!(story.take_settled(), [(Which::Web1, Outcome::Failed(text))]);
        let lines = story.lines().len();
        story.tick(ms(13_000));
        assert_eq!(story.lines().len(), lines);
    }
}
