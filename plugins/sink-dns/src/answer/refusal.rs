//! What is answered without a look at any zone.

use super::cookies::is_sound;
use super::edns::OptRecord;
use super::rationing::may_be_told;
use super::{Explanation, Identity, PLAIN, Rcode, Responder, Verdict, Writer};
use crate::net::{Peer, Reply, Transport};
use crate::query::{Edns, Header, IN, Keepalive, Query};
use crate::zone::rtype;

impl Responder {
    /// A header alone, and an OPT record where one can be read in the message (RFC 6891 §6.1.1): without
    /// it, we would pass for a server that does not know EDNS (§7).
    #[cold]
    pub(super) fn refuse(
        &mut self,
        message: &[u8],
        header: &Header,
        verdict: Verdict,
        peer: &Peer,
        out: &mut [u8],
    ) -> Reply {
        let edns = Edns::find(message, header);
        if !may_be_told(&self.engine, &mut self.local, &mut self.counts, edns, peer, verdict.rcode)
        {
            return Reply::Silence;
        }
        let Ok(mut writer) = Writer::new(out, &[], PLAIN) else { return Reply::Silence };
        if let Some(edns) = edns {
            let opt = OptRecord::to(&edns, &self.engine.identity, peer);
            opt.put(verdict.rcode, verdict.explanation, "", &mut writer);
        }
        self.counts.count(peer.transport, verdict.rcode, None);
        Reply::Message(writer.finish(header.id, [header.answered(), verdict.rcode as u8], 0))
    }
}

/// Of a message that is well formed.
#[inline]
pub(super) fn refusal(query: &Query<'_>, identity: &Identity, peer: &Peer) -> Option<Verdict> {
    if let Some(Edns { version, options, .. }) = query.edns {
        if version != 0 {
            return Some(Verdict::of(Rcode::BadVers));
        }
        // Without cookies of our own it is an option like any that is not known (RFC 6891 §6.1.2).
        if identity.cookies.is_some() && options.cookie.is_some_and(|shown| !is_sound(shown)) {
            return Some(Verdict::of(Rcode::FormErr));
        }
        // RFC 7828 §3.2.1; over UDP it says nothing, whatever it says (§3.2.2).
        if options.keepalive == Keepalive::Given && peer.transport == Transport::Tcp {
            return Some(Verdict::of(Rcode::FormErr));
        }
    }
    if query.question.is_empty() {
        return Some(Verdict::of(for_cookie_alone(query, identity, peer)));
    }
    if query.class != IN {
        return Some(Verdict::explained(Rcode::Refused, Explanation::NotAuthoritative));
    }
    match query.rtype {
        // No type that can be asked for (RFC 6895 §3.1).
        0 | rtype::OPT => Some(Verdict::of(Rcode::FormErr)),
        // TKEY, TSIG, MAILB and MAILA.
        249 | rtype::TSIG | 253 | 254 => {
            Some(Verdict::explained(Rcode::NotImp, Explanation::NotSupported))
        }
        _ => None,
    }
}

/// Of a query without a question. What there is to say is the cookie, and whether the one that was
/// shown is good (RFC 7873 §5.4); without cookies, such a query is none (RFC 9619 §4).
#[cold]
fn for_cookie_alone(query: &Query<'_>, identity: &Identity, peer: &Peer) -> Rcode {
    let shown = query.edns.and_then(|edns| edns.options.cookie);
    match shown.zip(identity.cookies.as_ref()) {
        None => Rcode::FormErr,
        Some((shown, cookies)) if cookies.accepts(shown, peer.client.ip(), peer.at.unix) => {
            Rcode::NoError
        }
        Some(_) => Rcode::BadCookie,
    }
}
