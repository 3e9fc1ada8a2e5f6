//! Built-in sinks behind their port.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rais_sdk::host::{SinkObject, one_line};
use rais_sdk::{Fault, Served};
use tracing::warn;

use super::apart::{self, Apart};
use super::pool::{Pool, Unawaited};
use super::port::{Answer, Publication, SinkPort};

/// Of the limit of a stop, calls under way have one part in so many to end by themselves.
const PART_TO_END_BY_ITSELF: u32 = 4;
/// Of the limit of an assignment, publications of zones that go elsewhere have one part in so many.
const PART_TO_LET_GO: u32 = 2;

/// A sink, on its plugin's pool.
pub(super) struct PooledSink {
    sink: Apart<SinkObject>,
    turns: Arc<Turns>,
    pool: Arc<Pool>,
}

/// Which zones a call is about now: one call a zone, also after a caller gave one up.
#[derive(Default)]
struct Turns {
    taken: Mutex<Taken>,
    given_back: Condvar,
}

#[derive(Default)]
struct Taken {
    zones: BTreeSet<String>,
    /// Those that it may publish; all, before it is told.
    its: Option<BTreeSet<String>>,
    phase: Phase,
}

#[derive(Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    Ended,
}

/// A zone's turn, until dropped.
struct Turn {
    zone: String,
    turns: Arc<Turns>,
}

impl PooledSink {
    pub(super) fn new(sink: SinkObject, pool: Arc<Pool>) -> PooledSink {
        PooledSink { sink: Apart::new(pool.plugin(), sink), turns: Arc::default(), pool }
    }

    fn call<T: Send + 'static>(
        &self,
        zone: &str,
        limit: Duration,
        call: impl FnOnce(&SinkObject) -> Result<T, Fault> + Send + 'static,
    ) -> Answer<T> {
        let turn = match Turns::take(&self.turns, zone) {
            Ok(turn) => turn,
            Err(fault) => return Box::pin(async { Err(fault) }),
        };
        let sink = self.sink.clone();
        self.pool.run(limit, Unawaited::Skip, move || {
            // It may have been stopped while the call waited for a thread.
            turn.turns.taken().goes_on()?;
            call(&sink)
        })
    }
}

impl SinkPort for PooledSink {
    fn assign(&self, zones: Arc<[String]>, limit: Duration) -> Answer<()> {
        let (sink, turns) = (self.sink.clone(), Arc::clone(&self.turns));
        turns.taken().its = Some(zones.iter().cloned().collect());
        let plugin = self.pool.plugin().to_owned();
        self.pool.run(limit, Unawaited::Run, move || {
            // Whoever has these zones from now on must not publish beside what is under way here.
            if let Err(zones) = turns.let_go(Instant::now() + limit / PART_TO_LET_GO) {
                let zones = zones.join(", ");
                warn!(target: "plugin", plugin, "goes on with what is no longer its: {zones}");
            }
            sink.assign(&zones)
        })
    }

    fn publish(&self, what: Arc<Publication>, limit: Duration) -> Answer<u32> {
        let publication = Arc::clone(&what);
        let turns = Arc::clone(&self.turns);
        self.call(&what.zone, limit, move |sink| {
            // Another sink may have it by now.
            turns.taken().allow(&publication.zone)?;
            sink.publish(&publication.as_zone())
        })
    }

    fn served(&self, zone: &str, limit: Duration) -> Answer<Option<Served>> {
        let name = zone.to_owned();
        self.call(zone, limit, move |sink| {
            let mut served = sink.served(&name)?;
            if let Some(served) = &mut served {
                served.differs = served.differs.take().map(one_line);
            }
            Ok(served)
        })
    }

    fn stop(&self, limit: Duration) -> Answer<()> {
        let sink = self.sink.clone();
        let turns = Arc::clone(&self.turns);
        turns.taken().phase = Phase::Ended;
        apart::answer(&format!("stop-{}", self.pool.plugin()), limit, move || {
            // What does not end by itself is for the plugin to end: what it started outside of
            // this process would go on otherwise.
            turns.wait_for_all(Instant::now() + limit / PART_TO_END_BY_ITSELF);
            sink.stop();
            turns.wait_for_all(Instant::now() + limit);
            Ok(())
        })
    }
}

impl Turns {
    fn take(turns: &Arc<Turns>, zone: &str) -> Result<Turn, Fault> {
        let mut taken = turns.taken();
        taken.goes_on()?;
        if !taken.zones.insert(zone.to_owned()) {
            return Err(Fault::busy(format!("an earlier call for {zone} has not returned yet")));
        }
        Ok(Turn { zone: zone.to_owned(), turns: Arc::clone(turns) })
    }

    /// Waits until every turn was given back, at most until `end`.
    fn wait_for_all(&self, end: Instant) {
        let left = end.saturating_duration_since(Instant::now());
        let waits = |taken: &mut Taken| !taken.zones.is_empty();
        // Over or not, the caller goes on.
        let _ = self.given_back.wait_timeout_while(self.taken(), left, waits);
    }

    /// Waits until no call is about a zone that is not its, at most until `end`.
    ///
    /// # Errors
    /// The zones that still have one.
    fn let_go(&self, end: Instant) -> Result<(), Vec<String>> {
        let left = end.saturating_duration_since(Instant::now());
        let waits = |taken: &mut Taken| taken.others().next().is_some();
        let waited = self.given_back.wait_timeout_while(self.taken(), left, waits);
        let (taken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let others: Vec<_> = taken.others().cloned().collect();
        if others.is_empty() { Ok(()) } else { Err(others) }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Zones that a call is about, and that are not its.
    fn others(&self) -> impl Iterator<Item = &String> {
        let is_its = |zone: &&String| self.its.as_ref().is_none_or(|its| its.contains(*zone));
        self.zones.iter().filter(move |zone| !is_its(zone))
    }

    fn goes_on(&self) -> Result<(), Fault> {
        match self.phase {
            Phase::Open => Ok(()),
            Phase::Ended => Err(Fault::busy("the sink is stopped")),
        }
    }

    fn allow(&self, zone: &str) -> Result<(), Fault> {
        match &self.its {
            Some(its) if !its.contains(zone) => Err(Fault::busy(format!("{zone} is not its"))),
            _ => Ok(()),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.taken().zones.remove(&self.zone);
        self.turns.given_back.notify_all();
    }
}
