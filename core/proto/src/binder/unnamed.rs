//! Addresses that their hosts are heard to name no more (ADR 0027).

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::service::Service;
use crate::name::HostId;
use crate::time::Time;

/// An address that its host, which is heard, does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unnamed {
    /// For so long that it is given up.
    GivenUp(IpAddr),
    /// Not yet; it is to be looked at then.
    Open(Time),
}

impl Unnamed {
    fn given_up(self) -> Option<IpAddr> {
        match self {
            Unnamed::GivenUp(address) => Some(address),
            Unnamed::Open(_) => None,
        }
    }
}

impl Service {
    /// Who is silent though the host is heard, and when it is to be said whether that is given up: where
    /// the host was heard so long, all of it, and did not name the address. `heard_whole` says from when
    /// to when all of a host was heard.
    fn unnamed(
        &self,
        now: Time,
        heard_whole: impl Fn(HostId) -> Option<RangeInclusive<Time>>,
    ) -> impl Iterator<Item = Unnamed> {
        self.silent.iter().filter_map(move |&address| {
            let claimed = self.table.silent_claim(address, now)?;
            let (since, until) = heard_whole(claimed.host)?.into_inner();
            let due = since.max(claimed.heard) + claimed.expire;
            let is_heard = now < until + claimed.expire;
            Some(match (until >= due, is_heard) {
                (true, _) => Unnamed::GivenUp(address),
                (false, true) => Unnamed::Open(due.max(now + claimed.interval)),
                (false, false) => return None,
            })
        })
    }

    /// Who is silent, and whose host is heard and names it no more, has left: that is no silence. Says
    /// who that is.
    pub(crate) fn give_up_unnamed(
        &mut self,
        now: Time,
        heard_whole: impl Fn(HostId) -> Option<RangeInclusive<Time>>,
    ) -> Vec<(IpAddr, HostId)> {
        let unnamed = self.unnamed(now, heard_whole);
        let given_up: Vec<IpAddr> = unnamed.filter_map(Unnamed::given_up).collect();
        let give_up = |address| Some((address, self.table.give_up_silent(address, now)?));
        given_up.into_iter().filter_map(give_up).collect()
    }

    /// To be judged when more is to be said of these.
    pub(crate) fn note_unnamed(
        &mut self,
        now: Time,
        heard_whole: impl Fn(HostId) -> Option<RangeInclusive<Time>>,
    ) {
        let next = self.unnamed(now, heard_whole).map(|unnamed| match unnamed {
            Unnamed::GivenUp(_) => now,
            Unnamed::Open(next) => next,
        });
        if let Some(at) = next.min() {
            self.note_expiry(at);
        }
    }
}
