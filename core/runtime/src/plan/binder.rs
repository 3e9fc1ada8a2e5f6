//! What a binder runs: the core's configuration of it, and what its zones are made of.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use rais_proto::binder::{BinderConfig, ZonePolicy};
use rais_proto::name::{HostId, ServiceName, ZoneName};
use rais_proto::policy::{self, ServicePolicy, weights};
use rais_proto::serial::Serial;
use ring::digest;
use tokio::sync::watch;

use super::Instances;
use super::trust::Membership;
use crate::config::{
    Balance, BinderService, Config, Head, MaxAddresses, MinServers, Percent, React, Scheme,
    WhenNone, Zone,
};
use crate::convert::SharedText;
use crate::host::SinkPort;
use crate::shell::assignments::{Assigned, Assignment};
use crate::status::SecurityStatus;

/// Everything that a binder is told.
pub struct BinderPlan {
    /// For the state machine.
    pub config: BinderConfig,
    /// What each zone is made of, and where it goes.
    pub zones: BTreeMap<ZoneName, Arc<ZonePlan>>,
    /// Every sink, by name.
    pub sinks: BTreeMap<String, SinkPlan>,
    /// Whether anybody who reaches it is believed.
    pub security: SecurityStatus,
}

/// One zone. Two are equal where they publish the same, wherever that goes: a sink that joins is
/// given what the others have.
#[derive(Debug, Clone)]
pub struct ZonePlan {
    /// Its fixed part; none where the sinks' server keeps it.
    pub header: Option<SharedText>,
    /// Name of its file.
    pub file: String,
    /// Most addresses in one answer.
    pub max_addresses: MaxAddresses,
    /// Its owner names, in the order of their services.
    pub owners: Vec<OwnerPlan>,
    /// Where it goes.
    pub sinks: Vec<String>,
}

/// One owner name of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerPlan {
    /// Whose addresses it has.
    pub service: ServiceName,
    /// Relative to the zone; `@` is its apex.
    pub name: String,
    /// Of its addresses, in seconds.
    pub ttl: u32,
    /// In which way answers are to be ordered.
    pub scheme: Option<String>,
}

/// One sink.
#[derive(Clone)]
pub struct SinkPlan {
    /// The plugin.
    pub port: Arc<dyn SinkPort>,
    /// Before the first retry; doubles up to a minute.
    pub retry: Duration,
    /// Between two looks at what is served.
    pub verify_interval: Duration,
    /// Rung where it works again for a zone: those that wait for their next try need not wait.
    pub works_again: watch::Sender<()>,
}

impl BinderPlan {
    /// As `config` says, with `instances` made of it.
    pub fn of(
        config: &Config,
        instances: &Instances,
        membership: &Membership,
        host: HostId,
    ) -> BinderPlan {
        let bound = &config.binder.services;
        let used = |name: &ZoneName| bound.values().any(|service| &service.zone == name);
        let zones: BTreeMap<ZoneName, Arc<ZonePlan>> = config
            .zones
            .iter()
            .filter(|(name, _)| used(name))
            .map(|(name, zone)| (name.clone(), Arc::new(ZonePlan::of(name, zone, bound))))
            .collect();
        let policies = zones.iter().map(|(name, plan)| {
            let header_serial = config.zones.get(name).and_then(|zone| serial_of(&zone.head));
            (name.clone(), ZonePolicy { header_serial, fingerprint: plan.fingerprint() })
        });
        let sinks = instances.sinks().filter_map(|(name, port)| {
            let sink = config.sinks.get(name)?;
            let (retry, verify_interval) = (sink.retry, sink.verify_interval);
            let (port, works_again) = (Arc::clone(port), watch::Sender::default());
            Some((name.clone(), SinkPlan { port, retry, verify_interval, works_again }))
        });
        BinderPlan {
            config: BinderConfig {
                host,
                trust: membership.trust.clone(),
                max_skew: config.cluster.as_ref().map_or(USUAL_SKEW, |cluster| cluster.max_skew),
                gap: config.binder.gap,
                services: bound.iter().map(|(name, s)| (name.clone(), policy_of(s))).collect(),
                zones: policies.collect(),
            },
            sinks: sinks.collect(),
            zones,
            security: membership.security,
        }
    }

    /// Every sink with its zones, whether it has any or none.
    pub fn assigned(&self) -> Assigned {
        let zones_of = |sink: &String| {
            let its = self.zones.iter().filter(|(_, plan)| plan.sinks.contains(sink));
            its.map(|(zone, _)| zone.to_string()).collect()
        };
        let assignment = |(name, sink): (&String, &SinkPlan)| {
            let (port, zones) = (Arc::clone(&sink.port), zones_of(name));
            (name.clone(), Assignment { port, zones })
        };
        self.sinks.iter().map(assignment).collect()
    }

    /// Sinks that stay are told of each other's recovery as before.
    pub fn carry_on(&mut self, before: &BinderPlan) {
        for (name, sink) in &mut self.sinks {
            let old = before.sinks.get(name).filter(|old| Arc::ptr_eq(&old.port, &sink.port));
            if let Some(old) = old {
                sink.works_again = old.works_again.clone();
            }
        }
    }
}

/// Where no cluster says otherwise: the beats come from this very process.
const USUAL_SKEW: Duration = Duration::from_secs(300);

impl PartialEq for ZonePlan {
    fn eq(&self, other: &ZonePlan) -> bool {
        let ZonePlan { header, file, max_addresses, owners, sinks: _ } = self;
        (header, file, owners) == (&other.header, &other.file, &other.owners)
            && max_addresses == &other.max_addresses
    }
}

impl ZonePlan {
    fn of(name: &ZoneName, zone: &Zone, bound: &BTreeMap<ServiceName, BinderService>) -> ZonePlan {
        let header = match &zone.head {
            Head::File(file) => Some(file.header.text().into()),
            Head::Synthesised(header) => Some(header.text().into()),
            Head::Foreign => None,
        };
        let mut owners = Vec::new();
        for (service, of) in bound.iter().filter(|(_, service)| &service.zone == name) {
            owners.extend(of.owners.iter().map(|owner| OwnerPlan {
                service: service.clone(),
                name: relative(owner.as_str(), name.as_str()),
                ttl: of.ttl.as_secs(),
                scheme: (of.scheme != Scheme::RoundRobin).then(|| of.scheme.as_str().to_owned()),
            }));
        }
        let (file, max_addresses, sinks) =
            (zone.file.clone(), zone.max_addresses, zone.sinks.clone());
        ZonePlan { header, file, max_addresses, owners, sinks }
    }

    /// Those of `service`.
    pub fn owners_of(&self, service: &ServiceName) -> &[OwnerPlan] {
        let first = self.owners.partition_point(|owner| owner.service < *service);
        let from = self.owners.get(first..).unwrap_or_default();
        from.split(|owner| owner.service != *service).next().unwrap_or_default()
    }

    /// Of all that a publication holds besides the addresses; the same in every version.
    fn fingerprint(&self) -> u64 {
        let mut context = digest::Context::new(&digest::SHA256);
        let mut add = |part: &str| {
            context.update(part.as_bytes());
            context.update(&[0]);
        };
        add(self.header.as_deref().unwrap_or_default());
        add(&self.file);
        add(&format!("{} {}", self.max_addresses.a, self.max_addresses.aaaa));
        for owner in &self.owners {
            add(owner.service.as_str());
            add(&owner.name);
            add(&owner.ttl.to_string());
            add(owner.scheme.as_deref().unwrap_or_default());
        }
        let digest = context.finish();
        digest.as_ref().iter().take(8).fold(0, |sum, &octet| sum << 8 | u64::from(octet))
    }
}

impl std::fmt::Debug for BinderPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BinderPlan")
            .field("config", &self.config)
            .field("zones", &self.zones)
            .finish_non_exhaustive()
    }
}

fn serial_of(head: &Head) -> Option<Serial> {
    match head {
        Head::File(file) => Some(Serial(file.header.serial())),
        // A synthesised header's serial is ours to choose.
        Head::Synthesised(_) | Head::Foreign => None,
    }
}

fn relative(owner: &str, zone: &str) -> String {
    match owner.strip_suffix(zone).map(|rest| rest.trim_end_matches('.')) {
        Some("") => "@".to_owned(),
        Some(rest) => rest.to_owned(),
        None => owner.to_owned(),
    }
}

fn policy_of(service: &BinderService) -> ServicePolicy {
    ServicePolicy {
        zone: service.zone.clone(),
        react: match service.react {
            React::AtOnce => policy::React::AtOnce,
            React::OnTimer => policy::React::OnTimer,
        },
        interval: service.interval,
        balance: match service.balance {
            Balance::Prune => policy::Balance::Prune,
            Balance::Weights => policy::Balance::Weights(constants(service)),
            Balance::DutyCycle => policy::Balance::DutyCycle(constants(service)),
            Balance::None => policy::Balance::None,
        },
        max_load: service.max_load,
        return_load: service.return_load,
        min_servers: match service.min_servers {
            MinServers::Count(count) => policy::MinServers::Count(count),
            MinServers::Percent(percent) => policy::MinServers::Percent(share(percent)),
        },
        panic: service.panic.map(share),
        tiers: service.tiers.clone(),
        max_servers: service.max_servers.and_then(NonZeroU32::new),
        when_none: match service.when_none {
            WhenNone::Hold => policy::WhenNone::Hold,
            WhenNone::All => policy::WhenNone::All,
            WhenNone::Empty => policy::WhenNone::Empty,
        },
        hold: service.hold,
        watch: service.watch,
        allow: service.allow.clone().unwrap_or_default(),
    }
}

fn constants(service: &BinderService) -> weights::Constants {
    let ttl = Duration::from_secs(service.ttl.as_secs().into());
    let (usual, wanted) = (weights::Constants::usual(ttl, service.interval), &service.weights);
    weights::Constants {
        smoothing: wanted.smoothing,
        trim_time: wanted.trim_time.unwrap_or(usual.trim_time),
        // Both were judged as they were read.
        trim_bound: weights::TrimBound::new(wanted.trim_bound).unwrap_or(usual.trim_bound),
        quick: weights::Quick::new(wanted.quick).unwrap_or(usual.quick),
        slow_start: service.slow_start,
        settle: usual.settle,
    }
}

fn share(percent: Percent) -> policy::Percent {
    policy::Percent(percent.get())
}
