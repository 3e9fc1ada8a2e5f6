//! Whose datagrams are refused, so that somebody can be found who is not let in.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::heartbeat::cause::Cause;
use crate::heartbeat::refusal::Refusal;
use crate::name::HostName;
use crate::time::Time;

/// Between two that are told of.
const PACE: Duration = Duration::from_secs(1);
/// The same sender is told of again, for the same cause, after so long: two clusters may share a
/// network on purpose.
const AGAIN: Duration = Duration::from_secs(3600);
/// Or sooner, where its beats were taken in meanwhile and it was not refused for so long: what is refused
/// and taken in by turns is told of once. With each line that comes sooner the wait is twice as long: who
/// can send from the address of a host that is heard may choose these times.
const CALM: Duration = Duration::from_secs(10);
/// So many senders are remembered as told of: whoever sends may choose where it seems to come from.
const MOST: usize = 256;
/// And of each, for each reason, so many causes are told of.
const MOST_CAUSES: usize = 8;
/// Fewer of such as no tag proves: it may choose these, too. Not over a message bus, where all who are not
/// known have one address.
const MOST_UNPROVEN: usize = 2;

/// So many of each reason are read whole within [`PACE`], to tell more of why: a flood costs no more than to
/// refuse it, and hosts that beat at the same moment all have their turn.
const MOST_LOOKS: u32 = 64;

/// A datagram that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedView {
    /// Why.
    pub refusal: Refusal,
    /// Where it came from.
    pub source: SocketAddr,
    /// How long ago.
    pub ago: Duration,
    /// What more is known of why.
    pub cause: Option<Cause>,
}

/// The last one for each reason, and which were told of.
#[derive(Debug, Clone, Default)]
pub(super) struct Refused {
    last: BTreeMap<Refusal, Last>,
    told: BTreeMap<(Refusal, Sender), Told>,
    quiet_until: Option<Time>,
    looks: BTreeMap<Refusal, Looks>,
}

/// How many were read whole for one reason, and from when they are counted anew.
#[derive(Debug, Clone)]
struct Looks {
    count: u32,
    until: Time,
}

#[derive(Debug, Clone)]
struct Last {
    source: SocketAddr,
    at: Time,
    cause: Option<Cause>,
}

/// What a sender was told of, for one reason.
#[derive(Debug, Clone)]
struct Told {
    causes: Vec<ToldCause>,
    /// So long it is not to be refused before it is told of sooner than [`AGAIN`].
    calm: Duration,
}

/// One cause that was told of.
#[derive(Debug, Clone)]
struct ToldCause {
    cause: Option<Cause>,
    at: Time,
    /// When it was last met.
    met: Time,
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
    /// Whether one more may be read whole.
    pub(super) fn may_look(&mut self, now: Time, refusal: Refusal) -> bool {
        let anew = || Looks { count: 0, until: now + PACE };
        let looks = self.looks.entry(refusal).or_insert_with(anew);
        if now >= looks.until {
            *looks = anew();
        }
        let may = looks.count < MOST_LOOKS;
        looks.count += u32::from(may);
        may
    }

    /// Notes one; says whether one is worth a line now, if its sender is.
    pub(super) fn note(
        &mut self,
        now: Time,
        refusal: Refusal,
        source: SocketAddr,
        cause: Option<&Cause>,
    ) -> Tell {
        self.last.insert(refusal, Last { source, at: now, cause: cause.cloned() });
        // Two ways to one binder make a copy of every beat.
        if refusal == Refusal::Duplicate || self.quiet_until.is_some_and(|until| now < until) {
            return Tell::Nobody;
        }
        Tell::Everybody
    }

    /// Whether one that was noted just now is worth a line, by who has sent it; `is_mended` says whether
    /// beats of it were taken in since a time.
    pub(super) fn tell_of(
        &mut self,
        now: Time,
        sender: (Refusal, Sender),
        cause: Option<&Cause>,
        is_mended: impl FnOnce(Time) -> bool,
    ) -> Tell {
        let tell = match self.told.get_mut(&sender) {
            Some(told) => {
                let most = most_causes(&sender.1, cause);
                tell_once_more(now, (told, most), cause, is_mended)
            }
            None => {
                self.remember(now, sender, cause);
                Tell::Everybody
            }
        };
        if tell == Tell::Everybody {
            self.quiet_until = Some(now + PACE);
        }
        tell
    }

    fn remember(&mut self, now: Time, sender: (Refusal, Sender), cause: Option<&Cause>) {
        if self.told.len() >= MOST {
            self.told.retain(|_, told| told.causes.iter().any(|one| now < one.at + AGAIN));
        }
        if self.told.len() < MOST {
            let causes = vec![ToldCause::new(now, cause)];
            self.told.insert(sender, Told { causes, calm: CALM });
        }
    }

    /// The last of each reason, in their order.
    pub(super) fn view(&self, now: Time) -> impl Iterator<Item = RefusedView> {
        self.last.iter().map(move |(&refusal, last)| RefusedView {
            refusal,
            source: last.source,
            ago: now.since(last.at),
            cause: last.cause.clone(),
        })
    }
}

impl ToldCause {
    fn new(now: Time, cause: Option<&Cause>) -> ToldCause {
        ToldCause { cause: cause.cloned(), at: now, met: now }
    }
}

fn most_causes(sender: &Sender, cause: Option<&Cause>) -> usize {
    let is_proven = matches!(cause, Some(Cause::Breach(_)));
    let are_many = matches!(sender, Sender::At(address) if address.is_unspecified());
    if is_proven || are_many { MOST_CAUSES } else { MOST_UNPROVEN }
}

/// Whether one of a sender who was told of is worth another line, where `most` of its causes are.
fn tell_once_more(
    now: Time,
    (told, most): (&mut Told, usize),
    cause: Option<&Cause>,
    is_mended: impl FnOnce(Time) -> bool,
) -> Tell {
    let Told { causes, calm } = told;
    if let Some(one) = causes.iter_mut().find(|one| one.cause.as_ref() == cause) {
        let met = std::mem::replace(&mut one.met, now);
        if now < one.at + AGAIN {
            if now < met + *calm || !is_mended(met) {
                return Tell::Nobody;
            }
            *calm = (*calm * 2).min(AGAIN);
        }
        one.at = now;
        return Tell::Everybody;
    }
    if causes.len() >= most {
        causes.retain(|one| now < one.at + AGAIN);
    }
    if causes.len() >= most {
        return Tell::Nobody;
    }
    causes.push(ToldCause::new(now, cause));
    Tell::Everybody
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
    use crate::heartbeat::breach::{Breach, Limit};
    use crate::heartbeat::key::KeyId;

    fn at(millis: u64) -> Time {
        Time::ZERO + Duration::from_millis(millis)
    }

    fn from(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 4711))
    }

    impl Refused {
        fn hear(&mut self, now: Time, refusal: Refusal, source: SocketAddr) -> Tell {
            self.hear_of(now, refusal, source, None, None)
        }

        /// Of a sender whose beats were last taken in then.
        fn hear_of(
            &mut self,
            now: Time,
            refusal: Refusal,
            source: SocketAddr,
            cause: Option<&Cause>,
            taken: Option<Time>,
        ) -> Tell {
            let sender = (refusal, Sender::At(source.ip()));
            match self.note(now, refusal, source, cause) {
                Tell::Everybody => self.tell_of(now, sender, cause, |since| taken > Some(since)),
                Tell::Nobody => Tell::Nobody,
            }
        }
    }

    fn key(octet: u8) -> Cause {
        Cause::UnknownKey(KeyId::new(octet.into()).unwrap())
    }

    fn breach(octet: u8) -> Cause {
        Cause::Breach(Breach {
            host: "web1".parse().unwrap(),
            key: KeyId::new(1).unwrap(),
            limit: Limit::Address([192, 0, 2, octet].into()),
        })
    }

    #[test]
    fn who_was_heard_in_between_is_told_of_again_and_who_is_by_turns_is_not() {
        let mut refused = Refused::default();
        let mut told = Vec::new();
        // Taken in for a minute after the first; at every other beat from the second on.
        let seconds = (0..5).chain(65..70).chain((71..3000).step_by(2));
        for second in seconds {
            let taken = match second {
                0..5 => None,
                65..70 => Some(at(64_900)),
                _ => Some(at((second - 1) * 1000)),
            };
            let tell = refused.hear_of(at(second * 1000), Refusal::BadTag, from(1), None, taken);
            told.extend((tell == Tell::Everybody).then_some(second));
        }
        assert_eq!(told, [0, 65]);
    }

    #[test]
    fn who_is_refused_and_heard_by_turns_is_told_of_ever_more_seldom() {
        let mut refused = Refused::default();
        let mut told = Vec::new();
        // Each cause comes every eighty seconds, and is taken in all the time.
        for second in (0..36_000_u64).step_by(10) {
            let cause = breach((second / 10 % 8) as u8 + 1);
            let now = at(second * 1000);
            let tell = refused.hear_of(now, Refusal::KeyLimit, from(1), Some(&cause), Some(now));
            told.extend((tell == Tell::Everybody).then_some(second));
        }
        let within = |hour: u64| told.iter().filter(|&&second| second / 3600 == hour).count();
        assert_eq!(told[..8], [0, 10, 20, 30, 40, 50, 60, 70]);
        // Sooner than in an hour after 10, 20, 40 and 80 s.
        assert_eq!(within(0), 8 + 4, "{told:?}");
        assert!((1..10).all(|hour| within(hour) <= 8 + 4), "{told:?}");
        assert_eq!(refused.told.len(), 1);
    }

    #[test]
    fn the_wait_for_another_line_grows_to_an_hour() {
        let mut refused = Refused::default();
        let mut now = Time::ZERO;
        for step in 0..12 {
            let tell = refused.hear_of(now, Refusal::BadTag, from(1), None, Some(now));
            assert_eq!(tell, Tell::Everybody, "{step}");
            let wait = (CALM * (1 << step)).min(AGAIN);
            let soon = now + wait - Duration::from_millis(1);
            let mut early = refused.clone();
            let tell = early.hear_of(soon, Refusal::BadTag, from(1), None, Some(soon));
            assert_eq!(tell, Tell::Nobody, "{step}");
            now = now + wait;
        }
    }

    #[test]
    fn each_cause_is_told_of_and_not_without_end() {
        let bus = SocketAddr::from(([0, 0, 0, 0], 0));
        let cases = [
            (Refusal::KeyLimit, from(1), breach as fn(u8) -> Cause, MOST_CAUSES),
            (Refusal::UnknownKey, from(1), key, MOST_UNPROVEN),
            (Refusal::UnknownKey, bus, key, MOST_CAUSES),
        ];
        for (refusal, source, cause, most) in cases {
            let mut refused = Refused::default();
            let mut told = Vec::new();
            for second in 0..1000_u64 {
                let cause = cause((second % 200) as u8 + 1);
                let now = at(second * 1000);
                let tell = refused.hear_of(now, refusal, source, Some(&cause), None);
                told.extend((tell == Tell::Everybody).then_some(second));
            }
            assert_eq!(told, (0..most as u64).collect::<Vec<_>>());
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
        let last = RefusedView { refusal: Refusal::UnknownKey, source: from(8), ago, cause: None };
        assert_eq!(shown, [last]);
    }

    #[test]
    fn what_is_refused_for_one_reason_takes_no_look_from_another() {
        let mut refused = Refused::default();
        let mut looks =
            |now, refusal| (0..1000).filter(|_| refused.may_look(now, refusal)).count() as u32;
        for second in [0, 1000] {
            assert_eq!(looks(at(second), Refusal::NotAllowed), MOST_LOOKS);
            assert_eq!(looks(at(second + 999), Refusal::NotAllowed), 0);
            assert_eq!(looks(at(second), Refusal::KeyLimit), MOST_LOOKS);
        }
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
