//! The task behind a publisher.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rais_proto::binder::{Publication, PublicationChange, Published};
use rais_proto::serial::Serial;
use rais_sdk::{Change, Fault as PluginFault, FaultKind};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{info, warn};

use super::drift::difference;
use super::{Job, Progress, PublishCounters};
use crate::config::Sink;
use crate::convert::{self, describe};
use crate::host;
use crate::plan::binder::SinkPlan;
use crate::shell::monitor::sleep_until;
use crate::state::journal::Event;
use crate::status::SinkState;

/// A sink's call that takes longer has failed; its own `timeout` comes first.
const LIMIT: Duration = Duration::from_secs(60);

/// A failure that is told in other words than before is said again after so long.
const SAID_AGAIN: Duration = Duration::from_secs(60);

/// A zone of more addresses is put together, and compared, beside the event loop: beats and other
/// zones are not to wait for it.
const LARGE: usize = 2_000;

/// Publishes one zone by one sink.
pub(super) struct Worker {
    /// For the log.
    zone: String,
    sink: SinkPlan,
    jobs: watch::Receiver<Option<Job>>,
    progress: watch::Sender<Progress>,
    counters: Arc<PublishCounters>,
    /// What the sink was given last, well or not.
    tried: Option<Arc<Publication>>,
    /// What the sink confirmed last: the next difference is to this.
    confirmed: Option<Arc<Confirmed>>,
    /// Whether the sink is known to have just that.
    standing: Standing,
    backoff: Duration,
    /// What the log was last told of a failure, and when.
    said: Option<(PluginFault, Instant)>,
    started: Instant,
    /// When what is served is looked at next, however often it is published until then.
    look: Option<Instant>,
}

/// What a sink said that it serves.
pub(super) struct Confirmed {
    pub(super) publication: Arc<host::Publication>,
    /// Ours, or later where the server counts for itself (it signs, it is updated).
    pub(super) serial: Serial,
}

/// What is known of what a sink has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// What it confirmed last.
    Known,
    /// Perhaps something else: a call has failed since, or another set was found there.
    Doubtful,
}

/// In what a sink has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Publishing,
    Looking,
}

/// What a worker does when it next wakes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Wait,
    Publish(Instant),
    Verify(Instant),
}

impl Worker {
    pub(super) fn new(
        zone: &str,
        sink: SinkPlan,
        jobs: watch::Receiver<Option<Job>>,
        progress: watch::Sender<Progress>,
        counters: Arc<PublishCounters>,
    ) -> Worker {
        Worker {
            zone: zone.to_owned(),
            backoff: sink.retry,
            sink,
            jobs,
            progress,
            counters,
            tried: None,
            confirmed: None,
            standing: Standing::Doubtful,
            said: None,
            started: Instant::now(),
            look: None,
        }
    }

    pub(super) async fn run(mut self) {
        let mut next = Next::Wait;
        let mut works_again = self.sink.works_again.subscribe();
        loop {
            let wake = match next {
                Next::Wait => None,
                Next::Publish(at) | Next::Verify(at) => Some(at.into_std()),
            };
            let retries = matches!(next, Next::Publish(_));
            if !retries {
                // Heard from here on: also what is rung while the next try is about to fail.
                works_again.mark_unchanged();
            }
            tokio::select! {
                changed = self.jobs.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // Other shares alone are no reason to trouble a sink that fails.
                    if !(retries && self.has_only_shares()) {
                        self.backoff = self.sink.retry;
                        next = self.publish().await;
                    }
                }
                // What was wrong with it for another zone is over. The plan outlives its workers.
                Ok(()) = works_again.changed(), if retries => next = self.publish().await,
                () = sleep_until(wake) => {
                    next = match next {
                        Next::Verify(_) => self.verify().await,
                        Next::Wait | Next::Publish(_) => self.publish().await,
                    };
                }
            }
        }
    }

    /// Whether the newest job differs from the one that was tried in shares alone.
    fn has_only_shares(&self) -> bool {
        let (newest, Some(tried)) = (self.jobs.borrow(), &self.tried) else { return false };
        newest.as_ref().is_some_and(|newest| {
            newest.publication.change == PublicationChange::Shares
                && has_the_addresses_of(&newest.publication, tried)
        })
    }

    async fn publish(&mut self) -> Next {
        let Some(job) = self.jobs.borrow_and_update().clone() else { return Next::Wait };
        let tried = job.publication.serial;
        self.tried = Some(Arc::clone(&job.publication));
        let before = self.confirmed.clone();
        let size = job.publication.services.iter().map(|(_, all)| all.len()).sum();
        let mut what = beside(size, move || {
            let before = before.as_ref().map(|confirmed| &*confirmed.publication);
            convert::publication(&job.publication, &job.zone, before)
        })
        .await;
        if self.standing == Standing::Doubtful {
            what.head.change = Change::Set;
        }
        let what = Arc::new(what);
        // Until it has answered well.
        self.standing = Standing::Doubtful;
        match self.sink.port.publish(Arc::clone(&what), LIMIT).await {
            Ok(serial) => {
                self.counters.published.fetch_add(1, Ordering::Relaxed);
                self.confirm(serial, &what);
                Next::Verify(self.look())
            }
            Err(fault) => {
                self.counters.failed.fetch_add(1, Ordering::Relaxed);
                self.fail(tried, Doing::Publishing, &fault);
                let again = Instant::now() + self.backoff;
                self.backoff = (self.backoff * 2).min(Sink::MAX_RETRY).max(self.sink.retry);
                Next::Publish(again)
            }
        }
    }

    /// Looks at what is served; publishes again where that is something else.
    async fn verify(&mut self) -> Next {
        self.look = None;
        let later = Next::Verify(self.look());
        let Some(confirmed) = self.confirmed.clone() else { return later };
        let publication = &confirmed.publication;
        match self.sink.port.served(&publication.zone, LIMIT).await {
            Ok(None) => later,
            Ok(Some(served)) => {
                let size = publication.records.len().max(served.records.len());
                match beside(size, move || difference(&confirmed, &served)).await {
                    None => later,
                    Some(difference) => {
                        warn!(zone = %self.zone, sink = %self.name(), "what is served is not what was published: {difference}; publishing again");
                        self.standing = Standing::Doubtful;
                        self.publish().await
                    }
                }
            }
            Err(fault) => {
                let tried = Serial(publication.head.serial);
                self.fail(tried, Doing::Looking, &fault);
                // Served or not: publishing is idempotent, and confirms.
                Next::Publish(Instant::now() + self.backoff)
            }
        }
    }

    /// The next look. Every `verify_interval`, each zone at another point of it: all at once would
    /// hold up what is to be published. What is published in between puts none off, or a busy zone
    /// would never be looked at.
    fn look(&mut self) -> Instant {
        let interval = self.sink.verify_interval;
        let now = Instant::now();
        let soonest = now.saturating_duration_since(self.started) + interval / 2;
        let phase = interval.mul_f64(share(&self.zone));
        let past = soonest.saturating_sub(phase).as_nanos().div_ceil(interval.as_nanos().max(1));
        let looks = u32::try_from(past).unwrap_or(u32::MAX);
        *self.look.get_or_insert(self.started + phase + interval.saturating_mul(looks))
    }

    fn confirm(&mut self, serial: u32, what: &Arc<host::Publication>) {
        self.backoff = self.sink.retry;
        self.standing = Standing::Known;
        let mut recovered = false;
        self.progress.send_modify(|progress| {
            progress.answer(Serial(what.head.serial), SinkState::Ok);
            progress.status.serial = Some(serial);
            recovered = progress.status.error.take().is_some();
        });
        self.counters.note(Event::Confirmed { zone: self.zone.clone(), sink: self.name(), serial });
        self.said = None;
        if recovered {
            self.sink.works_again.send_replace(());
        }
        let again = if recovered { " again" } else { "" };
        // An address stands there once for each owner.
        let count = what.records.len();
        let noun = if count == 1 { "record" } else { "records" };
        info!(zone = %self.zone, sink = %self.name(), serial, "published{again}: {count} {noun}; {}", what.head.reason);
        let publication = Arc::clone(what);
        self.confirmed = Some(Arc::new(Confirmed { publication, serial: Serial(serial) }));
    }

    /// `tried` could not be published, or be seen to be served.
    fn fail(&mut self, tried: Serial, doing: Doing, fault: &PluginFault) {
        let text = match doing {
            Doing::Publishing => describe(fault),
            Doing::Looking => format!("what is served cannot be seen: {}", describe(fault)),
        };
        // That a call must wait for others says nothing of what is wrong with them.
        let is_cause = fault.kind != FaultKind::Busy || self.said.is_none();
        self.progress.send_modify(|progress| {
            progress.answer(tried, SinkState::Failed);
            if is_cause {
                progress.status.error = Some(text.clone());
            }
        });
        if !is_cause || !self.is_news(fault) {
            return;
        }
        match doing {
            Doing::Publishing => {
                warn!(zone = %self.zone, sink = %self.name(), "not published: {text}");
            }
            Doing::Looking => warn!(zone = %self.zone, sink = %self.name(), "{text}"),
        }
        let (zone, sink) = (self.zone.clone(), self.name());
        self.counters.note(Event::Failed { zone, sink, error: text });
        self.said = Some((fault.clone(), Instant::now()));
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

fn has_the_addresses_of(one: &Publication, other: &Publication) -> bool {
    let alike = |(one, other): (&Published, &Published)| one.address == other.address;
    one.pending == other.pending
        && one.services.len() == other.services.len()
        && one.services.iter().zip(&other.services).all(|((one, all), (other, others))| {
            one == other && all.len() == others.len() && all.iter().zip(others).all(alike)
        })
}

/// Does `work` on so many addresses, beside the event loop where they are many.
async fn beside<T: Send + 'static>(size: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if size <= LARGE {
        return work();
    }
    match spawn_blocking(work).await {
        Ok(done) => done,
        // Nobody aborts it: it panicked, and that goes on here.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// From 0 to 1, always the same for a zone.
pub(super) fn share(zone: &str) -> f64 {
    // FNV-1a: neighbouring names lie far apart, and nobody gains by choosing one.
    let hash = zone
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, octet| (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193));
    f64::from(hash) / f64::from(u32::MAX)
}
