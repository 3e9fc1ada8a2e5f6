//! Instances of any kind.

use std::path::Path;
use std::sync::Arc;

use rais_sdk::Fault;
use serde_json::{Map, Value as Json};

use super::trial::Trial;
use super::{load, probe, sink, transport};
use crate::config::Kind;
use crate::host::{LoadPort, PluginHost, ProbePort, SinkPort, TransportPort};

/// An instance of a plugin.
#[derive(Clone)]
pub(super) enum Instance {
    Probe(Arc<dyn ProbePort>),
    Load(Arc<dyn LoadPort>),
    Sink(Arc<dyn SinkPort>),
    Transport(Arc<dyn TransportPort>),
}

impl Instance {
    pub(super) fn make(
        host: &PluginHost,
        kind: Kind,
        name: &str,
        table: &Map<String, Json>,
        folder: &Path,
    ) -> Result<Instance, Fault> {
        Ok(match kind {
            Kind::Probe => Instance::Probe(host.probe(name, table, folder)?),
            Kind::Load => Instance::Load(host.load(name, table, folder)?),
            Kind::Sink => Instance::Sink(host.sink(name, table, folder)?),
            Kind::Transport => Instance::Transport(host.transport(name, table, folder)?),
        })
    }

    /// Calls it as often as it takes to have it start what it may start: threads, sockets, files.
    /// What comes of it was seen before. Without a table of their own, sinks and transports are
    /// left alone.
    pub(super) fn call(&self, trial: &Trial<'_>) {
        let given = trial.job.given.is_some();
        match self {
            Instance::Probe(probe) => probe::once(trial, probe),
            Instance::Load(load) => load::once(trial, load),
            Instance::Sink(sink) if given => sink::once(trial, sink),
            Instance::Transport(transport) if given => transport::once(trial, transport),
            Instance::Sink(_) | Instance::Transport(_) => {}
        }
    }
}
