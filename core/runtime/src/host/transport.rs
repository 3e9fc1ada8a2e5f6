//! Built-in transports behind their port.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rais_sdk::Fault;
use rais_sdk::host::{Receive, TransportObject};

use super::apart::Apart;
use super::pool::{Pool, Unawaited};
use super::port::{Answer, TransportPort};

/// A `send` never blocks; one that does is late after so long.
const SENDING: Duration = Duration::from_secs(1);

/// A transport whose calls are made one after the other, on a thread of its own.
pub(super) struct ThreadTransport {
    transport: Apart<TransportObject>,
    thread: Arc<Pool>,
    stopped: AtomicBool,
}

impl ThreadTransport {
    pub(super) fn new(transport: TransportObject, thread: Arc<Pool>) -> ThreadTransport {
        let transport = Apart::new(thread.plugin(), transport);
        ThreadTransport { transport, thread, stopped: AtomicBool::new(false) }
    }

    fn call(
        &self,
        limit: Duration,
        call: impl FnOnce(&TransportObject) -> Result<(), Fault> + Send + 'static,
    ) -> Answer<()> {
        if self.stopped.load(Ordering::Acquire) {
            return Box::pin(async { Err(Fault::busy("the transport is stopped")) });
        }
        let transport = self.transport.clone();
        self.thread.run(limit, Unawaited::Run, move || call(&transport))
    }
}

impl TransportPort for ThreadTransport {
    fn start(&self, inbox: Arc<dyn Receive>, limit: Duration) -> Answer<()> {
        self.call(limit, move |transport| transport.start(inbox))
    }

    fn send(&self, datagram: Arc<[u8]>) -> Answer<()> {
        self.call(SENDING, move |transport| transport.send(&datagram))
    }

    fn stop(&self, limit: Duration) -> Answer<()> {
        let stopping = self.call(limit, |transport| {
            transport.stop();
            Ok(())
        });
        self.stopped.store(true, Ordering::Release);
        stopping
    }
}
