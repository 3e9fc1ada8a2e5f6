//! Has the plugin do what the other end orders.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rais_sdk::Fault;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::outlet::{Credit, Outlet};
use crate::config::Kind;
use crate::host::PluginHost;
use crate::host::port::{LoadPort, ProbePort, SinkPort, TransportPort};
use crate::host::remote::line::{Haste, Line};
use crate::host::remote::wire::{
    Call, CallId, Hello, InstanceId, Order, Outcome, Report, ScopeWord, Served,
};

/// Where orders are taken.
pub(super) struct Desk {
    host: Arc<PluginHost>,
    kind: Kind,
    plugin: String,
    line: Arc<Line>,
    credit: Arc<Credit>,
    instances: Arc<Instances>,
    calls: Arc<Mutex<HashMap<CallId, AbortHandle>>>,
    ended: Arc<Notify>,
}

/// The instances that were made, and those that are being made.
#[derive(Default)]
struct Instances(Mutex<Rooms>);

#[derive(Default)]
struct Rooms {
    there: HashMap<InstanceId, Port>,
    making: HashMap<InstanceId, Wanted>,
}

/// Whether anybody waits for an instance.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Yes,
    NoLonger,
}

/// An instance.
#[derive(Clone)]
enum Port {
    Probe(Arc<dyn ProbePort>),
    Load(Arc<dyn LoadPort>),
    Sink(Arc<dyn SinkPort>),
    Transport(Arc<dyn TransportPort>),
}

impl Desk {
    pub(super) fn new(host: PluginHost, hello: &Hello, line: &Arc<Line>) -> Desk {
        Desk {
            host: Arc::new(host),
            kind: hello.kind.into(),
            plugin: hello.plugin.clone(),
            line: Arc::clone(line),
            credit: Arc::default(),
            instances: Arc::default(),
            calls: Arc::default(),
            ended: Arc::default(),
        }
    }

    /// Notified when the end is ordered.
    pub(super) fn ended(&self) -> Arc<Notify> {
        Arc::clone(&self.ended)
    }

    pub(super) fn take(&mut self, order: Order) {
        match order {
            Order::Call { id, instance, call: Call::Make(json), .. } => {
                self.make(id, instance, json);
            }
            Order::Call { id, instance, limit, call } => self.call(id, instance, limit, call),
            Order::Cancel { id } => {
                let call = lock(&self.calls).remove(&id);
                if let Some(call) = call {
                    call.abort();
                }
            }
            Order::Leave { instance } => self.instances.leave(instance),
            Order::Taken { datagrams } => self.credit.add(datagrams),
            Order::End => self.ended.notify_one(),
        }
    }

    /// Makes an instance on a thread of its own, which the author may block.
    fn make(&self, id: CallId, instance: InstanceId, json: String) {
        let (host, line) = (Arc::clone(&self.host), Arc::clone(&self.line));
        let (kind, plugin) = (self.kind, self.plugin.clone());
        let instances = Arc::clone(&self.instances);
        instances.begin(instance);
        let made = move || {
            let port = made(&host, kind, &plugin, instance, json);
            let outcome = port.as_ref().map(Port::scope).map(Outcome::Made);
            let outcome = outcome.map_err(Clone::clone);
            instances.end(instance, port.ok());
            answer(&line, id, outcome);
        };
        let name = format!("make-{}", self.plugin);
        if let Err(error) = thread::Builder::new().name(name).spawn(made) {
            self.instances.end(instance, None);
            let fault = Fault::io(format!("no thread to make an instance: {error}"));
            answer(&self.line, id, Err(fault));
        }
    }

    fn call(&self, id: CallId, instance: InstanceId, limit: Duration, call: Call) {
        let port = lock(&self.instances.0).there.get(&instance).cloned();
        match (port, call) {
            (Some(Port::Probe(port)), Call::Probe { target, ends }) => {
                let up = port.probe(target.into(), ends.left());
                self.run(id, async { Ok(Outcome::Up(up.await?.into())) });
            }
            (Some(Port::Load(port)), Call::Sample(of)) => {
                let reading = port.sample(of.into(), limit);
                self.run(id, async { Ok(Outcome::Reading(reading.await?.into())) });
            }
            (Some(Port::Sink(port)), Call::Assign(zones)) => {
                self.run_done(id, port.assign(zones.into(), limit));
            }
            (Some(Port::Sink(port)), Call::Publish(publication)) => match publication.unpack() {
                Ok(publication) => {
                    let serial = port.publish(Arc::new(publication), limit);
                    self.run(id, async { Ok(Outcome::Serial(serial.await?)) });
                }
                Err(error) => answer(&self.line, id, Err(Fault::io(error))),
            },
            (Some(Port::Sink(port)), Call::Served(zone)) => {
                let served = port.served(&zone, limit);
                self.run(id, async {
                    let served = served.await?.as_ref().map(Served::pack).transpose();
                    Ok(Outcome::Served(served.map_err(Fault::io)?))
                });
            }
            (Some(Port::Sink(port)), Call::Stop) => self.run_done(id, port.stop(limit)),
            (Some(Port::Transport(port)), Call::Start) => {
                let outlet = Outlet::new(instance, &self.line, &self.credit);
                self.run_done(id, port.start(Arc::new(outlet), limit));
            }
            (Some(Port::Transport(port)), Call::Send(datagram)) => {
                self.run_done(id, port.send(datagram.0.into()));
            }
            (Some(Port::Transport(port)), Call::Stop) => self.run_done(id, port.stop(limit)),
            // It has just left, or the other end does not know what it asks.
            _ => answer(&self.line, id, Err(Fault::busy("there is no such instance"))),
        }
    }

    fn run_done(&self, id: CallId, done: impl Future<Output = Result<(), Fault>> + Send + 'static) {
        self.run(id, async { done.await.map(|()| Outcome::Done) });
    }

    /// Answers with what `outcome` comes to, unless it is cancelled.
    fn run(
        &self,
        id: CallId,
        outcome: impl Future<Output = Result<Outcome, Fault>> + Send + 'static,
    ) {
        let (line, calls) = (Arc::clone(&self.line), Arc::clone(&self.calls));
        // Nothing runs before this returns: all of it is one thread's.
        let task = tokio::spawn(async move {
            let outcome = outcome.await;
            if lock(&calls).remove(&id).is_some() {
                answer(&line, id, outcome);
            }
        });
        lock(&self.calls).insert(id, task.abort_handle());
    }
}

// What is dropped is dropped after the lock: a destructor is foreign code.
impl Instances {
    fn begin(&self, id: InstanceId) {
        lock(&self.0).making.insert(id, Wanted::Yes);
    }

    /// Its making is over; it takes the place of the one before.
    fn end(&self, id: InstanceId, port: Option<Port>) {
        let _before = {
            let mut rooms = lock(&self.0);
            match (rooms.making.remove(&id), port) {
                (Some(Wanted::Yes), Some(port)) => rooms.there.insert(id, port),
                (_, unwanted) => unwanted,
            }
        };
    }

    fn leave(&self, id: InstanceId) {
        let _left = {
            let mut rooms = lock(&self.0);
            if let Some(wanted) = rooms.making.get_mut(&id) {
                *wanted = Wanted::NoLonger;
            }
            rooms.there.remove(&id)
        };
    }
}

impl Port {
    fn scope(&self) -> Option<ScopeWord> {
        match self {
            Port::Load(port) => Some(port.scope().into()),
            _ => None,
        }
    }
}

fn made(
    host: &PluginHost,
    kind: Kind,
    plugin: &str,
    instance: InstanceId,
    json: String,
) -> Result<Port, Fault> {
    let plugin = host.plugin(kind, plugin)?;
    Ok(match kind {
        Kind::Probe => Port::Probe(host.local_probe(plugin, json)?),
        Kind::Load => Port::Load(host.local_load(plugin, json)?),
        Kind::Sink => Port::Sink(host.local_sink(plugin, json)?),
        Kind::Transport => {
            // The other end knows its name.
            let number = instance.to_string();
            Port::Transport(host.local_transport(plugin, Some(&number), json)?)
        }
    })
}

fn answer(line: &Line, id: CallId, outcome: Result<Outcome, Fault>) {
    let outcome = outcome.map_err(Into::into);
    if let Err(unsent) = line.say(&Report::Answer { id, outcome }, Haste::Together) {
        // Something is answered to everything.
        let outcome = Err(Fault::io(format!("its answer cannot be told: {unsent}")).into());
        let _ = line.say(&Report::Answer { id, outcome }, Haste::Together);
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
