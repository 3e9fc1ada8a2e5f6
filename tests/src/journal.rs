//! A binder's journal, which a thread of its own writes, a little after what it tells of.

use std::collections::BTreeMap;

use crate::host::Host;
use crate::status;
use crate::wait;

/// In a host's state folder.
pub const PATH: &str = "/var/lib/rais/binder/journal.jsonl";

/// What the binder of `host` has decided, one line each, up to the newest publication of each zone.
#[track_caller]
#[must_use]
pub fn decided(host: &Host) -> Vec<String> {
    let zones = status::binder(host).unwrap().zones;
    let published: BTreeMap<_, _> =
        zones.into_iter().filter_map(|zone| Some((zone.zone, zone.serial?))).collect();
    wait::until("the newest publications to be in the journal", || {
        let journal = host.read(PATH);
        // The last one may not be whole yet.
        let lines = journal.lines().filter_map(|line| serde_json::from_str(line).ok());
        let lines: Vec<serde_json::Value> = lines.collect();
        let told = |(zone, serial): &(&String, &u32)| {
            lines.iter().filter_map(|line| line.get("published")).any(|publication| {
                publication["zone"] == **zone && publication["serial"] == **serial
            })
        };
        match published.iter().find(|one| !told(one)) {
            Some(missing) => Err(format!("{missing:?} is not there")),
            None => Ok(journal
                .lines()
                .filter(|line| line.contains("\"decided\""))
                .map(str::to_owned)
                .collect()),
        }
    })
}
