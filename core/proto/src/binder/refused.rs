//! Whose datagrams are refused, so that somebody can be found who is not let in.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::heartbeat::refusal::Refusal;
use crate::name::HostName;
use crate::time::Time;

/// Between two that are told of.
const PACE: Duration = Duration::from_secs(1);
/// The same sender is told of again, for the same reason, after so long: two clusters may share a
/// network on purpose.
const AGAIN: Duration = Duration::from_secs(3600);
/// So many senders are remembered as told of: whoever sends may choose where it seems to come from.
const MOST: usize = 256;

/// A datagram that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedView {
    /// Why.
    pub refusal: Refusal,
    /// Where it came from.
    pub source: SocketAddr,
    /// How long ago.
    pub ago: Duration,
}

/// The last one for each reason, and which were told of.
#[derive(Debug, Clone, Default)]
pub(super) struct Refused {
    last: BTreeMap<Refusal, (SocketAddr, Time)>,
    told: BTreeMap<(Refusal, Sender), Time>,
    quiet_until: Option<Time>,
}

/// Who has sent, as well as that is known. Over a message bus all have one address, which is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sender {
    /// The tag was right, so it is this host.
    Host(HostName),
    /// Somebody there.
    At(IpAddr),
}

impl Refused {
    /// Notes one; says whether one is worth a line now, if its sender is.
    pub(super) fn note(&mut self, now: Time, refusal: Refusal, source: SocketAddr) -> Tell {
        self.last.insert(refusal, (source, now));
        // Two ways to one binder make a copy of every beat.
        if refusal == Refusal::Duplicate || self.quiet_until.is_some_and(|until| now < until) {
            return Tell::Nobody;
        }
        Tell::Everybody
    }

    /// Whether one that was noted just now is worth a line, by who has sent it.
    pub(super) fn tell_of(&mut self, now: Time, refusal: Refusal, sender: Sender) -> Tell {
        let sender = (refusal, sender);
        if self.told.get(&sender).is_some_and(|&told| now < told + AGAIN) {
            return Tell::Nobody;
        }
        if self.told.len() >= MOST {
            self.told.retain(|_, told| now < *told + AGAIN);
        }
        if self.told.len() < MOST {
            self.told.insert(sender, now);
        }
        self.quiet_until = Some(now + PACE);
        Tell::Everybody
    }

    /// The last of each reason, in their order.
    pub(super) fn view(&self, now: Time) -> impl Iterator<Item = RefusedView> {
        self.last.iter().map(move |(&refusal, &(source, at))| RefusedView {
            refusal,
            source,
            ago: now.since(at),
        })
    }
}

/// Whether a refusal is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell {
    Everybody,
    Nobody,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::ZERO + Duration::from_millis(millis)
    }

    fn from(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 4711))
    }

    impl Refused {
        fn hear(&mut self, now: Time, refusal: Refusal, source: SocketAddr) -> Tell {
            match self.note(now, refusal, source) {
                Tell::Everybody => self.tell_of(now, refusal, Sender::At(source.ip())),
                Tell::Nobody => Tell::Nobody,
            }
        }
    }

    #[test]
    fn a_sender_is_told_of_now_and_then_and_one_a_second_at_most() {
        let mut refused = Refused::default();
        let mut told = Vec::new();
        for step in 0..7300_u64 {
            for sender in [7, 8] {
                let tell = refused.hear(at(step * 500), Refusal::UnknownKey, from(sender));
                told.extend((tell == Tell::Everybody).then_some((step, sender)));
            }
        }
        assert_eq!(told, [(0, 7), (2, 8), (7200, 7), (7202, 8)]);
        let shown: Vec<_> = refused.view(at(3_650_000)).collect();
        let ago = Duration::from_millis(500);
        assert_eq!(shown, [RefusedView { refusal: Refusal::UnknownKey, source: from(8), ago }]);
    }

    #[test]
    fn copies_are_shown_and_not_told_of() {
        let mut refused = Refused::default();
        assert_eq!(refused.hear(at(0), Refusal::Duplicate, from(1)), Tell::Nobody);
        assert_eq!(refused.view(at(0)).count(), 1);
        assert_eq!(refused.hear(at(0), Refusal::Cluster, from(1)), Tell::Everybody);
    }

    #[test]
    fn senders_without_number_fill_nothing() {
        let mut refused = Refused::default();
        for second in 0..10_000_u32 {
            let source = SocketAddr::from((std::net::Ipv4Addr::from(second), 1));
            refused.hear(at(u64::from(second) * 1000), Refusal::BadTag, source);
            assert!(refused.told.len() <= MOST);
        }
    }
}
