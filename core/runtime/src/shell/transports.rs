//! The transports of one process: one datagram out by all of them, what comes in by one queue.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rais_sdk::{Fault as PluginFault, FaultKind};
use tracing::{error, info, warn};

use crate::convert::describe;
use crate::host::{Answer, Queue, TransportPort};

/// How long a transport may take to start or stop.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends by every transport.
///
/// What became of a datagram is looked at when the next is sent, and by [`Outlets::settle`]: beats
/// are many, and nobody is to be woken for each that has left.
#[derive(Default)]
pub struct Outlets {
    outlets: Vec<Outlet>,
    /// The number of the next datagram.
    next: u64,
    failed: u64,
    /// Which of those have failed of which another transport has not told yet.
    recent: BTreeSet<u64>,
}

struct Outlet {
    name: String,
    port: Arc<dyn TransportPort>,
    /// What is not known to have left, by number, oldest first.
    under_way: VecDeque<(u64, Answer<()>)>,
    /// Where its last datagram failed: said once a change.
    trouble: Option<Trouble>,
}

/// Why a transport does not send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Since when nothing has left.
    pub since: Instant,
    /// What it says, of the last.
    pub why: String,
}

impl Outlets {
    /// Over these.
    pub fn new<'a>(
        transports: impl Iterator<Item = (&'a String, &'a Arc<dyn TransportPort>)>,
    ) -> Outlets {
        let outlets = transports.map(|(name, port)| Outlet {
            name: name.clone(),
            port: Arc::clone(port),
            under_way: VecDeque::new(),
            trouble: None,
        });
        Outlets { outlets: outlets.collect(), ..Outlets::default() }
    }

    /// Over others from now on; the count goes on, and so does the trouble of one that stays.
    pub fn replace(&mut self, with: Outlets) {
        let before = std::mem::replace(&mut self.outlets, with.outlets);
        for outlet in &mut self.outlets {
            let same = before.iter().find(|other| Arc::ptr_eq(&other.port, &outlet.port));
            outlet.trouble = same.and_then(|other| other.trouble.clone());
        }
    }

    /// The transports that do not send, by name, as far as is settled.
    pub fn troubles(&self) -> impl Iterator<Item = (&str, &Trouble)> {
        let outlets = self.outlets.iter();
        outlets.filter_map(|outlet| Some((&*outlet.name, outlet.trouble.as_ref()?)))
    }

    /// Datagrams that a transport could not send, each once, as far as is settled.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Sends by every transport, without waiting for any.
    pub fn send(&mut self, datagram: &Arc<[u8]>) {
        self.settle();
        for outlet in &mut self.outlets {
            outlet.under_way.push_back((self.next, outlet.port.send(Arc::clone(datagram))));
        }
        self.next += 1;
    }

    /// Looks at what has become of the datagrams; says once where they begin to fail, or end to.
    pub fn settle(&mut self) {
        for outlet in &mut self.outlets {
            for number in outlet.settle() {
                self.failed += u64::from(self.recent.insert(number));
            }
        }
        let oldest = self.outlets.iter().filter_map(|outlet| outlet.under_way.front());
        let oldest = oldest.map(|(number, _)| *number).min().unwrap_or(self.next);
        self.recent = self.recent.split_off(&oldest);
    }
}

impl Outlet {
    /// Which more have failed.
    fn settle(&mut self) -> Vec<u64> {
        let mut failed = Vec::new();
        let mut nobody = Context::from_waker(Waker::noop());
        while let Some((number, answer)) = self.under_way.front_mut() {
            let number = *number;
            let Poll::Ready(result) = answer.as_mut().poll(&mut nobody) else { break };
            self.under_way.pop_front();
            if result.is_err() {
                failed.push(number);
            }
            self.note(result);
        }
        failed
    }

    fn note(&mut self, result: Result<(), PluginFault>) {
        match (result, &mut self.trouble) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => {
                self.trouble = None;
                info!(transport = %self.name, "sends again");
            }
            (Err(fault), Some(trouble)) => trouble.why = describe(&fault),
            (Err(fault), None) => {
                let why = describe(&fault);
                warn!(transport = %self.name, "cannot send: {why}");
                self.trouble = Some(Trouble { since: Instant::now(), why });
            }
        }
    }
}

impl std::fmt::Debug for Outlets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.outlets.iter().map(|outlet| &outlet.name)).finish()
    }
}

/// The transports that receive, by name.
#[derive(Default)]
pub struct Receivers {
    started: Mutex<Started>,
}

type Started = BTreeMap<String, Arc<dyn TransportPort>>;

/// A transport and its name.
type Named = (String, Arc<dyn TransportPort>);

impl Receivers {
    /// Has those of `transports` that do not receive yet receive into `queue`.
    ///
    /// One that cannot have what an old one has, an address for one, is tried again once those that
    /// are to go have ended.
    ///
    /// # Errors
    /// The name and fault of one that cannot; those that were started with it are stopped again,
    /// and those that were ended for it receive again.
    pub async fn start<'a>(
        &self,
        transports: impl Iterator<Item = (&'a String, &'a Arc<dyn TransportPort>)>,
        queue: &Queue,
    ) -> Result<(), (String, PluginFault)> {
        let wanted: Vec<Named> =
            transports.map(|(name, port)| (name.clone(), Arc::clone(port))).collect();
        let mut change = Change::default();
        for (name, port) in wanted.iter().filter(|(name, port)| !self.has(name, port)) {
            // Also one whose start fails is stopped: it may still be at it.
            change.started.push((name.clone(), Arc::clone(port)));
            let mut outcome = port.start(queue.of(name), PATIENCE).await;
            let in_the_way = outcome.as_ref().is_err_and(is_taken) && change.ended.is_empty();
            if in_the_way {
                change.ended = self.going(&wanted);
                if !change.ended.is_empty() {
                    end_all(&change.ended).await;
                    outcome = port.start(queue.of(name), PATIENCE).await;
                }
            }
            if let Err(fault) = outcome {
                self.undo(change, queue).await;
                return Err((name.clone(), fault));
            }
        }
        let mut started = self.started();
        for (name, port) in change.ended {
            if started.get(&name).is_some_and(|now| Arc::ptr_eq(now, &port)) {
                started.remove(&name);
            }
        }
        for (name, port) in change.started {
            if let Some(before) = started.insert(name, port) {
                tokio::spawn(async move { before.stop(PATIENCE).await });
            }
        }
        Ok(())
    }

    /// Stops those that are not in `transports` any more.
    pub async fn keep<'a>(&self, transports: impl Iterator<Item = &'a String>) {
        let kept: Vec<&String> = transports.collect();
        let gone: Vec<Named> = {
            let mut started = self.started();
            let names: Vec<String> =
                started.keys().filter(|name| !kept.contains(name)).cloned().collect();
            names.iter().filter_map(|name| started.remove_entry(name)).collect()
        };
        end_all(&gone).await;
    }

    /// Those that receive and are not in `wanted`.
    fn going(&self, wanted: &[Named]) -> Vec<Named> {
        let stays = |port| wanted.iter().any(|(_, other)| Arc::ptr_eq(other, port));
        let started = self.started();
        let going = started.iter().filter(|(_, port)| !stays(port));
        going.map(|(name, port)| (name.clone(), Arc::clone(port))).collect()
    }

    async fn undo(&self, change: Change, queue: &Queue) {
        end_all(&change.started).await;
        for (name, port) in change.ended {
            if let Err(fault) = port.start(queue.of(&name), PATIENCE).await {
                error!(transport = %name, "receives no more, not even as before: {}", describe(&fault));
                // The next reload tries it again.
                self.started().remove(&name);
            }
        }
    }

    fn has(&self, name: &str, port: &Arc<dyn TransportPort>) -> bool {
        self.started().get(name).is_some_and(|other| Arc::ptr_eq(other, port))
    }

    fn started(&self) -> MutexGuard<'_, Started> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What [`Receivers::start`] has done so far.
#[derive(Default)]
struct Change {
    started: Vec<Named>,
    ended: Vec<Named>,
}

/// Whether a fault may come from another that has what this one needs.
fn is_taken(fault: &PluginFault) -> bool {
    matches!(fault.kind, FaultKind::Io | FaultKind::Busy)
}

async fn end_all(ports: &[Named]) {
    for (_, port) in ports {
        // Whatever it says, it is not to receive.
        let _ = port.stop(PATIENCE).await;
    }
}

#[cfg(test)]
mod tests;
