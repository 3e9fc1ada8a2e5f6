//! Addresses that two hosts call their own: one is believed, and somebody should look at it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::name::{HostId, ServiceName};
use crate::time::Time;

/// A conflict is shown for so long after it was last seen.
const SHOWN: Duration = Duration::from_secs(60);

/// More are not remembered: the oldest goes.
const MOST: usize = 64;

/// The conflicts of the last minute.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conflicts(BTreeMap<(ServiceName, IpAddr), Conflict>);

/// Who is believed, and who is not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conflict {
    pub(crate) owner: HostId,
    pub(crate) claimant: HostId,
    pub(crate) at: Time,
}

impl Conflicts {
    /// Notes that the conflict was seen, once more or for the first time.
    pub(crate) fn note(&mut self, service: &ServiceName, address: IpAddr, conflict: Conflict) {
        let key = (service.clone(), address);
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            let oldest = self.0.iter().min_by_key(|(_, conflict)| conflict.at);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(key, conflict);
    }

    /// Those that were seen a short while before `now`.
    pub(crate) fn current(
        &self,
        now: Time,
    ) -> impl Iterator<Item = (&ServiceName, IpAddr, Conflict)> {
        let all = self.0.iter().map(|((service, address), &c)| (service, *address, c));
        all.filter(move |(.., conflict)| now.since(conflict.at) < SHOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room_and_what_is_not_repeated_is_shown_no_more() {
        let mut conflicts = Conflicts::default();
        let service: ServiceName = "http".parse().unwrap();
        for n in 0..=MOST {
            let at = Time::from_secs(n as u64);
            let conflict = Conflict { owner: HostId([1; 16]), claimant: HostId([2; 16]), at };
            let address = IpAddr::from([192, 0, 2, u8::try_from(n).unwrap()]);
            conflicts.note(&service, address, conflict);
        }
        assert_eq!(conflicts.current(Time::ZERO).count(), MOST);
        let last = Time::from_secs(MOST as u64) + SHOWN;
        assert_eq!(conflicts.current(last - Duration::from_nanos(1)).count(), 1);
        assert_eq!(conflicts.current(last).count(), 0);
    }
}
