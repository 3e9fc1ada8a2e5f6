//! `[zone."NAME"]`: what is around the bound addresses and where it goes.

use std::collections::BTreeMap;

use rais_zone::{Header, ZoneName};

use super::binder::Binder;
use super::dns::{Scheme, Ttl};
use super::header::HeaderFile;
use super::section::Section;
use super::sink::Sink;
use super::suggest;
use super::value::Value;

/// `[zone."NAME"]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// The name, as zone text has it.
    pub name: ZoneName,
    /// The fixed part.
    pub head: Head,
    /// Name of the zone file, `{zone}` filled in.
    pub file: String,
    /// Of bound addresses.
    pub ttl: Ttl,
    /// How answers are put together, where the key or the header's line says so.
    pub scheme: Option<Scheme>,
    /// Most addresses in one answer.
    pub max_addresses: MaxAddresses,
    /// Names of `[sink.NAME]`, at least one, none twice.
    pub sinks: Vec<String>,
}

/// The fixed part of a zone.
#[derive(Debug, Clone, PartialEq)]
pub enum Head {
    /// Kept byte for byte but for the SOA serial.
    File(HeaderFile),
    /// Made from `[binder] ns` and `mailbox`.
    Synthesised(Header),
    /// None: the zone is somebody else's and its sinks send updates only.
    Foreign,
}

/// Most addresses in one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxAddresses {
    /// IPv4.
    pub a: u16,
    /// IPv6.
    pub aaaa: u16,
}

/// Types of sinks that publish a whole zone and so need its fixed part.
const NEED_HEADER: [&str; 2] = ["bind", "dns"];

impl Zone {
    /// The fixed part; none where the zone is somebody else's.
    pub fn header(&self) -> Option<&Header> {
        match &self.head {
            Head::File(file) => Some(&file.header),
            Head::Synthesised(header) => Some(header),
            Head::Foreign => None,
        }
    }

    /// `known` are the sinks there are, those at fault included.
    pub(super) fn read(
        name: ZoneName,
        value: &Value<'_>,
        binder: &Binder,
        sinks: &BTreeMap<String, Sink>,
        known: &[&str],
    ) -> Option<Zone> {
        let section = Section::open("zone.*", value)?;
        let named = section.need("sinks", |value| value.some(|value| sink(value, known)));
        if let Some(value) = section.value("sinks") {
            none_twice(&value);
        }
        let ttl = section.get("ttl", Ttl::read).unwrap_or(Ttl::USUAL);
        let file = section.get("file", Value::filled).unwrap_or_else(|| "{zone}.zone".to_owned());
        let file = file_name(&file, &name, &section);
        let scheme = section.get("scheme", Scheme::read);
        let max_addresses = section.get("max_addresses", MaxAddresses::read);
        let file_given = section.value("header");
        let head = match &file_given {
            Some(value) if value.notes.binds() => HeaderFile::read(value, &name).map(Head::File),
            Some(_) => Some(Head::Foreign),
            None => {
                let types = named.iter().flatten().filter_map(|sink| sinks.get(sink));
                let needed = types
                    .filter(|sink| NEED_HEADER.contains(&sink.table.type_name.as_str()))
                    .count();
                synthesise(&name, ttl, binder, needed, value)
            }
        };
        let head = head?;
        let said = match &head {
            Head::File(file) => file.scheme,
            _ => None,
        };
        Some(Zone {
            name,
            head,
            file: file?,
            ttl,
            scheme: scheme.or(said),
            max_addresses: max_addresses.unwrap_or(MaxAddresses { a: 28, aaaa: 16 }),
            sinks: named?,
        })
    }
}

impl MaxAddresses {
    fn read(value: &Value<'_>) -> Option<MaxAddresses> {
        let section = Section::open("zone.*.max_addresses", value)?;
        let most =
            |key: &str, usual: u16| section.get(key, |value| value.short(1, 256)).unwrap_or(usual);
        Some(MaxAddresses { a: most("a", 28), aaaa: most("aaaa", 16) })
    }
}

fn synthesise(
    name: &ZoneName,
    ttl: Ttl,
    binder: &Binder,
    needed: usize,
    value: &Value<'_>,
) -> Option<Head> {
    if let (false, Some(mailbox)) = (binder.ns.is_empty(), &binder.mailbox) {
        return match Header::synthesise(name, &binder.ns_text(), mailbox, ttl.as_secs()) {
            Ok(header) => Some(Head::Synthesised(header)),
            Err(why) => {
                value.refuse(format!("no header can be made for {name}: {why}"), "a `header`")
            }
        };
    }
    if needed == 0 {
        return Some(Head::Foreign);
    }
    if binder.is_at_fault {
        // What is wrong there has been said.
        return None;
    }
    value.refuse(
        format!("zone {name} has no header and none can be made"),
        "`header` here, or `ns` and `mailbox` in [binder]",
    )
}

fn sink(value: &Value<'_>, known: &[&str]) -> Option<String> {
    let name = value.text()?;
    if known.contains(&name) {
        return Some(name.to_owned());
    }
    let meant = suggest::nearest(name, known.iter().copied()).map(|word| format!("`{word}`"));
    let allowed = match known {
        [] => "none, since no [sink.NAME] is written".to_owned(),
        _ => suggest::one_of(known.iter().copied()),
    };
    value.notes.add(value.fault(format!("unknown sink {name:?}")).allowed(allowed).meant(meant));
    None
}

/// Notes every string of a list that stands there a second time.
fn none_twice(list: &Value<'_>) {
    let super::tree::Node::List(items) = &list.item.node else { return };
    let mut seen = BTreeMap::new();
    for item in items {
        let super::tree::Node::Text(text) = &item.node else { continue };
        if let Some(first) = seen.insert(text, &item.place) {
            let message = format!("{text:?} is given twice");
            let fault = super::Fault::error(item.place.clone(), &list.path, message);
            list.notes.add(fault.see(first, "given first here"));
        }
    }
}

/// The zone file's name, which must stay within its sink's folder.
fn file_name(pattern: &str, zone: &ZoneName, section: &Section<'_>) -> Option<String> {
    let name = pattern.replace("{zone}", zone.as_str());
    let odd = |c: char| matches!(c, '/' | '{' | '}') || c.is_control();
    if !name.contains(odd) && !name.starts_with('.') {
        return Some(name);
    }
    let value = section.value("file")?;
    value.refuse(
        format!("{name:?} is no name of a zone file"),
        "a file's name without a folder, in which `{zone}` stands for the zone's name",
    )
}
