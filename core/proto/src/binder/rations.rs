//! How many datagrams of one source are looked at: a flood costs its sender, and not the binder.

use std::net::IpAddr;
use std::time::Duration;

use crate::name::HostId;
use crate::time::Time;

/// So many datagrams a second of one source are looked at: ten times what the busiest watcher sends, and a
/// small part of what can be verified.
const RATE: u32 = 20_000;

/// And so many at once, as after a pause of ours.
const BURST: u32 = RATE;

/// Sources share as many buckets. Each host has its own mostly, and where two share one, both are far
/// below its rate.
const BUCKETS: usize = 4096;

/// Token buckets, one for each source or some of them. What they take is the same whoever comes: nothing
/// is kept of a source.
#[derive(Debug, Clone)]
pub(super) struct Rations {
    buckets: Box<[Bucket]>,
    /// Another binder's sources share others.
    seed: u64,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: u32,
    /// When a token last came in.
    filled: Time,
}

impl Rations {
    /// Full ones, of the binder on `host`.
    pub(super) fn new(host: HostId) -> Rations {
        let full = Bucket { tokens: BURST, filled: Time::ZERO };
        Rations { buckets: vec![full; BUCKETS].into(), seed: mixed(BASIS, &host.0) }
    }

    /// Whether one more datagram of `source` is to be looked at.
    pub(super) fn allow(&mut self, now: Time, source: IpAddr) -> bool {
        // Whole addresses: all hosts of a link are in one network of 64 bits.
        let hash = match source.to_canonical() {
            IpAddr::V4(v4) => mixed(self.seed, &v4.octets()),
            IpAddr::V6(v6) => mixed(self.seed, &v6.octets()),
        };
        let buckets = self.buckets.len() as u64;
        #[allow(clippy::cast_possible_truncation)] // it is below the number of buckets
        let at = ((hash >> 32) % buckets) as usize;
        self.buckets.get_mut(at).is_none_or(|bucket| bucket.take(now))
    }
}

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, and a last step that has all octets tell in the upper bits.
fn mixed(seed: u64, octets: &[u8]) -> u64 {
    let step = |hash: u64, octet: &u8| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
    let hash = octets.iter().fold(seed, step);
    (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

impl Bucket {
    fn take(&mut self, now: Time) -> bool {
        let came = now.since(self.filled).as_nanos() * u128::from(RATE) / 1_000_000_000;
        if came > 0 {
            // What is left of a token stays, as time that is not counted yet.
            let came = u32::try_from(came).unwrap_or(BURST).min(BURST);
            self.tokens = self.tokens.saturating_add(came).min(BURST);
            self.filled = if self.tokens == BURST {
                now
            } else {
                self.filled + Duration::from_secs(1) * came / RATE
            };
        }
        let left = self.tokens.checked_sub(1);
        self.tokens = left.unwrap_or_default();
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const START: Time = Time::from_secs(1);

    fn allowed(rations: &mut Rations, now: Time, sources: impl Iterator<Item = IpAddr>) -> usize {
        sources.filter(|&source| rations.allow(now, source)).count()
    }

    fn flood(count: u32) -> impl Iterator<Item = IpAddr> {
        (0..count).map(|_| ONE)
    }

    #[test]
    fn a_flood_is_cut_to_the_rate_however_it_comes() {
        // Of steps that are no whole number of tokens, nothing is lost and nothing won.
        for step in [1, 7, 49, 51, 999, 3_333] {
            let mut rations = Rations::new(HostId([1; 16]));
            assert_eq!(allowed(&mut rations, START, flood(2 * BURST)), BURST as usize);
            let steps = 50_000 / step;
            let taken: usize = (1..=steps)
                .map(|n| allowed(&mut rations, START + Duration::from_micros(step * n), flood(99)))
                .sum();
            let most = (step * steps * u64::from(RATE) / 1_000_000) as usize;
            assert!(taken == most || taken + 1 == most, "{step} µs: {taken} of {most}");
        }
    }

    #[test]
    fn who_floods_takes_nothing_from_others() {
        let mut rations = Rations::new(HostId([1; 16]));
        allowed(&mut rations, START, flood(2 * BURST));
        let others = (0..1000_u32).map(|n| IpAddr::from((0x0a00_0000 + n).to_be_bytes()));
        // One in four thousand shares its bucket.
        assert!(allowed(&mut rations, START, others) > 990);
    }

    #[test]
    fn neighbours_of_one_network_have_a_bucket_each() {
        let mut rations = Rations::new(HostId([1; 16]));
        let host = |n: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, n]);
        let flooding = (0..2 * BURST).map(|_| host(1));
        assert_eq!(allowed(&mut rations, START, flooding), BURST as usize);
        assert!(allowed(&mut rations, START, (2..1002).map(host)) > 990);
    }

    #[test]
    fn a_bucket_is_full_again_after_a_second() {
        let mut rations = Rations::new(HostId([1; 16]));
        allowed(&mut rations, START, flood(2 * BURST));
        assert_eq!(allowed(&mut rations, START, flood(1)), 0);
        let later = START + Duration::from_secs(9);
        assert_eq!(allowed(&mut rations, later, flood(2 * BURST)), BURST as usize);
    }
}
