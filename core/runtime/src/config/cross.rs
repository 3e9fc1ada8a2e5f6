//! What tables must be to one another.

use std::collections::BTreeMap;

use super::Config;
use super::bound::React;
use super::duration;
use super::fault::{Fault, Notes};
use super::path;
use super::place::Place;
use super::zone::Head;

/// Notes every contradiction between tables that are sound by themselves.
pub(super) fn check(config: &Config, notes: &Notes) {
    owners(config, notes);
    files(config, notes);
    intervals(config, notes);
}

/// Two services may share a zone, never an owner; nor may one be in the header already.
fn owners(config: &Config, notes: &Notes) {
    let mut first: BTreeMap<(&str, &str), Place> = BTreeMap::new();
    for (name, service) in &config.binder.services {
        let base = path::join("binder.service", name.as_str());
        for (at, owner) in service.owners.iter().enumerate() {
            let key = path::join(&base, "owner");
            let places = &config.places;
            let place = places
                .value(&path::index(&key, at))
                .or_else(|| places.value(&key))
                .or_else(|| places.key(&base));
            let Some(place) = place else { continue };
            if let Some(before) = first.get(&(service.zone.as_str(), owner.as_str())) {
                let message = format!("owner {owner} is given twice");
                let fault = Fault::error(place.clone(), &key, message);
                notes.add(fault.see(before, "given first here"));
                continue;
            }
            first.insert((service.zone.as_str(), owner.as_str()), place.clone());
            let Some(zone) = config.zones.get(&service.zone) else { continue };
            if let Some(record) = zone.header().and_then(|header| header.conflict(owner)) {
                let message = format!(
                    "owner {owner} has a record {} in the zone's header: its addresses come from one place only",
                    record.rtype
                );
                let fault = Fault::error(place.clone(), &key, message);
                notes.add(match &zone.head {
                    Head::File(file) => fault.see(&file.place(record.place), "this record"),
                    _ => fault,
                });
            }
        }
    }
}

/// Two zones in one file of one sink would overwrite each other.
fn files(config: &Config, notes: &Notes) {
    let mut first = BTreeMap::new();
    for (name, zone) in &config.zones {
        let base = path::join("zone", name.as_str());
        let key = path::join(&base, "file");
        for sink in &zone.sinks {
            let place = config.places.value(&key).or_else(|| config.places.key(&base));
            let Some(place) = place else { continue };
            if let Some(before) = first.insert((sink, &zone.file), place) {
                let message = format!("zone file {:?} is another zone's too", zone.file);
                let fault = Fault::error(place.clone(), &key, message);
                notes.add(fault.see(before, "its first zone"));
            }
        }
    }
}

/// The paper's rule: under twice the monitor's interval, servers drop out between beats.
fn intervals(config: &Config, notes: &Notes) {
    for (name, bound) in &config.binder.services {
        let Some(probed) = config.monitor.services.get(name) else { continue };
        if bound.react != React::OnTimer || bound.interval >= probed.interval * 2 {
            continue;
        }
        let place = |table: &str| {
            let base = path::join(table, name.as_str());
            let places = &config.places;
            places.value(&path::join(&base, "interval")).or_else(|| places.key(&base)).cloned()
        };
        let Some(here) = place("binder.service") else { continue };
        let message = format!(
            "the binder's interval ({}) is under twice the monitor's ({}): servers drop out between beats",
            duration::show(bound.interval),
            duration::show(probed.interval)
        );
        let key = path::join(&path::join("binder.service", name.as_str()), "interval");
        let fault = Fault::warning(here, &key, message);
        notes.add(match place("monitor.service") {
            Some(there) => fault.see(&there, "the monitor's"),
            None => fault,
        });
    }
}
