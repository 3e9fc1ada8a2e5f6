//! The roles of one process: started together, changed together, ended together.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use rais_proto::binder::snapshot::Snapshot;
use rais_proto::heartbeat::trust::Policy;
use rais_proto::name::HostId;
use rais_sdk::Fault as PluginFault;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::warn;

use crate::check::Checked;
use crate::clock::{Boot, Clock};
use crate::config::{Config, Fault, Faults, Kind, Look, Role};
use crate::control::Drained;
use crate::convert::describe;
use crate::daemon::DaemonError;
use crate::host::{Arrived, Queue, inbox};
use crate::interfaces;
use crate::plan::Instances;
use crate::plan::binder::BinderPlan;
use crate::plan::monitor::{Identity, Keys, MonitorPlan};
use crate::plan::trust::Membership;
use crate::shell::Facts;
use crate::shell::agent::{Agent, AgentPort};
use crate::shell::assignments::{Assigned, Assignments};
use crate::shell::binder::{self, BinderShell};
use crate::shell::memory::Keepers;
use crate::shell::monitor::{self, MonitorShell};
use crate::shell::operator::Order;
use crate::shell::recorder::Recorder;
use crate::shell::transports::{Outlets, Receivers};
use crate::state::decided::{self, StoredDecided};
use crate::state::healths::{self, StoredHealths};
use crate::state::heard::{self, StoredHeard};
use crate::state::journal::Journal;
use crate::state::{Keeper, StateDir, StateError};
use crate::status::Status;

/// Beats that wait for the binder; more are lost, as by a network.
const INBOX: usize = 16_384;

/// How long the goodbye may take: three beats, 20 ms apart, what the sinks have to publish, and the
/// disk. With the end of the plugins all is over in less than two seconds.
const GOODBYE: Duration = Duration::from_millis(1300);

/// The roles that run.
pub(crate) struct Roles {
    running: BTreeSet<Role>,
    instances: Instances,
    membership: Membership,
    receivers: Receivers,
    assignments: Assignments,
    monitor: Option<MonitorRole>,
    binder: Option<BinderRole>,
    tasks: BTreeMap<Role, JoinHandle<()>>,
}

/// Roles that have all they need but the network, and have not begun: dropped, they leave no trace
/// outside of their state.
pub(crate) struct Ready {
    roles: Roles,
    /// Of the binder.
    sinks: Assigned,
    work: Vec<(Role, Work)>,
}

/// What a role does until it is told to stop.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A role that is no more.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) role: Role,
    /// What is known of it.
    pub(crate) why: String,
}

/// By what the roles are asked, whatever else is done with them.
#[derive(Clone)]
pub(crate) struct Voices {
    monitor: Option<mpsc::UnboundedSender<monitor::Event>>,
    binder: Option<mpsc::UnboundedSender<binder::Event>>,
}

struct MonitorRole {
    identity: Identity,
    keys: Keys,
    events: mpsc::UnboundedSender<monitor::Event>,
    /// Where agent-checks are to be answered, and what answers them once it runs.
    agent_at: Option<SocketAddr>,
    agent: Option<Agent>,
    _interfaces: interfaces::Watch,
    _state: StateDir,
}

/// Where HAProxy's agent-checks come in.
enum Door {
    Closed,
    AsBefore,
    New(AgentPort),
}

struct BinderRole {
    host: HostId,
    events: mpsc::UnboundedSender<binder::Event>,
    queue: Queue,
    _state: StateDir,
}

/// Why a configuration that was found sound cannot run.
pub(crate) enum Applying {
    /// What the plans refuse.
    Config(Vec<Fault>),
    /// A transport or a sink does not start; the key of its table.
    Plugin { at: String, why: String },
}

impl Ready {
    /// Makes the roles of a configuration that was found sound.
    ///
    /// # Errors
    /// A state that another has or that cannot be read, what the plans refuse, no netlink.
    pub(crate) fn of(clock: Clock, version: &str, checked: Checked) -> Result<Ready, DaemonError> {
        // Every lock first: who cannot have all starts nothing.
        let root = &checked.config.host.state;
        let open =
            |role| checked.roles.contains(&role).then(|| StateDir::open(root, role)).transpose();
        let (monitor_state, binder_state) = (open(Role::Monitor)?, open(Role::Binder)?);
        let state = monitor_state.as_ref().or(binder_state.as_ref());
        let host = state.map(StateDir::host_id).transpose()?.unwrap_or(HostId([0; 16]));
        let host_name = checked.config.host.name.to_string();
        let facts = Facts { clock, version: version.to_owned(), host, host_name };

        let mut work = Vec::new();
        let (mut monitor, mut binder, mut neighbour) = (None, None, None);
        let mut sinks = Assigned::new();
        if let Some(state) = binder_state {
            let (queue, arrived, sender) = inbox_of();
            neighbour = monitor_state.is_some().then_some(sender);
            let (role, shell) = BinderRole::new(&facts, &checked, state, queue, arrived)?;
            sinks = shell.plan().assigned();
            work.push((Role::Binder, Box::pin(shell.run()) as Work));
            binder = Some(role);
        }
        if let Some(state) = monitor_state {
            let (role, shell) = MonitorRole::new(&facts, &checked, state, neighbour)?;
            work.push((Role::Monitor, Box::pin(shell.run()) as Work));
            monitor = Some(role);
        }
        let Checked { roles: running, instances, membership, .. } = checked;
        let (receivers, assignments) = (Receivers::default(), Assignments::default());
        let roles = Roles {
            running,
            instances,
            membership,
            receivers,
            assignments,
            monitor,
            binder,
            tasks: BTreeMap::new(),
        };
        Ok(Ready { roles, sinks, work })
    }

    /// Has them begin, all or none; `ending` is told of each that has ended.
    ///
    /// # Errors
    /// A sink or a transport that does not start; those before it are stopped again.
    pub(crate) async fn start(
        self,
        ending: mpsc::UnboundedSender<Ended>,
    ) -> Result<Roles, DaemonError> {
        let Ready { mut roles, sinks, work } = self;
        if let Some(role) = &mut roles.monitor {
            let door = role.agent_door(role.agent_at);
            let door = door.map_err(|(at, source)| {
                DaemonError::io(format_args!("answer agent-checks at {at}"), source)
            })?;
            role.answer(door);
        }
        if let Some(role) = &roles.binder {
            let refused = |kind: Kind, (name, fault): (String, PluginFault)| DaemonError::Plugin {
                kind,
                name,
                why: describe(&fault),
            };
            let begun =
                roles.assignments.begin(&sinks).await.map_err(|why| refused(Kind::Sink, why))?;
            let receiving = roles.receivers.start(roles.instances.transports(), &role.queue).await;
            if let Err(why) = receiving {
                begun.end().await;
                return Err(refused(Kind::Transport, why));
            }
            roles.assignments.follow(sinks, begun).await;
        }
        // Nothing fails from here on.
        roles.tasks = work
            .into_iter()
            .map(|(role, work)| (role, watched(role, work, ending.clone())))
            .collect();
        Ok(roles)
    }
}

#[cfg(test)]
impl Ready {
    /// Has a role do something else.
    pub(crate) fn replace(&mut self, role: Role, with: impl Future<Output = ()> + Send + 'static) {
        let work = self.work.iter_mut().find(|(of, _)| *of == role);
        work.unwrap().1 = Box::pin(with);
    }
}

/// Does the work of a role, and tells that it has ended, whether by itself or by a panic.
fn watched(role: Role, work: Work, ending: mpsc::UnboundedSender<Ended>) -> JoinHandle<()> {
    let task = tokio::spawn(work);
    tokio::spawn(async move {
        let why = match task.await {
            Ok(()) => "it has nothing left to do".to_owned(),
            Err(error) => error.to_string(),
        };
        // Who has told it to stop need not hear.
        let _ = ending.send(Ended { role, why });
    })
}

impl Roles {
    /// Which run.
    pub(crate) fn running(&self) -> &BTreeSet<Role> {
        &self.running
    }

    /// What a binder asks of a beat; none where there is no binder.
    pub(crate) fn believed(&self) -> Option<&Policy> {
        self.binder.as_ref().map(|_| &self.membership.trust.policy)
    }

    /// Their plugins.
    pub(crate) fn instances(&self) -> Instances {
        self.instances.clone()
    }

    /// Changes all of them to `checked`, or none.
    pub(crate) async fn apply(&mut self, checked: Checked) -> Result<(), Applying> {
        let plan = match &mut self.monitor {
            Some(role) => Some(role.plan(&checked).map_err(Applying::Config)?),
            None => None,
        };
        let door = match &self.monitor {
            Some(role) => role.agent_door(checked.config.monitor.agent).map_err(|(_, why)| {
                let message = format!("agent-checks cannot be answered there: {why}");
                Applying::Config(vec![checked.config.fault("monitor.agent", message)])
            })?,
            None => Door::Closed,
        };
        let mut binding = None;
        if let Some(role) = &self.binder {
            let Checked { config, instances, membership, .. } = &checked;
            let plan = BinderPlan::of(config, instances, membership, role.host);
            let refused = |kind: &str, (name, fault): (String, PluginFault)| Applying::Plugin {
                at: format!("{kind}.{name}"),
                why: describe(&fault),
            };
            let sinks = plan.assigned();
            let begun = self.assignments.begin(&sinks).await;
            let begun = begun.map_err(|why| refused("sink", why))?;
            let receiving = self.receivers.start(instances.transports(), &role.queue).await;
            if let Err(why) = receiving {
                begun.end().await;
                return Err(refused("transport", why));
            }
            binding = Some((plan, sinks, begun));
        }
        // Nothing fails from here on. Two sinks must not write one zone of a server at a time.
        self.instances.stop_sinks_but(&checked.instances).await;
        if let (Some(role), Some(plan)) = (&mut self.monitor, plan) {
            role.answer(door);
            let (applied, wait) = oneshot::channel();
            let outlets = Outlets::new(checked.instances.transports());
            let event = monitor::Event::Apply(Box::new(plan), outlets, applied);
            if role.events.send(event).is_ok() {
                // An end that comes first is said by the task itself.
                let _ = wait.await;
            }
        }
        if let (Some(role), Some((plan, sinks, begun))) = (&self.binder, binding) {
            self.assignments.follow(sinks, begun).await;
            role.take(plan).await;
            self.receivers.keep(checked.instances.transports().map(|(name, _)| name)).await;
        }
        self.membership = checked.membership;
        let before = std::mem::replace(&mut self.instances, checked.instances);
        before.stop_transports_but(&self.instances);
        Ok(())
    }

    /// Has the binder take `config`, which differs from what runs in its zones' headers alone.
    pub(crate) async fn take_headers(&self, config: &Config) {
        if let Some(role) = &self.binder {
            let plan = BinderPlan::of(config, &self.instances, &self.membership, role.host);
            role.take(plan).await;
        }
    }

    /// By what they are asked.
    pub(crate) fn voices(&self) -> Voices {
        Voices {
            monitor: self.monitor.as_ref().map(|role| role.events.clone()),
            binder: self.binder.as_ref().map(|role| role.events.clone()),
        }
    }

    /// Says goodbye, stores what is to be remembered, and ends the plugins: those whatever becomes of
    /// the rest.
    pub(crate) async fn stop(mut self) {
        if tokio::time::timeout(GOODBYE, self.say_goodbye()).await.is_err() {
            warn!("not everything ended in time");
        }
        self.instances.stop().await;
    }

    async fn say_goodbye(&mut self) {
        if let Some(role) = &self.monitor {
            // One that has ended already needs no telling.
            let _ = role.events.send(monitor::Event::Stop);
            self.ended(Role::Monitor).await;
        }
        if let Some(role) = &self.binder {
            let _ = role.events.send(binder::Event::Stop);
            self.ended(Role::Binder).await;
        }
    }

    async fn ended(&mut self, role: Role) {
        if let Some(task) = self.tasks.remove(&role) {
            // How it ended was told when it did.
            let _ = task.await;
        }
    }
}

impl Voices {
    /// Whose they are: `monitor`, `binder` or `monitor and binder`.
    pub(crate) fn roles(&self) -> String {
        let monitor = self.monitor.as_ref().map(|_| Role::Monitor.as_str());
        let binder = self.binder.as_ref().map(|_| Role::Binder.as_str());
        let roles: Vec<_> = monitor.into_iter().chain(binder).collect();
        roles.join(" and ")
    }

    /// What one says of itself; none where it has ended.
    pub(crate) fn status(
        &self,
        role: Role,
    ) -> impl Future<Output = Option<Status>> + Send + 'static {
        let voices = self.clone();
        async move {
            match role {
                Role::Monitor => {
                    let (answer, answered) = oneshot::channel();
                    voices.monitor?.send(monitor::Event::Status(answer)).ok()?;
                    answered.await.ok().map(Status::Monitor)
                }
                Role::Binder => {
                    let (answer, answered) = oneshot::channel();
                    voices.binder?.send(binder::Event::Status(answer)).ok()?;
                    answered.await.ok().map(Status::Binder)
                }
            }
        }
    }
}

impl Voices {
    /// What came of an operator's order to the binder; none where that has ended.
    pub(crate) fn order(
        &self,
        order: Order,
    ) -> impl Future<Output = Option<Result<Drained, String>>> + Send + 'static {
        let binder = self.binder.clone();
        async move {
            let (answer, answered) = oneshot::channel();
            binder?.send(binder::Event::Order(order, answer)).ok()?;
            answered.await.ok()
        }
    }
}

impl MonitorRole {
    fn new(
        facts: &Facts,
        checked: &Checked,
        state: StateDir,
        neighbour: Option<mpsc::Sender<Arrived>>,
    ) -> Result<(MonitorRole, MonitorShell), DaemonError> {
        let epoch = again_if_corrupt(|| state.next_epoch(facts.clock.wall()))?;
        let mut keys = Keys::default();
        let identity = Identity { host: facts.host, epoch };
        let plan = plan(checked, identity, &mut keys)
            .map_err(|faults| DaemonError::Config(Faults(faults), Look::Plain))?;
        let outlets = Outlets::new(checked.instances.transports());
        let file = state.file::<StoredHealths>("healths.json", healths::VERSION);
        let known = match again_if_corrupt(|| file.load()) {
            // Worth five minutes: no reason to refuse an older rais.
            Err(error @ StateError::Newer { .. }) => {
                warn!("{error}; starting without it");
                None
            }
            known => known?,
        };
        let known = known.zip(Boot::now().ok()).map(|(known, now)| known.fresh(&now));
        let recorder = Recorder::new(Keeper::start(file)?);
        let (shell, events) = MonitorShell::new(facts.clone(), plan, outlets, neighbour);
        let shell = shell.remembering(known.unwrap_or_default(), recorder);
        let tell = events.clone();
        let watch = interfaces::watch(move |interfaces| {
            // A monitor that has ended wants no news.
            let _ = tell.send(monitor::Event::Interfaces(interfaces));
        });
        let watch = watch.map_err(|error| {
            DaemonError::io("follow the network interfaces", io::Error::other(error))
        })?;
        let role = MonitorRole {
            identity,
            keys,
            events,
            agent_at: checked.config.monitor.agent,
            agent: None,
            _interfaces: watch,
            _state: state,
        };
        Ok((role, shell))
    }

    fn plan(&mut self, checked: &Checked) -> Result<MonitorPlan, Vec<Fault>> {
        plan(checked, self.identity, &mut self.keys)
    }

    /// Where agent-checks are answered from now on, taken and not yet answered at.
    fn agent_door(&self, at: Option<SocketAddr>) -> Result<Door, (SocketAddr, io::Error)> {
        let Some(at) = at else { return Ok(Door::Closed) };
        if self.agent.as_ref().is_some_and(|agent| agent.address() == at) {
            return Ok(Door::AsBefore);
        }
        AgentPort::bind(at).map(Door::New).map_err(|error| (at, error))
    }

    fn answer(&mut self, door: Door) {
        match door {
            Door::AsBefore => {}
            Door::Closed => self.agent = None,
            Door::New(port) => self.agent = Some(port.answer(self.events.clone())),
        }
    }
}

impl BinderRole {
    fn new(
        facts: &Facts,
        checked: &Checked,
        state: StateDir,
        queue: Queue,
        arrived: mpsc::Receiver<Arrived>,
    ) -> Result<(BinderRole, BinderShell), DaemonError> {
        let decided = state.file::<StoredDecided>(decided::FILE, decided::VERSION);
        let heard = state.file::<StoredHeard>(heard::FILE, heard::VERSION);
        let remembered = (again_if_corrupt(|| decided.load())?, again_if_corrupt(|| heard.load())?);
        let remembered = match remembered {
            (None, None) => None,
            (decided, heard) => Some(Snapshot {
                decided: decided.unwrap_or_default().into(),
                heard: heard.unwrap_or_default().into(),
            }),
        };
        let keepers =
            Keepers { decided: Keeper::as_stored_once(decided)?, heard: Keeper::as_stored(heard)? };
        let (host, membership) = (facts.host, &checked.membership);
        let plan = BinderPlan::of(&checked.config, &checked.instances, membership, host);
        let journal = Journal::start(state.folder()).map_err(|source| StateError::Io {
            doing: "start the writer of the journal in",
            path: state.folder().to_owned(),
            source,
        })?;
        let (shell, events) =
            BinderShell::new(facts.clone(), plan, remembered, keepers, journal, arrived);
        Ok((BinderRole { host, events, queue, _state: state }, shell))
    }

    /// Comes back when the plan runs.
    async fn take(&self, plan: BinderPlan) {
        let (applied, wait) = oneshot::channel();
        if self.events.send(binder::Event::Apply(Box::new(plan), applied)).is_ok() {
            // An end that comes first is said by the task itself.
            let _ = wait.await;
        }
    }
}

fn plan(checked: &Checked, identity: Identity, keys: &mut Keys) -> Result<MonitorPlan, Vec<Fault>> {
    let membership = checked.membership.clone();
    MonitorPlan::of(&checked.config, &checked.instances, membership, identity, keys)
}

/// A file that does not read back was moved aside and is said; the next look finds none.
fn again_if_corrupt<T>(look: impl Fn() -> Result<T, StateError>) -> Result<T, StateError> {
    match look() {
        Err(error @ StateError::Corrupt { .. }) => {
            warn!("{error}; starting without it");
            look()
        }
        other => other,
    }
}

fn inbox_of() -> (Queue, mpsc::Receiver<Arrived>, mpsc::Sender<Arrived>) {
    let (queue, arrived) = inbox(INBOX);
    let sender = queue.sender();
    (queue, arrived, sender)
}
