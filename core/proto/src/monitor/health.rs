//! Rise and fall: what a row of verdicts makes of an address.

use std::num::NonZeroU16;

use super::config::OnFlapping;
use super::event::Proof;
use super::flapping::Flapping;
use crate::heartbeat::{Reason, State};
use crate::time::Time;

/// What one trial says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answers.
    Up(Proof),
    /// It does not.
    Down(Reason),
    /// Nothing is known.
    NoOpinion(Reason),
}

/// How many verdicts in a row it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) rise: NonZeroU16,
    pub(super) fall: NonZeroU16,
    pub(super) on_flapping: OnFlapping,
}

/// What was last decided on evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It answers.
    Up,
    /// It does not.
    Down,
}

/// The health of what is probed.
#[derive(Debug, Clone)]
pub(super) struct Health {
    limits: Limits,
    settled: Option<Settled>,
    /// Verdicts in a row against what is settled.
    against: u16,
    /// Trials in a row without an opinion.
    blind: u16,
    /// Whether this life has found out for itself what is settled; before, it is not announced.
    found: bool,
    flapping: Flapping,
    /// Why it was last found down.
    evidence: Reason,
    /// Why nothing was known last.
    blindness: Reason,
}

impl Health {
    pub(super) fn new(limits: Limits) -> Health {
        Health {
            limits,
            settled: None,
            against: 0,
            blind: 0,
            found: false,
            flapping: Flapping::default(),
            evidence: Reason::default(),
            blindness: Reason::default(),
        }
    }

    /// As it was in an earlier life: its first verdict is one of a row, too, and nothing is
    /// announced that no verdict of this life bears out.
    pub(super) fn remembered(limits: Limits, settled: Settled, flapping: Flapping) -> Health {
        Health { settled: Some(settled), flapping, ..Health::new(limits) }
    }

    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        if limits.on_flapping == OnFlapping::Ignore {
            self.flapping.release();
        }
    }

    pub(super) fn settled(&self) -> Option<Settled> {
        self.settled
    }

    pub(super) fn flapping(&self) -> &Flapping {
        &self.flapping
    }

    /// Lets it up however often it fell.
    pub(super) fn release(&mut self) {
        self.flapping.release();
    }

    /// Counts one verdict. The first that decides anything decides at once; one without an opinion
    /// breaks no row.
    pub(super) fn observe(&mut self, verdict: &Verdict, now: Time) {
        let (said, mut enough) = match verdict {
            Verdict::NoOpinion(reason) => {
                self.blind = self.blind.saturating_add(1);
                self.blindness = reason.clone();
                return;
            }
            Verdict::Up(_) => {
                self.flapping.succeed(now);
                (Settled::Up, false)
            }
            Verdict::Down(reason) => {
                self.evidence = reason.clone();
                let up = self.settled == Some(Settled::Up);
                let too_many = up && self.flapping.fail(self.limits.fall);
                (Settled::Down, too_many && self.limits.on_flapping == OnFlapping::Hold)
            }
        };
        self.blind = 0;
        // No failure bears out that somebody is up; that one is down needs no more evidence.
        self.found |= !(self.settled == Some(Settled::Up) && said == Settled::Down);
        if self.settled == Some(said) {
            self.against = 0;
            return;
        }
        self.against = self.against.saturating_add(1);
        enough |= match said {
            Settled::Up => {
                self.against >= self.limits.rise.get() && self.flapping.held(now).is_none()
            }
            Settled::Down => self.against >= self.limits.fall.get(),
        };
        if self.settled.is_some() && !enough {
            return;
        }
        let was_up = self.settled == Some(Settled::Up);
        self.settled = Some(said);
        self.found = true;
        self.against = 0;
        match said {
            Settled::Up => self.flapping.rose(now),
            Settled::Down if was_up => {
                self.flapping.fell(now);
                if self.limits.on_flapping == OnFlapping::Ignore {
                    self.flapping.release();
                }
            }
            Settled::Down => {}
        }
    }

    /// What to announce; none before the first verdict.
    pub(super) fn state(&self) -> Option<State> {
        match self.settled.filter(|_| self.found) {
            None if self.blind == 0 => None,
            None => Some(State::Unknown),
            Some(_) if self.blind >= self.limits.fall.get() => Some(State::Unknown),
            Some(Settled::Up) => Some(State::Up),
            Some(Settled::Down) => Some(State::Down),
        }
    }

    /// Why it is in its state; empty where it is up.
    pub(super) fn reason(&self) -> Reason {
        match self.state() {
            // What answers well enough to be up, and is not.
            Some(State::Down) if self.against >= self.limits.rise.get() => {
                Reason::new(&format!("flapping: {} falls of late", self.flapping.falls()))
            }
            Some(State::Down) => self.evidence.clone(),
            Some(State::Unknown) => self.blindness.clone(),
            _ => Reason::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits(rise: u16, fall: u16) -> Limits {
        Limits {
            rise: NonZeroU16::new(rise).unwrap(),
            fall: NonZeroU16::new(fall).unwrap(),
            on_flapping: OnFlapping::Hold,
        }
    }

    fn verdict(letter: char) -> Verdict {
        match letter {
            'u' => Verdict::Up(Proof::within(Duration::ZERO)),
            'd' => Verdict::Down(Reason::new("connection refused")),
            _ => Verdict::NoOpinion(Reason::new("no such file")),
        }
    }

    /// U, D, N (unknown) or `-` after each verdict.
    fn states(rise: u16, fall: u16, verdicts: &str) -> String {
        let mut health = Health::new(limits(rise, fall));
        verdicts
            .chars()
            .map(|letter| {
                health.observe(&verdict(letter), Time::ZERO);
                match health.state() {
                    Some(State::Up) => 'U',
                    Some(State::Down) => 'D',
                    Some(_) => 'N',
                    None => '-',
                }
            })
            .collect()
    }

    #[test]
    fn rows_of_verdicts_make_states() {
        let table = [
            // The first decides at once, either way.
            (2, 2, "u", "U"),
            (2, 2, "d", "D"),
            (5, 5, "n", "N"),
            (5, 5, "nu", "NU"),
            (5, 5, "nnd", "NND"),
            // Then it takes a row.
            (2, 2, "uddu", "UUDD"),
            (2, 2, "udduu", "UUDDU"),
            (2, 2, "ududud", "UUUUUU"),
            (2, 2, "dududu", "DDDDDD"),
            (1, 1, "udu", "UDU"),
            (3, 1, "uduuu", "UDDDU"),
            (1, 3, "uddddu", "UUUDDU"),
            // No opinion breaks no row, and `fall` of them in a row are not known any more.
            (2, 2, "udnd", "UUUD"),
            (2, 2, "unn", "UUN"),
            (2, 3, "unnunnn", "UUUUUUN"),
            // What was known before stands again with the first that knows.
            (2, 2, "unnd", "UUNU"),
            (2, 2, "unndd", "UUNUD"),
            (2, 2, "dnnu", "DDND"),
            (2, 2, "dnnuu", "DDNDU"),
            (2, 2, "unnu", "UUNU"),
        ];
        for (rise, fall, verdicts, expected) in table {
            assert_eq!(states(rise, fall, verdicts), expected, "{rise}/{fall} {verdicts}");
        }
    }

    #[test]
    fn the_reason_is_that_of_the_state() {
        let mut health = Health::new(limits(2, 2));
        let reasons: Vec<String> = "uddunn"
            .chars()
            .map(|letter| {
                health.observe(&verdict(letter), Time::ZERO);
                health.reason().to_string()
            })
            .collect();
        let (refused, missing) = ("connection refused", "no such file");
        assert_eq!(reasons, ["", "", refused, refused, refused, missing]);
    }
}
