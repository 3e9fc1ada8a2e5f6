//! The zones and what their services ask of them.

use std::collections::{BTreeMap, BTreeSet};

use rais_proto::name::ZoneName;

use super::binder::Binder;
use super::dns;
use super::fault::Fault;
use super::keys;
use super::section::Section;
use super::sink::Sink;
use super::suggest;
use super::tree::Node;
use super::value::Value;
use super::zone::Zone;

/// Types of sinks whose answers carry weights.
const CARRY_WEIGHTS: [&str; 1] = ["dns"];
/// Types of sinks that can do nothing with weights or schemes, since the name server puts the answers
/// together; of strangers' it is not known.
pub(super) const LOSE_WEIGHTS: [&str; 2] = ["bind", "nsupdate"];

/// The name of a zone whose table was written without quotes, as `[zone.www.example]`: to TOML that
/// is a table `example` in a table `www`.
fn unquoted(name: &str, value: &Value<'_>) -> Option<String> {
    let Node::Table(outer) = &value.item.node else { return None };
    let (mut whole, mut table) = (name.to_owned(), outer);
    let known = keys::of("zone.*");
    loop {
        let mut entries = table.entries.iter();
        let (Some((key, entry)), None) = (entries.next(), entries.next()) else { break };
        let Node::Table(inner) = &entry.item.node else { break };
        if known.contains(&key.as_str()) {
            break;
        }
        whole = format!("{whole}.{key}");
        table = inner;
    }
    (whole != name).then_some(whole)
}

/// Every zone, and the names of those that are themselves at fault.
pub(super) struct Zones<'a> {
    pub(super) sound: BTreeMap<ZoneName, Zone>,
    names: BTreeSet<String>,
    sinks: &'a BTreeMap<String, Sink>,
}

impl<'a> Zones<'a> {
    /// `sinks` are the sound ones, `known` the names of all.
    pub(super) fn read(
        root: &Section<'_>,
        binder: &Binder,
        sinks: &'a BTreeMap<String, Sink>,
        known: &[&str],
    ) -> Zones<'a> {
        let mut zones = Zones { sound: BTreeMap::new(), names: BTreeSet::new(), sinks };
        let mut first = BTreeMap::new();
        for (name, place, value) in root.named("zone") {
            if let Some(whole) = unquoted(name, &value) {
                let message = format!("a zone's name has dots: write [zone.{whole:?}]");
                value.notes.add(Fault::error(place.clone(), &value.path, message));
                // Known, so that nothing follows from it.
                zones.names.insert(whole);
                continue;
            }
            let Some((name, text)) = dns::zone_name(name, place, &value) else { continue };
            if let Some(first) = first.insert(name.clone(), place) {
                let message = format!("zone {name} is given twice");
                let fault = Fault::error(place.clone(), &value.path, message);
                value.notes.add(fault.see(first, "given first here"));
            }
            zones.names.insert(name.as_str().to_owned());
            if let Some(zone) = Zone::read(text, &value, binder, sinks, known) {
                zones.sound.insert(name, zone);
            }
        }
        zones
    }

    /// The zone that a service names.
    pub(super) fn find(&self, value: &Value<'_>) -> Option<(ZoneName, rais_zone::ZoneName)> {
        let text = value.text()?;
        let name = match rais_zone::ZoneName::parse(text) {
            Ok(name) => name,
            Err(why) => return value.refuse(format!("bad zone name: {why}"), "a [zone.\"NAME\"]"),
        };
        if let (true, Ok(found)) = (self.names.contains(name.as_str()), name.as_str().parse()) {
            return Some((found, name));
        }
        let names = || self.names.iter().map(String::as_str);
        let meant = suggest::nearest(name.as_str(), names()).map(|word| format!("`\"{word}\"`"));
        let allowed = match self.names.is_empty() {
            true => "none, since no [zone.\"NAME\"] is written".to_owned(),
            false => suggest::one_of(names()),
        };
        let fault = value.fault(format!("unknown zone {text:?}")).allowed(allowed).meant(meant);
        value.notes.add(fault);
        None
    }

    /// A zone without faults.
    pub(super) fn get(&self, name: &ZoneName) -> Option<&Zone> {
        self.sound.get(name)
    }

    /// A sink of the zone that loses weights.
    pub(super) fn loses_weights<'z>(&self, zone: &'z Zone) -> Option<&'z str> {
        let loses = |name: &&String| {
            let sink = self.sinks.get(name.as_str());
            sink.is_some_and(|sink| LOSE_WEIGHTS.contains(&sink.table.type_name.as_str()))
        };
        zone.sinks.iter().find(loses).map(String::as_str)
    }

    /// Whether every sink of the zone carries weights.
    pub(super) fn carry_weights(&self, zone: &Zone) -> bool {
        zone.sinks.iter().all(|name| {
            let sink = self.sinks.get(name);
            sink.is_some_and(|sink| CARRY_WEIGHTS.contains(&sink.table.type_name.as_str()))
        })
    }
}
