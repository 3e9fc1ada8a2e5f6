//! Plugins in processes of their own, behind the ports of all plugins.
//!
//! ```text
//! port ─► Calls ─► Line ══ socket ══ Line ─► Desk ─► port of a PluginHost, in the plugin's process
//!                   ▲
//! Remote ─► Tender ─┴► Life    a process, from its start to its last words
//!             └─► Keeper       when there is one
//! ```
//! What a plugin does there harms its process alone. One that dies or hangs is started again, and
//! nobody waits for it: every call ends in its time, whatever becomes of the process. On this side
//! one thread attends to all processes; in each of them an ordinary [`PluginHost`] has the plugin.
//!
//! [`PluginHost`]: super::PluginHost

mod about;
mod calls;
mod death;
mod frame;
mod keeper;
mod life;
mod line;
mod link;
mod making;
mod output;
mod place;
mod ports;
mod serve;
mod status;
mod tender;
mod voice;
mod wire;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use rais_sdk::{Fault, Scope};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

pub(crate) use self::about::DIED;
pub use self::serve::serve;

use self::about::{About, Pace};
use self::place::Place;
use self::ports::{RemoteLoad, RemoteProbe, RemoteSink, RemoteTransport, Seat};
use self::status::Status;
use self::tender::{Event, Tender};
use self::voice::Voice;
use super::capped;
use super::complaint::Complaint;
use super::lane::Lane;
use super::library::Library;
use super::policy::Policy;
use super::port::{LoadPort, ProbePort, SinkPort, TransportPort};
use super::program::Program;
use super::state::PluginState;
use crate::config::Kind;

/// The parent's end of all isolated plugins: one thread, with our own code only, from the first of
/// them on.
pub(super) struct Remotes {
    program: Program,
    pace: Pace,
    thread: Arc<Thread>,
}

/// The thread, once it is needed.
#[derive(Default)]
struct Thread(Mutex<Option<Arc<Lane>>>);

/// One isolated plugin: its process lives as long as it has instances.
///
/// The process starts with the first instance. Dropping the last port drains and ends it.
pub(super) struct Remote {
    about: Arc<About>,
    thread: Arc<Thread>,
    status: Arc<Status>,
    /// Where its tender hears; there is one from the first instance on.
    tender: Mutex<Option<UnboundedSender<Event>>>,
    instances: AtomicU64,
}

/// Where the code of an isolated plugin comes from.
#[derive(Debug, Clone)]
pub(super) enum Code {
    /// Linked into this binary.
    BuiltIn,
    /// Loaded from this library's image.
    Library(Arc<Library>),
}

impl Remotes {
    /// Processes are started as `program`.
    ///
    /// # Errors
    /// None so far: what it needs is taken when it is needed.
    pub(super) fn start(program: Program) -> io::Result<Remotes> {
        Ok(Remotes::at(Pace::default(), program))
    }

    fn at(pace: Pace, program: Program) -> Remotes {
        Remotes { program, pace, thread: Arc::default() }
    }

    /// The plugin `name` of `code`, held by `policy`. Its process is its own: two of these are two
    /// processes, whatever their names.
    pub(super) fn plugin(&self, kind: Kind, name: &str, code: Code, policy: Policy) -> Arc<Remote> {
        let about = About {
            kind,
            name: name.to_owned(),
            code,
            policy,
            program: self.program.clone(),
            pace: self.pace,
            voice: Arc::new(Voice::new(name)),
        };
        Arc::new(Remote {
            about: Arc::new(about),
            thread: Arc::clone(&self.thread),
            status: Arc::default(),
            tender: Mutex::default(),
            instances: AtomicU64::new(0),
        })
    }
}

impl Remote {
    /// A probe with the table `json`, as
    /// [`table_with_folder`](rais_sdk::host::table_with_folder) writes it. Blocks until it is made,
    /// for ten seconds at most.
    ///
    /// # Errors
    /// The plugin's verdict on its table (at the key's path), a plugin that takes longer, or why
    /// there is no process for it.
    pub(super) fn probe(self: &Arc<Self>, json: String) -> Result<Arc<dyn ProbePort>, Fault> {
        let (seat, _) = self.join(json)?;
        Ok(capped::probe(Arc::new(RemoteProbe(seat)), &self.about.policy))
    }

    /// A load; as [`probe`](Remote::probe).
    ///
    /// # Errors
    /// As [`probe`](Remote::probe).
    pub(super) fn load(self: &Arc<Self>, json: String) -> Result<Arc<dyn LoadPort>, Fault> {
        let (seat, scope) = self.join(json)?;
        let scope = scope.ok_or_else(|| self.about.garbled())?;
        Ok(capped::load(Arc::new(RemoteLoad { seat, scope }), &self.about.policy))
    }

    /// A sink; as [`probe`](Remote::probe).
    ///
    /// # Errors
    /// As [`probe`](Remote::probe).
    pub(super) fn sink(self: &Arc<Self>, json: String) -> Result<Arc<dyn SinkPort>, Fault> {
        let (seat, _) = self.join(json)?;
        Ok(capped::sink(Arc::new(RemoteSink(seat)), &self.about.policy))
    }

    /// A transport, `table` by name; as [`probe`](Remote::probe).
    ///
    /// # Errors
    /// As [`probe`](Remote::probe).
    pub(super) fn transport(
        self: &Arc<Self>,
        table: Option<&str>,
        json: String,
    ) -> Result<Arc<dyn TransportPort>, Fault> {
        let place = self.place(json);
        self.about.voice.join(place.id, table);
        let (seat, _) = self.join_at(place)?;
        Ok(capped::transport(Arc::new(RemoteTransport::new(seat)), &self.about.policy))
    }

    /// What it does now; [`Unused`](PluginState::Unused) without instances.
    pub(super) fn state(&self) -> PluginState {
        self.status.state()
    }

    /// What its process warns of.
    pub(super) fn complaints(&self) -> Vec<Complaint> {
        self.about.voice.complaints()
    }

    /// An instance, and for whom its samples stand.
    fn join(self: &Arc<Self>, json: String) -> Result<(Seat, Option<Scope>), Fault> {
        self.join_at(self.place(json))
    }

    fn place(&self, json: String) -> Arc<Place> {
        Arc::new(Place::new(self.instances.fetch_add(1, Ordering::Relaxed), json))
    }

    fn join_at(self: &Arc<Self>, place: Arc<Place>) -> Result<(Seat, Option<Scope>), Fault> {
        let (joined, outcome) = mpsc::sync_channel(1);
        self.tender()?
            .send(Event::Join { place: Arc::clone(&place), joined })
            .map_err(|_| Fault::io(format!("nobody attends to {}", self.about)))?;
        // Dropped, it leaves again.
        let seat = Seat::new(Arc::clone(self), place);
        let limit = self.about.pace.making;
        match outcome.recv_timeout(limit) {
            Ok(outcome) => Ok((seat, outcome?)),
            Err(_) => Err(self.about.not_made(limit)),
        }
    }

    fn leave(&self, instance: wire::InstanceId) {
        self.about.voice.leave(instance);
        self.tell(Event::Leave(instance));
    }

    fn tell(&self, event: Event) {
        if let Some(tender) = &*self.tender.lock().unwrap_or_else(PoisonError::into_inner) {
            // Without a tender nothing is held for it.
            let _ = tender.send(event);
        }
    }

    fn tender(&self) -> Result<UnboundedSender<Event>, Fault> {
        let mut tender = self.tender.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tender) = &*tender {
            return Ok(tender.clone());
        }
        let lane = self.thread.lane().map_err(|error| {
            Fault::io(format!("no thread to attend to {}: {error}", self.about))
        })?;
        let (events, heard) = unbounded_channel();
        let (about, status) = (Arc::clone(&self.about), Arc::clone(&self.status));
        let new = Tender::new(about, Arc::clone(&lane), status, events.clone());
        lane.handle().spawn(new.run(heard));
        *tender = Some(events.clone());
        Ok(events)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.tell(Event::Gone);
    }
}

impl Thread {
    fn lane(&self) -> io::Result<Arc<Lane>> {
        let mut lane = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = &*lane {
            return Ok(Arc::clone(lane));
        }
        let new = Lane::named("plugin-remote", "plugin-remote")?;
        *lane = Some(Arc::clone(&new));
        Ok(new)
    }
}

#[cfg(test)]
mod tests;
