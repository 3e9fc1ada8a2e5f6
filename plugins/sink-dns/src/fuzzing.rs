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
use ipnet::IpNet;
use rais_sdk::{Owner, Record, Zone as Publication, ZoneHead};
use rais_zone::{ZoneName, contents};

use crate::answer::{Cookies, Identity, Responder};
use crate::engine::Engine;
use crate::name::to_wire;
use crate::net::{Moment, Peer, Reply, Respond, Transport};
use crate::publish::State;
use crate::rrl::Limiter;
use crate::transfer::{Access, Keys};
use crate::zone::Builder;

const EXAMPLE: &str = include_str!("../tests/table/example.com.zone");

/// Each is the scheme of the owner with its name.
const SCHEMES: [&str; 6] =
    ["round-robin", "weighted", "random", "least-load", "fixed", "client-hash"];
/// Where queries come from.
const CLIENT: [u8; 4] = [192, 0, 2, 200];

thread_local! {
    static RESPONDERS: RefCell<[Responder; 2]> = RefCell::new([open(), closed()]);
}

/// Whoever asks may transfer.
fn open() -> Responder {
    let ranges = vec![IpNet::from(IpAddr::from(CLIENT))];
    responder(Access { ranges, ..Access::default() }, None)
}

/// Transfers are for who has the key, and answers are limited.
fn closed() -> Responder {
    let name: KeyName = "k".parse().expect("a name");
    let key = Key::new(Algorithm::Sha256, b"a secret of some length", name.clone(), None, None);
    let keys = Keys::from([((name, Algorithm::Sha256), Arc::new(key.expect("a key")))]);
    responder(Access { keys, ..Access::default() }, Some(Limiter::new(1_000_000, 1)))
}

/// Of the table's zone and one whose addresses are bound, by every scheme.
fn responder(access: Access, limiter: Option<Limiter>) -> Responder {
    let cookies = Some(Cookies::new().expect("random octets"));
    let identity = Identity { nsid: Some(Box::from(*b"ns-a")), cookies, keepalive: 100 };
    let engine = Engine::new(identity, access, limiter);
    let name = ZoneName::parse("example.com").expect("a name");
    let mut builder = Builder::new(to_wire(name.as_str()));
    contents(EXAMPLE, &name, |record| builder.take(&record)).expect("a sound zone");
    engine.serve(builder.build().expect("a sound zone"));
    publish(&engine);
    Responder::new(Arc::new(engine))
}

fn publish(engine: &Engine) {
    let owner = |scheme: &&str| {
        let mut owner = Owner::new(*scheme, 10);
        owner.scheme = Some((*scheme).to_owned());
        owner
    };
    let owners: Vec<_> = SCHEMES.iter().map(owner).collect();
    let record = |n: u8| {
        let mut record = Record::new(u32::from(n) / 10, [192, 0, 2, n].into());
        record.weight = 1 + u16::from(n) * 1000;
        record
    };
    let records: Vec<_> = (0..10 * SCHEMES.len() as u8).map(record).collect();
    let mut head = ZoneHead::new(owners, 8);
    head.header = Some("@ 60 SOA ns. h. 7 1 1 1 1\n NS ns.\n".to_owned());
    let mut state = State::default();
    for serial in [8, 9] {
        head.serial = serial;
        let records = &records[usize::from(serial == 9)..];
        let publication = Publication::new("www.example", head.clone(), records, &[], &[]);
        state.publish(&publication, engine).expect("a sound zone");
    }
}

/// A message that came, by UDP and by TCP: whatever it is, what is answered is an answer.
pub fn query(octets: &[u8]) {
    let _ = answers(octets);
}

/// What is answered to a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// All by themselves.
    pub single: usize,
    /// Messages of transfers.
    pub streamed: usize,
}

/// What is answered to a message, which has to be answers.
pub fn answers(octets: &[u8]) -> Answers {
    let mut answers = Answers::default();
    RESPONDERS.with_borrow_mut(|responders| {
        for responder in responders {
            for transport in [Transport::Udp, Transport::Tcp] {
                answer(responder, transport, octets, &mut answers);
            }
        }
    });
    answers
}

fn answer(responder: &mut Responder, transport: Transport, octets: &[u8], answers: &mut Answers) {
    let mut out = vec![0xAA; if transport == Transport::Udp { 1232 } else { 65_535 }];
    responder.refresh();
    let reply = responder.respond(octets, &peer(transport), &mut out);
    responder.release();
    match reply {
        Reply::Silence => {}
        Reply::Message(length) => {
            is_an_answer(&out[..length]);
            answers.single += 1;
        }
        Reply::Stream(mut messages) => {
            while let Some(length) = messages.next(&mut out) {
                is_an_answer(&out[..length]);
                answers.streamed += 1;
            }
        }
    }
}

fn peer(transport: Transport) -> Peer {
    Peer {
        client: SocketAddr::from((CLIENT, 4000)),
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
