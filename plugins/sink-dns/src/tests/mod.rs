//! The whole of it without sockets: octets in, octets out.

mod aliases;
mod changing;
mod folder;
mod idle;
mod missing;
mod mutated;
mod options;
mod publishing;
mod rationed;
mod signed;
mod speed;
mod table;
mod transfers;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::base::Message;
use domain::base::iana::Rtype;
use domain::base::message::RecordSection;
use domain::base::name::Name;
use domain::rdata::AllRecordData;
use rais_zone::{ZoneName, contents};

use crate::answer::{Cookies, Identity, Responder};
use crate::engine::Engine;
use crate::name::to_wire;
use crate::net::{Moment, Peer, Reply, Respond, Transport};
use crate::rrl::Limiter;
use crate::transfer::Access;
use crate::zone::{Builder, Zone};

pub(crate) const EXAMPLE: &str = include_str!("../../tests/table/example.com.zone");

/// The zone of a text.
pub(crate) fn zone(text: &str, name: &str) -> Result<Zone, String> {
    let zone = ZoneName::parse(name).unwrap();
    let mut builder = Builder::new(to_wire(zone.as_str()));
    contents(text, &zone, |record| builder.take(&record)).map_err(|error| error.to_string())?;
    builder.build().map_err(|error| error.to_string())
}

/// An engine that serves the zone of the table.
pub(crate) fn engine() -> Arc<Engine> {
    let identity = Identity {
        nsid: Some(Box::from(*b"ns-a")),
        cookies: Some(Cookies::new().unwrap()),
        keepalive: 100,
    };
    let engine = Engine::new(identity, Access::default(), None);
    engine.serve(zone(EXAMPLE, "example.com").unwrap());
    Arc::new(engine)
}

pub(crate) fn peer(client: &str, transport: Transport) -> Peer {
    Peer {
        client: SocketAddr::new(client.parse().unwrap(), 4000),
        local: IpAddr::from([127, 0, 0, 1]),
        transport,
        at: Moment { unix: 1_800_000_000, since_boot: Duration::from_secs(1000) },
    }
}

/// The answer, if there is one.
pub(crate) fn ask(responder: &mut Responder, query: &[u8], peer: &Peer) -> Option<Vec<u8>> {
    let mut out = vec![0xAA; if peer.transport == Transport::Udp { 1232 } else { 65_535 }];
    responder.refresh();
    let reply = responder.respond(query, peer, &mut out);
    responder.release();
    match reply {
        Reply::Silence => None,
        Reply::Message(length) => Some(out[..length].to_vec()),
        Reply::Stream(_) => panic!("a transfer"),
    }
}

/// A plain question.
pub(crate) fn question(name: &str, rtype: &str) -> Vec<u8> {
    let rtype: Rtype = rtype.parse().unwrap();
    let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    query.extend_from_slice(name.parse::<Name<Vec<u8>>>().unwrap().as_slice());
    query.extend_from_slice(&rtype.to_int().to_be_bytes());
    query.extend_from_slice(&[0, 1]);
    query
}

/// The same with EDNS and these options, each with its code.
pub(crate) fn with_edns(mut query: Vec<u8>, size: u16, flags: u16, options: &[u8]) -> Vec<u8> {
    query[11] += 1;
    query.extend_from_slice(&[0, 0, 41]);
    query.extend_from_slice(&size.to_be_bytes());
    query.extend_from_slice(&[0, 0]);
    query.extend_from_slice(&flags.to_be_bytes());
    query.extend_from_slice(&u16::try_from(options.len()).unwrap().to_be_bytes());
    query.extend_from_slice(options);
    query
}

/// The records of a section but for OPT, as text, sorted.
pub(crate) fn records(section: RecordSection<'_, Vec<u8>>) -> Vec<String> {
    let mut records: Vec<String> = section
        .filter_map(|record| {
            let record = record.unwrap();
            if record.rtype() == Rtype::OPT {
                return None;
            }
            let (owner, ttl, rtype) = (record.owner(), record.ttl().as_secs(), record.rtype());
            let data = record.to_any_record::<AllRecordData<_, _>>().unwrap();
            Some(format!("{owner} {ttl} {rtype} {}", data.data()).to_lowercase())
        })
        .collect();
    records.sort();
    records
}

/// Everything of an answer that the table speaks of.
pub(crate) fn shown(answer: &[u8]) -> Vec<String> {
    let message = Message::from_octets(answer.to_vec()).unwrap();
    let header = message.header();
    let mut head = match message.opt() {
        Some(opt) => opt.rcode(header).to_string(),
        None => header.rcode().to_string(),
    };
    for (set, flag) in [
        (header.aa(), " aa"),
        (header.tc(), " tc"),
        (header.ra(), " ra"),
        (header.ad(), " ad"),
        (header.cd(), " cd"),
    ] {
        if set {
            head.push_str(flag);
        }
    }
    let mut lines = vec![head];
    // Reads all of it: what does not parse is no answer.
    let sections = [
        ("an", message.answer().unwrap()),
        ("ns", message.authority().unwrap()),
        ("ar", message.additional().unwrap()),
    ];
    for (name, section) in sections {
        lines.extend(records(section).into_iter().map(|record| format!("{name} {record}")));
    }
    lines
}
