//! What a hook is told. `docs/reference/hook.md` is the format.

use std::net::IpAddr;

use rais_sdk::{Change, Record, Zone};
use serde::Serialize;

/// Of the format: it grows by fields that a hook may pass over; what it must not comes with another
/// number.
const VERSION: u32 = 1;

/// A publication.
#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    version: u32,
    zone: &'a str,
    serial: u32,
    reason: &'a str,
    change: &'static str,
    owners: Vec<Owner<'a>>,
    added: Vec<Moved<'a>>,
    removed: Vec<Moved<'a>>,
}

/// An owner and its set.
#[derive(Debug, Serialize)]
struct Owner<'a> {
    name: &'a str,
    fqdn: String,
    /// Seconds.
    ttl: u32,
    scheme: Option<&'a str>,
    addresses: Vec<Address>,
}

#[derive(Debug, Serialize)]
struct Address {
    address: IpAddr,
    #[serde(rename = "type")]
    rtype: &'static str,
    /// The heaviest of an owner has 65,535.
    weight: u16,
    /// Percent.
    load: Option<f64>,
}

/// An address that came or went.
#[derive(Debug, Serialize)]
struct Moved<'a> {
    owner: &'a str,
    address: IpAddr,
}

impl<'a> Message<'a> {
    pub(crate) fn of(zone: &'a Zone<'_>) -> Message<'a> {
        let head = &zone.head;
        let mut owners: Vec<_> = head
            .owners
            .iter()
            .map(|owner| Owner {
                name: &owner.name,
                fqdn: absolute(&owner.name, zone.name),
                ttl: owner.ttl,
                scheme: owner.scheme.as_deref(),
                addresses: Vec::new(),
            })
            .collect();
        for record in zone.records() {
            let index = usize::try_from(record.owner).ok();
            if let Some(owner) = index.and_then(|index| owners.get_mut(index)) {
                owner.addresses.push(Address::of(record));
            }
        }
        let moved = |record: Record| {
            let owner = head.owners.get(usize::try_from(record.owner).ok()?)?;
            Some(Moved { owner: &owner.name, address: record.ip })
        };
        Message {
            version: VERSION,
            zone: zone.name,
            serial: head.serial,
            reason: &head.reason,
            change: match head.change {
                Change::Weights => "weights",
                // What this version does not know is published whole.
                _ => "set",
            },
            added: zone.added().filter_map(moved).collect(),
            removed: zone.removed().filter_map(moved).collect(),
            owners,
        }
    }
}

impl Address {
    fn of(record: Record) -> Address {
        Address {
            address: record.ip,
            rtype: if record.ip.is_ipv4() { "A" } else { "AAAA" },
            weight: record.weight,
            load: record.load,
        }
    }
}

/// Without the last dot, as the zone's own name.
fn absolute(owner: &str, zone: &str) -> String {
    match owner.strip_suffix('.') {
        _ if owner == "@" => zone.to_owned(),
        Some(absolute) => absolute.to_owned(),
        None => format!("{owner}.{zone}"),
    }
}

#[cfg(test)]
mod tests {
    use rais_sdk::{Owner, ZoneHead};
    use serde_json::Value;

    use super::*;

    const PAGE: &str = include_str!("../../../docs/reference/hook.md");

    fn told(zone: &Zone<'_>) -> Value {
        serde_json::to_value(Message::of(zone)).unwrap()
    }

    /// The page's example is what a hook is told, field for field.
    #[test]
    fn the_page_shows_what_is_told() {
        let block = PAGE.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
        let shown: Value = serde_json::from_str(block).unwrap();
        let ip = |text: &str| text.parse().unwrap();
        let owners = vec![Owner::new("@", 10).with_scheme("weighted"), Owner::new("api", 5)];
        let mut head = ZoneHead::new(owners, 1_767_225_613);
        head.reason = "www 2001:db8::2 in; www 192.0.2.3 down".to_owned();
        let records = [
            Record::new(0, ip("192.0.2.1")).with_load(12.5),
            Record::new(0, ip("2001:db8::2")).with_weight(32_768),
            Record::new(1, ip("192.0.2.9")),
        ];
        let (added, removed) = ([records[1]], [Record::new(0, ip("192.0.2.3"))]);
        assert_eq!(told(&Zone::new("www.example", head, &records, &added, &removed)), shown);
    }

    #[test]
    fn every_field_is_on_the_page() {
        let block = PAGE.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
        let fields = block.split('"').skip(1).step_by(2);
        let fields = fields.filter(|word| block.contains(&format!("\"{word}\":")));
        for field in fields {
            assert!(PAGE.contains(&format!("| `{field}` |")), "{field}");
        }
    }

    #[test]
    fn owners_become_absolute() {
        assert_eq!(absolute("@", "www.example"), "www.example");
        assert_eq!(absolute("api", "www.example"), "api.www.example");
        assert_eq!(absolute("api.www.example.", "www.example"), "api.www.example");
    }

    #[test]
    fn an_empty_set_is_told_as_one() {
        let head = ZoneHead::new(vec![Owner::new("@", 10)], 1);
        let told = told(&Zone::new("www.example", head, &[], &[], &[]));
        assert_eq!(told["owners"][0]["addresses"], Value::Array(Vec::new()));
        assert_eq!(told["change"], "set");
    }
}
