//! `[plugins.NAME] timeout`: no call takes longer than that, whatever its caller allows.

use std::sync::Arc;
use std::time::Duration;

use rais_sdk::host::Receive;
use rais_sdk::{Reading, Scope, Served, Subject, Target, Up};

use super::policy::Policy;
use super::port::{Answer, LoadPort, ProbePort, Publication, SinkPort, TransportPort};

/// A port whose limits are capped.
struct Capped<T: ?Sized> {
    port: Arc<T>,
    policy: Policy,
}

pub(super) fn probe(port: Arc<dyn ProbePort>, policy: &Policy) -> Arc<dyn ProbePort> {
    match policy.timeout {
        Some(_) => Arc::new(Capped { port, policy: *policy }),
        None => port,
    }
}

pub(super) fn load(port: Arc<dyn LoadPort>, policy: &Policy) -> Arc<dyn LoadPort> {
    match policy.timeout {
        Some(_) => Arc::new(Capped { port, policy: *policy }),
        None => port,
    }
}

pub(super) fn sink(port: Arc<dyn SinkPort>, policy: &Policy) -> Arc<dyn SinkPort> {
    match policy.timeout {
        Some(_) => Arc::new(Capped { port, policy: *policy }),
        None => port,
    }
}

pub(super) fn transport(port: Arc<dyn TransportPort>, policy: &Policy) -> Arc<dyn TransportPort> {
    match policy.timeout {
        Some(_) => Arc::new(Capped { port, policy: *policy }),
        None => port,
    }
}

impl ProbePort for Capped<dyn ProbePort> {
    fn probe(&self, target: Target, timeout: Duration) -> Answer<Up> {
        self.port.probe(target, self.policy.limit(timeout))
    }
}

impl LoadPort for Capped<dyn LoadPort> {
    fn scope(&self) -> Scope {
        self.port.scope()
    }

    fn sample(&self, of: Subject, limit: Duration) -> Answer<Reading> {
        self.port.sample(of, self.policy.limit(limit))
    }
}

impl SinkPort for Capped<dyn SinkPort> {
    fn assign(&self, zones: Arc<[String]>, limit: Duration) -> Answer<()> {
        self.port.assign(zones, self.policy.limit(limit))
    }

    fn publish(&self, what: Arc<Publication>, limit: Duration) -> Answer<u32> {
        self.port.publish(what, self.policy.limit(limit))
    }

    fn served(&self, zone: &str, limit: Duration) -> Answer<Option<Served>> {
        self.port.served(zone, self.policy.limit(limit))
    }

    fn stop(&self, limit: Duration) -> Answer<()> {
        self.port.stop(self.policy.limit(limit))
    }
}

impl TransportPort for Capped<dyn TransportPort> {
    fn start(&self, inbox: Arc<dyn Receive>, limit: Duration) -> Answer<()> {
        self.port.start(inbox, self.policy.limit(limit))
    }

    fn send(&self, datagram: Arc<[u8]>) -> Answer<()> {
        // Never blocks: its own limit is the host's.
        self.port.send(datagram)
    }

    fn stop(&self, limit: Duration) -> Answer<()> {
        self.port.stop(self.policy.limit(limit))
    }
}
