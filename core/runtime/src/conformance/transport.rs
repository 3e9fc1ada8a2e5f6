//! Datagrams by transports. They go where the table says, so they are tried with a table of their
//! own only.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rais_sdk::{Fault, FaultKind};
use tokio::sync::mpsc;

use super::finding::{Check, Verdict};
use super::instance::Instance;
use super::times::{Times, count, counted};
use super::trial::{Trial, overdue};
use crate::host::{self, Arrived, TransportPort};

const SENDS: usize = 1000;
/// After it was started again.
const SENDS_AGAIN: usize = 100;
/// For all of them.
const LONGEST: Duration = Duration::from_secs(3);
/// To start, to stop.
const LIMIT: Duration = Duration::from_secs(3);
/// A send never blocks: the host's own limit for one.
const SENDING: Duration = Duration::from_secs(1);
/// What was sent has come by then, or will not.
const COMING: Duration = Duration::from_secs(1);
/// Nothing came for so long: nothing comes.
const QUIET: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_millis(5);
/// Octets of a datagram.
const LENGTH: usize = 300;

type Port = Arc<dyn TransportPort>;

/// What was sent, and what of it came back.
struct Flight {
    times: Times,
    busy: usize,
    faults: usize,
    fault: Option<Fault>,
    back: usize,
}

pub(super) fn once(trial: &Trial<'_>, port: &Port) {
    let (queue, _arrived) = host::inbox(16);
    trial.wait(async {
        // What comes of it was seen before.
        let _ = port.start(queue.of("conformance"), LIMIT).await;
        let _ = port.send(datagram(0).into()).await;
        let _ = port.stop(LIMIT).await;
    });
}

/// Many, to wherever the table says; what comes back is counted.
pub(super) fn send(trial: &mut Trial<'_>) -> Verdict {
    let port = match port(trial) {
        Ok(port) => port,
        Err(verdict) => return verdict,
    };
    match flight(trial, &port, SENDS) {
        Ok(flight) => flight.verdict(""),
        Err(verdict) => verdict,
    }
}

/// The same once more, after its end.
pub(super) fn restart(trial: &mut Trial<'_>) -> Verdict {
    let port = match port(trial) {
        Ok(port) => port,
        Err(verdict) => return verdict,
    };
    if trial.failed(Check::Send) {
        return Verdict::skipped("not tried: it does not work before");
    }
    match flight(trial, &port, SENDS_AGAIN) {
        Ok(flight) => flight.verdict("started again: "),
        Err(verdict) => verdict,
    }
}

/// Started, sent, stopped.
fn flight(trial: &mut Trial<'_>, port: &Port, sends: usize) -> Result<Flight, Verdict> {
    let (queue, mut arrived) = host::inbox(4 * SENDS);
    begin(trial, "start", port.start(queue.of("conformance"), LIMIT))?;
    let mut flight = Flight { times: Times::default(), busy: 0, faults: 0, fault: None, back: 0 };
    let begun = Instant::now();
    for number in 0..sends {
        if begun.elapsed() > LONGEST {
            break;
        }
        let sent = Instant::now();
        let answer = trial.wait(async { port.send(datagram(number).into()).await });
        let took = sent.elapsed();
        flight.times.add(took);
        let Err(fault) = answer else { continue };
        if let Some(verdict) = trial.broke(&fault) {
            return Err(verdict);
        }
        if overdue(&fault, took, SENDING) {
            trial.stop("its calls do not return");
            let text = "a send does not return: it must not block; put what cannot go at once in a \
                        queue of its own";
            return Err(Verdict::failed(text));
        }
        if fault.kind == FaultKind::Busy {
            flight.busy += 1;
        } else {
            flight.faults += 1;
            flight.fault = Some(fault);
        }
    }
    flight.back = came_back(&mut arrived, flight.times.count());
    begin(trial, "stop", port.stop(LIMIT))?;
    Ok(flight)
}

/// A start or stop that must succeed.
fn begin(trial: &mut Trial<'_>, what: &str, answer: host::Answer<()>) -> Result<(), Verdict> {
    let begun = Instant::now();
    let Err(fault) = trial.wait(answer) else { return Ok(()) };
    if let Some(verdict) = trial.broke(&fault) {
        return Err(verdict);
    }
    if overdue(&fault, begun.elapsed(), LIMIT) {
        trial.stop(&format!("`{what}` does not return"));
    }
    Err(Verdict::failed(format!("`{what}` gives a fault of kind {}: {fault}", fault.kind)))
}

/// How many of ours; of strangers' there may be any number.
fn came_back(arrived: &mut mpsc::Receiver<Arrived>, sent: usize) -> usize {
    let mut back = 0;
    let begun = Instant::now();
    let mut last = begun;
    while back < sent && begun.elapsed() < COMING && last.elapsed() < QUIET {
        match arrived.try_recv() {
            Ok(arrived) if is_ours(&arrived.data) => {
                back += 1;
                last = Instant::now();
            }
            Ok(_) => {}
            Err(_) => thread::sleep(LOOK),
        }
    }
    back
}

impl Flight {
    fn verdict(&self, before: &str) -> Verdict {
        let sent = self.times.count() - self.busy - self.faults;
        let [went, back] = [sent, self.back].map(count);
        let what = format!("{before}{went} sent, {back} of them came back; {}", self.times.text());
        let verdict = match &self.fault {
            Some(fault) if sent == 0 => Verdict::failed(format!(
                "{before}none of {} was sent: {fault}",
                counted(self.times.count(), "datagram")
            )),
            Some(fault) => {
                let faults = counted(self.faults, "fault");
                Verdict::warning(format!("{what}; {faults}, the last: {fault}"))
            }
            None if self.back == 0 => Verdict::warning(format!(
                "{what}. Whether it receives is seen with a table that makes it its own peer"
            )),
            None => Verdict::passed(what),
        };
        let verdict =
            verdict.with("sent", sent).with("busy", self.busy).with("faults", self.faults);
        self.times.told(verdict.with("came_back", self.back))
    }
}

fn datagram(number: usize) -> Vec<u8> {
    let mut octets = format!("{MARK} {number} ").into_bytes();
    octets.resize(LENGTH, b'.');
    octets
}

const MARK: &str = "rais conformance";

fn is_ours(data: &[u8]) -> bool {
    data.len() == LENGTH && data.starts_with(MARK.as_bytes())
}

fn port(trial: &Trial<'_>) -> Result<Port, Verdict> {
    match &trial.kept {
        _ if trial.job.given.is_none() => {
            Err(Verdict::skipped("give --config: it sends where its table says"))
        }
        Some(Instance::Transport(port)) => Ok(Arc::clone(port)),
        _ => Err(Verdict::skipped("not tried: there is no instance")),
    }
}
