//! Answers over UDP where they are limited (RRL).

use super::{Local, Rcode, Truncated, Verdict};
use crate::counts::Counts;
use crate::engine::Engine;
use crate::net::{Peer, Transport};
use crate::query::{Edns, Query};
use crate::rrl::{Alike, Limit};

/// What becomes of an answer where answers are limited; nothing, where it is not to be sent. `name` is that
/// of the question.
#[inline]
pub(super) fn ration(
    engine: &Engine,
    local: &mut Local,
    counts: &mut Counts,
    name: &[u8],
    query: &Query<'_>,
    peer: &Peer,
    told: Result<Verdict, Truncated>,
) -> Option<Result<Verdict, Truncated>> {
    if engine.limiter.is_none() {
        return Some(told);
    }
    let (rcode, authority) = match told {
        Ok(verdict) => (verdict.rcode, verdict.authority),
        Err(Truncated(authority)) => (Rcode::NoError, authority),
    };
    let alike = match local.under {
        Some(under) => Alike::Under(under),
        // It has the name of an earlier one there.
        None if query.question.is_empty() => Alike::Question(&[], 0),
        None => Alike::Question(name, query.rtype),
    };
    let limit = judge(engine, local, query.edns, peer, rcode, alike);
    counts.count_limited(limit);
    match limit {
        Limit::Send => Some(told),
        Limit::Slip => Some(Err(Truncated(authority))),
        Limit::Drop => None,
    }
}

/// Whether an error is to be sent that has no records to be cut off.
pub(super) fn may_be_told(
    engine: &Engine,
    local: &mut Local,
    counts: &mut Counts,
    edns: Option<Edns<'_>>,
    peer: &Peer,
    rcode: Rcode,
) -> bool {
    let limit = match judge(engine, local, edns, peer, rcode, Alike::Question(&[], 0)) {
        // There is nothing to be cut off.
        Limit::Slip => Limit::Send,
        other => other,
    };
    counts.count_limited(limit);
    limit == Limit::Send
}

fn judge(
    engine: &Engine,
    local: &mut Local,
    edns: Option<Edns<'_>>,
    peer: &Peer,
    rcode: Rcode,
    alike: Alike<'_>,
) -> Limit {
    let (Some(limiter), Transport::Udp) = (&engine.limiter, peer.transport) else {
        return Limit::Send;
    };
    let client = peer.client.ip();
    let cookie = edns.and_then(|edns| edns.options.cookie);
    let known = cookie.zip(engine.identity.cookies.as_ref());
    if known.is_some_and(|(shown, cookies)| cookies.know(shown, client, peer.at.unix)) {
        return Limit::Send;
    }
    limiter.judge(client, rcode, alike, peer.at.since_boot, &mut local.above)
}
