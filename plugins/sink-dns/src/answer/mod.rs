//! Answers a message: what is refused, what is looked up, how it is told.

mod cookies;
mod edns;
mod rationing;
mod refusal;
mod signed;
mod walk;
mod writer;

use std::sync::Arc;

use arc_swap::Guard;

use crate::catalog::{Catalog, Whose};
use crate::counts::Counts;
use crate::engine::Engine;
use crate::name::Lowered;
use crate::net::{Peer, Reply, Respond, Transport};
use crate::query::{Header, Query};
use crate::rrl::Under;
use crate::transfer::{Asked, Signed, Transfer};
use crate::zone::{Zone, rtype};

pub(crate) use cookies::Cookies;
use edns::OptRecord;
pub(crate) use edns::{Explanation, Identity};
use rationing::ration;
use refusal::refusal;
use walk::Walk;
pub(crate) use writer::{Full, Place, Section, Writer};

/// What every client takes by UDP (RFC 1035 §4.2.1).
const PLAIN: usize = 512;
/// What is sent by UDP at most, and said to be taken: it passes everywhere in one piece.
pub(crate) const UDP_ANSWER: u16 = 1232;

/// Response codes (IANA); from 16 on they stand partly in the OPT record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rcode {
    NoError = 0,
    FormErr = 1,
    ServFail = 2,
    NxDomain = 3,
    NotImp = 4,
    Refused = 5,
    YxDomain = 6,
    NotAuth = 9,
    BadVers = 16,
    BadCookie = 23,
}

impl Rcode {
    /// Every one, with its name (IANA).
    pub(crate) const ALL: [(&'static str, Rcode); 10] = [
        ("NOERROR", Rcode::NoError),
        ("FORMERR", Rcode::FormErr),
        ("SERVFAIL", Rcode::ServFail),
        ("NXDOMAIN", Rcode::NxDomain),
        ("NOTIMP", Rcode::NotImp),
        ("REFUSED", Rcode::Refused),
        ("YXDOMAIN", Rcode::YxDomain),
        ("NOTAUTH", Rcode::NotAuth),
        ("BADVERS", Rcode::BadVers),
        ("BADCOOKIE", Rcode::BadCookie),
    ];
}

/// Whether what is told comes from the zone's own data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authority {
    Ours,
    /// Another's, or nobody's.
    Other,
}

/// What an answer is, besides its records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    pub(crate) rcode: Rcode,
    pub(crate) authority: Authority,
    pub(crate) explanation: Option<Explanation>,
}

/// An answer that does not fit; whose its records would have been.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Truncated(Authority);

/// Answers for one thread: what it counts and draws is its own.
pub(crate) struct Responder {
    engine: Arc<Engine>,
    /// While a batch is answered.
    catalog: Option<Guard<Arc<Catalog>>>,
    name: Lowered,
    local: Local,
    counts: Counts,
    /// The last query's second, and that in which counts were last handed in.
    second: u32,
    handed_in: u32,
}

/// What a thread keeps from answer to answer.
pub(crate) struct Local {
    /// How many answers each bound set has given.
    turns: Vec<u32>,
    random: fastrand::Rng,
    /// The name that an alias leads to; taken out while it is looked up.
    target: Option<Box<Lowered>>,
    scratch: Vec<u8>,
    /// What is known of why nobody is up, where that is the explanation.
    why: String,
    /// How many answers were above the limit.
    above: u32,
    /// Of the zone that this answer comes from.
    zone: Option<u32>,
    /// The name that stands there for that which was asked for, where it is one for many.
    under: Option<Under>,
}

impl From<Full> for Truncated {
    fn from(Full: Full) -> Truncated {
        Truncated(Authority::Ours)
    }
}

impl Verdict {
    const fn of(rcode: Rcode) -> Verdict {
        Verdict { rcode, authority: Authority::Other, explanation: None }
    }

    const fn explained(rcode: Rcode, explanation: Explanation) -> Verdict {
        Verdict { rcode, authority: Authority::Other, explanation: Some(explanation) }
    }
}

impl Responder {
    pub(crate) fn new(engine: Arc<Engine>) -> Responder {
        let local = Local {
            turns: Vec::new(),
            random: fastrand::Rng::new(),
            target: Some(Box::new(Lowered::new())),
            scratch: Vec::with_capacity(512),
            why: String::with_capacity(128),
            above: 0,
            zone: None,
            under: None,
        };
        let (name, counts) = (Lowered::new(), Counts::default());
        Responder { engine, catalog: None, name, local, counts, second: 0, handed_in: 0 }
    }
}

impl Respond for Responder {
    #[inline]
    fn refresh(&mut self) {
        let catalog = self.engine.catalog();
        if self.local.turns.len() < catalog.turns() {
            // Whoever is new begins anywhere, or each thread's first answer would be the same.
            let Local { turns, random, .. } = &mut self.local;
            turns.resize_with(catalog.turns(), || random.u16(..).into());
        }
        self.counts.make_room(catalog.numbers());
        self.catalog = Some(catalog);
        if self.second != self.handed_in && !self.counts.is_empty() {
            self.handed_in = self.second;
            self.engine.take_in(&mut self.counts);
        }
    }

    #[inline]
    fn release(&mut self) {
        self.catalog = None;
    }

    #[inline]
    fn respond(&mut self, message: &[u8], peer: &Peer, out: &mut [u8]) -> Reply {
        self.respond_as(message, peer, Signed::No, out)
    }
}

impl Responder {
    /// Answers a message whose signature, if it has one, was checked and taken off.
    #[inline]
    fn respond_as(&mut self, message: &[u8], peer: &Peer, signed: Signed, out: &mut [u8]) -> Reply {
        self.second = peer.at.unix;
        let Responder { engine, catalog, name, local, counts, .. } = self;
        // Also where the answer before was dropped.
        (local.zone, local.under) = (None, None);
        let catalog: &Catalog = catalog.get_or_insert_with(|| engine.catalog());
        let Some(header) = Header::read(message).filter(|header| !header.is_response()) else {
            return Reply::Silence;
        };
        if header.opcode() != 0 {
            let verdict = Verdict::explained(Rcode::NotImp, Explanation::NotSupported);
            return self.refuse(message, &header, verdict, peer, out);
        }
        let Ok(query) = Query::read(message, &header, name) else {
            return self.refuse(message, &header, Verdict::of(Rcode::FormErr), peer, out);
        };
        if let Some(signature) = query.signature {
            return self.respond_signed(message, &query, signature, peer, out);
        }
        let limit = match (peer.transport, &query.edns) {
            (Transport::Tcp, _) => usize::from(u16::MAX),
            (Transport::Udp, None) => PLAIN,
            (Transport::Udp, Some(edns)) => usize::from(edns.size.min(UDP_ANSWER)).max(PLAIN),
        };
        let limit = match signed {
            Signed::No => limit,
            Signed::Yes { octets } => limit.saturating_sub(octets.into()),
        };
        let Ok(mut writer) = Writer::new(out, query.question, limit) else {
            return Reply::Silence;
        };
        let opt = query.edns.map(|edns| OptRecord::to(&edns, &engine.identity, peer));
        let reserved = opt.as_ref().map_or(0, OptRecord::len);
        writer.reserve(reserved);
        let told = match refusal(&query, &engine.identity, peer) {
            Some(verdict) => Ok(verdict),
            None if matches!(query.rtype, rtype::AXFR | rtype::IXFR) => {
                let asked = Asked {
                    id: header.id,
                    flags: header.answered(),
                    question: query.question.into(),
                    opt: opt.as_ref().and_then(OptRecord::octets),
                };
                match transfer(engine, catalog, name, asked, &query, peer, signed) {
                    Handed::Stream(stream) => {
                        counts.count(peer.transport, Rcode::NoError, None);
                        return Reply::Stream(stream);
                    }
                    Handed::Refused(verdict) => Ok(verdict),
                    // That is all of it over UDP: who is behind asks again by TCP (RFC 1995 §2).
                    Handed::Serial(zone) => {
                        let client = peer.client.ip();
                        Walk { catalog, zone, asked: rtype::SOA, client, local }
                            .answer(name, &mut writer)
                    }
                }
            }
            None => tell(catalog, local, name, &query, peer, &mut writer),
        };
        let rcode = told.as_ref().map_or(Rcode::NoError, |verdict| verdict.rcode);
        let Some(told) = ration(engine, local, counts, name.as_slice(), &query, peer, told) else {
            return Reply::Silence;
        };
        let (verdict, cut) = match told {
            Ok(verdict) => (verdict, 0),
            // What does not fit whole is asked for again by TCP (RFC 2181 §9).
            Err(Truncated(authority)) => {
                writer.clear();
                (Verdict { authority, ..Verdict::of(Rcode::NoError) }, 0x02)
            }
        };
        counts.count(peer.transport, rcode, local.zone);
        writer.release(reserved);
        if let Some(opt) = &opt {
            opt.put(verdict.rcode, verdict.explanation, &local.why, &mut writer);
        }
        let authority = if verdict.authority == Authority::Ours { 0x04 } else { 0 };
        let flags = [header.answered() | authority | cut, verdict.rcode as u8 & 0xF];
        let questions = u16::from(!query.question.is_empty());
        Reply::Message(writer.finish(header.id, flags, questions))
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.engine.take_in_the_last(&mut self.counts);
    }
}

/// What becomes of a question for a whole zone, or for what has changed in it.
enum Handed<'c> {
    Stream(Box<Transfer>),
    Serial(&'c Zone),
    Refused(Verdict),
}

#[cold]
fn transfer<'c>(
    engine: &Engine,
    catalog: &'c Catalog,
    name: &Lowered,
    asked: Asked,
    query: &Query<'_>,
    peer: &Peer,
    signed: Signed,
) -> Handed<'c> {
    if !engine.access.allows(peer.client.ip(), signed) {
        return Handed::Refused(Verdict::explained(Rcode::Refused, Explanation::Prohibited));
    }
    let Some(zone) = catalog.zone(name.as_slice()) else {
        return Handed::Refused(if catalog.misses(name.as_slice()) {
            Verdict::explained(Rcode::ServFail, Explanation::NotReady)
        } else {
            Verdict::explained(Rcode::NotAuth, Explanation::NotAuthoritative)
        });
    };
    match (query.rtype, peer.transport, query.serial) {
        // RFC 5936 §4.2.
        (rtype::AXFR, Transport::Udp, _) | (rtype::IXFR, _, None) => {
            Handed::Refused(Verdict::of(Rcode::FormErr))
        }
        (rtype::AXFR, Transport::Tcp, _) => {
            Handed::Stream(Box::new(Transfer::whole(asked, Arc::clone(zone))))
        }
        (_, Transport::Udp, _) => Handed::Serial(zone),
        (_, Transport::Tcp, serial) => {
            let serial = serial.unwrap_or_default();
            Handed::Stream(Box::new(Transfer::since(serial, asked, Arc::clone(zone))))
        }
    }
}

#[inline]
fn tell(
    catalog: &Catalog,
    local: &mut Local,
    name: &Lowered,
    query: &Query<'_>,
    peer: &Peer,
    out: &mut Writer<'_>,
) -> Result<Verdict, Truncated> {
    let zone = match catalog.find(name, query.rtype) {
        Whose::Of(zone) => zone,
        Whose::Missing => return Ok(Verdict::explained(Rcode::ServFail, Explanation::NotReady)),
        Whose::Others => {
            return Ok(Verdict::explained(Rcode::Refused, Explanation::NotAuthoritative));
        }
    };
    local.zone = Some(zone.number());
    Walk { catalog, zone, asked: query.rtype, client: peer.client.ip(), local }.answer(name, out)
}
