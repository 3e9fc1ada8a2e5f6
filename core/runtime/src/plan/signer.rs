//! What a monitor has to say, held against the limits of the key that it signs with: a beat beyond
//! them is refused whole, by every binder.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::config::{Advertise, Config, Fault, MonitorService, Selector};
use crate::keys::KeyFile;

/// What the file says that `key` may never say: with it, this host or a service of it would be
/// believed nowhere. What only the interfaces tell is judged as they are found
/// ([`beyond`](super::trust::Membership::beyond)).
pub(super) fn faults(config: &Config, key: &KeyFile) -> Vec<Fault> {
    let mut faults: Vec<Fault> = host(config, key).into_iter().collect();
    faults.extend(config.monitor.services.keys().filter_map(|name| {
        let allowed = key.limits.services.as_ref()?;
        let path = format!("monitor.service.{name}");
        let message = format!("{}, and `{name}` is none of them", may(key, "services", allowed));
        (!allowed.contains(name)).then(|| refused(config.fault_at_key(&path, message), key))
    }));
    let own = |service: &&MonitorService| service.targets.is_empty();
    let inherits = |service: &&MonitorService| service.addresses == config.monitor.advertise;
    if config.monitor.services.values().filter(own).any(|service| inherits(&service)) {
        faults.extend(addresses(config, key, "monitor.advertise", &config.monitor.advertise));
    }
    for (name, service) in &config.monitor.services {
        let path = format!("monitor.service.{name}");
        if !own(&service) {
            faults.extend(targets(config, key, &format!("{path}.targets"), service));
        } else if !inherits(&service) {
            faults.extend(addresses(config, key, &format!("{path}.addresses"), &service.addresses));
        }
    }
    faults
}

fn host(config: &Config, key: &KeyFile) -> Option<Fault> {
    let (allowed, name) = (key.limits.hosts.as_ref()?, &config.host.name);
    if allowed.contains(name) {
        return None;
    }
    let message = format!(
        "{}, and this host is `{name}`: the key that signs here must be one of its own",
        may(key, "hosts", allowed)
    );
    let fault = config.fault("cluster.keys", message);
    let named = config.places.value("host.name");
    Some(refused(named.into_iter().fold(fault, |fault, at| fault.see(at, "its name")), key))
}

/// Addresses that are found on the interfaces, by what is written of them: one file may name those
/// of several hosts, so it is wrong where not one of them may be named.
fn addresses(config: &Config, key: &KeyFile, path: &str, written: &Advertise) -> Option<Fault> {
    let (ranges, Advertise::List(selectors)) = (key.limits.addresses.as_ref()?, written) else {
        return None;
    };
    let exclude = &config.monitor.exclude;
    let is_excluded = |ip: &IpAddr| exclude.iter().any(|net| net.contains(ip));
    let told: Vec<&Selector> = selectors
        .iter()
        .filter(|one| !matches!(one, Selector::Address(ip) if is_excluded(ip)))
        .collect();
    let is_hopeless = |one: &&Selector| match one {
        Selector::Address(ip) => !ranges.iter().any(|range| range.contains(ip)),
        Selector::Net(net) => !ranges.iter().any(|range| meet(range, net)),
        Selector::Interface(_) => false,
    };
    if told.is_empty() || !told.iter().all(is_hopeless) {
        return None;
    }
    let message = format!("{}, and nothing here is in them", may(key, "addresses", ranges));
    Some(refused(config.fault(path, message), key))
}

/// Machines that are watched are named whatever the interfaces say.
fn targets(config: &Config, key: &KeyFile, path: &str, service: &MonitorService) -> Option<Fault> {
    let limits = &key.limits;
    if limits.hosts.is_some() && limits.addresses.is_none() {
        let message = format!(
            "the key that signs here, {}, is limited to hosts and to no addresses (`--allow`), and so \
             may not speak of other machines",
            key.path.display()
        );
        return Some(refused(config.fault(path, message), key));
    }
    let ranges = limits.addresses.as_ref()?;
    let address = service.targets.iter().map(|target| target.address);
    let (at, beyond) = address.enumerate().find(|&(_, address)| !limits.names(address))?;
    let message = format!("{}, and {beyond} is in none", may(key, "addresses", ranges));
    let fault = match config.places.value(&format!("{path}[{at}]")) {
        Some(_) => config.fault(&format!("{path}[{at}]"), message),
        None => config.fault(path, message),
    };
    Some(refused(fault, key))
}

fn meet(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

/// What the key may speak of.
fn may<T: ToString>(key: &KeyFile, kind: &str, allowed: &[T]) -> String {
    let all: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
    format!("the key that signs here, {}, may speak of the {kind} {all} alone", key.path.display())
}

fn refused(fault: Fault, key: &KeyFile) -> Fault {
    let why = "every binder would refuse the beats (`key_limit`)";
    fault.note(format!("{why}; `rais key list` shows the limits of key {}", key.id))
}
