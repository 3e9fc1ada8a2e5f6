//! Built-in probes behind their port.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rais_proto::monitor::BACKSTOP;
use rais_sdk::host::{BlockingProbeObject, ProbeCall, ProbeObject};
use rais_sdk::{Fault, FaultKind, Target, Up};
use tokio::sync::oneshot;
use tokio::time::timeout as limited;

use super::GRACE;
use super::apart::Apart;
use super::lane::Lane;
use super::pool::{Pool, Unawaited};
use super::port::{Answer, ProbePort};

// A monitor waits for the host's own word on a stuck plugin.
const _: () = assert!(GRACE.as_millis() < BACKSTOP.as_millis());

/// An async probe, on its plugin's lane.
pub(super) struct LaneProbe {
    probe: Apart<ProbeObject>,
    lane: Arc<Lane>,
    grace: Duration,
}

/// A blocking probe, on its plugin's pool.
pub(super) struct PooledProbe {
    probe: Apart<BlockingProbeObject>,
    pool: Arc<Pool>,
}

impl LaneProbe {
    pub(super) fn new(probe: ProbeObject, lane: Arc<Lane>, grace: Duration) -> LaneProbe {
        LaneProbe { probe: Apart::new(lane.plugin(), probe), lane, grace }
    }
}

impl ProbePort for LaneProbe {
    fn probe(&self, target: Target, timeout: Duration) -> Answer<Up> {
        let (done, outcome) = oneshot::channel();
        let probe = self.probe.clone();
        let asked = Instant::now();
        let running = self.lane.run(move |counted| async move {
            let _counted = counted;
            // What waited while thousands began has the less time left.
            let waited = asked.elapsed();
            let left = timeout.saturating_sub(waited);
            // Begun here too: a plugin's code runs on its lane only.
            let outcome = probe.start(ProbeCall { target, timeout: left }).await;
            let outcome = outcome.map_err(|fault| match fault.kind {
                // It had not the time that it was to have: no fault of the target's.
                FaultKind::Timeout if waited > timeout / 4 => Fault::unknown(format_args!(
                    "this host was {} ms late to ask",
                    waited.as_millis()
                )),
                _ => fault,
            });
            // Who has stopped waiting need not hear.
            let _ = done.send(outcome);
        });
        let lane = Arc::clone(&self.lane);
        let most = timeout.saturating_add(self.grace);
        Box::pin(async move {
            // Dropped with this, it ends the probe.
            let _running = running;
            // The plugin's side ends a probe in time, as long as its lane moves.
            match limited(most, outcome).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Err(Fault::unknown("the probe was abandoned")),
                Err(_) => Err(Fault::unknown(format!(
                    "the probe `{}` blocks its thread: nothing came within {timeout:?}",
                    lane.plugin()
                ))),
            }
        })
    }
}

impl PooledProbe {
    pub(super) fn new(probe: BlockingProbeObject, pool: Arc<Pool>) -> PooledProbe {
        PooledProbe { probe: Apart::new(pool.plugin(), probe), pool }
    }
}

impl ProbePort for PooledProbe {
    fn probe(&self, target: Target, timeout: Duration) -> Answer<Up> {
        let probe = self.probe.clone();
        self.pool.run(timeout, Unawaited::Skip, move || probe.run(ProbeCall { target, timeout }))
    }
}
