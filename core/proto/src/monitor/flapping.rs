//! Addresses that come and go: what never fails often enough in a row, and what falls again and
//! again.
//!
//! Two counts, neither of which needs a clock of its own:
//!
//! - **Failures add up.** Each counts two, each success takes one off. At [`Flapping::sum_limit`] an
//!   address is down, though it never failed `fall` times in a row: who fails more than one probe in
//!   three is of no use. (gdnsd's `down_thresh` counts the like.)
//! - **Falls add up.** Each counts one, each minute up takes one off. From the fourth on the
//!   address stays down for [`FIRST_HOLD`] after its last fall, twice as long each time and at most
//!   [`LONGEST_HOLD`], however well it answers (as Envoy's ejections; and as there, of the machines
//!   that a service watches only one in ten is held: what ails more of them is not theirs).

use std::num::NonZeroU16;
use std::time::Duration;

use crate::time::Time;

/// Falls that cost nothing: a restart, and another.
const FREE_FALLS: u8 = 3;
/// Up for so long, one fall is forgotten.
const FORGETTING: Duration = Duration::from_secs(60);
/// For the first fall that costs something.
const FIRST_HOLD: Duration = Duration::from_secs(10);
const LONGEST_HOLD: Duration = Duration::from_secs(300);
/// More falls than this are not counted: they would be held no longer, and take long to forget.
const MOST_FALLS: u8 = 9;

/// What an address has shown of late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flapping {
    /// Failures that add up while it is up.
    sum: u32,
    falls: u8,
    /// While it is up: since when the falls are being forgotten.
    up_since: Option<Time>,
    /// Until when it stays down.
    held_until: Option<Time>,
}

impl Flapping {
    /// As in an earlier life, in which it was up.
    pub(super) fn remembered_up(falls: u8, now: Time) -> Flapping {
        let falls = falls.min(MOST_FALLS);
        Flapping { falls, up_since: Some(now), ..Flapping::default() }
    }

    /// As in an earlier life, in which it was down, and is to stay so for `held`.
    pub(super) fn remembered_down(falls: u8, held: Duration, now: Time) -> Flapping {
        let falls = falls.min(MOST_FALLS);
        let held_until = Some(now + held.min(LONGEST_HOLD));
        Flapping { falls, held_until, ..Flapping::default() }
    }

    /// Falls that are not forgotten.
    pub(super) fn falls(&self) -> u8 {
        self.falls
    }

    /// Whether this failure is one too many, be it in a row or not.
    pub(super) fn fail(&mut self, fall: NonZeroU16) -> bool {
        self.sum = self.sum.saturating_add(2);
        self.sum >= Self::sum_limit(fall)
    }

    /// Twenty probes of which half fail; more where many are asked for in a row.
    fn sum_limit(fall: NonZeroU16) -> u32 {
        (u32::from(fall.get()) * 4).max(10)
    }

    pub(super) fn succeed(&mut self, now: Time) {
        self.sum = self.sum.saturating_sub(1);
        if let Some(since) = &mut self.up_since {
            while self.falls > 0 && now.since(*since) >= FORGETTING {
                self.falls -= 1;
                *since = *since + FORGETTING;
            }
        }
    }

    /// It is down now.
    pub(super) fn fell(&mut self, now: Time) {
        self.falls = self.falls.saturating_add(1).min(MOST_FALLS);
        self.sum = 0;
        self.up_since = None;
        self.held_until = self.falls.checked_sub(FREE_FALLS + 1).map(|beyond| {
            let hold = FIRST_HOLD * 2u32.saturating_pow(u32::from(beyond));
            now + hold.min(LONGEST_HOLD)
        });
    }

    /// It is up now.
    pub(super) fn rose(&mut self, now: Time) {
        self.sum = 0;
        self.held_until = None;
        self.up_since = Some(now);
    }

    /// It need not stay down any longer.
    pub(super) fn release(&mut self) {
        self.held_until = None;
    }

    /// How long it stays down, whatever it answers.
    pub(super) fn held(&self, now: Time) -> Option<Duration> {
        let left = self.held_until?.since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Until when that is.
    pub(super) fn held_until(&self) -> Option<Time> {
        self.held_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FALL: NonZeroU16 = NonZeroU16::new(2).unwrap();

    fn at(secs: u64) -> Time {
        Time::from_secs(secs)
    }

    /// After how many verdicts it is too much, where every `each`th fails.
    fn too_many(each: u32, fall: NonZeroU16) -> Option<u32> {
        let mut flapping = Flapping::default();
        (1..=1000).find(|count| match count % each {
            0 => flapping.fail(fall),
            _ => {
                flapping.succeed(at(0));
                false
            }
        })
    }

    #[test]
    fn more_than_one_failure_in_three_is_too_much() {
        assert_eq!(too_many(1, FALL), Some(5));
        assert_eq!(too_many(2, FALL), Some(18));
        assert_eq!(too_many(3, FALL), None);
        assert_eq!(too_many(10, FALL), None);
        let many = NonZeroU16::new(20).unwrap();
        assert!(too_many(2, many) > Some(100), "who asks for many in a row bears more");
    }

    /// The holds of falls `apart` seconds after the end of the hold before, up in between.
    fn holds(count: usize, up: u64) -> Vec<u64> {
        let mut flapping = Flapping::default();
        let mut now = at(0);
        (0..count)
            .map(|_| {
                flapping.fell(now);
                let hold = flapping.held(now).unwrap_or_default();
                now = now + hold;
                assert_eq!(flapping.held(now), None);
                flapping.rose(now);
                now = now + Duration::from_secs(up);
                flapping.succeed(now);
                hold.as_secs()
            })
            .collect()
    }

    #[test]
    fn who_falls_again_and_again_stays_down_longer_each_time() {
        assert_eq!(holds(10, 5), [0, 0, 0, 10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn a_minute_up_takes_a_fall_off() {
        assert_eq!(holds(8, 60), [0; 8]);
        assert_eq!(holds(10, 59), [0, 0, 0, 10, 20, 40, 80, 160, 300, 300]);
        let mut flapping = Flapping::remembered_up(200, at(0));
        assert_eq!(flapping.falls(), MOST_FALLS);
        flapping.succeed(at(59));
        assert_eq!(flapping.falls(), 9);
        flapping.succeed(at(60 * 8));
        assert_eq!(flapping.falls(), 1);
        flapping.succeed(at(60 * 1000));
        assert_eq!(flapping.falls(), 0);
    }
}
