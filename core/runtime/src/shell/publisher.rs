//! One zone to one sink: the newest publication, tried until it is confirmed, then verified.

mod drift;
mod worker;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rais_proto::binder::Publication;
use rais_proto::serial::Serial;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use worker::Worker;

use crate::clock::Clock;
use crate::plan::binder::{SinkPlan, ZonePlan};
use crate::state::journal::{Event, Pen};
use crate::status::{SinkState, SinkStatus};

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
        let worker = Worker::new(zone, plan.clone(), receiver, progress.clone(), counters);
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

#[cfg(test)]
mod tests;
