//! One zone to one sink: the newest publication, tried until it is confirmed, then verified.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rais_proto::binder::Publication;
use rais_proto::serial::Serial;
use rais_sdk::{Fault as PluginFault, Owner, Record, Served};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{info, warn};

use super::monitor::sleep_until;
use crate::clock::Clock;
use crate::config::Sink;
use crate::convert::{self, describe};
use crate::host;
use crate::plan::binder::{SinkPlan, ZonePlan};
use crate::state::journal::{Event, Pen};
use crate::status::{SinkState, SinkStatus};

/// A sink's call that takes longer has failed; its own `timeout` comes first.
const LIMIT: Duration = Duration::from_secs(60);

/// A failure that is told in other words than before is said again after so long.
const SAID_AGAIN: Duration = Duration::from_secs(60);

/// What is to be published, and what it is made of.
#[derive(Debug, Clone)]
pub struct Job {
    /// The addresses.
    pub publication: Arc<Publication>,
    /// Everything else.
    pub zone: Arc<ZonePlan>,
}

/// What all publishers count together, and where they write down what became of publications.
#[derive(Debug)]
pub struct PublishCounters {
    /// Publications that a sink confirmed.
    pub published: AtomicU64,
    /// Tries that failed.
    pub failed: AtomicU64,
    pen: Pen,
    clock: Clock,
}

impl PublishCounters {
    /// None yet; what happens is written down by `pen`.
    pub fn noting(pen: Pen, clock: Clock) -> PublishCounters {
        let (published, failed) = Default::default();
        PublishCounters { published, failed, pen, clock }
    }

    fn note(&self, event: Event) {
        self.pen.note(self.clock.wall(), event);
    }
}

/// The task that publishes one zone by one sink; ended with it.
pub struct Publisher {
    plan: SinkPlan,
    jobs: watch::Sender<Option<Job>>,
    progress: watch::Sender<Progress>,
    task: JoinHandle<()>,
}

struct Worker {
    /// For the log.
    zone: String,
    sink: SinkPlan,
    jobs: watch::Receiver<Option<Job>>,
    progress: watch::Sender<Progress>,
    counters: Arc<PublishCounters>,
    /// What the sink confirmed last: the next difference is to this.
    confirmed: Option<Confirmed>,
    backoff: Duration,
    /// What the log was last told of a failure, and when.
    said: Option<(PluginFault, Instant)>,
    started: Instant,
}

/// How far a sink is, and for which publication its answer is waited.
#[derive(Debug, Clone)]
struct Progress {
    status: SinkStatus,
    awaited: Option<Serial>,
}

impl Progress {
    fn await_answer(&mut self, to: Serial) {
        self.status.state = SinkState::Pending;
        self.awaited = Some(to);
    }

    /// The sink has answered to the publication of `serial`, well or not. A later one that is
    /// decided already, though it may not be handed over yet, is still waited for.
    fn answer(&mut self, serial: Serial, state: SinkState) {
        let later = self.awaited.is_some_and(|awaited| awaited.is_after(serial));
        self.status.state = if later { SinkState::Pending } else { state };
        self.awaited = self.awaited.filter(|_| later);
    }
}

/// What a sink said that it serves.
struct Confirmed {
    publication: Arc<host::Publication>,
    /// Ours, or later where the server counts for itself (it signs, it is updated).
    serial: Serial,
}

/// What a worker does when it next wakes by itself.
#[derive(Clone, Copy)]
enum Next {
    Wait,
    Publish(Instant),
    Verify(Instant),
}

impl Publisher {
    /// Starts the task; it waits for a first [`Publisher::publish`].
    pub fn start(
        zone: &str,
        name: &str,
        plan: SinkPlan,
        counters: Arc<PublishCounters>,
    ) -> Publisher {
        let (jobs, receiver) = watch::channel(None);
        let progress = watch::Sender::new(Progress {
            status: SinkStatus {
                sink: name.to_owned(),
                state: SinkState::Pending,
                serial: None,
                error: None,
            },
            awaited: None,
        });
        let worker = Worker {
            zone: zone.to_owned(),
            sink: plan.clone(),
            jobs: receiver,
            progress: progress.clone(),
            counters,
            confirmed: None,
            backoff: plan.retry,
            said: None,
            started: Instant::now(),
        };
        Publisher { plan, jobs, progress, task: tokio::spawn(worker.run()) }
    }

    /// Publishes `job` next; an older one that is not under way yet is overtaken.
    pub fn publish(&self, job: Job) {
        let serial = job.publication.serial;
        self.progress.send_modify(|progress| progress.await_answer(serial));
        self.jobs.send_replace(Some(job));
    }

    /// [`Publisher::publish`], to be called later and from elsewhere.
    pub fn later(&self, job: Job) -> impl FnOnce() + Send + use<> {
        let serial = job.publication.serial;
        self.progress.send_modify(|progress| progress.await_answer(serial));
        let jobs = self.jobs.clone();
        move || {
            jobs.send_if_modified(|current| {
                let serial = |job: &Job| job.publication.serial;
                let stale = current.as_ref().is_some_and(|now| serial(now).is_after(serial(&job)));
                if !stale {
                    *current = Some(job);
                }
                !stale
            });
        }
    }

    /// Whether it works as `plan` says.
    pub fn is_of(&self, plan: &SinkPlan) -> bool {
        Arc::ptr_eq(&self.plan.port, &plan.port)
            && self.plan.retry == plan.retry
            && self.plan.verify_interval == plan.verify_interval
    }

    /// Resolves when nothing is under way: the newest job is confirmed or has failed.
    pub fn settled(&self) -> impl Future<Output = SinkStatus> + Send + 'static {
        let mut progress = self.progress.subscribe();
        async move {
            // An end of the worker settles it too.
            let _ = progress.wait_for(|progress| progress.awaited.is_none()).await;
            progress.borrow().status.clone()
        }
    }

    /// How far it is.
    pub fn status(&self) -> SinkStatus {
        let mut status = self.progress.borrow().status.clone();
        if self.task.is_finished() {
            // It only ends by a panic: a mistake of ours, which must not look like patience.
            status.state = SinkState::Failed;
            status.error = Some("its task has ended; only a restart starts it again".to_owned());
        }
        status
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // A call under way goes on in the plugin; nobody waits for it.
        self.task.abort();
    }
}

impl Worker {
    async fn run(mut self) {
        let mut next = Next::Wait;
        let works_again = Arc::clone(&self.sink.works_again);
        loop {
            let wake = match next {
                Next::Wait => None,
                Next::Publish(at) | Next::Verify(at) => Some(at.into_std()),
            };
            let retries = matches!(next, Next::Publish(_));
            tokio::select! {
                changed = self.jobs.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.backoff = self.sink.retry;
                    next = self.publish().await;
                }
                // What was wrong with it for another zone is over.
                () = works_again.notified(), if retries => next = self.publish().await,
                () = sleep_until(wake) => {
                    next = match next {
                        Next::Verify(_) => self.verify().await,
                        Next::Wait | Next::Publish(_) => self.publish().await,
                    };
                }
            }
        }
    }

    async fn publish(&mut self) -> Next {
        let Some(job) = self.jobs.borrow_and_update().clone() else { return Next::Wait };
        let before = self.confirmed.as_ref().map(|confirmed| &*confirmed.publication);
        let what = Arc::new(convert::publication(&job.publication, &job.zone, before));
        match self.sink.port.publish(Arc::clone(&what), LIMIT).await {
            Ok(serial) => {
                self.counters.published.fetch_add(1, Ordering::Relaxed);
                self.confirm(serial, &what);
                Next::Verify(self.next_look())
            }
            Err(fault) => {
                self.counters.failed.fetch_add(1, Ordering::Relaxed);
                self.fail(&fault);
                let again = Instant::now() + self.backoff;
                self.backoff = (self.backoff * 2).min(Sink::MAX_RETRY).max(self.sink.retry);
                Next::Publish(again)
            }
        }
    }

    /// Looks at what is served; publishes again where that is something else.
    async fn verify(&mut self) -> Next {
        let later = Next::Verify(self.next_look());
        let Some(confirmed) = &self.confirmed else { return later };
        match self.sink.port.served(&confirmed.publication.zone, LIMIT).await {
            Ok(None) => later,
            Ok(Some(served)) => match difference(confirmed, &served) {
                None => later,
                Some(difference) => {
                    warn!(zone = %self.zone, sink = %self.name(), "what is served is not what was published: {difference}; publishing again");
                    self.publish().await
                }
            },
            Err(fault) => {
                self.counters.failed.fetch_add(1, Ordering::Relaxed);
                self.fail(&fault);
                // Served or not: publishing is idempotent, and confirms.
                Next::Publish(Instant::now() + self.backoff)
            }
        }
    }

    /// Every `verify_interval`, each zone at another point of it: all at once would hold up what is
    /// to be published.
    fn next_look(&self) -> Instant {
        let interval = self.sink.verify_interval;
        let now = Instant::now();
        let soonest = now.saturating_duration_since(self.started) + interval / 2;
        let phase = interval.mul_f64(share(&self.zone));
        let past = soonest.saturating_sub(phase).as_nanos().div_ceil(interval.as_nanos().max(1));
        let looks = u32::try_from(past).unwrap_or(u32::MAX);
        self.started + phase + interval.saturating_mul(looks)
    }

    fn confirm(&mut self, serial: u32, what: &Arc<host::Publication>) {
        self.backoff = self.sink.retry;
        let mut recovered = false;
        self.progress.send_modify(|progress| {
            progress.answer(Serial(what.head.serial), SinkState::Ok);
            progress.status.serial = Some(serial);
            recovered = progress.status.error.take().is_some();
        });
        self.counters.note(Event::Confirmed { zone: self.zone.clone(), sink: self.name(), serial });
        self.said = None;
        if recovered {
            self.sink.works_again.notify_waiters();
        }
        let again = if recovered { " again" } else { "" };
        let count = what.records.len();
        info!(zone = %self.zone, sink = %self.name(), serial, "published{again}: {count} addresses; {}", what.head.reason);
        self.confirmed = Some(Confirmed { publication: Arc::clone(what), serial: Serial(serial) });
    }

    fn fail(&mut self, fault: &PluginFault) {
        let text = describe(fault);
        let tried = self.jobs.borrow().as_ref().map(|job| job.publication.serial);
        self.progress.send_modify(|progress| {
            if let Some(serial) = tried {
                progress.answer(serial, SinkState::Failed);
            }
            progress.status.error = Some(text.clone());
        });
        if self.is_news(fault) {
            let (zone, sink, error) = (self.zone.clone(), self.name(), text.clone());
            self.counters.note(Event::Failed { zone, sink, error });
            warn!(zone = %self.zone, sink = %self.name(), "not published: {text}");
            self.said = Some((fault.clone(), Instant::now()));
        }
    }

    /// Said once a change of state. One who finds other words each time is heard now and then.
    fn is_news(&self, fault: &PluginFault) -> bool {
        match &self.said {
            None => true,
            Some((said, _)) if said == fault => false,
            Some((said, at)) => said.kind != fault.kind || at.elapsed() >= SAID_AGAIN,
        }
    }

    fn name(&self) -> String {
        self.progress.borrow().status.sink.clone()
    }
}

/// From 0 to 1, always the same for a zone.
fn share(zone: &str) -> f64 {
    // FNV-1a: neighbouring names lie far apart, and nobody gains by choosing one.
    let hash = zone
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, octet| (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193));
    f64::from(hash) / f64::from(u32::MAX)
}

/// How what is served differs from what was published, for people; none where it does not. A
/// serial ahead of ours is the server's own business.
fn difference(confirmed: &Confirmed, served: &Served) -> Option<String> {
    let published = &confirmed.publication;
    let ours = addresses(&published.head.owners, &published.records);
    let theirs = addresses(&served.owners, &served.records);
    let count = |of: &BTreeSet<_>, without: &BTreeSet<_>| of.difference(without).count();
    let (missing, foreign) = (count(&ours, &theirs), count(&theirs, &ours));
    if (missing, foreign) != (0, 0) {
        return Some(format!("{missing} addresses missing, {foreign} not ours"));
    }
    if served.differs.is_some() {
        return served.differs.clone();
    }
    let behind = served.serial.filter(|&serial| confirmed.serial.is_after(Serial(serial)))?;
    Some(format!("serial {behind} in place of {}", confirmed.serial))
}

fn addresses<'a>(owners: &'a [Owner], records: &[Record]) -> BTreeSet<(&'a str, IpAddr)> {
    let named = records.iter().filter_map(|record| {
        let owner = owners.get(usize::try_from(record.owner).ok()?)?;
        Some((owner.name.as_str(), record.ip))
    });
    named.collect()
}

#[cfg(test)]
mod tests;
