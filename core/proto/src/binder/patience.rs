//! How long nothing is heard of a host before that means something, and of most hosts together.

use std::time::Duration;

use crate::time::{Span, Time};

/// The shortest `expire` that a host names: not heard for as long, it is away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    expire: Span,
    /// When it was last named.
    named: Time,
}

impl Patience {
    pub(super) fn new(now: Time, expire: Duration) -> Patience {
        Patience { expire: expire.into(), named: now }
    }

    /// After a beat whose shortest `expire` is this. A shorter one counts on until the service that named
    /// it is silent itself: it may be gone by a reload.
    pub(super) fn after(self, now: Time, expire: Duration) -> Patience {
        let is_over = now >= self.named + self.expire;
        if is_over || Span::from(expire) <= self.expire { Patience::new(now, expire) } else { self }
    }

    pub(super) fn get(self) -> Span {
        self.expire
    }
}

/// How many hosts have which patience, to a power of two: so that most beats need not look at each host.
#[derive(Debug, Clone)]
pub(super) struct Patiences([usize; Patiences::CLASSES]);

impl Default for Patiences {
    fn default() -> Patiences {
        Patiences([0; Patiences::CLASSES])
    }
}

impl Patiences {
    /// Of 0 ms, of 1 ms, of 2 and 3 ms, and so on.
    const CLASSES: usize = u32::BITS as usize + 1;

    pub(super) fn add(&mut self, patience: Span) {
        self.0[class(patience)] += 1;
    }

    pub(super) fn remove(&mut self, patience: Span) {
        let class = &mut self.0[class(patience)];
        *class = class.saturating_sub(1);
    }

    /// No longer than the upper median of all but `except`; none of fewer than two.
    pub(super) fn least_median(&self, except: Option<Span>) -> Option<Duration> {
        let mut others = self.clone();
        except.into_iter().for_each(|one| others.remove(one));
        let all: usize = others.0.iter().sum();
        let mut up_to = 0;
        let median = others.0.iter().position(|count| {
            up_to += count;
            up_to > all / 2
        });
        let least = |class| 1_u64.checked_shl(class).unwrap_or(u64::MAX) / 2;
        let class = u32::try_from(median.filter(|_| all >= 2)?).ok()?;
        Some(Duration::from_millis(least(class)))
    }
}

/// The upper median: of an even number the longer of the two in the middle, so that of two hosts both are
/// away. None of fewer than two, of which none says anything of a network.
pub(super) fn median(mut all: Vec<Span>) -> Option<Duration> {
    let middle = all.len() / 2;
    (all.len() >= 2).then(|| all.select_nth_unstable(middle).1.get())
}

fn class(patience: Span) -> usize {
    // A span has 49 days in milliseconds at most.
    let millis = u32::try_from(patience.get().as_millis()).unwrap_or(u32::MAX);
    (u32::BITS - millis.leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_classes_are_never_above_the_median_and_at_least_half_of_it(
            all in proptest::collection::vec(0_u32..700_000_000, 0..20),
            own in proptest::option::of(0_u32..700_000_000),
        ) {
            let span = |millis: u32| Span::from(Duration::from_millis(millis.into()));
            let mut counts = Patiences::default();
            all.iter().chain(&own).for_each(|&millis| counts.add(span(millis)));
            let exact = median(all.iter().map(|&millis| span(millis)).collect());
            let least = counts.least_median(own.map(span));
            prop_assert_eq!(least.is_some(), exact.is_some());
            if let (Some(least), Some(exact)) = (least, exact) {
                prop_assert!(least <= exact && exact < least * 2 + Duration::from_millis(1));
            }
        }
    }

    #[test]
    fn one_odd_host_is_not_the_median_and_of_two_both_count() {
        let of = |secs: &[u64]| {
            let spans = secs.iter().map(|&secs| Duration::from_secs(secs).into()).collect();
            median(spans).map(|median| median.as_secs())
        };
        assert_eq!(of(&[1]), None);
        assert_eq!(of(&[9, 1]), Some(9));
        assert_eq!(of(&[604_800, 3, 3, 3]), Some(3));
        assert_eq!(of(&[990, 3, 990]), Some(990));
    }

    #[test]
    fn a_shorter_expire_counts_until_its_service_is_silent() {
        let (quick, slow) = (Duration::from_secs(3), Duration::from_secs(990));
        let at = Time::from_secs;
        let both = Patience::new(at(0), quick).after(at(1), slow).after(at(2), slow);
        assert_eq!(both.get().get(), quick);
        assert_eq!(both.after(at(3), slow).get().get(), slow);
        assert_eq!(both.after(at(2), quick).after(at(4), slow).get().get(), quick);
    }
}
