//! Instances of plugins, as a host calls them. Clones share the instance.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use abi_stable::std_types::{RSlice, RStr};

use super::inbox::{Receive, inbox_box};
use crate::abi::convert::{
    nanos, reading_from_abi, record_to_abi, result_from_abi, scope_from_abi, subject_to_abi,
    target_to_abi, up_from_abi,
};
use crate::host::HostSide;
use crate::zone::{Assignment, Records};
use crate::{Fault, Reading, Scope, Served, Subject, Target, Up, Zone};
use rais_abi::{AbiCall, AbiZone};
use rais_abi::{BlockingProbeBox, LoadBox, ProbeBox, SinkBox, TransportBox};

/// What one probe is called with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeCall {
    /// What is probed.
    pub target: Target,
    /// Time until the probe ends by itself.
    pub timeout: Duration,
}

/// An instance of a [`Probe`](crate::Probe).
#[derive(Clone)]
pub struct ProbeObject(Arc<ProbeBox>);

/// An instance of a [`BlockingProbe`](crate::BlockingProbe).
#[derive(Clone)]
pub struct BlockingProbeObject(Arc<BlockingProbeBox>);

/// An instance of a [`Load`](crate::Load).
#[derive(Clone)]
pub struct LoadObject(Arc<LoadBox>);

/// An instance of a [`Sink`](crate::Sink).
#[derive(Clone)]
pub struct SinkObject(Arc<SinkBox>);

/// An instance of a [`Transport`](crate::Transport).
#[derive(Clone)]
pub struct TransportObject {
    object: Arc<TransportBox>,
    host: Arc<dyn HostSide>,
}

impl ProbeObject {
    pub(super) fn new(object: ProbeBox) -> Self {
        Self(Arc::new(object))
    }

    /// What ABI 1.1 would add.
    #[cfg(feature = "abi-next")]
    #[doc(hidden)]
    #[must_use]
    pub fn next(&self) -> u32 {
        self.0.next()
    }

    /// One probe. The future ends by itself at the timeout where the plugin does not hang in a
    /// poll; it may be dropped at any time, and outlive the object.
    pub fn start(
        &self,
        call: ProbeCall,
    ) -> impl Future<Output = Result<Up, Fault>> + Send + 'static + use<> {
        let outcome = self.0.start(call_to_abi(call));
        async move { result_from_abi(outcome.await, up_from_abi) }
    }
}

impl BlockingProbeObject {
    pub(super) fn new(object: BlockingProbeBox) -> Self {
        Self(Arc::new(object))
    }

    /// One probe; blocks.
    ///
    /// # Errors
    /// The plugin's.
    pub fn run(&self, call: ProbeCall) -> Result<Up, Fault> {
        result_from_abi(self.0.run(call_to_abi(call)), up_from_abi)
    }
}

impl LoadObject {
    pub(super) fn new(object: LoadBox) -> Self {
        Self(Arc::new(object))
    }

    /// For whom a sample stands.
    #[must_use]
    pub fn scope(&self) -> Scope {
        scope_from_abi(self.0.scope())
    }

    /// One sample; blocks. The load is in percent, 0 to 1000, in steps of 0.01.
    ///
    /// # Errors
    /// The plugin's.
    pub fn sample(&self, of: &Subject) -> Result<Reading, Fault> {
        result_from_abi(self.0.sample(subject_to_abi(of.clone())), reading_from_abi)
    }
}

impl SinkObject {
    pub(super) fn new(object: SinkBox) -> Self {
        Self(Arc::new(object))
    }

    /// What ABI 1.1 would add.
    #[cfg(feature = "abi-next")]
    #[doc(hidden)]
    #[must_use]
    pub fn next(&self) -> u32 {
        self.0.next()
    }

    /// Says which zones are the sink's from now on; blocks. Before the first publication.
    ///
    /// # Errors
    /// The plugin's: it cannot work.
    pub fn assign(&self, zones: &[String]) -> Result<(), Fault> {
        let zones = zones.iter().map(|zone| zone.as_str().into()).collect();
        let said = serde_json::to_string(&Assignment { zones }).map_err(Fault::io)?;
        result_from_abi(self.0.assign(RStr::from_str(&said)), |()| ())
    }

    /// Publishes `zone` and returns the serial now served; blocks. Serially for each zone.
    ///
    /// # Errors
    /// The plugin's; [`FaultKind::Unknown`](crate::FaultKind::Unknown) for a record whose owner is
    /// not in the head.
    pub fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
        let rows = |records: Records<'_>| records.map(|r| record_to_abi(&r)).collect::<Vec<_>>();
        let head = serde_json::to_string(&zone.head).map_err(Fault::io)?;
        let (records, added, removed) =
            (rows(zone.records()), rows(zone.added()), rows(zone.removed()));
        let zone = AbiZone {
            name: RStr::from_str(zone.name),
            head: RStr::from_str(&head),
            records: RSlice::from_slice(&records),
            added: RSlice::from_slice(&added),
            removed: RSlice::from_slice(&removed),
            reserved: [0; 4],
        };
        result_from_abi(self.0.publish(zone), |serial| serial)
    }

    /// What is served of `zone` now, where the sink can tell; blocks.
    ///
    /// # Errors
    /// The plugin's.
    pub fn served(&self, zone: &str) -> Result<Option<Served>, Fault> {
        let json = result_from_abi(self.0.served(RStr::from_str(zone)), |json| json)?;
        serde_json::from_str(json.as_str())
            .map_err(|e| Fault::unknown(format!("the sink's account of what is served: {e}")))
    }

    /// Ends the sink's threads; may block. Nothing is to be called after it.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl TransportObject {
    pub(super) fn new(object: TransportBox, host: Arc<dyn HostSide>) -> Self {
        Self { object: Arc::new(object), host }
    }

    /// Receives into `inbox` from now on. At most once, and only where beats are to be received.
    ///
    /// # Errors
    /// The plugin's.
    pub fn start(&self, inbox: Arc<dyn Receive>) -> Result<(), Fault> {
        let inbox = inbox_box(inbox, Arc::clone(&self.host));
        result_from_abi(self.object.start(inbox), |()| ())
    }

    /// Sends one datagram; does not block.
    ///
    /// # Errors
    /// The plugin's.
    pub fn send(&self, data: &[u8]) -> Result<(), Fault> {
        result_from_abi(self.object.send(RSlice::from_slice(data)), |()| ())
    }

    /// Ends the transport's threads; may block. Nothing is to be called after it.
    pub fn stop(&self) {
        self.object.stop();
    }
}

fn call_to_abi(call: ProbeCall) -> AbiCall {
    AbiCall {
        target: target_to_abi(call.target),
        timeout_ns: nanos(call.timeout),
        reserved: [0; 3],
    }
}

macro_rules! opaque {
    ($($type:ident),*) => {
        $(impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($type))
            }
        })*
    };
}

opaque!(ProbeObject, BlockingProbeObject, LoadObject, SinkObject, TransportObject);
