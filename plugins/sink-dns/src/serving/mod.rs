//! What runs while the sink does: the server's threads, and one that looks at the zone files.

mod before;
mod late;
mod shared;
mod zones;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rais_sdk::Again;
use rais_sdk::prelude::*;

use crate::answer::Responder;
use crate::config::Settings;
use crate::engine::Source;
use crate::files::{self, Folder, Haste};
use crate::net::{Passage, Server, Sockets, Work, is_answered};
use crate::transfer::Notifier;
use before::Before;
use late::Late;
use shared::Life;
pub(crate) use shared::Shared;
use zones::Files;

/// The threads; they end when it is dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    server: Server,
    _late: Late,
    _notifier: Notifier,
    watcher: Watcher,
}

/// Looks at the folder of zone files, where there is one.
#[derive(Debug)]
struct Watcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
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
        let late = Late::start(sockets.latecomers(), shared, host)?;
        let responder = || Responder::new(Arc::clone(&shared.engine));
        let (door, is_said) = (sockets.door(), Arc::new(AtomicBool::new(false)));
        let spawn = |name: &str, mut work: Work| {
            let (shared, door) = (Arc::clone(shared), Arc::clone(&door));
            let (is_said, log, at) = (Arc::clone(&is_said), host.clone(), addresses.join(", "));
            let late = move || {
                if !is_said.swap(true, Ordering::Relaxed) {
                    log.warn(&format!(
                        "another sink of type dns answers at one of {at}: this one does once that \
                         has ended; an address is for one sink"
                    ));
                }
            };
            host.spawn(name, Again::Restart, move || {
                if door.pass(&late) == Passage::Answer && shared.await_zones() == Passage::Answer {
                    work();
                }
            })
        };
        let server =
            Server::start(sockets, &settings.limits, responder, &spawn).map_err(Fault::io)?;
        host.log(&format!("answering at {}", addresses.join(", ")));
        Ok(Serving { server, _late: late, _notifier: notifier, watcher })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.watcher.shared.end();
        self.server.stop();
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
        let named = files::named(&path)
            .map_err(|error| Fault::io(format_args!("{}: {error}", path.display())))?;
        // There is no telling what they have before they are read.
        shared.engine.expect(Source::Files, named);
        shared.files_are(Files::Unread);
        let mut before = Before::enter(settings, shared);
        let (shared, log, mut folder) = (Arc::clone(shared), host.clone(), Folder::new(path));
        let (mut haste, mut failed, mut took) = (Haste::Now, false, Duration::ZERO);
        let work = move || {
            while haste == Haste::Now || shared.goes_on(took) {
                let begun = Instant::now();
                let looked = shared.look(&mut folder, haste, &before, &log);
                took = begun.elapsed();
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
                if !failed {
                    before = Before::default();
                }
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
