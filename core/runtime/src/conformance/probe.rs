//! Calls of probes: many, of servers that answer, and of those that do not.

use std::collections::BTreeMap;
use std::iter;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rais_sdk::{Fault, FaultKind, Target, Up};
use tokio::time::sleep;

use super::finding::{Check, State, Verdict};
use super::instance::Instance;
use super::stage::{Places, Unread};
use super::times::{Times, count, counted, millis, took};
use super::trial::{Trial, overdue};
use crate::host::ProbePort;

/// Of each call.
const TIMEOUT: Duration = Duration::from_millis(200);
/// Beyond its timeout a call may take so long, and whatever this machine is late by itself.
const GRACE: Duration = Duration::from_millis(200);
const CALLS: usize = 1000;
/// So long they are made one after the other; what is left is made many at once.
const ONE_BY_ONE: Duration = Duration::from_millis(1500);
const MANY: usize = 50;
/// For all of them.
const LONGEST: Duration = Duration::from_secs(4);
/// A machine that is busy is late; a plugin is late every time.
const TRIES: usize = 3;
/// How many wait at once where that costs no threads, and where it does.
const TOGETHER: usize = 200;
const TOGETHER_BLOCKING: usize = 50;

type Port = Arc<dyn ProbePort>;

/// A call that has ended.
struct Ended {
    answer: Result<Up, Fault>,
    took: Duration,
}

/// What calls came to, by verdict.
#[derive(Default)]
struct Tally(BTreeMap<String, usize>);

pub(super) fn once(trial: &Trial<'_>, port: &Port) {
    call(trial, port, trial.job.places.closing);
}

/// One after the other, of a server that closes each connection.
pub(super) fn calls(trial: &mut Trial<'_>) -> Verdict {
    let Some(port) = port(trial) else { return nothing() };
    let address = trial.job.places.closing;
    let (mut times, mut tally) = (Times::default(), Tally::default());
    let begun = Instant::now();
    let mut hung = 0;
    while times.count() < CALLS && begun.elapsed() < ONE_BY_ONE {
        let ended = call(trial, &port, address);
        if let Err(fault) = &ended.answer {
            if let Some(verdict) = trial.broke(fault) {
                return after(verdict, times.count());
            }
            if overdue(fault, ended.took, TIMEOUT) {
                hung += 1;
                if hung == TRIES {
                    trial.stop("its calls do not return");
                    let text = format!("a call does not return: {}", fault.text);
                    return after(Verdict::failed(text), times.count());
                }
                continue;
            }
        }
        hung = 0;
        tally.add(&ended);
        times.add(ended.took);
    }
    while times.count() < CALLS && begun.elapsed() < LONGEST {
        let number = MANY.min(CALLS - times.count());
        for ended in trial.wait(at_once(&port, address, number, None)).0 {
            if let Err(fault) = &ended.answer
                && let Some(verdict) = trial.broke(fault)
            {
                return after(verdict, times.count());
            }
            tally.add(&ended);
            times.add(ended.took);
        }
    }
    let calls = counted(times.count(), "call");
    let text = format!("{calls}: {}; {}", times.text(), tally.text());
    tally.told(times.told(Verdict::passed(text)))
}

/// Of a host that answers nothing.
pub(super) fn black_hole(trial: &mut Trial<'_>) -> Verdict {
    let Some(port) = port(trial) else { return nothing() };
    let Places { black_hole, black_hole_of_tcp, refusing, .. } = trial.job.places;
    let before = Unread::at(black_hole);
    waits(trial, &port, black_hole, |trial, ended| {
        if ended.answer.is_err() {
            return None;
        }
        let after = Unread::at(black_hole);
        let up = |address| call(trial, &port, address).answer.is_ok();
        Some(if up(refusing) {
            Verdict::warning("up also where nobody listens: it does not look at its target")
        } else if after.is_some() && after == before && !up(black_hole_of_tcp) {
            // The socket is there for the kernel, whom it asks in place of the host.
            Verdict::skipped("it asks nobody at its target")
        } else {
            Verdict::failed(format!(
                "up after {}, though nobody answered: after every wake ask the socket itself \
                 whether it is connected",
                took(ended.took)
            ))
        })
    })
}

/// Of a server that takes connections, and says nothing.
pub(super) fn silence(trial: &mut Trial<'_>) -> Verdict {
    let Some(port) = port(trial) else { return nothing() };
    waits(trial, &port, trial.job.places.silent, |_, _| None)
}

/// That a call to `address` ends in time, unless `judge` knows better.
fn waits(
    trial: &mut Trial<'_>,
    port: &Port,
    address: SocketAddr,
    judge: impl Fn(&Trial<'_>, &Ended) -> Option<Verdict>,
) -> Verdict {
    let mut under_way = false;
    let verdict = again(|| {
        let (ended, allowed) = timed(trial, port, address);
        under_way = by_host(&ended);
        judge(trial, &ended).unwrap_or_else(|| in_time(trial, &ended, allowed))
    });
    if verdict.state == State::Failed && under_way {
        // Who holds the plugin may lose patience at any moment.
        trial.stop("a call of it may still be under way");
    }
    verdict
}

/// As many as wait for a dead host, all at the same time, and one beside them that need not wait.
pub(super) fn together(trial: &mut Trial<'_>) -> Verdict {
    if trial.failed(Check::BlackHole) {
        return Verdict::skipped("not tried: one alone does not end in time");
    }
    let Some(port) = port(trial) else { return nothing() };
    let number = if trial.blocks { TOGETHER_BLOCKING } else { TOGETHER };
    let lone = call(trial, &port, trial.job.places.closing).took;
    // Where it waits also for a server that answers, that says nothing.
    let beside = (lone < TIMEOUT / 4).then_some(trial.job.places.closing);
    again(|| {
        let (mut all, late) =
            trial.wait(at_once(&port, trial.job.places.black_hole, number, beside));
        let allowed = TIMEOUT + GRACE + late;
        if let Some(fault) = all.iter().find_map(|ended| ended.answer.as_ref().err())
            && let Some(verdict) = trial.broke(fault)
        {
            return verdict;
        }
        let held_up =
            beside.and_then(|_| all.pop()).is_some_and(|it| it.took > TIMEOUT * 3 / 4 + late);
        let mut times = Times::default();
        all.iter().for_each(|ended| times.add(ended.took));
        let good = all.iter().filter(|it| it.took <= allowed && !by_host(it)).count();
        let longest = took(times.longest());
        let verdict = if trial.blocks && good < number {
            Verdict::failed(format!(
                "{good} of {number} at once ended in time: the others had to wait for them"
            ))
        } else if good < number || held_up {
            let what = match good < number {
                true => format!("{good} of {number} at once ended in time"),
                false => format!("{number} at once held up another that had not to wait"),
            };
            Verdict::failed(format!(
                "{what}: it blocks the thread that all share; wait with what `Cx` and \
                 `rais_sdk::net` have, or make it a BlockingProbe"
            ))
        } else {
            Verdict::passed(format!("{} at once, all ended within {longest}", count(number)))
        };
        verdict
            .with("calls", number)
            .with("in_time", good)
            .with("max_ms", millis(times.longest()))
            .with("timeout_ms", millis(TIMEOUT))
    })
}

/// That a call ended in time by itself, and said where it waited.
fn in_time(trial: &mut Trial<'_>, ended: &Ended, allowed: Duration) -> Verdict {
    let so_long = took(ended.took);
    let verdict = match &ended.answer {
        Err(fault) if let Some(verdict) = trial.broke(fault) => verdict,
        _ if by_host(ended) || ended.took > allowed => {
            let cure = match trial.blocks {
                true => "give each call that waits `cx.left()` as its limit",
                false => {
                    "it blocks its thread; wait with what `Cx` and `rais_sdk::net` have, or make \
                     it a BlockingProbe"
                }
            };
            let timeout = took(TIMEOUT);
            Verdict::failed(format!("not over {GRACE:?} after its timeout of {timeout}: {cure}"))
        }
        Err(Fault { kind: FaultKind::Timeout, at, .. }) if at.is_empty() => {
            let cure = "say what it waits for by cx.phase(\"connecting\") or the like";
            Verdict::warning(format!("timeout after {so_long}, without a phase: {cure}"))
        }
        Err(Fault { kind: FaultKind::Timeout, at, .. }) => {
            Verdict::passed(format!("timeout at \"{at}\" after {so_long}"))
        }
        Err(fault) => Verdict::passed(format!("{} after {so_long}: {}", fault.kind, fault.text)),
        Ok(_) => Verdict::passed(format!("up after {so_long}: it needs no answer")),
    };
    verdict.with("took_ms", millis(ended.took)).with("timeout_ms", millis(TIMEOUT))
}

/// Whether the host ended it.
fn by_host(ended: &Ended) -> bool {
    let Err(fault) = &ended.answer else { return false };
    overdue(fault, ended.took, TIMEOUT)
        || fault.kind == FaultKind::Busy && fault.at.is_empty() && ended.took >= TIMEOUT
}

/// Until it does not fail: a busy machine must not fail a plugin.
fn again(mut attempt: impl FnMut() -> Verdict) -> Verdict {
    let mut verdict = attempt();
    for _ in 1..TRIES {
        if verdict.state != State::Failed {
            break;
        }
        verdict = attempt();
    }
    verdict
}

fn call(trial: &Trial<'_>, port: &Port, address: SocketAddr) -> Ended {
    trial.wait(ended(port, address))
}

/// A call, and how long it may take: this machine may itself be late.
fn timed(trial: &Trial<'_>, port: &Port, address: SocketAddr) -> (Ended, Duration) {
    trial.wait(async {
        let late = tokio::spawn(lateness());
        let ended = ended(port, address).await;
        (ended, TIMEOUT + GRACE + late.await.unwrap_or_default())
    })
}

/// So many calls, last one of `beside`, and how late this machine was meanwhile.
async fn at_once(
    port: &Port,
    address: SocketAddr,
    number: usize,
    beside: Option<SocketAddr>,
) -> (Vec<Ended>, Duration) {
    let late = tokio::spawn(lateness());
    let calls = iter::repeat_n(address, number).chain(beside);
    let calls: Vec<_> = calls.map(|address| tokio::spawn(ended(port, address))).collect();
    let mut all = Vec::new();
    for call in calls {
        // Only a panic of our own could keep it away.
        all.extend(call.await.ok());
    }
    (all, late.await.unwrap_or_default())
}

/// The call begins at once.
fn ended(port: &Port, address: SocketAddr) -> impl Future<Output = Ended> + Send + 'static {
    let begun = Instant::now();
    let answer = port.probe(Target::new(address, "conformance", "conformance"), TIMEOUT);
    async move {
        let answer = answer.await;
        Ended { answer, took: begun.elapsed() }
    }
}

/// How much later than asked for this process is woken.
async fn lateness() -> Duration {
    let begun = Instant::now();
    sleep(TIMEOUT).await;
    begun.elapsed().saturating_sub(TIMEOUT)
}

fn port(trial: &Trial<'_>) -> Option<Port> {
    match &trial.kept {
        Some(Instance::Probe(port)) => Some(Arc::clone(port)),
        _ => None,
    }
}

fn nothing() -> Verdict {
    Verdict::skipped("not tried: there is no instance")
}

fn after(verdict: Verdict, calls: usize) -> Verdict {
    verdict.after(calls, "call").with("calls", calls)
}

impl Tally {
    fn add(&mut self, ended: &Ended) {
        let verdict = match &ended.answer {
            Ok(_) => "up".to_owned(),
            Err(fault) => fault.kind.to_string(),
        };
        *self.0.entry(verdict).or_default() += 1;
    }

    fn text(&self) -> String {
        let each = self.0.iter().map(|(verdict, number)| format!("{} {verdict}", count(*number)));
        each.collect::<Vec<_>>().join(", ")
    }

    fn told(&self, verdict: Verdict) -> Verdict {
        self.0.iter().fold(verdict, |told, (verdict, number)| told.with(verdict, *number))
    }
}
