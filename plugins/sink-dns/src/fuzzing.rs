//! What fuzzers feed: octets to whoever reads queries, text to whoever reads zones. Each says by a
//! panic that something is wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the finding"
)]

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::base::{Message, ParsedRecord};
use domain::rdata::AllRecordData;
use domain::tsig::{Algorithm, Key, KeyName};
use rais_zone::{ZoneName, contents};

use crate::answer::{Cookies, Identity, Responder};
use crate::engine::Engine;
use crate::name::to_wire;
use crate::net::{Moment, Peer, Reply, Respond, Transport};
use crate::transfer::Access;
use crate::zone::Builder;

const EXAMPLE: &str = include_str!("../tests/table/example.com.zone");

thread_local! {
    /// Who may transfer is told by an address for one of them, and by a key for the other.
    static RESPONDERS: RefCell<[Responder; 2]> = RefCell::new([by_range(), by_key()]);
}

fn by_range() -> Responder {
    let ranges = vec!["192.0.2.200/32".parse().expect("a range")];
    responder(Access { ranges, ..Access::default() })
}

fn by_key() -> Responder {
    let name: KeyName = "k".parse().expect("a name");
    let key = Key::new(Algorithm::Sha256, b"secret", name.clone(), None, None).expect("a key");
    let keys = [((name, Algorithm::Sha256), Arc::new(key))].into();
    responder(Access { keys, ..Access::default() })
}

fn responder(access: Access) -> Responder {
    let cookies = Some(Cookies::new().expect("random octets"));
    let identity = Identity { nsid: Some(Box::from(*b"ns-a")), cookies, keepalive: 100 };
    let engine = Engine::new(identity, access, None);
    let name = ZoneName::parse("example.com").expect("a name");
    let mut builder = Builder::new(to_wire(name.as_str()));
    contents(EXAMPLE, &name, |record| builder.take(&record)).expect("a sound zone");
    engine.serve(builder.build().expect("a sound zone"));
    Responder::new(Arc::new(engine))
}

/// A message that came, by UDP and by TCP: whatever it is, what is answered is an answer.
pub fn query(octets: &[u8]) {
    RESPONDERS.with_borrow_mut(|[by_range, by_key]| {
        came(by_range, octets, Transport::Udp);
        came(by_range, octets, Transport::Tcp);
        came(by_key, octets, Transport::Tcp);
    });
}

fn came(responder: &mut Responder, octets: &[u8], transport: Transport) {
    let mut out = vec![0xAA; if transport == Transport::Udp { 1232 } else { 65_535 }];
    responder.refresh();
    match responder.respond(octets, &peer(transport), &mut out) {
        Reply::Silence => {}
        Reply::Message(length) => is_an_answer(&out[..length]),
        Reply::Stream(mut messages) => {
            while let Some(length) = messages.next(&mut out) {
                is_an_answer(&out[..length]);
            }
        }
    }
}

fn peer(transport: Transport) -> Peer {
    Peer {
        client: SocketAddr::from(([192, 0, 2, 200], 4000)),
        local: IpAddr::from([127, 0, 0, 1]),
        transport,
        at: Moment { unix: 1_800_000_000, since_boot: Duration::from_secs(1000) },
    }
}

/// The text of a zone: it is refused, or answers come of it that can be read.
pub fn zone(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let name = ZoneName::parse("example.com").expect("a name");
    let mut builder = Builder::new(to_wire(name.as_str()));
    let mut names = vec![to_wire("example.com"), to_wire("x.y.example.com")];
    let read = contents(text, &name, |record| {
        if names.len() < 16 {
            names.push(record.owner.clone());
        }
        builder.take(&record);
    });
    let Ok(zone) = read.map_err(drop).and_then(|()| builder.build().map_err(drop)) else { return };
    let engine = Engine::new(Identity::default(), Access::default(), None);
    engine.serve(zone);
    let mut responder = Responder::new(Arc::new(engine));
    let peer = peer(Transport::Tcp);
    let mut out = vec![0; 65_535];
    responder.refresh();
    for name in names {
        // A, NS, SOA, MX, TXT, AAAA, ANY.
        for rtype in [1_u8, 2, 6, 15, 16, 28, 255] {
            let query =
                [&[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &name, &[0, rtype, 0, 1]].concat();
            if let Reply::Message(length) = responder.respond(&query, &peer, &mut out) {
                is_an_answer(&out[..length]);
            }
        }
    }
}

/// Every record of it is read.
pub(crate) fn is_an_answer(octets: &[u8]) {
    let message = Message::from_octets(octets).expect("a whole head");
    assert!(message.header().qr());
    for question in message.question() {
        question.expect("a question");
    }
    for section in [message.answer(), message.authority(), message.additional()] {
        for record in section.expect("a section") {
            let record: ParsedRecord<'_, &[u8]> = record.expect("a record");
            record.into_any_record::<AllRecordData<_, _>>().expect("its data");
        }
    }
}
