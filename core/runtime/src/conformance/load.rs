//! Samples of loads.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rais_sdk::{Fault, Reading, Subject, Target, Up};

use super::finding::Verdict;
use super::instance::Instance;
use super::times::{Times, count, counted, millis, took};
use super::trial::{Trial, overdue};
use crate::host::LoadPort;

const SAMPLES: usize = 1000;
/// For all of them.
const LONGEST: Duration = Duration::from_secs(2);
/// One that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(3);
/// One that takes longer is of little use.
const DEADLINE: Duration = Duration::from_secs(1);
/// A first load is there by then,
const FIRST: Duration = Duration::from_secs(3);
/// where it is asked for so often.
const PAUSE: Duration = Duration::from_millis(300);
/// What every service is asked with.
const SERVICE: &str = "conformance";

type Port = Arc<dyn LoadPort>;

pub(super) fn once(trial: &Trial<'_>, port: &Port) {
    // What comes of it was seen before.
    let _ = sample(trial, port, Subject::new(SERVICE), LIMIT);
}

/// Of the host and of an address in turn.
pub(super) fn calls(trial: &mut Trial<'_>) -> Verdict {
    let Some(port) = port(trial) else { return nothing() };
    let mut times = Times::default();
    let (mut unknown, mut faults, mut known) = (0, 0, None);
    let mut last = String::new();
    let begun = Instant::now();
    while times.count() < SAMPLES && begun.elapsed() < LONGEST {
        let subject = subject(trial, times.count());
        let (answer, took) = sample(trial, &port, subject, LIMIT);
        times.add(took);
        match answer {
            Ok(Reading { load: Some(load), .. }) => known = Some(load),
            Ok(_) => unknown += 1,
            Err(fault) => {
                if let Some(verdict) = trial.broke(&fault) {
                    return times.told(verdict.after(times.count() - 1, "sample"));
                }
                if overdue(&fault, took, LIMIT) {
                    trial.stop("its samples do not return");
                    return Verdict::failed(format!("a sample does not return: {}", fault.text));
                }
                faults += 1;
                last = fault.to_string();
            }
        }
    }
    let samples = counted(times.count(), "sample");
    let text = format!("{samples}: {}", times.text());
    let late = match known {
        // Some need a while between two samples.
        None if faults == 0 => first(trial, &port),
        _ => None,
    };
    let verdict = match known.or(late) {
        Some(load) => {
            let rest = match (unknown, faults) {
                (0, 0) => String::new(),
                (unknown, 0) => format!(" (unknown {} times)", count(unknown)),
                (unknown, faults) => {
                    format!(" ({} unknown, {})", count(unknown), counted(faults, "fault"))
                }
            };
            Verdict::passed(format!("{text}; load {load} %{rest}"))
        }
        None if faults > 0 => Verdict::warning(format!("{text}; no load was told: {last}")),
        None => Verdict::warning(format!("{text}; no load was told, it is unknown every time")),
    };
    times.told(verdict).with("unknown", unknown).with("faults", faults)
}

/// The first load that is told.
fn first(trial: &Trial<'_>, port: &Port) -> Option<f64> {
    let begun = Instant::now();
    while begun.elapsed() < FIRST {
        thread::sleep(PAUSE);
        let (answer, _) = sample(trial, port, Subject::new(SERVICE), LIMIT);
        if let Ok(Reading { load: Some(load), .. }) = answer {
            return Some(load);
        }
    }
    None
}

/// One more, in time.
pub(super) fn deadline(trial: &mut Trial<'_>) -> Verdict {
    let Some(port) = port(trial) else { return nothing() };
    let mut verdict = Verdict::failed("");
    // A busy machine is late; a plugin is late every time.
    for subject in [subject(trial, 0), subject(trial, 1)] {
        let (answer, so_long) = sample(trial, &port, subject, DEADLINE);
        if let Err(fault) = &answer
            && let Some(verdict) = trial.broke(fault)
        {
            return verdict;
        }
        let in_time = so_long <= DEADLINE;
        verdict = match in_time {
            true => Verdict::passed(format!("a sample is there after {}", took(so_long))),
            false => Verdict::failed(format!(
                "a sample takes more than {}: measure on a thread of its own, and tell the last",
                took(DEADLINE)
            )),
        }
        .with("took_ms", millis(so_long))
        .with("limit_ms", millis(DEADLINE));
        if in_time {
            break;
        }
    }
    verdict
}

/// Of the host, then of an address that was up.
fn subject(trial: &Trial<'_>, number: usize) -> Subject {
    let host = Subject::new(SERVICE);
    if number.is_multiple_of(2) {
        return host;
    }
    let target = Target::new(trial.job.places.closing, SERVICE, SERVICE);
    host.with_target(target).with_last(Up::new(Duration::from_millis(1)))
}

fn sample(
    trial: &Trial<'_>,
    port: &Port,
    of: Subject,
    limit: Duration,
) -> (Result<Reading, Fault>, Duration) {
    let begun = Instant::now();
    let answer = trial.wait(async { port.sample(of, limit).await });
    (answer, begun.elapsed())
}

fn port(trial: &Trial<'_>) -> Option<Port> {
    match &trial.kept {
        Some(Instance::Load(port)) => Some(Arc::clone(port)),
        _ => None,
    }
}

fn nothing() -> Verdict {
    Verdict::skipped("not tried: there is no instance")
}
