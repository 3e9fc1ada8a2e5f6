//! Several probes that make one verdict, nested as deep as one likes.

use std::sync::Arc;

use super::config::MonitorConfigError;
use super::event::{ProbeId, ProbeOutcome, Proof};
use super::health::Verdict;
use crate::heartbeat::Reason;

/// The shell's handle of a configured probe.
///
/// Across a reload an equal key means an equal probe: whoever changes a probe gives it a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeKey(pub u32);

/// One or several probes, and what they mean together. A copy shares all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probes(Arc<Rule>);

/// How several probes make one verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// Every one must succeed.
    All,
    /// One that succeeds is enough.
    Any,
    /// So many must succeed.
    AtLeast(usize),
}

#[derive(Debug, PartialEq, Eq)]
enum Rule {
    One(ProbeKey),
    AtLeast { need: usize, parts: Vec<Probes> },
}

/// What is known of a part.
enum Known {
    Up(Proof),
    Failed(Reason),
    NoOpinion(Reason),
    NotYet,
}

impl Probes {
    /// A single probe.
    pub fn one(key: ProbeKey) -> Probes {
        Probes(Arc::new(Rule::One(key)))
    }

    /// `parts` combined.
    ///
    /// # Errors
    /// There is none, or `combine` wants none or more of them than there are.
    pub fn new(combine: Combine, parts: Vec<Probes>) -> Result<Probes, MonitorConfigError> {
        if parts.is_empty() {
            return Err(MonitorConfigError::NoProbe);
        }
        let need = match combine {
            Combine::All => parts.len(),
            Combine::Any => 1,
            Combine::AtLeast(wanted) => wanted,
        };
        if !(1..=parts.len()).contains(&need) {
            return Err(MonitorConfigError::OutOf { wanted: need, probes: parts.len() });
        }
        Ok(Probes(Arc::new(Rule::AtLeast { need, parts })))
    }

    /// Every probe in it, in the order written; at least one.
    pub fn keys(&self) -> Vec<ProbeKey> {
        let mut keys = Vec::new();
        self.collect(&mut keys);
        keys
    }

    fn collect(&self, keys: &mut Vec<ProbeKey>) {
        match &*self.0 {
            Rule::One(key) => keys.push(*key),
            Rule::AtLeast { parts, .. } => parts.iter().for_each(|part| part.collect(keys)),
        }
    }

    /// What the outcomes say, in the order of [`keys`](Probes::keys), as soon as no further one can
    /// change it.
    pub(super) fn judge(&self, outcomes: &[(ProbeId, Option<ProbeOutcome>)]) -> Option<Verdict> {
        match self.known(&mut outcomes.iter().map(|(_, outcome)| outcome.as_ref())) {
            Known::Up(proof) => Some(Verdict::Up(proof)),
            Known::Failed(reason) => Some(Verdict::Down(reason)),
            Known::NoOpinion(reason) => Some(Verdict::NoOpinion(reason)),
            Known::NotYet => None,
        }
    }

    fn known(&self, next: &mut dyn Iterator<Item = Option<&ProbeOutcome>>) -> Known {
        let (need, parts) = match &*self.0 {
            Rule::One(_) => return Known::of(next.next().flatten()),
            Rule::AtLeast { need, parts } => (*need, parts),
        };
        let (mut ups, mut failed, mut waiting) = (0, 0, 0);
        let mut proven: Option<Proof> = None;
        let (mut evidence, mut blindness) = (None, None);
        for part in parts {
            match part.known(next) {
                Known::Up(proof) => {
                    ups += 1;
                    proven = Some(match proven {
                        Some(before) => before.and(proof),
                        None => proof,
                    });
                }
                Known::Failed(reason) => {
                    failed += 1;
                    evidence.get_or_insert(reason);
                }
                Known::NoOpinion(reason) => {
                    blindness.get_or_insert(reason);
                }
                Known::NotYet => waiting += 1,
            }
        }
        if let Some(proof) = proven.filter(|_| ups >= need) {
            Known::Up(proof)
        } else if parts.len() - failed < need {
            Known::Failed(evidence.unwrap_or_default())
        } else if waiting == 0 {
            Known::NoOpinion(blindness.unwrap_or_default())
        } else {
            Known::NotYet
        }
    }
}

impl Proof {
    /// Of several: the slowest, with the highest load of all.
    fn and(self, other: Proof) -> Proof {
        let load = self.load.max(other.load);
        let slowest = if other.took > self.took { other } else { self };
        Proof { load, ..slowest }
    }
}

impl Known {
    fn of(outcome: Option<&ProbeOutcome>) -> Known {
        match outcome {
            None => Known::NotYet,
            Some(ProbeOutcome::Up(proof)) => Known::Up(proof.clone()),
            Some(ProbeOutcome::Down(reason)) => Known::Failed(reason.clone()),
            Some(ProbeOutcome::TimedOut(reason)) => Known::Failed(timed_out(reason)),
            Some(ProbeOutcome::NoOpinion(reason)) => Known::NoOpinion(reason.clone()),
        }
    }
}

fn timed_out(reason: &Reason) -> Reason {
    if reason.as_str().is_empty() { Reason::new("timeout") } else { reason.clone() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::load::Load;

    fn one() -> Probes {
        Probes::one(ProbeKey(1))
    }

    fn some(combine: Combine, parts: &[Probes]) -> Probes {
        Probes::new(combine, parts.to_vec()).unwrap()
    }

    /// u, d, t(imed out), n(o opinion) or `-` (not yet) for each probe; what is judged of them.
    fn judged(probes: &Probes, outcomes: &str) -> String {
        let outcomes: Vec<_> = (0u64..)
            .zip(outcomes.chars())
            .map(|(id, letter)| {
                let reason = Reason::new(&format!("{letter}{id}"));
                let took = Duration::from_millis(id);
                let load = Load::from_percent(10.0 * f64::from(u8::try_from(id).unwrap()));
                let outcome = match letter {
                    'u' => Some(ProbeOutcome::Up(Proof { load, ..Proof::within(took) })),
                    'd' => Some(ProbeOutcome::Down(reason)),
                    't' => Some(ProbeOutcome::TimedOut(reason)),
                    'n' => Some(ProbeOutcome::NoOpinion(reason)),
                    _ => None,
                };
                (ProbeId(id), outcome)
            })
            .collect();
        assert_eq!(outcomes.len(), probes.keys().len());
        match probes.judge(&outcomes) {
            None => "-".to_owned(),
            Some(Verdict::Up(proof)) => {
                format!("up {} {}", proof.took.as_millis(), proof.load.unwrap().as_percent())
            }
            Some(Verdict::Down(reason)) => format!("down {reason}"),
            Some(Verdict::NoOpinion(reason)) => format!("blind {reason}"),
        }
    }

    #[test]
    fn a_verdict_falls_as_soon_as_nothing_can_change_it() {
        let all = some(Combine::All, &[one(), one(), one()]);
        let any = some(Combine::Any, &[one(), one(), one()]);
        let two = some(Combine::AtLeast(2), &[one(), one(), one()]);
        let table = [
            (&all, "uuu", "up 2 20"),
            (&all, "uu-", "-"),
            (&all, "-d-", "down d1"),
            (&all, "-td", "down t1"),
            (&all, "un-", "-"),
            (&all, "unu", "blind n1"),
            (&all, "und", "down d2"),
            (&any, "-u-", "up 1 10"),
            (&any, "dd-", "-"),
            (&any, "dtd", "down d0"),
            (&any, "dnd", "blind n1"),
            (&any, "dnu", "up 2 20"),
            (&two, "u-u", "up 2 20"),
            (&two, "d-d", "down d0"),
            (&two, "udn", "blind n2"),
            (&two, "un-", "-"),
        ];
        for (probes, outcomes, expected) in table {
            assert_eq!(judged(probes, outcomes), expected, "{probes:?} {outcomes}");
        }
    }

    #[test]
    fn combinations_stand_within_combinations() {
        // A front, and one of two backs.
        let backs = some(Combine::Any, &[one(), one()]);
        let site = some(Combine::All, &[one(), backs]);
        let table = [
            ("uud", "up 1 10"),
            ("udu", "up 2 20"),
            ("udd", "down d1"),
            ("d--", "down d0"),
            ("-dd", "down d1"),
            ("u-d", "-"),
            ("und", "blind n1"),
            ("unu", "up 2 20"),
            ("-nd", "-"),
        ];
        for (outcomes, expected) in table {
            assert_eq!(judged(&site, outcomes), expected, "{outcomes}");
        }
    }

    #[test]
    fn a_timeout_is_told_as_the_probe_has_it() {
        for (said, told) in [("timeout at connecting", "timeout at connecting"), ("", "timeout")] {
            assert_eq!(timed_out(&Reason::new(said)).as_str(), told);
        }
    }

    #[test]
    fn probes_that_cannot_be_are_refused() {
        assert_eq!(Probes::new(Combine::All, vec![]), Err(MonitorConfigError::NoProbe));
        for wanted in [0, 3] {
            let made = Probes::new(Combine::AtLeast(wanted), vec![one(), one()]);
            assert_eq!(made, Err(MonitorConfigError::OutOf { wanted, probes: 2 }));
        }
    }
}
