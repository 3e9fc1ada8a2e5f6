//! The plugin host: finds plugins, makes instances of them, keeps them apart.
//!
//! ```text
//!                         ┌► Arc<dyn ProbePort> ─► lane   one thread and reactor a plugin
//! Registry ─► PluginHost ─┼► Arc<dyn LoadPort>  ─► pool   a few threads a plugin, on demand
//! built in, libraries     ├► Arc<dyn SinkPort>  ─► pool
//!                         ├► Arc<dyn TransportPort> ─► a thread an instance
//!                         └► any of them        ─► remote a process a plugin, with all of this in it
//! ```
//! Nothing here runs a plugin on the caller's thread, so a plugin that hangs harms itself alone:
//! its calls end as faults, `rais status` names it, everything else goes on. The ports are the seam:
//! their callers cannot tell what is behind one.

mod apart;
mod capped;
mod complaint;
pub(crate) mod confine;
mod inbox;
mod lane;
mod late;
mod library;
mod load;
mod opened;
mod policy;
mod pool;
mod port;
mod probe;
mod program;
mod reactor;
mod registry;
mod remote;
mod sink;
mod state;
mod told;
mod transport;
mod watch;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rais_sdk::Fault;
use rais_sdk::host::{Declared, HostSide, table_with_folder};
use serde_json::{Map, Value};

pub use self::complaint::Complaint;
pub use self::confine::{Limits, confine};
pub use self::inbox::{Arrived, Queue, inbox};
pub use self::library::{
    Digest, Ended, Image, LastWords, Libraries, Library, LibraryFault, PanicStrategy, Place, Scan,
    Vetted, VettedPlugin, vet, vet_child,
};
pub use self::policy::Policy;
pub use self::port::{Answer, LoadPort, ProbePort, Publication, SinkPort, TransportPort};
pub use self::program::Program;
pub use self::registry::{Origin, Plugin, PluginRow, Refused, Registry, RegistryError};
pub use self::remote::serve;
pub use self::state::PluginState;
pub use self::told::PluginTold;

pub(crate) use self::late::{Again, LatePort};
pub(crate) use self::library::Ear;
pub(crate) use self::remote::DIED;

use self::complaint::OfInstances;
use self::lane::Lane;
use self::late::Late;
use self::load::PooledLoad;
use self::opened::Opened;
use self::pool::Pool;
use self::probe::{LaneProbe, PooledProbe};
use self::reactor::Side;
use self::registry::Code;
use self::remote::{Remote, Remotes};
use self::sink::PooledSink;
use self::transport::ThreadTransport;
use self::watch::{Patience, Watch};
use crate::config::{Isolation, Kind, OnStartupError, Plugins};

/// A call that is due is given so long beyond its limit before the host itself ends it: a plugin
/// that ends in time can say more of why.
const GRACE: Duration = Duration::from_millis(200);
/// How long a plugin may take over its table, in `new`.
const MAKING: Duration = Duration::from_secs(10);

/// Makes instances of the plugins of one configuration, and watches over their threads and
/// processes. Clones are the same host; [`configured`](PluginHost::configured) ones share its
/// threads and processes.
///
/// Dropping the last abandons what plugins still do; nobody waits for them.
#[derive(Clone)]
pub struct PluginHost {
    registry: Arc<Registry>,
    works: Arc<Works>,
    /// Processes of this configuration's own: what it tries must not harm one that runs.
    remotes: Arc<Mutex<BTreeMap<CrewKey, Weak<Remote>>>>,
}

/// Where libraries run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// Where the configuration says.
    AsConfigured,
    /// Never in this process, whatever it says.
    Apart,
}

/// What outlives a configuration.
struct Works {
    built_in: Registry,
    foreign: Foreign,
    libraries: Libraries,
    opened: Opened,
    remotes: Remotes,
    patience: Patience,
    watch: Watch,
    crews: Mutex<BTreeMap<CrewKey, Crew>>,
    /// Of each instance of a library in this process, for as long as it lives; those of the others
    /// are with their processes.
    complaints: OfInstances<CrewKey>,
}

/// One plugin in one version of its code; isolated ones in one way of holding them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct CrewKey {
    kind: Kind,
    name: String,
    digest: Option<Digest>,
    held: String,
}

/// Makes one kind of instance from its table, as JSON.
type Make<T> = fn(&Declared, &str, Arc<dyn HostSide>) -> Result<T, Fault>;

/// What runs a plugin's calls.
enum Crew {
    Lane(Arc<Lane>),
    Pool(Arc<Pool>),
    /// One for each instance, and gone with it.
    Threads(Vec<Weak<Pool>>),
    /// One for each configuration that still has instances; gone with its last one.
    Remotes(Vec<Weak<Remote>>),
}

impl PluginHost {
    /// A host of the plugins that are linked, `registry`; libraries join with a configuration.
    ///
    /// # Errors
    /// No thread or reactor to be had for its own work.
    pub fn new(registry: Registry, foreign: Foreign) -> io::Result<PluginHost> {
        PluginHost::with(registry, foreign, Program::this(), Patience::default())
    }

    fn with(
        registry: Registry,
        foreign: Foreign,
        program: Program,
        patience: Patience,
    ) -> io::Result<PluginHost> {
        let works = Works {
            built_in: registry.clone(),
            foreign,
            libraries: Libraries::new(program.clone()),
            opened: Opened::default(),
            remotes: Remotes::start(program)?,
            patience,
            watch: Watch::start(patience)?,
            crews: Mutex::default(),
            complaints: OfInstances::default(),
        };
        Ok(PluginHost::of(registry, Arc::new(works)))
    }

    fn of(registry: Registry, works: Arc<Works>) -> PluginHost {
        PluginHost { registry: Arc::new(registry), works, remotes: Arc::default() }
    }

    /// The host of what `plugins` says: the built-in plugins and those of the libraries in its
    /// folders, each library vetted where that was not done before. Blocks.
    ///
    /// # Errors
    /// A name twice.
    pub fn configured(&self, plugins: &Plugins) -> Result<PluginHost, RegistryError> {
        let scan = self.works.libraries.scan(&plugins.dirs);
        let registry = self.works.built_in.with(scan, plugins)?;
        Ok(PluginHost::of(registry, Arc::clone(&self.works)))
    }

    /// The host of what one library has, wherever it lies, and of nothing else. Blocks.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn with_library(&self, path: &Path) -> Result<PluginHost, LibraryFault> {
        let library = self.works.libraries.open(path)?;
        let registry = Registry::of_library(&library);
        Ok(PluginHost::of(registry, Arc::clone(&self.works)))
    }

    /// The same, the policy of each plugin changed; one of a library is in this process only where
    /// this host may have it there.
    #[must_use]
    pub fn held(&self, change: impl Fn(&mut Policy)) -> PluginHost {
        let registry = self.registry.held(change);
        PluginHost::of(registry, Arc::clone(&self.works))
    }

    /// Its plugins.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Whether there is a plugin `name`.
    pub(crate) fn has(&self, kind: Kind, name: &str) -> bool {
        self.registry.get(kind, name).is_some()
    }

    /// What tells the plugin `name` from an older or newer one of that name, or one held
    /// otherwise: instances of one identity and one table are alike.
    pub fn identity(&self, kind: Kind, name: &str) -> String {
        match self.registry.get(kind, name) {
            Some(plugin) => format!("{:?} {:?}", plugin.code().digest(), plugin.policy()),
            None => format!("missing {:?}", self.registry.startup(name)),
        }
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
        let json = table_with_folder(config, folder)?;
        match self.apart(plugin) {
            Some(remote) => remote.probe(json),
            None => Ok(capped::probe(self.local_probe(plugin, json)?, plugin.policy())),
        }
    }

    fn local_probe(&self, plugin: &Plugin, json: String) -> Result<Arc<dyn ProbePort>, Fault> {
        let (name, patience) = (plugin.name(), self.works.patience);
        let declared = self.declared(plugin)?;
        if plugin.blocks() {
            let pool = self.pool(plugin, pool::Size::PROBES);
            let probe = self.make(plugin, declared, json, Declared::blocking_probe)?;
            return Ok(Arc::new(PooledProbe::new(probe, pool)));
        }
        let lane = self.lane(plugin)?;
        let side = Arc::new(Side::on_lane(name, lane.handle()));
        let make = move |declared: &Declared, json: &str| declared.probe(json, side);
        let probe = made(name, declared, json, patience.making, make)?;
        Ok(Arc::new(LaneProbe::new(probe, lane, patience.grace)))
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
        let json = table_with_folder(config, folder)?;
        match self.apart(plugin) {
            Some(remote) => remote.load(json),
            None => Ok(capped::load(self.local_load(plugin, json)?, plugin.policy())),
        }
    }

    fn local_load(&self, plugin: &Plugin, json: String) -> Result<Arc<dyn LoadPort>, Fault> {
        let pool = self.pool(plugin, pool::Size::CALLS);
        let load = self.make(plugin, self.declared(plugin)?, json, Declared::load)?;
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
        let json = table_with_folder(config, folder)?;
        match self.apart(plugin) {
            Some(remote) => remote.sink(json),
            None => Ok(capped::sink(self.local_sink(plugin, json)?, plugin.policy())),
        }
    }

    fn local_sink(&self, plugin: &Plugin, json: String) -> Result<Arc<dyn SinkPort>, Fault> {
        let sink = self.make(plugin, self.declared(plugin)?, json, Declared::sink)?;
        // A server that hangs holds up its own zones alone, not those of another sink.
        Ok(Arc::new(PooledSink::new(sink, self.own_pool(plugin, pool::Size::ZONES))))
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
        self.transport_of(None, name, config, folder)
    }

    /// A transport that is known as `table`, by which its warnings are told from those of others; as
    /// [`transport`](PluginHost::transport).
    ///
    /// # Errors
    /// As [`probe`](PluginHost::probe).
    pub(crate) fn transport_of(
        &self,
        table: Option<&str>,
        name: &str,
        config: &Map<String, Value>,
        folder: &Path,
    ) -> Result<Arc<dyn TransportPort>, Fault> {
        let plugin = self.plugin(Kind::Transport, name)?;
        let json = table_with_folder(config, folder)?;
        if let Some(remote) = self.apart(plugin) {
            return remote.transport(table, json);
        }
        let local = self.local_transport(plugin, table, json)?;
        Ok(capped::transport(local, plugin.policy()))
    }

    fn local_transport(
        &self,
        plugin: &Plugin,
        table: Option<&str>,
        json: String,
    ) -> Result<Arc<dyn TransportPort>, Fault> {
        let declared = self.declared(plugin)?;
        // One for all lives of the instance: what one warns of the next one takes back.
        let side = self.side(plugin, table);
        let transport =
            self.make_with(&side, plugin, declared, json.clone(), Declared::transport)?;
        let again = Box::new(move || declared.transport(&json, side.clone()));
        // What one instance does to its thread must not hold another's beats up.
        let thread = self.own_pool(plugin, pool::Size::ONE);
        Ok(Arc::new(ThreadTransport::new(transport, again, thread)))
    }

    /// Threads for one instance, gone with it.
    fn own_pool(&self, plugin: &Plugin, size: pool::Size) -> Arc<Pool> {
        let grace = self.works.patience.grace;
        let threads = Arc::new(Pool::new(plugin.kind(), plugin.name(), size, grace));
        self.works.watch.add(&threads);
        let mut crews = self.works.crews();
        let crew = crews.entry(CrewKey::of(plugin)).or_insert_with(|| Crew::Threads(Vec::new()));
        if let Crew::Threads(all) = crew {
            all.retain(|threads| threads.strong_count() > 0);
            all.push(Arc::downgrade(&threads));
        }
        threads
    }

    /// What stands in for an instance of the plugin `name` that did not start, for `why`; none where
    /// its policy is to start nothing then. `again` makes the instance.
    pub(crate) fn stand_in<T: LatePort + ?Sized>(
        &self,
        name: &str,
        why: &Fault,
        again: Again<T>,
    ) -> Option<Arc<T>> {
        match self.registry.startup(name) {
            OnStartupError::Fail => None,
            OnStartupError::Ignore => Some(Late::never(name, why)),
            OnStartupError::Retry => {
                Some(Late::retried(name, why, again, &self.works.watch.handle()))
            }
        }
    }

    /// One row a plugin, by kind and name, with what it does now.
    pub fn list(&self) -> Vec<PluginRow> {
        let crews = self.works.crews();
        let rows = self.registry.iter().map(|plugin| {
            let mut row = plugin.row();
            if let Some(crew) = crews.get(&CrewKey::of(plugin)) {
                row.state = crew.state();
                row.complaints = crew.complaints();
                row.complaints.extend(self.works.complaints.now(&CrewKey::of(plugin)));
            }
            row
        });
        rows.collect()
    }

    fn plugin(&self, kind: Kind, name: &str) -> Result<&Plugin, Fault> {
        self.registry.get(kind, name).ok_or_else(|| {
            let names: Vec<_> = self.registry.names(kind).map(|name| format!("`{name}`")).collect();
            let there_are = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Fault::config("type", format!("no {kind} is called `{name}`; there are: {there_are}"))
        })
    }

    /// Its process, where it is to run in one.
    fn apart(&self, plugin: &Plugin) -> Option<Arc<Remote>> {
        let foreign = matches!(plugin.code(), Code::Library(_));
        let apart = plugin.policy().isolation == Isolation::Process
            || foreign && self.works.foreign == Foreign::Apart;
        apart.then(|| self.remote(plugin))
    }

    /// Its code in this process; a library is loaded now where it was not before.
    fn declared(&self, plugin: &Plugin) -> Result<Declared, Fault> {
        let library = match plugin.code() {
            Code::Linked(declared) => return Ok(*declared),
            Code::Library(library) => library,
        };
        let opened = self.works.opened.get(library, self.works.watch.handle())?;
        let wanted = |declared: &&Declared| {
            declared.name() == plugin.name()
                && declared.kinds().into_iter().any(|kind| plugin.is(kind))
        };
        opened.iter().find(wanted).copied().ok_or_else(|| {
            Fault::io(format!("{} no longer has what it was vetted with", plugin.origin()))
        })
    }

    /// The process of the plugin in this configuration. Instances of an earlier one keep theirs.
    fn remote(&self, plugin: &Plugin) -> Arc<Remote> {
        let key = CrewKey::of(plugin);
        let mut own = self.remotes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(remote) = own.get(&key).and_then(Weak::upgrade) {
            return remote;
        }
        let code = match plugin.code() {
            Code::Linked(_) => remote::Code::BuiltIn,
            Code::Library(library) => remote::Code::Library(Arc::clone(library)),
        };
        let (kind, policy) = (plugin.kind(), *plugin.policy());
        let remote = self.works.remotes.plugin(kind, plugin.name(), code, policy);
        own.insert(key.clone(), Arc::downgrade(&remote));
        let mut crews = self.works.crews();
        let crew = crews.entry(key).or_insert_with(|| Crew::Remotes(Vec::new()));
        if let Crew::Remotes(remotes) = crew {
            remotes.retain(|remote| remote.strong_count() > 0);
            remotes.push(Arc::downgrade(&remote));
        }
        remote
    }

    fn make<T: Send + 'static>(
        &self,
        plugin: &Plugin,
        declared: Declared,
        json: String,
        make: Make<T>,
    ) -> Result<T, Fault> {
        self.make_with(&self.side(plugin, None), plugin, declared, json, make)
    }

    fn make_with<T: Send + 'static>(
        &self,
        side: &Arc<dyn HostSide>,
        plugin: &Plugin,
        declared: Declared,
        json: String,
        make: Make<T>,
    ) -> Result<T, Fault> {
        let (side, limit) = (Arc::clone(side), self.works.patience.making);
        made(plugin.name(), declared, json, limit, move |declared, json| make(declared, json, side))
    }

    /// The host as one instance sees it; of a transport with the name of its table.
    fn side(&self, plugin: &Plugin, transport: Option<&str>) -> Arc<dyn HostSide> {
        let side = Side::with_timers(plugin.name(), self.works.watch.handle());
        let side = side.of_transport(transport);
        // What is built in says what it has to say by its calls.
        if matches!(plugin.code(), Code::Linked(_)) {
            return Arc::new(side);
        }
        Arc::new(side.heard_by(self.works.complaints.add(CrewKey::of(plugin), transport)))
    }

    fn lane(&self, plugin: &Plugin) -> Result<Arc<Lane>, Fault> {
        let mut crews = self.works.crews();
        let (key, name) = (CrewKey::of(plugin), plugin.name());
        if let Some(Crew::Lane(lane)) = crews.get(&key) {
            return Ok(Arc::clone(lane));
        }
        let lane = Lane::start(name)
            .map_err(|error| Fault::io(format!("no thread for the plugin `{name}`: {error}")))?;
        self.works.watch.add(&lane);
        crews.insert(key, Crew::Lane(Arc::clone(&lane)));
        Ok(lane)
    }

    fn pool(&self, plugin: &Plugin, size: pool::Size) -> Arc<Pool> {
        let mut crews = self.works.crews();
        let key = CrewKey::of(plugin);
        if let Some(Crew::Pool(pool)) = crews.get(&key) {
            return Arc::clone(pool);
        }
        let grace = self.works.patience.grace;
        let pool = Arc::new(Pool::new(plugin.kind(), plugin.name(), size, grace));
        self.works.watch.add(&pool);
        crews.insert(key, Crew::Pool(Arc::clone(&pool)));
        pool
    }
}

impl Works {
    /// Those that somebody still has; the thread of an old version ends with its last instance.
    fn crews(&self) -> MutexGuard<'_, BTreeMap<CrewKey, Crew>> {
        let mut crews = self.crews.lock().unwrap_or_else(PoisonError::into_inner);
        crews.retain(|_, crew| crew.is_held());
        crews
    }
}

impl CrewKey {
    fn of(plugin: &Plugin) -> CrewKey {
        let held = match plugin.policy().isolation {
            Isolation::None => String::new(),
            Isolation::Process => format!("{:?}", plugin.policy()),
        };
        let (kind, name) = (plugin.kind(), plugin.name().to_owned());
        CrewKey { kind, name, digest: plugin.code().digest(), held }
    }
}

impl Crew {
    /// Whether anybody but this still has it.
    fn is_held(&self) -> bool {
        match self {
            Crew::Lane(lane) => Arc::strong_count(lane) > 1,
            Crew::Pool(pool) => Arc::strong_count(pool) > 1,
            Crew::Threads(threads) => threads.iter().any(|thread| thread.strong_count() > 0),
            Crew::Remotes(remotes) => remotes.iter().any(|remote| remote.strong_count() > 0),
        }
    }

    /// What the plugin warns of, where it has a process of its own.
    fn complaints(&self) -> Vec<Complaint> {
        let Crew::Remotes(remotes) = self else { return Vec::new() };
        remotes.iter().filter_map(Weak::upgrade).flat_map(|remote| remote.complaints()).collect()
    }

    fn state(&self) -> PluginState {
        match self {
            Crew::Lane(lane) => lane.state(),
            Crew::Pool(pool) => pool.state(),
            Crew::Threads(threads) => {
                let threads = threads.iter().filter_map(Weak::upgrade);
                threads.fold(PluginState::Unused, |sum, thread| sum.and(thread.state()))
            }
            Crew::Remotes(remotes) => {
                let remotes = remotes.iter().filter_map(Weak::upgrade);
                remotes.fold(PluginState::Unused, |sum, remote| sum.and(remote.state()))
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
    name: &str,
    declared: Declared,
    json: String,
    limit: Duration,
    make: impl FnOnce(&Declared, &str) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    apart::within(&format!("new-{name}"), limit, move || make(&declared, &json))?
}

#[cfg(test)]
mod tests;
