//! The configuration: one TOML file and the `conf.d/*.toml` beside it, parsed and judged whole.
//!
//! A key that is not known is a fault, and every fault has its file, line and column.

mod address;
mod binder;
mod bound;
mod cluster;
mod control;
mod cross;
mod dns;
mod duration;
mod fault;
mod header;
mod host;
mod keys;
mod load;
mod monitor;
mod path;
mod place;
mod plugin;
mod plugins;
mod probe;
mod regular;
mod render;
mod role;
mod section;
mod service;
mod sink;
mod suggest;
mod syntax;
mod transport;
mod tree;
mod unavailable;
mod value;
mod zone;
mod zones;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rais_proto::name::ZoneName;

pub use address::{Advertise, Selector};
pub use binder::Binder;
pub use bound::{Balance, BinderService, MinServers, Percent, React, Weights, WhenNone};
pub use cluster::{Accept, Cluster, Security};
pub use control::{Control, Http, LogFormat};
pub use dns::{Scheme, Ttl};
pub use fault::{Fault, Faults, Look, Severity};
pub use header::HeaderFile;
pub use host::Host;
pub use load::{Loaded, load, load_for, parse};
pub use monitor::Monitor;
pub use place::{Place, Places};
pub use plugin::{Kind, PluginTable};
pub use plugins::{Isolation, OnStartupError, PluginOptions, Plugins, Restart};
pub use probe::{Call, LoadRule, Probe};
pub use regular::read_regular;
pub use role::{Asked, Role};
pub use service::{MonitorService, Target};
pub use sink::Sink;
pub(crate) use suggest::nearest;
pub use transport::Transport;
pub use unavailable::{KnownTypes, is_our_type, unsupported};
pub use zone::{Head, MaxAddresses, Zone};

/// Types of sinks that answer from the records of a header, and not by its text.
const ANSWER_THEMSELVES: [&str; 1] = ["dns"];

/// A whole configuration, every default filled in and every reference resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[host]`.
    pub host: Host,
    /// `[cluster]`; there where a transport is.
    pub cluster: Option<Cluster>,
    /// `[transport.NAME]`.
    pub transports: BTreeMap<String, Transport>,
    /// `[plugins]`.
    pub plugins: Plugins,
    /// `[monitor]`.
    pub monitor: Monitor,
    /// `[zone."NAME"]`.
    pub zones: BTreeMap<ZoneName, Zone>,
    /// `[binder]`.
    pub binder: Binder,
    /// `[sink.NAME]`.
    pub sinks: BTreeMap<String, Sink>,
    /// `[control]`.
    pub control: Control,
    /// Where each key was written.
    pub places: Places,
}

impl Config {
    /// A fault of what stands at `path` (as in [`Places`]), found by who used it; of the file as a
    /// whole where nothing was written there.
    pub fn fault(&self, path: &str, message: impl Into<String>) -> Fault {
        self.fault_in(self.places.value(path), path, message.into())
    }

    /// Whether the zone's `scheme` is written, so that its header's line says nothing.
    pub(crate) fn has_scheme_key(&self, zone: &ZoneName) -> bool {
        self.places.key(&path::join(&path::join("zone", zone.as_str()), "scheme")).is_some()
    }

    /// The zone's sink that answers from the records of its header, where one does.
    pub(crate) fn answers_from(&self, zone: &ZoneName) -> Option<&str> {
        let is_one = |name: &&String| {
            let sink = self.sinks.get(name.as_str());
            sink.is_some_and(|sink| ANSWER_THEMSELVES.contains(&sink.table.type_name.as_str()))
        };
        self.zones.get(zone)?.sinks.iter().find(is_one).map(String::as_str)
    }

    /// Has zones go on with other headers.
    pub(crate) fn take_headers(&mut self, headers: &[(ZoneName, HeaderFile)]) {
        for (name, header) in headers {
            if let Some(zone) = self.zones.get_mut(name) {
                zone.head = Head::File(header.clone());
            }
        }
    }

    /// The same at the key itself.
    pub fn fault_at_key(&self, path: &str, message: impl Into<String>) -> Fault {
        self.fault_in(self.places.key(path), path, message.into())
    }

    fn fault_in(&self, place: Option<&Place>, path: &str, message: String) -> Fault {
        match place {
            Some(place) => Fault::error(place.clone(), path, message),
            None => Fault::in_file(&self.places.main, message),
        }
    }
}
