//! Trials of one target: each a round of all its probes, counted in order of sending.

use std::collections::VecDeque;

use super::event::{ProbeId, ProbeOutcome};
use super::health::Verdict;
use super::probes::Probes;

/// Which round of a group a trial belongs to; none: a fast one between two rounds.
pub(super) type RoundNumber = Option<u64>;

/// A trial, told apart from every other of its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TrialId(u64);

#[derive(Debug)]
struct Trial {
    id: TrialId,
    round: RoundNumber,
    rule: Probes,
    probes: Vec<(ProbeId, Option<ProbeOutcome>)>,
    verdict: Option<Verdict>,
}

/// Those that are not counted yet, in order of sending.
#[derive(Debug, Default)]
pub(super) struct Trials {
    open: VecDeque<Trial>,
    made: u64,
}

/// A trial that needs no more results.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) trial: TrialId,
    pub(super) round: RoundNumber,
    pub(super) how: End,
}

/// How it came to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Succeeded,
    Failed,
    NoOpinion,
    /// A later one succeeded before it answered.
    Discarded,
}

/// What a result brought about.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    pub(super) ended: Vec<Ended>,
    /// Probes whose results are no longer wanted.
    pub(super) dropped: Vec<ProbeId>,
}

impl Trials {
    /// How many are not decided.
    pub(super) fn in_flight(&self) -> usize {
        self.open.iter().filter(|trial| trial.verdict.is_none()).count()
    }

    /// How many probes have no result yet.
    pub(super) fn probes_in_flight(&self) -> usize {
        self.open.iter().map(|trial| trial.unanswered().count()).sum()
    }

    pub(super) fn push(
        &mut self,
        ids: Vec<ProbeId>,
        probes: &Probes,
        round: RoundNumber,
    ) -> TrialId {
        let id = TrialId(self.made);
        self.made += 1;
        let probes_of = ids.into_iter().map(|id| (id, None)).collect();
        self.open.push_back(Trial {
            id,
            round,
            rule: probes.clone(),
            probes: probes_of,
            verdict: None,
        });
        id
    }

    /// Which trial a probe without a result is part of.
    pub(super) fn of_probe(&self, probe: ProbeId) -> Option<TrialId> {
        self.open.iter().find(|trial| trial.unanswered().any(|id| id == probe)).map(|t| t.id)
    }

    /// Takes a probe's result. A trial that succeeds discards the undecided ones sent before it.
    pub(super) fn record(&mut self, probe: ProbeId, outcome: ProbeOutcome) -> Recorded {
        let mut recorded = Recorded::default();
        let Some(at) = self.open.iter().position(|trial| trial.unanswered().any(|id| id == probe))
        else {
            return recorded;
        };
        let trial = &mut self.open[at];
        trial.take(probe, outcome);
        let Some(verdict) = trial.rule.judge(&trial.probes) else { return recorded };
        let how = match verdict {
            Verdict::Up(_) => End::Succeeded,
            Verdict::Down(_) => End::Failed,
            Verdict::NoOpinion(_) => End::NoOpinion,
        };
        recorded.dropped.extend(trial.unanswered());
        recorded.ended.push(Ended { trial: trial.id, round: trial.round, how });
        trial.forget_unanswered();
        trial.verdict = Some(verdict);
        if how == End::Succeeded {
            let mut place = 0;
            self.open.retain(|trial| {
                let keep = place >= at || trial.verdict.is_some();
                place += 1;
                if !keep {
                    recorded.dropped.extend(trial.unanswered());
                    let how = End::Discarded;
                    recorded.ended.push(Ended { trial: trial.id, round: trial.round, how });
                }
                keep
            });
        }
        recorded
    }

    /// The next verdict to count: none while the earliest trial is undecided.
    pub(super) fn next_counted(&mut self) -> Option<Verdict> {
        self.open.front()?.verdict.as_ref()?;
        self.open.pop_front()?.verdict
    }

    /// Gives all up: the probes without a result, and the undecided trials.
    pub(super) fn abandon(&mut self) -> Recorded {
        let mut recorded = Recorded::default();
        for trial in self.open.drain(..).filter(|trial| trial.verdict.is_none()) {
            recorded.dropped.extend(trial.unanswered());
            let how = End::Discarded;
            recorded.ended.push(Ended { trial: trial.id, round: trial.round, how });
        }
        recorded
    }
}

impl Trial {
    fn unanswered(&self) -> impl Iterator<Item = ProbeId> + '_ {
        self.probes.iter().filter(|(_, outcome)| outcome.is_none()).map(|&(id, _)| id)
    }

    fn forget_unanswered(&mut self) {
        self.probes.retain(|(_, outcome)| outcome.is_some());
    }

    fn take(&mut self, probe: ProbeId, outcome: ProbeOutcome) {
        if let Some((_, slot)) = self.probes.iter_mut().find(|(id, _)| *id == probe) {
            *slot = Some(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::event::Proof;
    use super::super::probes::{Combine, ProbeKey};
    use super::*;
    use crate::heartbeat::Reason;

    fn up() -> ProbeOutcome {
        ProbeOutcome::Up(Proof::within(Duration::from_millis(3)))
    }

    fn down(reason: &str) -> ProbeOutcome {
        ProbeOutcome::Down(Reason::new(reason))
    }

    fn blank() -> ProbeOutcome {
        ProbeOutcome::NoOpinion(Reason::new("blank"))
    }

    fn probes(combine: Combine, count: u32) -> Probes {
        Probes::new(combine, (0..count).map(|key| Probes::one(ProbeKey(key))).collect()).unwrap()
    }

    /// The verdict as a letter, and after how many of the results it stood.
    fn decided(combine: Combine, outcomes: &[ProbeOutcome]) -> (char, usize) {
        let count = u64::try_from(outcomes.len()).unwrap();
        let mut trials = Trials::default();
        let ids: Vec<_> = (0..count).map(ProbeId).collect();
        trials.push(ids.clone(), &probes(combine, u32::try_from(count).unwrap()), None);
        for (at, outcome) in outcomes.iter().enumerate() {
            let recorded = trials.record(ids[at], outcome.clone());
            if let Some(verdict) = trials.next_counted() {
                assert_eq!(recorded.dropped, ids[at + 1..], "the rest is not wanted");
                let letter = match verdict {
                    Verdict::Up(_) => 'u',
                    Verdict::Down(_) => 'd',
                    Verdict::NoOpinion(_) => 'n',
                };
                return (letter, at + 1);
            }
        }
        ('-', outcomes.len())
    }

    #[test]
    fn combinations_decide_as_soon_as_they_can() {
        let (u, d, b) = (up, || down("x"), blank);
        let table = [
            (Combine::All, vec![u(), u()], ('u', 2)),
            (Combine::All, vec![d(), u()], ('d', 1)),
            (Combine::Any, vec![u(), d()], ('u', 1)),
            (Combine::Any, vec![b(), d()], ('n', 2)),
            (Combine::AtLeast(2), vec![u(), u(), d()], ('u', 2)),
        ];
        for (combine, outcomes, expected) in table {
            assert_eq!(decided(combine, &outcomes), expected, "{combine:?} {outcomes:?}");
        }
    }

    #[test]
    fn results_count_in_order_of_sending() {
        let one = probes(Combine::All, 1);
        let mut trials = Trials::default();
        let first = trials.push(vec![ProbeId(1)], &one, Some(1));
        trials.push(vec![ProbeId(2)], &one, None);
        trials.record(ProbeId(2), down("second"));
        assert_eq!(trials.next_counted(), None, "the first is undecided");
        assert_eq!(trials.in_flight(), 1);
        let recorded = trials.record(ProbeId(1), down("first"));
        assert_eq!(recorded.ended, [Ended { trial: first, round: Some(1), how: End::Failed }]);
        assert_eq!(trials.next_counted(), Some(Verdict::Down(Reason::new("first"))));
        assert_eq!(trials.next_counted(), Some(Verdict::Down(Reason::new("second"))));
        assert_eq!(trials.next_counted(), None);
    }

    #[test]
    fn a_success_discards_the_unanswered_ones_before_it_and_no_other() {
        let one = probes(Combine::All, 1);
        let mut trials = Trials::default();
        for id in 1..=4 {
            trials.push(vec![ProbeId(id)], &one, Some(id));
        }
        trials.record(ProbeId(2), down("answered"));
        let recorded = trials.record(ProbeId(3), up());
        assert_eq!(recorded.dropped, [ProbeId(1)]);
        assert_eq!(recorded.ended.len(), 2);
        assert_eq!(trials.next_counted(), Some(Verdict::Down(Reason::new("answered"))));
        assert!(matches!(trials.next_counted(), Some(Verdict::Up(_))));
        assert_eq!(trials.next_counted(), None);
        assert_eq!(trials.in_flight(), 1, "the fourth still runs");
    }
}
