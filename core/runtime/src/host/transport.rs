//! Built-in transports behind their port.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rais_sdk::Fault;
use rais_sdk::host::{Receive, TransportObject};

use super::apart::Apart;
use super::pool::{Pool, Unawaited};
use super::port::{Answer, TransportPort};

/// A `send` never blocks; one that does is late after so long.
pub(super) const SENDING: Duration = Duration::from_secs(1);

/// A transport whose calls are made one after the other, on a thread of its own.
pub(super) struct ThreadTransport {
    lives: Arc<Mutex<Lives>>,
    thread: Arc<Pool>,
    stopped: AtomicBool,
}

/// Makes the plugin's instance anew, from the same table.
pub(super) type Make = Box<dyn Fn() -> Result<TransportObject, Fault> + Send>;

/// One instance of the plugin after another: none is started twice, or called after its end.
struct Lives {
    now: Apart<TransportObject>,
    stage: Stage,
    make: Make,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Made,
    Started,
    Stopped,
}

impl ThreadTransport {
    pub(super) fn new(
        transport: TransportObject,
        make: Make,
        thread: Arc<Pool>,
    ) -> ThreadTransport {
        let now = Apart::new(thread.plugin(), transport);
        let lives = Arc::new(Mutex::new(Lives { now, stage: Stage::Made, make }));
        ThreadTransport { lives, thread, stopped: AtomicBool::new(false) }
    }

    fn call(
        &self,
        limit: Duration,
        call: impl FnOnce(&mut Lives) -> Result<(), Fault> + Send + 'static,
    ) -> Answer<()> {
        if self.stopped.load(Ordering::Acquire) {
            return Box::pin(async { Err(Fault::busy("the transport is stopped")) });
        }
        let lives = Arc::clone(&self.lives);
        // Held while a plugin's call lasts: this thread alone takes it.
        self.thread.run(limit, Unawaited::Run, move || call(&mut lock(&lives)))
    }
}

impl TransportPort for ThreadTransport {
    fn start(&self, inbox: Arc<dyn Receive>, limit: Duration) -> Answer<()> {
        self.stopped.store(false, Ordering::Release);
        let plugin = self.thread.plugin().to_owned();
        self.call(limit, move |lives| {
            lives.renew(&plugin)?;
            lives.stage = Stage::Started;
            lives.now.start(inbox)
        })
    }

    fn send(&self, datagram: Arc<[u8]>) -> Answer<()> {
        self.call(SENDING, move |lives| lives.now.send(&datagram))
    }

    fn stop(&self, limit: Duration) -> Answer<()> {
        let stopping = self.call(limit, |lives| {
            lives.stop();
            Ok(())
        });
        self.stopped.store(true, Ordering::Release);
        stopping
    }
}

impl Lives {
    /// Makes an instance anew that has begun to receive before.
    fn renew(&mut self, plugin: &str) -> Result<(), Fault> {
        if self.stage == Stage::Made {
            return Ok(());
        }
        // What a start that failed has taken is given back first.
        self.stop();
        self.now = Apart::new(plugin, (self.make)()?);
        self.stage = Stage::Made;
        Ok(())
    }

    fn stop(&mut self) {
        if self.stage != Stage::Stopped {
            self.stage = Stage::Stopped;
            self.now.stop();
        }
    }
}

fn lock(lives: &Mutex<Lives>) -> MutexGuard<'_, Lives> {
    lives.lock().unwrap_or_else(PoisonError::into_inner)
}
