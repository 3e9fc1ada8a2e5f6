//! What a monitor runs: the core's configuration of it, and what its keys stand for.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU16, NonZeroUsize};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ipnet::IpNet;
use rais_proto::heartbeat::packing::Room;
use rais_proto::heartbeat::{Capacity, Weight};
use rais_proto::monitor::advertise::{self, Interface};
use rais_proto::monitor::{
    AddressSet, Combine, CombineLoads, LoadKey, LoadScope, LoadSource, Members, MonitorConfig,
    MonitorConfigError, ProbeKey, Probes, ServiceConfig, ServiceLoad, WatchedTarget,
};
use rais_proto::name::{Epoch, HostId, ServiceName};
use rais_sdk::Scope;

use super::Instances;
use super::instances::said;
use super::trust::Membership;
use crate::config::{Advertise, Call, Config, Fault, LoadRule, MonitorService, Probe, Selector};
use crate::host::{LoadPort, ProbePort};

/// A load is sampled so often that its mean is over ten of them, but no more often than this: the
/// processor's own counters are coarse.
const LEAST_EVERY: Duration = Duration::from_millis(500);

/// Of one sample of the host, where its table says no `timeout`.
const HOST_LIMIT: Duration = Duration::from_secs(5);
/// Of one sample of a target: thousands may have to be asked.
const TARGET_LIMIT: Duration = Duration::from_secs(1);

/// Everything that a monitor is told.
pub struct MonitorPlan {
    /// For the state machine.
    pub config: MonitorConfig,
    /// What each probe key stands for.
    pub probes: BTreeMap<ProbeKey, ProbeBinding>,
    /// What each load key stands for.
    pub loads: BTreeMap<LoadKey, LoadBinding>,
    /// Which of the host's addresses each set has.
    pub addresses: BTreeMap<AddressSet, advertise::Advertise>,
    /// Never announced.
    pub exclude: Vec<IpNet>,
    /// Whose beats these are.
    pub membership: Membership,
}

/// A probe and where it goes.
#[derive(Clone)]
pub struct ProbeBinding {
    /// The plugin.
    pub port: Arc<dyn ProbePort>,
    /// Probed in place of the target's own address.
    pub address: Option<IpAddr>,
    /// Makes the target's socket address; 0 where the plugin needs none.
    pub at_port: u16,
    /// Of this probe alone, within the service's.
    pub timeout: Option<Duration>,
}

/// A load and what it is called.
#[derive(Clone)]
pub struct LoadBinding {
    /// Its `type`.
    pub plugin: String,
    /// The plugin.
    pub port: Arc<dyn LoadPort>,
    /// Asked in place of the target's own address.
    pub address: Option<IpAddr>,
    /// Makes the target's socket address; 0 where the plugin needs none.
    pub at_port: u16,
    /// A sample that takes longer gives nothing.
    pub limit: Duration,
}

/// Gives what is alike the same number over reloads, so that what did not change goes on.
#[derive(Debug, Default)]
pub struct Keys(BTreeMap<String, u32>);

/// Who a monitor is.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// Which host.
    pub host: HostId,
    /// Which life.
    pub epoch: Epoch,
}

impl ProbeBinding {
    /// Where a probe of `address` really goes.
    pub fn target(&self, address: IpAddr) -> SocketAddr {
        SocketAddr::new(self.address.unwrap_or(address), self.at_port)
    }
}

impl LoadBinding {
    /// Where a sample of `address` really is taken.
    pub fn target(&self, address: IpAddr) -> SocketAddr {
        SocketAddr::new(self.address.unwrap_or(address), self.at_port)
    }
}

impl Keys {
    fn of(&mut self, what: String) -> u32 {
        #[allow(clippy::cast_possible_truncation)] // no file names 2^32 tables
        let next = self.0.len() as u32;
        *self.0.entry(what).or_insert(next)
    }
}

impl MonitorPlan {
    /// As `config` says, with `instances` made of it.
    ///
    /// # Errors
    /// Combinations that this version cannot make.
    pub fn of(
        config: &Config,
        instances: &Instances,
        membership: Membership,
        identity: Identity,
        keys: &mut Keys,
    ) -> Result<MonitorPlan, Vec<Fault>> {
        let monitor = &config.monitor;
        let mut plan = MonitorPlan {
            config: MonitorConfig {
                host: identity.host,
                host_name: config.host.name.clone(),
                epoch: identity.epoch,
                seed: identity.epoch.0,
                room: Room::beside(&config.host.name, membership.cluster()),
                sample: monitor.sample,
                concurrency: NonZeroUsize::new(monitor.concurrency).unwrap_or(NonZeroUsize::MIN),
                loads: Vec::new(),
                services: Vec::new(),
            },
            probes: BTreeMap::new(),
            loads: BTreeMap::new(),
            addresses: BTreeMap::from([(AddressSet::Host, selection(&monitor.advertise))]),
            exclude: monitor.exclude.clone(),
            membership,
        };
        let mut faults = Vec::new();
        for (name, service) in &monitor.services {
            match plan.service(config, instances, (name, service), keys) {
                Ok(service) => plan.config.services.push(service),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(plan) } else { Err(faults) }
    }

    /// The addresses of a set, as `interfaces` stand.
    pub fn advertised(&self, interfaces: &[Interface]) -> Vec<(AddressSet, Vec<IpAddr>)> {
        let sets = self.addresses.iter();
        sets.map(|(set, which)| {
            (set.clone(), advertise::advertised(interfaces, which, &self.exclude))
        })
        .collect()
    }

    fn service(
        &mut self,
        config: &Config,
        instances: &Instances,
        (name, service): (&ServiceName, &MonitorService),
        keys: &mut Keys,
    ) -> Result<ServiceConfig, Fault> {
        let path = format!("monitor.service.{name}.probe");
        let probes = self
            .bind_probes(instances, &service.probe, keys)
            .map_err(|error| config.fault(&path, error.to_string()))?;
        let load = service.load.as_ref().and_then(|rule| self.bind_loads(instances, rule, keys));
        Ok(ServiceConfig {
            name: name.clone(),
            interval: service.interval,
            timeout: service.timeout,
            fast_interval: service.fast_interval,
            rise: NonZeroU16::new(service.rise.into()).unwrap_or(NonZeroU16::MIN),
            fall: NonZeroU16::new(service.fall.into()).unwrap_or(NonZeroU16::MIN),
            on_flapping: service.flapping,
            jitter_percent: service.jitter,
            expire: service.expire,
            capacity: service.capacity.or(config.monitor.capacity).unwrap_or_else(own_capacity),
            weight: service.weight,
            probes,
            load,
            members: self.members(config, name, service),
        })
    }

    /// Whether a service announces this host's own addresses of `set`: where all have `targets`,
    /// nobody misses any.
    pub fn announces(&self, set: &AddressSet) -> bool {
        let own = |members: &Members| matches!(members, Members::Own { addresses, .. } if addresses == set);
        self.config.services.iter().any(|service| own(&service.members))
    }

    fn members(
        &mut self,
        config: &Config,
        name: &ServiceName,
        service: &MonitorService,
    ) -> Members {
        if !service.targets.is_empty() {
            let watched = service.targets.iter().map(|target| WatchedTarget {
                address: target.address,
                name: target.name.as_deref().map(Into::into),
                weight: (target.weight != Weight::USUAL).then_some(target.weight),
            });
            return Members::Watched(watched.collect());
        }
        let addresses = if service.addresses == config.monitor.advertise {
            AddressSet::Host
        } else {
            let set = AddressSet::Service(name.clone());
            self.addresses.insert(set.clone(), selection(&service.addresses));
            set
        };
        // Where every probe has an address of its own, one trial speaks for all.
        let own: Option<Vec<IpAddr>> =
            service.probe.calls().iter().map(|call| call.address).collect();
        Members::Own { addresses, probe_at: own.and_then(|own| own.first().copied()) }
    }

    fn bind_probes(
        &mut self,
        instances: &Instances,
        probe: &Probe,
        keys: &mut Keys,
    ) -> Result<Probes, MonitorConfigError> {
        let (combine, parts) = match probe {
            Probe::One(call) => return Ok(Probes::one(self.bind_probe(instances, call, keys))),
            Probe::All(parts) => (Combine::All, parts),
            Probe::Any(parts) => (Combine::Any, parts),
            Probe::Of(wanted, parts) => (Combine::AtLeast(*wanted), parts),
        };
        let parts = parts.iter().map(|part| self.bind_probes(instances, part, keys));
        Probes::new(combine, parts.collect::<Result<_, _>>()?)
    }

    fn bind_probe(&mut self, instances: &Instances, call: &Call, keys: &mut Keys) -> ProbeKey {
        let (kind, table) = said(&call.table);
        let what =
            format!("probe {kind} {table} {:?} {:?} {:?}", call.port, call.address, call.timeout);
        let key = ProbeKey(keys.of(what));
        if let Some(port) = instances.probe(call) {
            let (address, timeout) = (call.address, call.timeout);
            let at_port = call.port.unwrap_or_default();
            self.probes.insert(key, ProbeBinding { port, address, at_port, timeout });
        }
        key
    }

    fn bind_loads(
        &mut self,
        instances: &Instances,
        rule: &LoadRule,
        keys: &mut Keys,
    ) -> Option<ServiceLoad> {
        let (combine, parts) = match rule {
            LoadRule::One(call) => {
                return self.bind_load(instances, call, keys).map(ServiceLoad::One);
            }
            LoadRule::Max(parts) => (CombineLoads::Max, parts),
            LoadRule::Mean(parts) => (CombineLoads::Mean, parts),
        };
        let parts = parts.iter().filter_map(|part| self.bind_loads(instances, part, keys));
        Some(ServiceLoad::Several(combine, parts.collect()))
    }

    fn bind_load(
        &mut self,
        instances: &Instances,
        call: &Call,
        keys: &mut Keys,
    ) -> Option<LoadKey> {
        let port = instances.load(call)?;
        let sample = self.config.sample;
        let every = call.every.unwrap_or_else(|| (sample / 10).max(LEAST_EVERY.min(sample)));
        let (plugin, table) = said(&call.table);
        let (address, at_port) = (call.address, call.port.unwrap_or_default());
        let scope = match port.scope() {
            Scope::Host => LoadScope::Host,
            Scope::Target => LoadScope::Target,
        };
        let limit = call.timeout.unwrap_or(match scope {
            LoadScope::Host => HOST_LIMIT,
            LoadScope::Target => TARGET_LIMIT,
        });
        let what =
            format!("load {plugin} {table} {every:?} {address:?} {at_port} {limit:?} {scope:?}");
        let key = LoadKey(keys.of(what));
        let binding = LoadBinding { plugin, port, address, at_port, limit };
        if self.loads.insert(key, binding).is_none() {
            self.config.loads.push(LoadSource { key, every, scope });
        }
        Some(key)
    }
}

impl std::fmt::Debug for MonitorPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MonitorPlan").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The number of processors, one where nobody knows.
fn own_capacity() -> Capacity {
    let count = thread::available_parallelism().map_or(1, usize::from);
    #[allow(clippy::cast_precision_loss)] // no host has 2^52 processors
    Capacity::from_units(count as f64).unwrap_or(Capacity::ONE)
}

/// The selectors of a configuration, as the core takes them.
pub fn selection(which: &Advertise) -> advertise::Advertise {
    match which {
        Advertise::Auto => advertise::Advertise::Auto,
        Advertise::List(list) => advertise::Advertise::Only(
            list.iter()
                .map(|selector| match selector {
                    Selector::Address(address) => advertise::Selector::Address(*address),
                    Selector::Net(net) => advertise::Selector::Network(*net),
                    Selector::Interface(name) => advertise::Selector::Interface(name.clone()),
                })
                .collect(),
        ),
    }
}
