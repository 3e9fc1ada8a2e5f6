//! The transports of one process: one datagram out by all of them, what comes in by one queue.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rais_sdk::Fault as PluginFault;
use tracing::{info, warn};

use crate::convert::describe;
use crate::host::{Queue, TransportPort};

/// How long a transport may take to start or stop.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends by every transport.
#[derive(Clone, Default)]
pub struct Outlets {
    outlets: Vec<Outlet>,
    failed: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Outlet {
    name: String,
    port: Arc<dyn TransportPort>,
    /// Whether its last datagram failed: said once a change.
    failing: Arc<AtomicBool>,
}

impl Outlets {
    /// Over these.
    pub fn new<'a>(
        transports: impl Iterator<Item = (&'a String, &'a Arc<dyn TransportPort>)>,
    ) -> Outlets {
        let outlets = transports.map(|(name, port)| Outlet {
            name: name.clone(),
            port: Arc::clone(port),
            failing: Arc::default(),
        });
        Outlets { outlets: outlets.collect(), failed: Arc::default() }
    }

    /// Over others from now on; the count goes on.
    pub fn replace(&mut self, with: Outlets) {
        self.outlets = with.outlets;
    }

    /// Datagrams that a transport could not send.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Sends by every transport, without waiting for any; gives what is still under way.
    pub fn send(&self, datagram: &Arc<[u8]>) -> impl Future<Output = ()> + Send + 'static {
        let under_way: Vec<_> = self
            .outlets
            .iter()
            .map(|outlet| (outlet.clone(), outlet.port.send(Arc::clone(datagram))))
            .collect();
        let failed = Arc::clone(&self.failed);
        async move {
            for (outlet, answer) in under_way {
                let result = answer.await;
                if result.is_err() {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                outlet.note(result);
            }
        }
    }
}

impl Outlet {
    fn note(&self, result: Result<(), PluginFault>) {
        let failing = result.is_err();
        if self.failing.swap(failing, Ordering::Relaxed) == failing {
            return;
        }
        match result {
            Ok(()) => info!(transport = %self.name, "sends again"),
            Err(fault) => warn!(transport = %self.name, "cannot send: {}", describe(&fault)),
        }
    }
}

impl std::fmt::Debug for Outlets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.outlets.iter().map(|outlet| &outlet.name)).finish()
    }
}

/// The transports that were told to receive; each is told once.
#[derive(Default)]
pub struct Receivers {
    started: Mutex<BTreeMap<String, Arc<dyn TransportPort>>>,
}

impl Receivers {
    /// Has those of `transports` that do not receive yet receive into `queue`.
    ///
    /// # Errors
    /// The name and fault of one that cannot; those that were started with it are stopped again.
    pub async fn start<'a>(
        &self,
        transports: impl Iterator<Item = (&'a String, &'a Arc<dyn TransportPort>)>,
        queue: &Queue,
    ) -> Result<(), (String, PluginFault)> {
        let mut now_started: Vec<(String, Arc<dyn TransportPort>)> = Vec::new();
        for (name, port) in transports {
            if self.has(name, port) {
                continue;
            }
            if let Err(fault) = port.start(queue.of(name), PATIENCE).await {
                for (_, port) in now_started {
                    // It is refused; how it ends does not matter.
                    let _ = port.stop(PATIENCE).await;
                }
                return Err((name.clone(), fault));
            }
            now_started.push((name.clone(), Arc::clone(port)));
        }
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, port) in now_started {
            if let Some(before) = started.insert(name, port) {
                tokio::spawn(async move { before.stop(PATIENCE).await });
            }
        }
        Ok(())
    }

    /// Stops those that are not in `transports` any more.
    pub async fn keep<'a>(&self, transports: impl Iterator<Item = &'a String>) {
        let kept: Vec<&String> = transports.collect();
        let gone: Vec<_> = {
            let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
            let names: Vec<String> =
                started.keys().filter(|name| !kept.contains(name)).cloned().collect();
            names.iter().filter_map(|name| started.remove(name)).collect()
        };
        for port in gone {
            // Whatever it says, it is no longer ours.
            let _ = port.stop(PATIENCE).await;
        }
    }

    fn has(&self, name: &str, port: &Arc<dyn TransportPort>) -> bool {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.get(name).is_some_and(|other| Arc::ptr_eq(other, port))
    }
}
