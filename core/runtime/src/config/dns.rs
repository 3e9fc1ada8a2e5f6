//! Words of the DNS: names, owners, TTLs, balancing schemes.

use std::fmt;

use rais_zone::{Header, OwnerName};

use super::fault::Fault;
use super::place::Place;
use super::tree::Node;
use super::value::Value;

/// A TTL: whole seconds, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ttl(u32);

/// Which addresses an answer gives, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Each first in its turn.
    RoundRobin,
    /// By the binder's weights.
    Weighted,
    /// Any order.
    Random,
    /// The least loaded first.
    LeastLoad,
    /// Always the same order.
    Fixed,
    /// By the client's address.
    ClientHash,
}

impl Ttl {
    /// Of bound addresses where nothing is written.
    pub const USUAL: Ttl = Ttl(10);

    /// Seconds.
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    pub(super) fn read(value: &Value<'_>) -> Option<Ttl> {
        const ALLOWED: &str = "whole seconds, as in \"10s\", from \"1s\" on";
        if let Node::Text(text) = &value.item.node
            && super::duration::is_zero(text)
        {
            let message = format!("`{}` is zero: resolvers would ask for each use", value.name());
            return value.refuse(message, ALLOWED);
        }
        let duration = value.duration()?;
        if duration.subsec_millis() != 0 {
            let message = format!("`{}` is finer than the DNS has it", value.name());
            return value.refuse(message, ALLOWED);
        }
        u32::try_from(duration.as_secs()).ok().map(Ttl)
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

impl Scheme {
    /// All there are.
    pub const ALL: [Scheme; 6] = [
        Scheme::RoundRobin,
        Scheme::Weighted,
        Scheme::Random,
        Scheme::LeastLoad,
        Scheme::Fixed,
        Scheme::ClientHash,
    ];

    /// The word of the configuration and of the header's line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::RoundRobin => "round-robin",
            Scheme::Weighted => "weighted",
            Scheme::Random => "random",
            Scheme::LeastLoad => "least-load",
            Scheme::Fixed => "fixed",
            Scheme::ClientHash => "client-hash",
        }
    }

    pub(super) fn read(value: &Value<'_>) -> Option<Scheme> {
        value.word(&Scheme::ALL.map(|scheme| (scheme.as_str(), scheme)))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name of a zone's table.
pub(super) fn zone_name(
    name: &str,
    place: &Place,
    value: &Value<'_>,
) -> Option<(rais_proto::name::ZoneName, rais_zone::ZoneName)> {
    let fault = |message: String| {
        value.notes.add(Fault::error(place.clone(), &value.path, message));
    };
    let text = match rais_zone::ZoneName::parse(name) {
        Ok(text) => text,
        Err(why) => {
            fault(format!("bad zone name: {why}"));
            return None;
        }
    };
    match text.as_str().parse() {
        Ok(name) => Some((name, text)),
        Err(why) => {
            fault(format!("bad zone name {name:?}: {why}"));
            None
        }
    }
}

/// An absolute name, with or without its last dot.
pub(super) fn domain(value: &Value<'_>) -> Option<rais_zone::ZoneName> {
    match rais_zone::ZoneName::parse(value.text()?) {
        Ok(name) => Some(name),
        Err(why) => value.refuse(why.to_string(), "a domain name, as in \"ns1.example\""),
    }
}

/// An SOA's RNAME.
pub(super) fn mailbox(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    // Only a whole header says whether a mailbox can stand in one.
    let tried =
        rais_zone::ZoneName::parse("example").map_err(rais_zone::Problem::Name).and_then(|zone| {
            Header::synthesise(&zone, &["ns.example"], text, 1)
                .map_err(|error| error.problem().clone())
        });
    match tried {
        Ok(_) => Some(text.to_owned()),
        Err(why) => {
            let allowed = "\"hostmaster.example\" for hostmaster@example";
            value.refuse(format!("`{}`: {why}", value.name()), allowed)
        }
    }
}

/// One owner, or a list of them, none twice.
pub(super) fn owners(value: &Value<'_>, zone: &rais_zone::ZoneName) -> Option<Vec<OwnerName>> {
    let owner = |value: &Value<'_>| match OwnerName::parse(value.text()?, zone) {
        Ok(owner) => {
            doubt_no_final_dot(value, &owner, zone);
            Some(owner)
        }
        Err(why) => value.refuse(
            format!("bad owner: {why}"),
            "\"@\", a name relative to the zone, or one with a last dot",
        ),
    };
    match value.item.node {
        Node::List(_) => value.some(owner),
        _ => owner(value).map(|owner| vec![owner]),
    }
}

/// A relative name that ends in the zone's is in the zone, and seldom what was meant.
fn doubt_no_final_dot(value: &Value<'_>, owner: &OwnerName, zone: &rais_zone::ZoneName) {
    let Some(text) = value.text().filter(|text| !text.ends_with('.')) else { return };
    let (written, zone) = (text.to_ascii_lowercase(), zone.as_str().trim_end_matches('.'));
    let before = written.strip_suffix(&zone.to_ascii_lowercase());
    if before.is_some_and(|before| before.is_empty() || before.ends_with('.')) {
        let message =
            format!("a name without a last dot is relative to the zone: this one is {owner}");
        let fault = value.fault(message).meant(Some(format!("`\"{text}.\"`")));
        value.notes.add(fault.as_doubt());
    }
}
