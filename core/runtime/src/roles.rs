//! The roles of one process: started together, changed together, ended together.

use std::collections::BTreeSet;

use rais_proto::name::HostId;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::warn;

use crate::check::Checked;
use crate::clock::Clock;
use crate::config::{Fault, Faults, Look, Role};
use crate::convert::describe;
use crate::daemon::DaemonError;
use crate::host::{Arrived, Queue, inbox};
use crate::interfaces;
use crate::plan::Instances;
use crate::plan::binder::BinderPlan;
use crate::plan::monitor::{Identity, Keys, MonitorPlan};
use crate::shell::Facts;
use crate::shell::binder::{self, BinderShell};
use crate::shell::monitor::{self, MonitorShell};
use crate::shell::transports::{Outlets, Receivers};
use crate::state::snapshot::{self, StoredSnapshot};
use crate::state::{Keeper, StateDir, StateError};
use crate::status::Status;

/// Beats that wait for the binder; more are lost, as by a network.
const INBOX: usize = 16_384;

/// The roles that run.
pub(crate) struct Roles {
    running: BTreeSet<Role>,
    instances: Instances,
    receivers: Receivers,
    monitor: Option<MonitorRole>,
    binder: Option<BinderRole>,
}

struct MonitorRole {
    identity: Identity,
    keys: Keys,
    events: mpsc::UnboundedSender<monitor::Event>,
    task: JoinHandle<()>,
    _interfaces: interfaces::Watch,
    _state: StateDir,
}

struct BinderRole {
    host: HostId,
    events: mpsc::UnboundedSender<binder::Event>,
    queue: Queue,
    task: JoinHandle<()>,
    _state: StateDir,
}

/// Why a configuration that was found sound cannot run.
pub(crate) enum Applying {
    /// What the plans refuse.
    Config(Vec<Fault>),
    /// A transport does not start.
    Transport { name: String, why: String },
}

impl Roles {
    /// Starts `roles` of a configuration that was found sound.
    pub(crate) async fn start(
        clock: Clock,
        version: &str,
        checked: Checked,
        roles: &BTreeSet<Role>,
    ) -> Result<Roles, DaemonError> {
        // Every lock first: who cannot have all starts nothing.
        let root = &checked.config.host.state;
        let open = |role| roles.contains(&role).then(|| StateDir::open(root, role)).transpose();
        let (monitor_state, binder_state) = (open(Role::Monitor)?, open(Role::Binder)?);
        let state = monitor_state.as_ref().or(binder_state.as_ref());
        let host = state.map(StateDir::host_id).transpose()?.unwrap_or(HostId([0; 16]));
        let host_name = checked.config.host.name.to_string();
        let facts = Facts { clock, version: version.to_owned(), host, host_name };

        let mut started = Roles {
            running: roles.clone(),
            instances: checked.instances.clone(),
            receivers: Receivers::default(),
            monitor: None,
            binder: None,
        };
        let mut neighbour = None;
        if let Some(state) = binder_state {
            let (queue, arrived, sender) = inbox_of();
            neighbour = monitor_state.is_some().then_some(sender);
            let role = BinderRole::start(&facts, &checked, state, queue, arrived)?;
            let transports = checked.instances.transports();
            let receiving = started.receivers.start(transports, &role.queue).await;
            started.binder = Some(role);
            receiving
                .map_err(|(name, fault)| DaemonError::Transport { name, why: describe(&fault) })?;
        }
        if let Some(state) = monitor_state {
            started.monitor = Some(MonitorRole::start(&facts, &checked, state, neighbour)?);
        }
        Ok(started)
    }

    /// Which run.
    pub(crate) fn running(&self) -> &BTreeSet<Role> {
        &self.running
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
        if let Some(role) = &self.binder {
            let transports = checked.instances.transports();
            let receiving = self.receivers.start(transports, &role.queue).await;
            receiving
                .map_err(|(name, fault)| Applying::Transport { name, why: describe(&fault) })?;
        }
        // Nothing fails from here on.
        if let (Some(role), Some(plan)) = (&self.monitor, plan) {
            let (applied, wait) = oneshot::channel();
            let outlets = Outlets::new(checked.instances.transports());
            let event = monitor::Event::Apply(Box::new(plan), outlets, applied);
            if role.events.send(event).is_ok() {
                // An end that comes first is said by the task itself.
                let _ = wait.await;
            }
        }
        if let Some(role) = &self.binder {
            let (applied, wait) = oneshot::channel();
            let plan =
                BinderPlan::of(&checked.config, &checked.instances, &checked.membership, role.host);
            if role.events.send(binder::Event::Apply(Box::new(plan), applied)).is_ok() {
                let _ = wait.await;
            }
            self.receivers.keep(checked.instances.transports().map(|(name, _)| name)).await;
        }
        let before = std::mem::replace(&mut self.instances, checked.instances);
        before.stop_all_but(&self.instances);
        Ok(())
    }

    /// What one says of itself; none where it has ended.
    pub(crate) async fn status(&self, role: Role) -> Option<Status> {
        match role {
            Role::Monitor => {
                let (answer, answered) = oneshot::channel();
                self.monitor.as_ref()?.events.send(monitor::Event::Status(answer)).ok()?;
                answered.await.ok().map(Status::Monitor)
            }
            Role::Binder => {
                let (answer, answered) = oneshot::channel();
                self.binder.as_ref()?.events.send(binder::Event::Status(answer)).ok()?;
                answered.await.ok().map(Status::Binder)
            }
        }
    }

    /// Says goodbye, stores what is to be remembered, and ends the plugins.
    pub(crate) async fn stop(self) {
        if let Some(role) = self.monitor {
            // One that has ended already needs no telling.
            let _ = role.events.send(monitor::Event::Stop);
            let _ = role.task.await;
        }
        if let Some(role) = self.binder {
            let _ = role.events.send(binder::Event::Stop);
            let _ = role.task.await;
        }
        self.instances.stop().await;
    }
}

impl MonitorRole {
    fn start(
        facts: &Facts,
        checked: &Checked,
        state: StateDir,
        neighbour: Option<mpsc::Sender<Arrived>>,
    ) -> Result<MonitorRole, DaemonError> {
        let epoch = again_if_corrupt(|| state.next_epoch(facts.clock.wall()))?;
        let mut keys = Keys::default();
        let identity = Identity { host: facts.host, epoch };
        let plan = plan(checked, identity, &mut keys)
            .map_err(|faults| DaemonError::Config(Faults(faults), Look::Plain))?;
        let outlets = Outlets::new(checked.instances.transports());
        let (shell, events) = MonitorShell::new(facts.clone(), plan, outlets, neighbour);
        let tell = events.clone();
        let watch = interfaces::watch(move |interfaces| {
            // A monitor that has ended wants no news.
            let _ = tell.send(monitor::Event::Interfaces(interfaces));
        });
        let watch = watch.map_err(|error| {
            DaemonError::io("follow the network interfaces", std::io::Error::other(error))
        })?;
        let task = tokio::spawn(shell.run());
        Ok(MonitorRole { identity, keys, events, task, _interfaces: watch, _state: state })
    }

    fn plan(&mut self, checked: &Checked) -> Result<MonitorPlan, Vec<Fault>> {
        plan(checked, self.identity, &mut self.keys)
    }
}

impl BinderRole {
    fn start(
        facts: &Facts,
        checked: &Checked,
        state: StateDir,
        queue: Queue,
        arrived: mpsc::Receiver<Arrived>,
    ) -> Result<BinderRole, DaemonError> {
        let file = state.file::<StoredSnapshot>("state.json", snapshot::VERSION);
        let remembered = again_if_corrupt(|| file.load())?.map(Into::into);
        let keeper = Keeper::start(file)?;
        let (host, membership) = (facts.host, &checked.membership);
        let plan = BinderPlan::of(&checked.config, &checked.instances, membership, host);
        let (shell, events) = BinderShell::new(facts.clone(), plan, remembered, keeper, arrived);
        let task = tokio::spawn(shell.run());
        Ok(BinderRole { host, events, queue, task, _state: state })
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
