//! `[monitor.service.NAME]`: how one service of this host is probed and announced.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rais_proto::heartbeat::codec::{MAX_EXPIRE, MAX_INTERVAL};
use rais_proto::heartbeat::{Capacity, Weight, default_expire};
use rais_proto::monitor::OnFlapping;
use rais_proto::name::ServiceName;

use super::address::Advertise;
use super::duration;
use super::fault::Fault;
use super::monitor::Monitor;
use super::place::Place;
use super::probe::{LoadRule, Probe};
use super::section::Section;
use super::tree::Node;
use super::value::Value;

/// `[monitor.service.NAME]`, every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorService {
    /// Between probes, and between beats.
    pub interval: Duration,
    /// Of one probe.
    pub timeout: Duration,
    /// From a probe that failed, or did not answer by then, to the next.
    pub fast_interval: Duration,
    /// Successes until up; from 1.
    pub rise: u8,
    /// Failures until down; from 1.
    pub fall: u8,
    /// What becomes of an address that comes and goes.
    pub flapping: OnFlapping,
    /// Percent of `interval`.
    pub jitter: u8,
    /// Silence longer than this is death.
    pub expire: Duration,
    /// How health is judged.
    pub probe: Probe,
    /// How load is measured; none where it is not.
    pub load: Option<LoadRule>,
    /// Of this service on this host, `[monitor] capacity` where not written; the CPU count where none.
    pub capacity: Option<Capacity>,
    /// The static weight.
    pub weight: Weight,
    /// Which own addresses are announced, `[monitor] advertise` where not written.
    pub addresses: Advertise,
    /// Machines without a monitor that this host speaks for; where there are any, they take the
    /// place of `addresses`.
    pub targets: Vec<Target>,
}

/// A machine without a monitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Probed and announced.
    pub address: IpAddr,
    /// What people call it.
    pub name: Option<String>,
    /// The static weight, the service's where not written.
    pub weight: Weight,
}

impl MonitorService {
    /// What is not written here is `monitor`'s.
    pub(super) fn read(value: &Value<'_>, monitor: &Monitor) -> Option<MonitorService> {
        let section = Section::open("monitor.service.*", value)?;
        let probe = section.need("probe", Probe::read);
        let load = section.get("load", LoadRule::read);
        let weight = section.get("weight", weight).unwrap_or(Weight::USUAL);
        let interval =
            section.get("interval", Value::duration).unwrap_or(Duration::from_millis(500));
        let targets =
            section.get("targets", |value| value.some(|value| Target::read(value, weight)));
        let or = |key: &str, usual: Duration| section.get(key, Value::duration).unwrap_or(usual);
        let times = |key: &str| section.get(key, |value| value.small(1, 100)).unwrap_or(2);
        let timeout = or("timeout", Duration::from_millis(400).min(interval * 4 / 5));
        let fast_interval = or("fast_interval", Duration::from_millis(100).min(interval / 5));
        let expire = or("expire", default_expire(interval));
        let (rise, fall) = (times("rise"), times("fall"));
        let flapping = section.get("flapping", |value| {
            value.word(&[("hold", OnFlapping::Hold), ("ignore", OnFlapping::Ignore)])
        });
        let jitter = section.get("jitter", |value| value.small(0, 50)).unwrap_or(10);
        let capacity = section.get("capacity", capacity).or(monitor.capacity);
        let addresses = section.get("addresses", Advertise::read);
        // Every key is read before the first that is missing ends it.
        let service = MonitorService {
            interval,
            timeout,
            fast_interval,
            rise,
            fall,
            flapping: flapping.unwrap_or_default(),
            jitter,
            expire,
            probe: probe?,
            load,
            capacity,
            weight,
            addresses: addresses.unwrap_or_else(|| monitor.advertise.clone()),
            targets: targets.unwrap_or_default(),
        };
        service.judge(&section, value);
        Some(service)
    }

    /// What two keys must be to one another.
    fn judge(&self, section: &Section<'_>, whole: &Value<'_>) {
        let interval = duration::show(self.interval);
        let written = |key: &str| section.value(key).map(|value| value.item.place.clone());
        let at = |key: &str| written(key).or_else(|| written("interval"));
        for (key, length, most) in
            [("interval", self.interval, MAX_INTERVAL), ("expire", self.expire, MAX_EXPIRE)]
        {
            if length > most
                && let Some(place) = at(key)
            {
                let (length, most) = (duration::show(length), duration::show(most));
                let message = format!("`{key}` ({length}) is longer than a beat can say ({most})");
                whole.notes.add(Fault::error(place, &whole.path, message));
            }
        }
        if self.expire <= self.interval
            && let Some(place) = at("expire")
        {
            let expire = duration::show(self.expire);
            let message = format!(
                "`expire` ({expire}) is not above `interval` ({interval}): the service would die between two beats"
            );
            whole.notes.add(Fault::error(place, &whole.path, message));
        }
        if self.fast_interval > self.interval
            && let Some(place) = at("fast_interval")
        {
            let fast = duration::show(self.fast_interval);
            let message = format!("`fast_interval` ({fast}) is above `interval` ({interval})");
            whole.notes.add(Fault::error(place, &whole.path, message));
        }
        if self.timeout > self.interval
            && let Some(place) = at("timeout")
        {
            let timeout = duration::show(self.timeout);
            let message = format!(
                "`timeout` ({timeout}) is above `interval` ({interval}): probes of one address overlap"
            );
            whole.notes.add(Fault::warning(place, &whole.path, message));
        }
        for call in self.probe.calls() {
            if let Some(own) = call.timeout.filter(|own| *own > self.timeout) {
                let (own, timeout) = (duration::show(own), duration::show(self.timeout));
                let message = format!(
                    "its `timeout` ({own}) is above the service's ({timeout}), by when an answer counts as none; raise that too"
                );
                whole.notes.add(call.table.fault("timeout", &message));
            }
        }
        if self.targets.len() > 1 {
            let loads = self.load.iter().flat_map(LoadRule::calls);
            for call in self.probe.calls().into_iter().chain(loads) {
                if let Some(address) = call.address_in_url() {
                    let message = format!(
                        "every target would be judged by the one address {address}; with a host name in `url`, or `host` and `path` in place of it, each is asked at its own"
                    );
                    whole.notes.add(call.table.fault("url", &message).as_doubt());
                }
            }
        }
        if let (Some(targets), Some(addresses)) = (section.value("targets"), written("addresses")) {
            let message = "`addresses` has no effect beside `targets`";
            let fault = Fault::warning(addresses, &whole.path, message);
            whole.notes.add(fault.see(&targets.item.place, "these are announced"));
        }
        let mut seen = BTreeSet::new();
        let written = section.value("targets").and_then(|value| value.items());
        for (target, value) in self.targets.iter().zip(written.iter().flatten()) {
            if !seen.insert(target.address) {
                value.notes.add(value.fault(format!("{} is given twice", target.address)));
            }
        }
    }
}

impl Target {
    /// An address, or a table around it.
    fn read(value: &Value<'_>, usual: Weight) -> Option<Target> {
        if let Node::Text(_) = value.item.node {
            return Some(Target { address: address(value)?, name: None, weight: usual });
        }
        let section = Section::open("monitor.service.*.targets", value)?;
        let name = section.get("name", Value::filled);
        let weight = section.get("weight", weight).unwrap_or(usual);
        Some(Target { address: section.need("address", address)?, name, weight })
    }
}

/// Of a target: what else stands there is often a name, or has a port.
fn address(value: &Value<'_>) -> Option<IpAddr> {
    let text = value.text()?;
    if text.parse::<IpAddr>().is_ok() {
        return value.ip();
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        let message = format!("{text:?}: a port belongs to the probe, as its `port`");
        value.notes.add(value.fault(message).meant(Some(format!("`\"{}\"`", socket.ip()))));
        return None;
    }
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.contains(|c: char| c.is_ascii_alphabetic()) && text.chars().all(in_name) {
        let message = format!("{text:?} is a name, and names are never looked up");
        let allowed = format!("its address, or {{ address = …, name = {text:?} }}");
        return value.refuse(message, allowed);
    }
    value.ip()
}

/// The name of a service's table.
pub(super) fn name(name: &str, place: &Place, value: &Value<'_>) -> Option<ServiceName> {
    match name.parse() {
        Ok(name) => Some(name),
        Err(why) => {
            let fault = Fault::error(place.clone(), &value.path, format!("{name:?}: {why}"));
            value.notes.add(fault);
            None
        }
    }
}

/// Any positive number.
pub(super) fn capacity(value: &Value<'_>) -> Option<Capacity> {
    const ALLOWED: &str = "a number from 0.001 to 4294967";
    Capacity::from_units(value.number(0.001..=4_294_967.0, ALLOWED)?)
}

fn weight(value: &Value<'_>) -> Option<Weight> {
    Weight::from_percent(value.short(1, 1000)?)
}
