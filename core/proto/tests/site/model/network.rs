//! The network between hosts and binders: it loses, delays, doubles and overtakes, as it is told.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use rais_proto::time::Time;

/// The network.
pub(crate) struct Network {
    /// The share of copies that are lost, 0–1.
    pub(crate) loss: f64,
    /// The share of copies that arrive twice, 0–1.
    pub(crate) doubled: f64,
    /// How long each copy takes, drawn evenly: datagrams overtake each other within it.
    pub(crate) delay: RangeInclusive<Duration>,
    /// Copies arrive at multiples of this only, so that many arrive at one moment.
    pub(crate) tick: Option<Duration>,
    /// Whether the binders share its faults.
    pub(crate) medium: Medium,
    /// Which host does not reach which binder.
    cut: BTreeSet<(usize, usize)>,
    /// Copies that were lost, or not let through.
    pub(crate) lost: u64,
    rng: fastrand::Rng,
}

/// Who shares a datagram's fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    /// All binders: they hang on one cable.
    Shared,
    /// Nobody.
    Apart,
}

impl Network {
    pub(super) fn new(rng: fastrand::Rng) -> Network {
        Network {
            loss: 0.0,
            doubled: 0.0,
            delay: Duration::from_micros(200)..=Duration::from_micros(200),
            tick: None,
            medium: Medium::Apart,
            cut: BTreeSet::new(),
            lost: 0,
            rng,
        }
    }

    /// From now on nothing of `hosts` reaches `binder`; what is on its way does.
    pub(crate) fn cut(&mut self, hosts: impl IntoIterator<Item = usize>, binder: usize) {
        self.cut.extend(hosts.into_iter().map(|host| (host, binder)));
    }

    /// Everything reaches everybody again.
    pub(crate) fn heal(&mut self) {
        self.cut.clear();
    }

    /// Sends a datagram of `host` to every binder: adds who gets a copy, and when.
    pub(super) fn carry(
        &mut self,
        now: Time,
        host: usize,
        binders: usize,
        copies: &mut Vec<(usize, Time)>,
    ) {
        let mut fate = self.draw(now);
        for binder in 0..binders {
            if binder > 0 && self.medium == Medium::Apart {
                fate = self.draw(now);
            }
            if fate.0.is_none() || self.cut.contains(&(host, binder)) {
                self.lost += 1;
                continue;
            }
            copies.extend([fate.0, fate.1].into_iter().flatten().map(|at| (binder, at)));
        }
    }

    /// When a copy arrives, and when a second one does.
    fn draw(&mut self, now: Time) -> (Option<Time>, Option<Time>) {
        let chance = |rng: &mut fastrand::Rng, of: f64| of > 0.0 && rng.f64() < of;
        if chance(&mut self.rng, self.loss) {
            return (None, None);
        }
        let first = self.arrival(now);
        let second = chance(&mut self.rng, self.doubled).then(|| self.arrival(now));
        (Some(first), second)
    }

    fn arrival(&mut self, now: Time) -> Time {
        let (least, most) = (self.delay.start(), self.delay.end());
        let spread = u64::try_from(most.saturating_sub(*least).as_nanos()).unwrap();
        let stray = if spread == 0 { 0 } else { self.rng.u64(0..=spread) };
        let at = now + *least + Duration::from_nanos(stray);
        self.tick.map_or(at, |tick| {
            let tick = u64::try_from(tick.as_nanos()).unwrap();
            Time::from_nanos(at.as_nanos().next_multiple_of(tick))
        })
    }
}
