//! What tables must be to one another.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, PathBuf};

use super::{Call, Config, LoadRule, Sink};
use rais_proto::name::{ServiceName, ZoneName};
use rais_zone::OwnerName;

use super::bound::{Balance, MinServers, React};
use super::duration;
use super::fault::{Fault, Notes};
use super::path;
use super::place::Place;
use super::suggest;
use super::zone::Head;
use super::zones::LOSE_WEIGHTS;

/// Notes every contradiction between tables that are sound by themselves.
pub(super) fn check(config: &Config, notes: &Notes) {
    owners(config, notes);
    opaque(config, notes);
    signed(config, notes);
    updates(config, notes);
    files(config, notes);
    intervals(config, notes);
    minima(config, notes);
    schemes(config, notes);
    untold_loads(config, notes);
    loads_of_others(config, notes);
    strangers(config, notes);
    unserved(config, notes);
}

/// Types of probes that never tell a load; of strangers' it is not known.
const WITHOUT_LOAD: [&str; 3] = ["tcp", "udp", "http"];

/// Load that nobody measures takes nobody out, and turns nobody.
fn untold_loads(config: &Config, notes: &Notes) {
    for (name, bound) in &config.binder.services {
        let Some(probed) = config.monitor.services.get(name) else { continue };
        let silent = |call: &&Call| WITHOUT_LOAD.contains(&call.table.type_name.as_str());
        if probed.load.is_some() || !probed.probe.calls().iter().all(silent) {
            continue;
        }
        let base = path::join("binder.service", name.as_str());
        let is_judged = bound.prune_above().is_some() || bound.balance == Balance::DutyCycle;
        let keys = ["max_load", "balance"].map(|key| path::join(&base, key));
        let written = keys.iter().find_map(|key| Some((key, config.places.key(key)?)));
        let Some((key, place)) = written.filter(|_| is_judged) else {
            continue;
        };
        let so = match bound.balance {
            Balance::DutyCycle => "turns follow capacities and weights alone",
            _ => "it acts on nothing",
        };
        let message = format!(
            "{so}: [monitor.service.{name}] has no `load`, as in `load = {{ type = \"cpu\" }}`"
        );
        notes.add(Fault::warning(place.clone(), key, message));
    }
}

/// Types of loads that are of the host that measures them.
const OF_THE_HOST: [&str; 4] = ["cpu", "pressure", "average", "memory"];

/// Machines without a monitor are elsewhere: this host's load is not theirs.
fn loads_of_others(config: &Config, notes: &Notes) {
    let watching = config.monitor.services.values().filter(|service| !service.targets.is_empty());
    for call in watching.flat_map(|service| &service.load).flat_map(LoadRule::calls) {
        let name = call.table.type_name.as_str();
        if OF_THE_HOST.contains(&name) {
            let text = "the load of this host, and `targets` are other machines: ask them, by `agent`, `http` or `response-time`";
            notes.add(call.table.fault("type", text).as_doubt());
        }
    }
}

/// A name that one role has and the other has not is meant for another host's file, or a slip: the
/// second where no name at all is in both, where one is near, or where no other host is heard.
fn strangers(config: &Config, notes: &Notes) {
    let (probed, bound) = (&config.monitor.services, &config.binder.services);
    let one_role = probed.is_empty() || bound.is_empty();
    let alone = config.transports.is_empty();
    let none_in_both = !probed.keys().any(|name| bound.contains_key(name));
    let probed: Vec<&ServiceName> = probed.keys().collect();
    let bound: Vec<&ServiceName> = bound.keys().collect();
    for (table, names, other, others, lack) in [
        ("binder.service", &bound, "monitor.service", &probed, "no monitor here announces it"),
        ("monitor.service", &probed, "binder.service", &bound, "no binder here binds it"),
    ] {
        for name in names.iter().filter(|name| !one_role && !others.contains(name)) {
            let free = others.iter().filter(|other| !names.contains(other));
            let near = suggest::nearest(name.as_str(), free.map(|other| other.as_str()));
            let key = path::join(table, name.as_str());
            let Some(place) = config.places.key(&key) else { continue };
            if near.is_none() && !none_in_both && !alone {
                continue;
            }
            let message = format!("{lack}: there is no [{other}.{name}]");
            let fault = Fault::warning(place.clone(), &key, message);
            notes.add(fault.meant(near.map(|near| format!("`{near}`"))));
        }
    }
}

/// A zone is published for the services in it.
fn unserved(config: &Config, notes: &Notes) {
    let used = |name: &ZoneName| config.binder.services.values().any(|one| &one.zone == name);
    for name in config.zones.keys().filter(|name| notes.binds() && !used(name)) {
        let key = path::join("zone", name.as_str());
        let Some(place) = config.places.key(&key) else { continue };
        let message = format!(
            "it is never published: no [binder.service.NAME] has `zone = \"{name}\"`; a zone without \
             services is served from a file, by `zones` of a sink `dns`"
        );
        notes.add(Fault::warning(place.clone(), &key, message));
    }
}

/// Who puts the answers together orders them.
fn schemes(config: &Config, notes: &Notes) {
    let loses = |sink: &String| {
        let table = config.sinks.get(sink).map(|sink| sink.table.type_name.as_str());
        table.is_none_or(|name| LOSE_WEIGHTS.contains(&name))
    };
    let lost =
        |name: &ZoneName| config.zones.get(name).is_some_and(|zone| zone.sinks.iter().all(loses));
    let of_zones = config.zones.keys().filter(|name| lost(name)).flat_map(|name| {
        let base = path::join("zone", name.as_str());
        ["scheme", "max_addresses"].map(|key| path::join(&base, key))
    });
    let services = config.binder.services.iter().filter(|(_, service)| lost(&service.zone));
    let of_services = services
        .map(|(name, _)| path::join(&path::join("binder.service", name.as_str()), "scheme"));
    for key in of_zones.chain(of_services) {
        let Some(place) = config.places.key(&key) else { continue };
        let word = path::keys(&key).last().copied().unwrap_or_default().to_owned();
        let message = format!(
            "`{word}` does nothing: the name server puts the answers together, not a sink of the zone"
        );
        notes.add(Fault::warning(place.clone(), &key, message));
    }
    for name in config.zones.keys().filter(|name| lost(name) && !config.has_scheme_key(name)) {
        let Some(Head::File(file)) = config.zones.get(name).map(|zone| &zone.head) else {
            continue;
        };
        let Some(place) = file.scheme_place() else { continue };
        let key = path::join(&path::join("zone", name.as_str()), "header");
        let message = "`scheme` does nothing: the name server puts the answers together, not a sink of \
                       the zone";
        notes.add(Fault::warning(place, &key, message));
    }
}

/// From so many servers on one is no minimum (balance.md).
const MANY: usize = 4;

/// Load may leave one of many in, and it would have to carry all.
fn minima(config: &Config, notes: &Notes) {
    for (name, service) in &config.binder.services {
        let targets = config.monitor.services.get(name).map_or(0, |own| own.targets.len());
        let is_low = service.prune_above().is_some() && service.min_servers == MinServers::Count(1);
        let base = path::join("binder.service", name.as_str());
        let key = path::join(&base, "max_load");
        if let Some(place) = config.places.key(&key).filter(|_| is_low && targets >= MANY) {
            let message = format!(
                "load may take out all but one of {targets} servers: `min_servers = \"50%\"` keeps half"
            );
            notes.add(Fault::warning(place.clone(), &key, message));
        }
    }
}

/// An owner that a service binds, and where that stands.
struct Bound<'a> {
    zone: &'a ZoneName,
    owner: &'a OwnerName,
    key: String,
    place: &'a Place,
}

/// Two services may share a zone, never an owner; nor may one be in the header already.
fn owners(config: &Config, notes: &Notes) {
    let mut first = BTreeMap::new();
    for bound in bound(config) {
        let Bound { zone, owner, key, place } = &bound;
        if let Some(before) = first.insert((*zone, *owner), *place) {
            let message = format!("owner {owner} is given twice");
            let fault = Fault::error((*place).clone(), key, message);
            notes.add(fault.see(before, "given first here"));
            continue;
        }
        let Some(zone) = config.zones.get(*zone) else { continue };
        let Some(record) = zone.header().and_then(|header| header.obstacle(owner)) else {
            continue;
        };
        let fault = Fault::error((*place).clone(), key, record.against(owner));
        notes.add(match &zone.head {
            Head::File(file) => fault.see(&file.place(record.place), "this record"),
            _ => fault,
        });
    }
}

/// Who answers from a header has to read all of it.
fn opaque(config: &Config, notes: &Notes) {
    for (name, zone) in &config.zones {
        let Some(record) = zone.header().and_then(|header| header.opaque()) else { continue };
        let (Some(sink), Head::File(file)) = (config.answers_from(name), &zone.head) else {
            continue;
        };
        let key = path::join(&path::join("zone", name.as_str()), "header");
        let Some(place) = config.places.value(&key).or_else(|| config.places.key(&key)) else {
            continue;
        };
        let message = format!("the sink `{sink}` cannot answer from it: {}", record.problem);
        let fault = Fault::error(place.clone(), &key, message);
        notes.add(fault.see(&file.place(record.place), "this record"));
    }
}

fn signed(config: &Config, notes: &Notes) {
    for (name, zone) in &config.zones {
        if let (Some(sink), Head::File(file)) = (config.answers_from(name), &zone.head)
            && let Some(doubt) = file.signed(sink)
        {
            notes.add(doubt);
        }
    }
}

/// By updates, a name of one server is what it is, whatever zone of ours it is in: two would have it
/// change hands for ever. The core knows two keys of one plugin here: `server` and `zone`.
fn updates(config: &Config, notes: &Notes) {
    let mut first: BTreeMap<_, (&ZoneName, &Place)> = BTreeMap::new();
    for Bound { zone: name, owner, key, place } in bound(config) {
        let Some(zone) = config.zones.get(name) else { continue };
        let tables = zone.sinks.iter().filter_map(|sink| config.sinks.get(sink));
        for sink in tables.filter(|sink| sink.table.type_name == "nsupdate") {
            let said = |key: &str| sink.table.rest.get(key).and_then(|value| value.as_str());
            if let Some(Ok(of_server)) = said("zone").map(rais_zone::ZoneName::parse)
                && OwnerName::absolute(owner.as_str(), &of_server).is_err()
            {
                let message = format!("owner {owner} is not in {of_server}, the server's zone");
                let fault = Fault::error(place.clone(), &key, message);
                let told = config.places.value(&path::join(&sink.table.path, "zone"));
                notes.add(match told {
                    Some(there) => fault.see(there, "which the sink names here"),
                    None => fault,
                });
            }
            let Some(server) = said("server") else { continue };
            match first.get(&(server, owner)) {
                None => drop(first.insert((server, owner), (name, place))),
                Some((other, _)) if *other == name => {}
                Some((other, before)) => {
                    let message = format!(
                        "owner {owner} is zone {other}'s too, and both are updates to {server}: a name has one set of addresses there"
                    );
                    let fault = Fault::error(place.clone(), &key, message);
                    notes.add(fault.see(before, "given first here"));
                }
            }
        }
    }
}

/// Every owner of every service, in the order of the files.
fn bound(config: &Config) -> Vec<Bound<'_>> {
    let mut all = Vec::new();
    for (name, service) in &config.binder.services {
        let base = path::join("binder.service", name.as_str());
        for (at, owner) in service.owners.iter().enumerate() {
            let key = path::join(&base, "owner");
            let places = &config.places;
            let place = places
                .value(&path::index(&key, at))
                .or_else(|| places.value(&key))
                .or_else(|| places.key(&base));
            all.extend(place.map(|place| Bound { zone: &service.zone, owner, key, place }));
        }
    }
    all.sort_by_key(|bound| bound.place.order());
    all
}

/// Where a sink's files go: those of two sinks never meet, unless both name one folder.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Folder<'a> {
    Named(PathBuf),
    OfSink(&'a str),
}

impl<'a> Folder<'a> {
    /// The core knows one key of one plugin here: `directory` of `bind`.
    fn of(name: &'a str, config: &Config) -> Folder<'a> {
        let directory = |sink: &Sink| {
            let table = Some(&sink.table).filter(|table| table.type_name == "bind")?;
            let written = table.folder().join(table.rest.get("directory")?.as_str()?);
            let plain = || written.components().filter(|part| *part != Component::CurDir).collect();
            // One folder may have several names; one that is not there is the plugin's to refuse.
            Some(fs::canonicalize(&written).unwrap_or_else(|_| plain()))
        };
        config.sinks.get(name).and_then(directory).map_or(Folder::OfSink(name), Folder::Named)
    }
}

/// Whoever writes a file first.
struct Writer<'a> {
    zone: &'a ZoneName,
    at: &'a Place,
    sink: &'a str,
    sink_at: &'a Place,
}

/// Two zones, or two sinks, that write one file would overwrite each other.
fn files(config: &Config, notes: &Notes) {
    let mut all = Vec::new();
    for (name, zone) in &config.zones {
        let base = path::join("zone", name.as_str());
        let key = path::join(&base, "file");
        let place = config.places.value(&key).or_else(|| config.places.key(&base));
        all.extend(place.map(|place| (place, (name, base), key, zone)));
    }
    all.sort_by_key(|(place, ..)| place.order());
    let mut first: BTreeMap<_, Writer<'_>> = BTreeMap::new();
    for (place, (name, base), key, zone) in all {
        let sinks = path::join(&base, "sinks");
        for (at, sink) in zone.sinks.iter().enumerate() {
            let sink_at = config.places.value(&path::index(&sinks, at)).unwrap_or(place);
            let file = (Folder::of(sink, config), &zone.file);
            let Some(before) = first.get(&file) else {
                first.insert(file, Writer { zone: name, at: place, sink, sink_at });
                continue;
            };
            if before.zone == name {
                // That one sink is named twice has been said where the list was read.
                if before.sink != sink {
                    let message = format!(
                        "the sinks {:?} and {sink:?} have the same `directory`: both would write {:?} there",
                        before.sink, zone.file
                    );
                    let fault = Fault::error(sink_at.clone(), &sinks, message);
                    notes.add(fault.see(before.sink_at, "the first of them"));
                }
                continue;
            }
            let message = format!("zone file {:?} is another zone's too", zone.file);
            let fault = Fault::error(place.clone(), &key, message);
            notes.add(fault.see(before.at, "its first zone"));
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
