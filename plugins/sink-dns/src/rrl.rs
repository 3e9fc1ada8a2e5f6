//! Limits to how many answers alike a network gets over UDP: a forged address is then not worth forging.

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::answer::Rcode;

/// Buckets, of 8 octets each. Two whose hashes meet share one, and limit each other.
const BUCKETS: usize = 1 << 16;
/// A network that was quiet for so long may have the answers of all that time at once.
const BURST: Duration = Duration::from_secs(1);

/// Nobody outside knows which bucket is whose.
#[cfg(not(test))]
type Hashing = foldhash::quality::RandomState;
/// In a test always the same: of a dozen names two would meet once in some hundred runs.
#[cfg(test)]
type Hashing = foldhash::quality::FixedState;

/// How many answers alike a network got, for all threads; without a lock.
pub(crate) struct Limiter {
    /// Of each, the time by which all its answers were due, in microseconds (GCRA).
    buckets: Box<[AtomicU64]>,
    hash: Hashing,
    /// Microseconds from answer to answer.
    interval: u64,
    /// Of the answers above the limit, every so manieth is sent, cut off; 0: none is.
    slip: u32,
}

/// What answers without an error have in common that count as one.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) enum Alike<'q> {
    /// The name, in lower case, and the type that were asked for.
    Question(&'q [u8], u16),
    /// Any name below one that stands for it.
    Under(Under),
}

/// A name of a zone that answers for names without number: who may choose among them would have no
/// limit otherwise.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct Under {
    /// The zone's number.
    pub(crate) zone: u32,
    /// Of its name in the zone.
    pub(crate) hash: u64,
    /// That was asked for; 0 where it makes no difference.
    pub(crate) rtype: u16,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Send,
    /// As one that was cut off: who is no forgery asks again by TCP.
    Slip,
    Drop,
}

impl Limiter {
    /// Of so many answers a second.
    pub(crate) fn new(rate: u32, slip: u32) -> Limiter {
        Limiter {
            buckets: std::iter::repeat_with(AtomicU64::default).take(BUCKETS).collect(),
            hash: Hashing::default(),
            interval: 1_000_000 / u64::from(rate.max(1)),
            slip,
        }
    }

    /// Judges an answer to `client` at the moment `now`. Errors of one kind are alike, whatever was asked
    /// for. `slipped` counts, for a thread, what is above the limit.
    pub(crate) fn judge(
        &self,
        client: IpAddr,
        rcode: Rcode,
        alike: Alike<'_>,
        now: Duration,
        slipped: &mut u32,
    ) -> Limit {
        let client = client.to_canonical();
        if client.is_loopback() {
            return Limit::Send;
        }
        let mut hasher = self.hash.build_hasher();
        network(client).hash(&mut hasher);
        (rcode as u8).hash(&mut hasher);
        if rcode == Rcode::NoError {
            alike.hash(&mut hasher);
        }
        let place = usize::try_from(hasher.finish() % BUCKETS as u64).unwrap_or_default();
        let Some(bucket) = self.buckets.get(place) else { return Limit::Send };
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        let before = bucket.load(Ordering::Relaxed);
        let due = before.max(now);
        let burst = u64::try_from(BURST.as_micros()).unwrap_or(u64::MAX);
        if due - now <= burst - self.interval.min(burst) {
            // Where another thread was faster, one answer is not counted.
            let next = due + self.interval;
            let _ = bucket.compare_exchange(before, next, Ordering::Relaxed, Ordering::Relaxed);
            return Limit::Send;
        }
        *slipped = slipped.wrapping_add(1);
        match slipped.checked_rem(self.slip) {
            Some(0) => Limit::Slip,
            _ => Limit::Drop,
        }
    }
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").field("interval", &self.interval).finish_non_exhaustive()
    }
}

/// Who can forge one address of a network can forge all.
fn network(client: IpAddr) -> u64 {
    match client {
        IpAddr::V4(ip) => u64::from(u32::from(ip) >> 8),
        IpAddr::V6(ip) => (u128::from(ip) >> 72) as u64 | 1 << 63,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: Alike<'_> = Alike::Question(b"\x03www\0", 1);

    fn sent(limiter: &Limiter, client: &str, rcode: Rcode, alike: Alike<'_>, at: u64) -> usize {
        let (client, now) = (client.parse().unwrap(), Duration::from_millis(at));
        let one = |_: &usize| limiter.judge(client, rcode, alike, now, &mut 0) == Limit::Send;
        (0..100).filter(one).count()
    }

    #[test]
    fn a_network_gets_its_rate_of_answers_alike_and_others_theirs() {
        let limiter = Limiter::new(10, 0);
        let at = 1_000_000;
        assert_eq!(sent(&limiter, "192.0.2.1", Rcode::NoError, NAME, at), 10);
        assert_eq!(sent(&limiter, "192.0.2.99", Rcode::NoError, NAME, at), 0);
        assert_eq!(sent(&limiter, "198.51.100.1", Rcode::NoError, NAME, at), 10);
        assert_eq!(
            sent(&limiter, "192.0.2.1", Rcode::NoError, Alike::Question(b"\x03www\0", 28), at),
            10
        );
        // Names that do not exist are alike.
        assert_eq!(sent(&limiter, "192.0.2.1", Rcode::NxDomain, NAME, at), 10);
        assert_eq!(
            sent(&limiter, "192.0.2.1", Rcode::NxDomain, Alike::Question(b"\x01a\0", 1), at),
            0
        );
        assert_eq!(sent(&limiter, "2001:db8::1", Rcode::NoError, NAME, at), 10);
        assert_eq!(sent(&limiter, "2001:db8:0:ff::1", Rcode::NoError, NAME, at), 0);
        // Half a second later, half of it.
        assert_eq!(sent(&limiter, "192.0.2.1", Rcode::NoError, NAME, at + 500), 5);
        assert_eq!(sent(&limiter, "192.0.2.1", Rcode::NoError, NAME, at + 10_000), 10);
    }

    #[test]
    fn this_host_has_no_limit() {
        let limiter = Limiter::new(1, 0);
        for client in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(sent(&limiter, client, Rcode::NoError, NAME, 7), 100);
        }
    }

    #[test]
    fn every_so_manieth_above_it_is_cut_off() {
        let limiter = Limiter::new(1, 2);
        let mut slipped = 0;
        let client = "192.0.2.1".parse().unwrap();
        let limits = [(); 5].map(|()| {
            limiter.judge(client, Rcode::NoError, NAME, Duration::from_secs(9), &mut slipped)
        });
        assert_eq!(limits, [Limit::Send, Limit::Drop, Limit::Slip, Limit::Drop, Limit::Slip]);
    }
}
