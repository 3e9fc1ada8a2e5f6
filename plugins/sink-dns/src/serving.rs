//! What runs while the sink does: the server's threads, and one that looks at the zone files.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rais_sdk::Again;
use rais_sdk::prelude::*;

use crate::answer::Responder;
use crate::config::Settings;
use crate::engine::{Engine, lock};
use crate::files::{Folder, Haste};
use crate::net::{Passage, Server, Sockets, Work, is_answered};
use crate::publish::Records;
use crate::transfer::{Notifier, Told};

/// How often the zone files are looked at.
const PAUSE: Duration = Duration::from_secs(1);
/// So long queries wait at the start for zones to be there. One that cannot be must not keep the others
/// from being answered.
const GRACE: Duration = Duration::from_secs(1);
/// So long a reload waits for the zone files, while the server before goes on answering. A host waits for
/// five seconds.
const READING: Duration = Duration::from_secs(3);

/// What the sink and its threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    zones: Mutex<Zones>,
    /// Rung when the last zone has come that is awaited, and when the files have been read.
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
    files: Files,
    start: Start,
}

/// Whether the zone files have been looked at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Files {
    Unread,
    /// Or there are none.
    #[default]
    Read,
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
    server: Server,
    host: Host,
    _notifier: Notifier,
    // Ends the waiting of the server's threads as well, so it goes first.
    watcher: Watcher,
}

/// Looks at the folder of zone files, where there is one.
#[derive(Debug)]
struct Watcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Zones {
    /// Whether there may soon be an answer to what would be refused now.
    fn are_coming(&self) -> bool {
        self.start == Start::Ahead && (!self.awaited.is_empty() || self.files == Files::Unread)
    }
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

    fn life(&self) -> Life {
        *lock(&self.life)
    }

    /// Nobody waits any more, for whatever it is.
    pub(crate) fn end(&self) {
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

    /// Waits until there is an answer for every zone, or for long enough. Nothing is to be answered where
    /// it has ended meanwhile: who has asked asks again, and another server has the answer.
    fn await_zones(&self) -> Passage {
        self.wait(GRACE, Zones::are_coming);
        self.begin();
        match self.life() {
            Life::Runs => Passage::Answer,
            Life::Ended => Passage::End,
        }
    }

    /// Waits until the zone files have been read, or for long enough.
    fn await_files(&self) {
        self.wait(READING, |zones| zones.start == Start::Ahead && zones.files == Files::Unread);
    }

    fn wait(&self, longest: Duration, so_long: impl Fn(&Zones) -> bool) {
        let waits = |zones: &mut Zones| so_long(zones);
        drop(self.complete.wait_timeout_while(lock(&self.zones), longest, waits));
    }

    fn begin(&self) {
        lock(&self.zones).start = Start::Over;
        self.complete.notify_all();
    }

    fn files_are(&self, files: Files) {
        lock(&self.zones).files = files;
        self.complete.notify_all();
    }

    fn look(&self, folder: &mut Folder, haste: Haste, host: &Host) -> std::io::Result<()> {
        let bound = lock(&self.zones).bound.clone();
        let goes_on = || self.life() == Life::Runs;
        let news = folder.look(haste, &bound, &self.engine, &goes_on)?;
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
    /// come: queries wait until then. Where another server of this process answers at the addresses, it
    /// does so until it ends, and the files are read before.
    pub(crate) fn start(
        settings: &Settings,
        shared: &Arc<Shared>,
        host: &Host,
    ) -> Result<Serving, Fault> {
        let bind = || Sockets::bind(&settings.listen, settings.workers).map_err(Fault::io);
        let watch = || Watcher::start(settings, shared, host);
        let (sockets, watcher) = if is_answered(&settings.listen) {
            let watcher = watch()?;
            shared.await_files();
            (bind()?, watcher)
        } else {
            (bind()?, watch()?)
        };
        if shared.life() == Life::Ended {
            return Err(Fault::busy("the sink is stopped"));
        }
        let told = &shared.secondaries;
        let notifier = Notifier::start(&settings.notify, settings.key.as_ref(), told, host);
        let notifier = notifier.map_err(Fault::io)?;
        let addresses: Vec<_> = sockets.addresses().iter().map(ToString::to_string).collect();
        let responder = || Responder::new(Arc::clone(&shared.engine));
        let door = sockets.door();
        let spawn = |name: &str, mut work: Work| {
            let (shared, door) = (Arc::clone(shared), Arc::clone(&door));
            host.spawn(name, Again::Restart, move || {
                if door.pass() == Passage::Answer && shared.await_zones() == Passage::Answer {
                    work();
                }
            })
        };
        let server =
            Server::start(sockets, &settings.limits, responder, &spawn).map_err(Fault::io)?;
        host.log(&format!("answering at {}", addresses.join(", ")));
        Ok(Serving { server, host: host.clone(), _notifier: notifier, watcher })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.watcher.shared.end();
        for fault in self.server.stop() {
            self.host.warn(&format!("where this server answered, the next does not: {fault}"));
        }
    }
}

impl Watcher {
    /// Has the folder read at once, and looked at from then on.
    ///
    /// # Errors
    /// It cannot be read, or there is no thread.
    fn start(settings: &Settings, shared: &Arc<Shared>, host: &Host) -> Result<Watcher, Fault> {
        let mut watcher = Watcher { shared: Arc::clone(shared), thread: None };
        let Some(path) = settings.zones.clone() else { return Ok(watcher) };
        fs::read_dir(&path)
            .map_err(|error| Fault::io(format_args!("{}: {error}", path.display())))?;
        shared.files_are(Files::Unread);
        let (shared, log, mut folder) = (Arc::clone(shared), host.clone(), Folder::new(path));
        let (mut haste, mut failed) = (Haste::Now, false);
        let work = move || {
            while haste == Haste::Now || shared.goes_on() {
                let looked = shared.look(&mut folder, haste, &log);
                haste = Haste::Settled;
                shared.files_are(Files::Read);
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
        };
        watcher.thread = Some(host.spawn("dns-zones", Again::Restart, work).map_err(Fault::io)?);
        Ok(watcher)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.shared.end();
            // A panic in it has been logged.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Identity;
    use crate::transfer::Access;

    /// What would wait for long enough and then answer, if nobody ended it.
    #[test]
    fn whoever_waits_ends_with_the_sink_and_answers_nothing() {
        let shared = Shared::new(Engine::new(Identity::default(), Access::default(), None));
        shared.files_are(Files::Unread);
        shared.assign(BTreeSet::from([b"\x01a\x00".to_vec()]));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                shared.wait(Duration::MAX, Zones::are_coming);
                shared.await_files();
                shared.await_zones()
            });
            shared.end();
            assert_eq!(waits.join().unwrap(), Passage::End);
        });
    }
}
