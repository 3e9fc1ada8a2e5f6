//! What the core asks of plugins, wherever they run.
//!
//! A call begins at once; its [`Answer`] is awaited on any tokio runtime that has timers. Dropping
//! the answer cancels what can be cancelled. Every answer comes within the limit it was given and
//! half a second, also from a plugin that never returns; that of a sink on its zones within twice the
//! limit, since many may wait for one slow server.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rais_sdk::host::Receive;
use rais_sdk::{Fault, Reading, Record, Scope, Served, Subject, Target, Up, Zone, ZoneHead};

/// What a call will have come to.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send>>;

/// A configured probe.
pub trait ProbePort: Send + Sync {
    /// One probe of `target`. Dropping the answer ends it.
    ///
    /// The plugin's fault, or [`Timeout`](rais_sdk::FaultKind::Timeout) at the phase;
    /// [`Unknown`](rais_sdk::FaultKind::Unknown) or [`Busy`](rais_sdk::FaultKind::Busy) where the
    /// plugin itself hangs: nothing is known of the target then.
    fn probe(&self, target: Target, timeout: Duration) -> Answer<Up>;
}

/// A configured load.
pub trait LoadPort: Send + Sync {
    /// For whom one sample stands.
    fn scope(&self) -> Scope;

    /// One sample.
    ///
    /// The plugin's fault; [`Timeout`](rais_sdk::FaultKind::Timeout) or
    /// [`Busy`](rais_sdk::FaultKind::Busy) where it does not return.
    fn sample(&self, of: Subject, limit: Duration) -> Answer<Reading>;
}

/// A configured sink.
pub trait SinkPort: Send + Sync {
    /// Says which zones are its from now on, before the first of them is published. Of others none
    /// is published any more; what is under way of them is waited for, half of `limit` at most.
    fn assign(&self, zones: Arc<[String]>, limit: Duration) -> Answer<()>;

    /// Publishes, and gives the serial that is now served. `limit` counts from when it is begun.
    ///
    /// The plugin's fault, or [`Timeout`](rais_sdk::FaultKind::Timeout).
    /// [`Busy`](rais_sdk::FaultKind::Busy) where nothing was tried, and nothing new is known of the
    /// zone: no thread came free within `limit`, an earlier publication of the zone has not returned
    /// (a sink never has two of one zone at a time), or the sink ends.
    fn publish(&self, what: Arc<Publication>, limit: Duration) -> Answer<u32>;

    /// What is served of the zone now, where the sink can tell. Limit and faults are those of
    /// [`publish`](SinkPort::publish).
    fn served(&self, zone: &str, limit: Duration) -> Answer<Option<Served>>;

    /// Ends it: gives calls under way a part of `limit`, then stops the plugin, which ends what is
    /// left of them, and its threads. After `limit` it is abandoned.
    fn stop(&self, limit: Duration) -> Answer<()>;
}

/// A configured transport.
pub trait TransportPort: Send + Sync {
    /// Receives into `inbox` from now on; only in a binder. After a stop, or a start that failed,
    /// it begins anew.
    fn start(&self, inbox: Arc<dyn Receive>, limit: Duration) -> Answer<()>;

    /// Sends one datagram, after those given before it. It is on its way also where the answer is
    /// dropped.
    fn send(&self, datagram: Arc<[u8]>) -> Answer<()>;

    /// Ends it, after what was given to [`send`](TransportPort::send) has gone out; nothing is sent
    /// until it is started again. After `limit` it is abandoned.
    fn stop(&self, limit: Duration) -> Answer<()>;
}

/// A zone to publish, owned: [`Zone`] borrows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Publication {
    /// Name of the zone, without the last dot.
    pub zone: String,
    /// Everything but the records.
    pub head: ZoneHead,
    /// Every record that is to be served.
    pub records: Vec<Record>,
    /// Those that the last publication did not have.
    pub added: Vec<Record>,
    /// Those that only the last publication had.
    pub removed: Vec<Record>,
}

impl Publication {
    /// As sinks take it.
    pub fn as_zone(&self) -> Zone<'_> {
        Zone::new(&self.zone, self.head.clone(), &self.records, &self.added, &self.removed)
    }
}
