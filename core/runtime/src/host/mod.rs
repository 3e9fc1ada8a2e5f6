//! The plugin host: finds plugins, makes instances of them, keeps them apart.
//!
//! ```text
//! Registry ─► PluginHost ─► Arc<dyn ProbePort> ─► lane   one thread and reactor a plugin
//!                           Arc<dyn LoadPort>  ─► pool   a few threads a plugin, on demand
//!                           Arc<dyn SinkPort>  ─► pool
//!                           Arc<dyn TransportPort> ─► a thread an instance
//! ```
//! Nothing here runs a plugin on the caller's thread, so a plugin that hangs harms itself alone:
//! its calls end as faults, `rais status` names it, everything else goes on. The ports are the seam
//! where isolated plugins join: their callers cannot tell what is behind one.

mod apart;
mod confine;
mod inbox;
mod lane;
mod library;
mod load;
mod policy;
mod pool;
mod port;
mod probe;
mod program;
mod reactor;
mod registry;
#[allow(dead_code)] // until isolated plugins are made through it
mod remote;
mod sink;
mod state;
mod transport;
mod watch;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rais_sdk::Fault;
use rais_sdk::host::{Declared, HostSide, table_with_folder};
use serde_json::{Map, Value};

pub use self::confine::{Limits, confine};
pub use self::inbox::{Arrived, Queue, inbox};
pub use self::library::{
    Digest, Ended, Image, LastWords, Libraries, Library, LibraryFault, PanicStrategy, Place, Scan,
    Vetted, VettedPlugin, vet, vet_child,
};
pub use self::policy::Policy;
pub use self::port::{Answer, LoadPort, ProbePort, Publication, SinkPort, TransportPort};
pub use self::program::Program;
pub use self::registry::{Origin, Plugin, PluginRow, Registry, RegistryError};
pub use self::remote::serve;
pub use self::state::PluginState;

use self::lane::Lane;
use self::load::PooledLoad;
use self::pool::Pool;
use self::probe::{LaneProbe, PooledProbe};
use self::reactor::Side;
use self::sink::PooledSink;
use self::transport::ThreadTransport;
use self::watch::{Patience, Watch};
use crate::config::Kind;

/// A call that is due is given so long beyond its limit before the host itself ends it: a plugin
/// that ends in time can say more of why.
const GRACE: Duration = Duration::from_millis(200);
/// How long a plugin may take over its table, in `new`.
const MAKING: Duration = Duration::from_secs(10);

/// Makes instances of plugins and watches over their threads.
///
/// Dropping it abandons what plugins still do; nobody waits for them.
pub struct PluginHost {
    registry: Registry,
    patience: Patience,
    watch: Watch,
    crews: Mutex<BTreeMap<(Kind, String), Crew>>,
}

/// Makes one kind of instance from its table, as JSON.
type Make<T> = fn(&Declared, &str, Arc<dyn HostSide>) -> Result<T, Fault>;

/// What runs a plugin's calls.
enum Crew {
    Lane(Arc<Lane>),
    Pool(Arc<Pool>),
    /// One for each instance, and gone with it.
    Threads(Vec<Weak<Pool>>),
}

impl PluginHost {
    /// A host of the plugins in `registry`.
    ///
    /// # Errors
    /// No thread or reactor to be had for its watch.
    pub fn new(registry: Registry) -> io::Result<PluginHost> {
        PluginHost::with_patience(registry, Patience::default())
    }

    fn with_patience(registry: Registry, patience: Patience) -> io::Result<PluginHost> {
        let watch = Watch::start(patience)?;
        Ok(PluginHost { registry, patience, watch, crews: Mutex::default() })
    }

    /// What it was made with.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// A probe of type `name` for the table `config`, the core's own keys taken out. Relative paths
    /// in it count from `folder`.
    ///
    /// # Errors
    /// No such plugin (at `type`), the plugin's verdict on its table (at the key's path), or a
    /// plugin that takes longer than ten seconds over it.
    pub fn probe(
        &self,
        name: &str,
        config: &Map<String, Value>,
        folder: &Path,
    ) -> Result<Arc<dyn ProbePort>, Fault> {
        let plugin = self.plugin(Kind::Probe, name)?;
        self.local_probe(plugin, table_with_folder(config, folder)?)
    }

    fn local_probe(&self, plugin: &Plugin, json: String) -> Result<Arc<dyn ProbePort>, Fault> {
        let name = plugin.name();
        if plugin.blocks() {
            let pool = self.pool(Kind::Probe, name, pool::Size::PROBES)?;
            let probe = self.make(plugin, json, Declared::blocking_probe)?;
            return Ok(Arc::new(PooledProbe::new(probe, pool)));
        }
        let lane = self.lane(name)?;
        let side = Arc::new(Side::on_lane(name, lane.handle()));
        let making = self.patience.making;
        let probe = made(plugin, json, making, move |declared, json| declared.probe(json, side))?;
        Ok(Arc::new(LaneProbe::new(probe, lane, self.patience.grace)))
    }

    /// A load; as [`probe`](PluginHost::probe).
    ///
    /// # Errors
    /// As [`probe`](PluginHost::probe).
    pub fn load(
        &self,
        name: &str,
        config: &Map<String, Value>,
        folder: &Path,
    ) -> Result<Arc<dyn LoadPort>, Fault> {
        let plugin = self.plugin(Kind::Load, name)?;
        self.local_load(plugin, table_with_folder(config, folder)?)
    }

    fn local_load(&self, plugin: &Plugin, json: String) -> Result<Arc<dyn LoadPort>, Fault> {
        let pool = self.pool(Kind::Load, plugin.name(), pool::Size::CALLS)?;
        let load = self.make(plugin, json, Declared::load)?;
        Ok(Arc::new(PooledLoad::new(load, pool)))
    }

    /// A sink; as [`probe`](PluginHost::probe).
    ///
    /// # Errors
    /// As [`probe`](PluginHost::probe).
    pub fn sink(
        &self,
        name: &str,
        config: &Map<String, Value>,
        folder: &Path,
    ) -> Result<Arc<dyn SinkPort>, Fault> {
        let plugin = self.plugin(Kind::Sink, name)?;
        self.local_sink(plugin, table_with_folder(config, folder)?)
    }

    fn local_sink(&self, plugin: &Plugin, json: String) -> Result<Arc<dyn SinkPort>, Fault> {
        let pool = self.pool(Kind::Sink, plugin.name(), pool::Size::CALLS)?;
        let sink = self.make(plugin, json, Declared::sink)?;
        Ok(Arc::new(PooledSink::new(sink, pool)))
    }

    /// A transport; as [`probe`](PluginHost::probe).
    ///
    /// # Errors
    /// As [`probe`](PluginHost::probe).
    pub fn transport(
        &self,
        name: &str,
        config: &Map<String, Value>,
        folder: &Path,
    ) -> Result<Arc<dyn TransportPort>, Fault> {
        let plugin = self.plugin(Kind::Transport, name)?;
        self.local_transport(plugin, table_with_folder(config, folder)?)
    }

    fn local_transport(
        &self,
        plugin: &Plugin,
        json: String,
    ) -> Result<Arc<dyn TransportPort>, Fault> {
        let name = plugin.name();
        let transport = self.make(plugin, json.clone(), Declared::transport)?;
        let (declared, side) = (plugin.declared(), self.side(plugin));
        let again = Box::new(move || declared.transport(&json, side.clone()));
        // Of its own: what one instance does to its thread must not hold another's beats up.
        let thread =
            Arc::new(Pool::new(Kind::Transport, name, pool::Size::ONE, self.patience.grace));
        self.watch.add(&thread);
        let mut crews = self.crews.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (Kind::Transport, name.to_owned());
        let crew = crews.entry(key).or_insert_with(|| Crew::Threads(Vec::new()));
        if let Crew::Threads(threads) = crew {
            threads.retain(|thread| thread.strong_count() > 0);
            threads.push(Arc::downgrade(&thread));
        }
        Ok(Arc::new(ThreadTransport::new(transport, again, thread)))
    }

    /// One row a plugin, by kind and name, with what it does now.
    pub fn list(&self) -> Vec<PluginRow> {
        let crews = self.crews.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = self.registry.list();
        for row in &mut rows {
            if let Some(crew) = crews.get(&(row.kind, row.name.clone())) {
                row.state = crew.state();
            }
        }
        rows
    }

    fn plugin(&self, kind: Kind, name: &str) -> Result<&Plugin, Fault> {
        self.registry.get(kind, name).ok_or_else(|| {
            let names: Vec<_> = self.registry.names(kind).map(|name| format!("`{name}`")).collect();
            let there_are = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Fault::config("type", format!("no {kind} is called `{name}`; there are: {there_are}"))
        })
    }

    fn make<T: Send + 'static>(
        &self,
        plugin: &Plugin,
        json: String,
        make: Make<T>,
    ) -> Result<T, Fault> {
        let side = self.side(plugin);
        let making = self.patience.making;
        made(plugin, json, making, move |declared, json| make(declared, json, side))
    }

    fn side(&self, plugin: &Plugin) -> Arc<dyn HostSide> {
        Arc::new(Side::with_timers(plugin.name(), self.watch.handle()))
    }

    fn lane(&self, name: &str) -> Result<Arc<Lane>, Fault> {
        let mut crews = self.crews.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (Kind::Probe, name.to_owned());
        if let Some(Crew::Lane(lane)) = crews.get(&key) {
            return Ok(Arc::clone(lane));
        }
        let lane = Lane::start(name)
            .map_err(|error| Fault::io(format!("no thread for the plugin `{name}`: {error}")))?;
        self.watch.add(&lane);
        crews.insert(key, Crew::Lane(Arc::clone(&lane)));
        Ok(lane)
    }

    fn pool(&self, kind: Kind, name: &str, size: pool::Size) -> Result<Arc<Pool>, Fault> {
        let mut crews = self.crews.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (kind, name.to_owned());
        if let Some(Crew::Pool(pool)) = crews.get(&key) {
            return Ok(Arc::clone(pool));
        }
        let pool = Arc::new(Pool::new(kind, name, size, self.patience.grace));
        self.watch.add(&pool);
        crews.insert(key, Crew::Pool(Arc::clone(&pool)));
        Ok(pool)
    }
}

impl Crew {
    fn state(&self) -> PluginState {
        match self {
            // The only one that still holds it.
            Crew::Lane(lane) if Arc::strong_count(lane) == 1 => PluginState::Unused,
            Crew::Pool(pool) if Arc::strong_count(pool) == 1 => PluginState::Unused,
            Crew::Lane(lane) => lane.state(),
            Crew::Pool(pool) => pool.state(),
            Crew::Threads(threads) => {
                let threads = threads.iter().filter_map(Weak::upgrade);
                threads.fold(PluginState::Unused, |sum, thread| sum.and(thread.state()))
            }
        }
    }
}

impl std::fmt::Debug for PluginHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginHost").field("registry", &self.registry).finish_non_exhaustive()
    }
}

/// Makes an instance on a thread of its own: what an author does in `new` may hang.
fn made<T: Send + 'static>(
    plugin: &Plugin,
    json: String,
    limit: Duration,
    make: impl FnOnce(&Declared, &str) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let declared = plugin.declared();
    apart::within(&format!("new-{}", plugin.name()), limit, move || make(&declared, &json))?
}

#[cfg(test)]
mod tests;
