//! The OPT record of an answer (RFC 6891).

use super::cookies::{Cookies, WHOLE};
use super::writer::{Section, Writer};
use super::{Rcode, UDP_ANSWER};
use crate::net::{Peer, Transport};
use crate::query::{Edns, HEADER, Keepalive, option};

/// Octets of the record without options.
const EMPTY: usize = 11;
/// Octets of an option without its value.
const OPTION: usize = 4;

/// What a server says of itself where it is asked.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    /// Its name (RFC 5001).
    pub(crate) nsid: Option<Box<[u8]>>,
    pub(crate) cookies: Option<Cookies>,
    /// For how long an idle connection is kept, in tenths of a second (RFC 7828).
    pub(crate) keepalive: u16,
}

/// Why an answer is as it is (RFC 8914).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Explanation {
    /// A bound name of which nobody is up.
    NoServerUp,
    /// A zone that is not there yet, or not any more.
    NotReady,
    Prohibited,
    NotAuthoritative,
    NotSupported,
}

/// An OPT record, its options chosen.
pub(super) struct OptRecord<'i> {
    dnssec_ok: bool,
    nsid: Option<&'i [u8]>,
    cookie: Option<[u8; WHOLE]>,
    keepalive: Option<u16>,
}

impl Explanation {
    /// Info code and text, in two parts; `why` is what is known of why nobody is up.
    fn parts(self, why: &str) -> (u16, [&str; 2]) {
        match self {
            Explanation::NoServerUp if why.is_empty() => (0, ["no server is up", ""]),
            Explanation::NoServerUp => (0, ["no server is up: ", why]),
            Explanation::NotReady => (14, ["", ""]),
            Explanation::Prohibited => (18, ["", ""]),
            Explanation::NotAuthoritative => (20, ["", ""]),
            Explanation::NotSupported => (21, ["", ""]),
        }
    }
}

impl<'i> OptRecord<'i> {
    #[inline]
    pub(super) fn to(edns: &Edns<'_>, identity: &'i Identity, peer: &Peer) -> OptRecord<'i> {
        let Edns { options, dnssec_ok, .. } = *edns;
        let cookie = options.cookie.and_then(|shown| {
            identity.cookies.as_ref()?.answer(shown, peer.client.ip(), peer.at.unix)
        });
        let stays = peer.transport == Transport::Tcp && options.keepalive == Keepalive::Asked;
        OptRecord {
            dnssec_ok,
            nsid: identity.nsid.as_deref().filter(|_| options.nsid),
            cookie,
            keepalive: stays.then_some(identity.keepalive),
        }
    }

    /// The record as it travels, of an answer without an error.
    pub(super) fn octets(&self) -> Option<Box<[u8]>> {
        let mut octets = vec![0; HEADER + self.len()];
        let room = octets.len();
        self.put(Rcode::NoError, None, "", &mut Writer::new(&mut octets, &[], room).ok()?);
        octets.get(HEADER..).map(Box::from)
    }

    /// Octets that it takes in any case.
    #[inline]
    pub(super) fn len(&self) -> usize {
        EMPTY + self.options()
    }

    fn options(&self) -> usize {
        let of = |value: Option<usize>| value.map_or(0, |length| OPTION + length);
        of(self.nsid.map(<[u8]>::len))
            + of(self.cookie.map(|cookie| cookie.len()))
            + of(self.keepalive.map(|_| 2))
    }

    /// Writes it, with why the answer is as it is where that has room.
    #[inline]
    pub(super) fn put(
        &self,
        rcode: Rcode,
        explanation: Option<Explanation>,
        why: &str,
        out: &mut Writer<'_>,
    ) {
        let why = explanation.map(|explanation| explanation.parts(why));
        let told = |(_, [a, b]): &(u16, [&str; 2])| OPTION + 2 + a.len() + b.len();
        let why = why.filter(|why| out.has_room(self.len() + told(why)));
        let length = self.options() + why.as_ref().map_or(0, told);
        out.enter(Section::Additional);
        let [size, e] = UDP_ANSWER.to_be_bytes();
        let [l, n] = (length as u16).to_be_bytes();
        let flags = if self.dnssec_ok { 0x80 } else { 0 };
        let head = [0, 0, 41, size, e, (rcode as u16 >> 4) as u8, 0, flags, 0, l, n];
        // Room was kept.
        let _ = out.claim(&head, 1);
        let mut option = |code: u16, parts: [&[u8]; 3]| {
            let length = parts.iter().map(|part| part.len()).sum::<usize>() as u16;
            let _ = out.append(&code.to_be_bytes());
            let _ = out.append(&length.to_be_bytes());
            for part in parts {
                let _ = out.append(part);
            }
        };
        if let Some(nsid) = self.nsid {
            option(option::NSID, [nsid, &[], &[]]);
        }
        if let Some(cookie) = &self.cookie {
            option(option::COOKIE, [cookie, &[], &[]]);
        }
        if let Some(tenths) = self.keepalive {
            option(option::KEEPALIVE, [&tenths.to_be_bytes(), &[], &[]]);
        }
        if let Some((code, [text, detail])) = why {
            option(option::EDE, [&code.to_be_bytes(), text.as_bytes(), detail.as_bytes()]);
        }
    }
}
