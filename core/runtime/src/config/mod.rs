//! The configuration: one TOML file and the `conf.d/*.toml` beside it, parsed and judged whole.
//!
//! A key that is not known is a fault, and every fault has its file, line and column.

mod address;
mod binder;
mod bound;
mod cluster;
mod control;
mod dns;
mod host;
mod monitor;
mod place;
mod plugin;
mod plugins;
mod probe;
mod role;
mod service;
mod sink;
mod transport;
mod zone;

use std::collections::BTreeMap;

use rais_proto::name::ZoneName;

pub use address::{Advertise, Selector};
pub use binder::Binder;
pub use bound::{Balance, BinderService, MinServers, Percent, React, Watch, Weights, WhenNone};
pub use cluster::{Accept, Cluster, Security};
pub use control::{Control, Http, LogFormat};
pub use dns::{DomainName, OwnerName, Scheme, Ttl};
pub use host::Host;
pub use monitor::Monitor;
pub use place::{Place, Places};
pub use plugin::PluginTable;
pub use plugins::{Isolation, OnStartupError, PluginOptions, Plugins, Restart};
pub use probe::{Call, LoadRule, Probe};
pub use role::Role;
pub use service::{MonitorService, Target};
pub use sink::Sink;
pub use transport::Transport;
pub use zone::{Head, HeaderFile, MaxAddresses, Zone};

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
