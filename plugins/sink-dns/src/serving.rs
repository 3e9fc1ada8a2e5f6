//! What runs while the sink does: the server's threads, and one that looks at the zone files.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rais_sdk::Again;
use rais_sdk::prelude::*;

use crate::answer::Responder;
use crate::config::Settings;
use crate::engine::{Engine, lock};
use crate::files::{Folder, Haste};
use crate::net::{Server, Sockets, Work};
use crate::publish::Records;
use crate::transfer::{Notifier, Told};

/// How often the zone files are looked at.
const PAUSE: Duration = Duration::from_secs(1);
/// So long queries wait at the start for zones to be published. One that cannot be must not keep the
/// others from being answered.
const GRACE: Duration = Duration::from_secs(1);

/// What the sink and its threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    zones: Mutex<Zones>,
    /// Rung when the last zone has come that is awaited.
    complete: Condvar,
    /// Told of every change.
    pub(crate) secondaries: Arc<Told>,
    life: Mutex<Life>,
    ended: Condvar,
}

/// By their names as they travel.
#[derive(Debug, Default)]
struct Zones {
    /// Those that a binder publishes: their files would be a second truth.
    bound: BTreeSet<Vec<u8>>,
    /// Those of them without which nothing is answered yet: "refused" would be a lie.
    awaited: BTreeSet<Vec<u8>>,
    start: Start,
}

/// Whether queries are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Start {
    #[default]
    Ahead,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Runs,
    Ended,
}

/// The threads; they end when it is dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    shared: Arc<Shared>,
    /// Stopped by its own drop.
    _server: Server,
    _notifier: Notifier,
    watcher: Option<JoinHandle<()>>,
}

impl Shared {
    pub(crate) fn new(engine: Engine) -> Shared {
        Shared {
            engine: Arc::new(engine),
            zones: Mutex::default(),
            complete: Condvar::new(),
            secondaries: Arc::default(),
            life: Mutex::new(Life::Runs),
            ended: Condvar::new(),
        }
    }

    /// Waits for the next look, and says whether there is to be one.
    fn goes_on(&self) -> bool {
        let life = lock(&self.life);
        let waited = self.ended.wait_timeout_while(life, PAUSE, |life| *life == Life::Runs);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == Life::Runs
    }

    fn end(&self) {
        *lock(&self.life) = Life::Ended;
        self.ended.notify_all();
        self.begin();
    }

    /// A binder publishes these from now on, and no others.
    pub(crate) fn assign(&self, its: BTreeSet<Vec<u8>>) {
        let mut zones = lock(&self.zones);
        for gone in zones.bound.difference(&its) {
            self.engine.withdraw(gone);
        }
        if zones.start == Start::Ahead {
            zones.awaited.clone_from(&its);
        }
        zones.bound = its;
    }

    /// A zone has another state, which is served.
    pub(crate) fn published(&self, apex: Vec<u8>, records: Records) {
        if records == Records::Changed {
            self.secondaries.changed(&apex);
        }
        let mut zones = lock(&self.zones);
        zones.awaited.remove(&apex);
        zones.bound.insert(apex);
        if zones.awaited.is_empty() {
            self.complete.notify_all();
        }
    }

    /// Waits until there is an answer for every zone, or for long enough.
    fn await_zones(&self) {
        let incomplete =
            |zones: &mut Zones| zones.start == Start::Ahead && !zones.awaited.is_empty();
        let waited = self.complete.wait_timeout_while(lock(&self.zones), GRACE, incomplete);
        drop(waited);
        self.begin();
    }

    fn begin(&self) {
        lock(&self.zones).start = Start::Over;
        self.complete.notify_all();
    }

    fn look(&self, folder: &mut Folder, haste: Haste, host: &Host) -> std::io::Result<()> {
        let bound = lock(&self.zones).bound.clone();
        let news = folder.look(haste, &bound, &self.engine)?;
        for fault in news.faults {
            host.warn(&fault);
        }
        for apex in news.read {
            self.secondaries.changed(&apex);
        }
        Ok(())
    }
}

impl Serving {
    /// Takes the sockets, reads the zone files and answers, as soon as the zones that are awaited have
    /// come: queries wait until then.
    pub(crate) fn start(
        settings: &Settings,
        shared: &Arc<Shared>,
        host: &Host,
    ) -> Result<Serving, Fault> {
        let sockets = Sockets::bind(&settings.listen, settings.workers).map_err(Fault::io)?;
        let told = &shared.secondaries;
        let notifier = Notifier::start(&settings.notify, settings.key.as_ref(), told, host);
        let notifier = notifier.map_err(Fault::io)?;
        let mut folder = settings.zones.clone().map(Folder::new);
        if let Some(folder) = &mut folder {
            shared
                .look(folder, Haste::Now, host)
                .map_err(|error| Fault::io(format_args!("{}: {error}", folder.path().display())))?;
        }
        let addresses: Vec<_> = sockets.addresses().iter().map(ToString::to_string).collect();
        let responder = || Responder::new(Arc::clone(&shared.engine));
        let spawn = |name: &str, mut work: Work| {
            let shared = Arc::clone(shared);
            host.spawn(name, Again::Restart, move || {
                shared.await_zones();
                work();
            })
        };
        let server =
            Server::start(sockets, &settings.limits, responder, &spawn).map_err(Fault::io)?;
        host.log(&format!("answering at {}", addresses.join(", ")));
        let mut serving = Serving {
            shared: Arc::clone(shared),
            _server: server,
            _notifier: notifier,
            watcher: None,
        };
        if let Some(folder) = folder {
            serving.watcher = Some(watch(folder, shared, host).map_err(Fault::io)?);
        }
        Ok(serving)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.shared.end();
        if let Some(watcher) = self.watcher.take() {
            // A panic in it has been logged.
            let _ = watcher.join();
        }
    }
}

fn watch(mut folder: Folder, shared: &Arc<Shared>, host: &Host) -> std::io::Result<JoinHandle<()>> {
    let (shared, log) = (Arc::clone(shared), host.clone());
    let mut failed = false;
    host.spawn("dns-zones", Again::Restart, move || {
        while shared.goes_on() {
            let looked = shared.look(&mut folder, Haste::Settled, &log);
            // Said once.
            if let Err(error) = &looked
                && !failed
            {
                log.warn(&format!(
                    "{}: {error}: its zones stay as they are",
                    folder.path().display()
                ));
            }
            failed = looked.is_err();
        }
    })
}
