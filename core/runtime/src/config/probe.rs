//! `probe` and `load`: one plugin's table each, or several put together.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::fault::Fault;
use super::keys::TAKEN_OF_CALL;
use super::plugin::{Kind, PluginTable, taken};
use super::section::Section;
use super::suggest;
use super::value::Value;

/// How a service's health is judged.
#[derive(Debug, Clone, PartialEq)]
pub enum Probe {
    /// By one probe.
    One(Call),
    /// Up where all say so.
    All(Vec<Probe>),
    /// Up where one says so.
    Any(Vec<Probe>),
    /// Up where so many say so.
    Of(usize, Vec<Probe>),
}

/// How a service's load is measured.
#[derive(Debug, Clone, PartialEq)]
pub enum LoadRule {
    /// By one load.
    One(Call),
    /// The highest of these.
    Max(Vec<LoadRule>),
    /// The mean of these.
    Mean(Vec<LoadRule>),
}

/// One probe's or load's table: what the core takes of it, and the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What the plugin is given.
    pub table: PluginTable,
    /// Makes the target's socket address.
    pub port: Option<u16>,
    /// Probed in place of the target's own address.
    pub address: Option<IpAddr>,
    /// Of one call; the service's `timeout` where none.
    pub timeout: Option<Duration>,
    /// A load's own period.
    pub every: Option<Duration>,
}

impl Probe {
    /// Every probe in it, in the order written.
    pub fn calls(&self) -> Vec<&Call> {
        match self {
            Probe::One(call) => vec![call],
            Probe::All(parts) | Probe::Any(parts) | Probe::Of(_, parts) => {
                parts.iter().flat_map(Probe::calls).collect()
            }
        }
    }
}

impl LoadRule {
    /// Every load in it, in the order written.
    pub fn calls(&self) -> Vec<&Call> {
        match self {
            LoadRule::One(call) => vec![call],
            LoadRule::Max(parts) | LoadRule::Mean(parts) => {
                parts.iter().flat_map(LoadRule::calls).collect()
            }
        }
    }
}

/// Types of the core's own list that make no sense without a port; said here, since the core takes
/// the port out and the plugin could not say where it is missing.
const NEED_PORT: [(Kind, &str); 3] =
    [(Kind::Probe, "tcp"), (Kind::Probe, "udp"), (Kind::Load, "agent")];

/// Types of the core's own list that a `url` tells where to connect; what of that the core takes
/// out is held against it here, once and for all targets.
const MAY_HAVE_URL: [(Kind, &str); 2] = [(Kind::Probe, "http"), (Kind::Load, "http")];

/// The address that a URL has in place of a host name.
fn address_in(url: &str) -> Option<IpAddr> {
    let host = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    match host.strip_prefix('[') {
        Some(six) => Some(six.split_once(']')?.0.parse::<Ipv6Addr>().ok()?.into()),
        None => Some(host.split(':').next()?.parse::<Ipv4Addr>().ok()?.into()),
    }
}

/// A `port` that is missing, or was written amiss.
fn portless(call: &Call, value: &Value<'_>) -> Fault {
    let table = &call.table;
    match suggest::nearest("port", table.rest.keys().map(String::as_str)) {
        Some(slip) => table.fault(slip, &format!("unknown field `{slip}`, expected `port`")),
        None => {
            value.fault(format!("`port` is missing: {} `{}` needs it", table.kind, table.type_name))
        }
    }
}

impl Probe {
    pub(super) fn read(value: &Value<'_>) -> Option<Probe> {
        let Some(combination) = combination("probe", value)? else {
            return Some(Probe::One(Call::read(Kind::Probe, value)?));
        };
        let all = combination.get("all", |value| value.some(Probe::read));
        let any = combination.get("any", |value| value.some(Probe::read));
        let within = combination.get("in", |value| value.some(Probe::read));
        let of = combination.get("of", |value| {
            let most = within
                .as_ref()
                .map_or(u32::MAX, |parts| u32::try_from(parts.len()).unwrap_or(u32::MAX));
            value.whole(1, most)
        });
        let written = |key: &str| combination.value(key).is_some();
        let ways = [written("all"), written("any"), written("of") || written("in")];
        if ways.iter().filter(|way| **way).count() != 1 {
            return value
                .refuse("several ways to combine probes", "one of `all`, `any` or `of` with `in`");
        }
        if written("of") || written("in") {
            for key in ["of", "in"].into_iter().filter(|key| !written(key)) {
                combination.missing(key);
            }
            return Some(Probe::Of(of? as usize, within?));
        }
        all.map(Probe::All).or(any.map(Probe::Any))
    }
}

impl LoadRule {
    pub(super) fn read(value: &Value<'_>) -> Option<LoadRule> {
        let Some(combination) = combination("load", value)? else {
            return Some(LoadRule::One(Call::read(Kind::Load, value)?));
        };
        let max = combination.get("max", |value| value.some(LoadRule::read));
        let mean = combination.get("mean", |value| value.some(LoadRule::read));
        if combination.value("max").is_some() && combination.value("mean").is_some() {
            return value.refuse("several ways to combine loads", "one of `max` or `mean`");
        }
        max.map(LoadRule::Max).or(mean.map(LoadRule::Mean))
    }
}

impl Call {
    fn read(kind: Kind, value: &Value<'_>) -> Option<Call> {
        let port = taken(value, "port", Value::port);
        let address = taken(value, "address", Value::ip);
        let timeout = taken(value, "timeout", Value::duration);
        let every = taken(value, "every", |value| match kind {
            Kind::Probe => value.refuse(
                "`every` has no effect on a probe",
                "the service's `interval`, at which all its probes are sent",
            ),
            _ => value.duration(),
        });
        let table = PluginTable::read(kind, TAKEN_OF_CALL, value)?;
        let call = Call { table, port, address, timeout, every };
        let has_port = taken(value, "port", |_| Some(())).is_some();
        if !has_port && NEED_PORT.contains(&(kind, call.table.type_name.as_str())) {
            value.notes.add(portless(&call, value));
        }
        if call.port.is_some() && call.url().is_some() {
            let fault = call.table.fault("port", "`url` says the port: write it there");
            value.notes.add(fault);
        }
        if let (Some(_), Some(said)) = (call.address, call.address_in_url()) {
            let message = format!(
                "`url` says the address: leave this out, or have a host name in place of {said} there"
            );
            value.notes.add(call.table.fault("address", &message));
        }
        Some(call)
    }

    fn url(&self) -> Option<&str> {
        let table = &self.table;
        let may = MAY_HAVE_URL.contains(&(table.kind, table.type_name.as_str()));
        table.rest.get("url").filter(|_| may)?.as_str()
    }

    /// What it connects to, whichever target is meant.
    pub(super) fn address_in_url(&self) -> Option<IpAddr> {
        address_in(self.url()?)
    }
}

/// The table where it has no `type` but a combination's key; none where it is a plugin's.
fn combination<'a>(name: &'static str, value: &Value<'a>) -> Option<Option<Section<'a>>> {
    let table = value.table()?;
    let keys = super::keys::of(name);
    let combines = table.entries.keys().any(|key| keys.contains(&key.as_str()));
    if table.entries.contains_key("type") || !combines {
        return Some(None);
    }
    Section::open(name, value).map(Some)
}
