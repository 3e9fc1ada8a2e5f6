//! What several probes say of a target together: the rules by which a monitor judges.

use std::time::Duration;

use rais_proto::load::Load;
use rais_runtime::config::Probe;
use rais_sdk::{Fault, Up};

use super::row::Outcome;

/// What one probe, or several together, say of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// After so long; of several that are needed the slowest, and the highest load.
    Up { took: Duration, load: Option<Load> },
    /// For the first reason against it.
    Down(String),
    /// Nothing can be said; [`Outcome::Failed`] where a plugin or this machine is to blame.
    NoOpinion(Outcome, String),
}

impl Verdict {
    /// That of a single probe.
    pub(super) fn of(answer: &Result<Up, Fault>) -> Verdict {
        let fault = match answer {
            Ok(up) => {
                let load = up.load.and_then(Load::from_percent);
                return Verdict::Up { took: up.took, load };
            }
            Err(fault) => fault,
        };
        match Outcome::of(fault) {
            Outcome::Down => Verdict::Down(fault.to_string()),
            Outcome::Timeout if fault.at.is_empty() => Verdict::Down("timeout".to_owned()),
            Outcome::Timeout => Verdict::Down(format!("timeout at {}", fault.at)),
            outcome => Verdict::NoOpinion(outcome, fault.to_string()),
        }
    }
}

/// How a combination is called; none: a single probe, which is its own verdict.
pub(super) fn rule(probe: &Probe) -> Option<String> {
    match probe {
        Probe::One(_) => None,
        Probe::All(_) => Some("all".to_owned()),
        Probe::Any(_) => Some("any".to_owned()),
        Probe::Of(need, parts) => Some(format!("{need} of {}", parts.len())),
    }
}

/// What is `said` by the calls of `probe`, in their order, as soon as no further one can change it.
pub(super) fn judge(probe: &Probe, said: &[Option<Verdict>]) -> Option<Verdict> {
    known(probe, &mut said.iter())
}

fn known(probe: &Probe, next: &mut std::slice::Iter<'_, Option<Verdict>>) -> Option<Verdict> {
    let (need, parts) = match probe {
        Probe::One(_) => return next.next().cloned().flatten(),
        Probe::All(parts) => (parts.len(), parts),
        Probe::Any(parts) => (1, parts),
        Probe::Of(need, parts) => (*need, parts),
    };
    let (mut ups, mut downs, mut waiting) = (0, 0, 0);
    let (mut slowest, mut highest) = (Duration::ZERO, None);
    let (mut against, mut blind) = (None, None);
    for part in parts {
        match known(part, next) {
            Some(Verdict::Up { took, load }) => {
                ups += 1;
                slowest = slowest.max(took);
                highest = highest.max(load);
            }
            Some(Verdict::Down(reason)) => {
                downs += 1;
                against.get_or_insert(reason);
            }
            // A failure is worth more than a mere "unknown": somebody has to mend it.
            Some(Verdict::NoOpinion(outcome, reason)) => match &blind {
                Some((Outcome::Failed, _)) => {}
                Some(_) if outcome != Outcome::Failed => {}
                _ => blind = Some((outcome, reason)),
            },
            None => waiting += 1,
        }
    }
    if ups >= need {
        Some(Verdict::Up { took: slowest, load: highest })
    } else if parts.len() - downs < need {
        Some(Verdict::Down(against.unwrap_or_default()))
    } else if waiting == 0 {
        let (outcome, reason) = blind.unwrap_or((Outcome::Unknown, String::new()));
        Some(Verdict::NoOpinion(outcome, reason))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rais_runtime::config;

    use super::*;

    fn probe(rule: &str) -> Probe {
        let text = format!("[host]\nname = \"h\"\n[monitor.service.s]\nprobe = {rule}\n");
        let text = text.replace('x', "{ type = \"tcp\", port = 80 }");
        let loaded = config::parse(Path::new("rais.toml"), &text);
        let config = loaded.unwrap_or_else(|faults| panic!("{faults}")).config;
        config.monitor.services.values().next().unwrap().probe.clone()
    }

    /// u(p), d(own), t(imed out), n(o opinion), f(ailed) or `-` (not yet) for each probe; what is
    /// judged of them.
    fn judged(rule: &str, letters: &str) -> String {
        let probe = probe(rule);
        assert_eq!(letters.len(), probe.calls().len());
        let answer = |(at, letter): (u32, char)| {
            let text = format!("{letter}{at}");
            let up = Up::new(Duration::from_millis(at.into())).with_load(f64::from(at * 10));
            Some(Verdict::of(&match letter {
                'u' => Ok(up),
                'd' => Err(Fault::down(text)),
                't' => Err(Fault::timeout(text, "no answer")),
                'n' => Err(Fault::unknown(text)),
                'f' => Err(Fault::io(text)),
                _ => return None,
            }))
        };
        let said: Vec<_> = (0..).zip(letters.chars()).map(answer).collect();
        match judge(&probe, &said) {
            None => "-".to_owned(),
            Some(Verdict::Up { took, load }) => {
                format!("up {} {}", took.as_millis(), load.unwrap().as_percent())
            }
            Some(Verdict::Down(reason)) => format!("down {reason}"),
            Some(Verdict::NoOpinion(outcome, reason)) => format!("{outcome:?} {reason}"),
        }
    }

    #[test]
    fn a_combination_is_judged_as_a_monitor_judges_it() {
        let (all, any) = ("{ all = [x, x, x] }", "{ any = [x, x, x] }");
        let two = "{ of = 2, in = [x, x, x] }";
        let table = [
            ("x", "u", "up 0 0"),
            ("x", "d", "down d0"),
            ("x", "n", "Unknown n0"),
            (all, "uuu", "up 2 20"),
            (all, "uu-", "-"),
            (all, "-d-", "down d1"),
            (all, "-td", "down timeout at t1"),
            (all, "unu", "Unknown n1"),
            (all, "unf", "Failed f2"),
            (all, "ufn", "Failed f1"),
            (all, "und", "down d2"),
            (any, "-u-", "up 1 10"),
            (any, "dd-", "-"),
            (any, "dtd", "down d0"),
            (any, "dnd", "Unknown n1"),
            (any, "dnu", "up 2 20"),
            (two, "u-u", "up 2 20"),
            (two, "d-d", "down d0"),
            (two, "udn", "Unknown n2"),
            (two, "un-", "-"),
        ];
        for (rule, letters, expected) in table {
            assert_eq!(judged(rule, letters), expected, "{rule} {letters}");
        }
    }

    #[test]
    fn combinations_stand_within_combinations() {
        // A front, and one of two backs.
        let site = "{ all = [x, { any = [x, x] }] }";
        for (letters, expected) in [
            ("uud", "up 1 10"),
            ("udu", "up 2 20"),
            ("udd", "down d1"),
            ("d--", "down d0"),
            ("u-d", "-"),
            ("und", "Unknown n1"),
            ("unu", "up 2 20"),
        ] {
            assert_eq!(judged(site, letters), expected, "{letters}");
        }
    }

    #[test]
    fn a_combination_has_a_name() {
        let named = ["x", "{ all = [x] }", "{ any = [x, x] }", "{ of = 2, in = [x, x, x] }"];
        let named = named.map(|one| rule(&probe(one)).unwrap_or_default());
        assert_eq!(named, ["", "all", "any", "2 of 3"]);
    }
}
