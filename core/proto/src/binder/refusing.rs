//! A datagram that changes nothing: counted, and told of where that is worth a line.

use std::net::IpAddr;

use super::peers::{Peers, Stranger};
use super::refused::{Sender, Tell};
use super::service::Service;
use super::{Arrival, Binder, Output};
use crate::heartbeat::Heartbeat;
use crate::heartbeat::breach::{Breach, Limit};
use crate::heartbeat::cause::Cause;
use crate::heartbeat::codec::{self, Opened};
use crate::heartbeat::key::KeyLimits;
use crate::heartbeat::refusal::Refusal;
use crate::name::{HostId, ServiceName};
use crate::time::Time;

impl Binder {
    /// Counts a datagram, and tells of it now and then.
    pub(super) fn refuse(&mut self, arrival: Arrival, datagram: &[u8], refusal: Refusal) {
        self.counters.refuse(refusal);
        let Arrival { now, source, .. } = arrival;
        if is_beyond_key(refusal) && !self.refused.may_look(now, refusal) {
            return;
        }
        let cause = self.cause(arrival, datagram, refusal);
        if self.refused.note(now, refusal, source, cause.as_ref()) == Tell::Nobody {
            return;
        }
        let sender = match &cause {
            Some(Cause::Breach(breach)) => Sender::Host(breach.host.clone()),
            _ => Sender::At(source.ip()),
        };
        let heard = Heard { peers: &self.peers, services: &self.services };
        let cause = cause.as_ref();
        let is_mended = |since| {
            let host = || codec::unproven(datagram).map(|header| header.host);
            may_be_mended(refusal)
                && host().is_some_and(|host| heard.is_again(host, source.ip(), cause, since))
        };
        let told = self.refused.tell_of(now, (refusal, sender), cause, is_mended);
        if told == Tell::Everybody {
            self.outputs.push_back(Output::Refused { refusal, source, cause: cause.cloned() });
        }
    }

    /// What more is known of why; who is beyond its key is remembered, since its tag is right.
    fn cause(&mut self, arrival: Arrival, datagram: &[u8], refusal: Refusal) -> Option<Cause> {
        match refusal {
            Refusal::UnknownKey => codec::unproven(datagram)?.key.map(Cause::UnknownKey),
            Refusal::Cluster => codec::unproven(datagram)?.cluster.parse().ok().map(Cause::Cluster),
            _ if is_beyond_key(refusal) => {
                let (beat, breach) = self.breach(arrival, datagram, refusal)?;
                // What comes again of a host that is heard is a copy, or somebody replays it.
                let is_anothers = matches!(breach.limit, Limit::Host | Limit::Id(_));
                if is_anothers || !self.peers.has_overtaken(&beat) {
                    self.peers.note_stranger(arrival, &beat, refusal, Some(breach.clone()));
                }
                Some(Cause::Breach(breach))
            }
            _ => None,
        }
    }

    /// Whether somebody should still look at a host that was refused.
    pub(super) fn is_still_refused(&self, host: HostId, stranger: &Stranger) -> bool {
        let Some(Breach { limit, .. }) = &stranger.breach else { return true };
        let heard = Heard { peers: &self.peers, services: &self.services };
        let is_heard = self.peers.last_heard(host).is_some_and(|(heard, _)| heard > stranger.at);
        // What this binder does not bind leaves no trace but that.
        let may_now = |allow: &dyn Fn(&KeyLimits) -> bool| {
            let key = self.peers.key(host).flatten();
            let voucher = self.config.trust.policy.voucher(key);
            is_heard && voucher.is_ok_and(|key| key.is_none_or(|key| allow(key.limits())))
        };
        match limit {
            Limit::Host => !is_heard,
            // By that name: under its id another may be heard.
            Limit::Id(_) => !is_heard || self.peers.name(host) != Some(&stranger.name),
            // Its beats may come by two ways, of which one is in order, also where it dies after that.
            Limit::Source | Limit::NoSource => self.peers.is_away(host, stranger.at),
            // Its other services may be heard all the time, and this one beat seldom.
            Limit::Service(name) => {
                let is_said = heard.has_said(host, name, stranger.at);
                !is_said && !may_now(&|limits| limits.allow_service(name))
            }
            Limit::Address(address) => {
                let is_named = heard.has_named(host, *address, stranger.at);
                !is_named && !may_now(&|limits| limits.allow_address(*address))
            }
        }
    }

    /// What a refused datagram says beyond its key, where its tag is right.
    fn breach(
        &self,
        arrival: Arrival,
        datagram: &[u8],
        refusal: Refusal,
    ) -> Option<(Heartbeat, Breach)> {
        let Opened { beat, key } = codec::authentic(datagram, &self.config.trust).ok()?;
        let limits = self.config.trust.limits(key)?;
        let limit = match refusal {
            Refusal::KeyLimit => match limits.broken_by(&beat) {
                Some(limit) => limit,
                None => Limit::Id(self.peers.name(beat.host)?.clone()),
            },
            _ if arrival.source.ip().is_unspecified() => Limit::NoSource,
            _ => Limit::Source,
        };
        let breach = Breach { host: beat.host_name.clone(), key: key?, limit };
        Some((beat, breach))
    }
}

/// Whether the tag is right, and what is beyond the key stands in the rest of the datagram.
fn is_beyond_key(refusal: Refusal) -> bool {
    matches!(refusal, Refusal::KeyLimit | Refusal::NotAllowed)
}

/// Whether a host that is heard may have been refused for that before: not where only what is sent beside
/// its beats is refused.
fn may_be_mended(refusal: Refusal) -> bool {
    !matches!(refusal, Refusal::Rate | Refusal::Replay | Refusal::Duplicate)
}

/// What was taken in.
#[derive(Clone, Copy)]
struct Heard<'a> {
    peers: &'a Peers,
    services: &'a [Service],
}

impl Heard<'_> {
    /// Whether, since then, a beat of `host` was taken in that would have been refused for this cause, had it
    /// lasted: where one service is beyond its key, the others may be heard all the time.
    fn is_again(self, host: HostId, source: IpAddr, cause: Option<&Cause>, since: Time) -> bool {
        let Some((heard, from)) = self.peers.last_heard(host) else { return false };
        let limit = match cause {
            Some(Cause::Breach(breach)) => Some(&breach.limit),
            _ => None,
        };
        heard > since
            && match limit {
                Some(Limit::Host | Limit::Id(_)) => true,
                Some(Limit::Service(name)) => self.has_said(host, name, since),
                Some(Limit::Address(address)) => self.has_named(host, *address, since),
                Some(Limit::Source | Limit::NoSource) | None => {
                    from.is_some_and(|from| from.ip() == source)
                }
            }
    }

    fn has_said(self, host: HostId, name: &ServiceName, since: Time) -> bool {
        let index = self.services.binary_search_by(|service| service.name.cmp(name));
        let service = index.ok().and_then(|index| self.services.get(index));
        service.and_then(|service| service.table.last_heard(host)) > Some(since)
    }

    fn has_named(self, host: HostId, address: IpAddr, since: Time) -> bool {
        self.services.iter().any(|service| {
            let claimed = service.table.latest_by(host, address);
            claimed.is_some_and(|claimed| claimed.heard > since)
        })
    }
}
