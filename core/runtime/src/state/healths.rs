//! What a monitor knew of its addresses, as it stands on disk (`monitor/healths.json`).

use std::net::IpAddr;
use std::time::Duration;

use rais_proto::monitor::{Remembered, Settled};
use serde::{Deserialize, Serialize};

use crate::clock::Boot;

/// The format's version.
pub const VERSION: u32 = 1;

/// After a longer absence an address is looked at as if for the first time.
const FRESH: Duration = Duration::from_secs(300);

/// Healths, and when they were so: by a clock that no one can step, and that ends with the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHealths {
    boot: String,
    since_boot_ms: u64,
    healths: Vec<StoredHealth>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredHealth {
    service: String,
    address: IpAddr,
    up: bool,
    falls: u8,
    held_ms: u64,
}

impl StoredHealths {
    /// What is known at `now`.
    pub fn at(now: &Boot, healths: Vec<Remembered>) -> StoredHealths {
        let healths = healths.into_iter().map(|health| StoredHealth {
            service: health.service.to_string(),
            address: health.address,
            up: health.settled == Settled::Up,
            falls: health.falls,
            held_ms: millis(health.held),
        });
        StoredHealths {
            boot: now.id.clone(),
            since_boot_ms: millis(now.since),
            healths: healths.collect(),
        }
    }

    /// What of it still counts at `now`: all within five minutes of the same life of the system,
    /// else nothing.
    pub fn fresh(self, now: &Boot) -> Vec<Remembered> {
        let age = millis(now.since).checked_sub(self.since_boot_ms);
        let age = age.filter(|&age| self.boot == now.id && age <= millis(FRESH));
        let Some(age) = age else { return Vec::new() };
        let known = self.healths.into_iter().filter_map(|health| {
            Some(Remembered {
                service: health.service.parse().ok()?,
                address: health.address,
                settled: if health.up { Settled::Up } else { Settled::Down },
                falls: health.falls,
                held: Duration::from_millis(health.held_ms.saturating_sub(age)),
            })
        });
        known.collect()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(id: &str, secs: u64) -> Boot {
        Boot { id: id.to_owned(), since: Duration::from_secs(secs) }
    }

    #[test]
    fn it_counts_for_five_minutes_of_one_life_of_the_system() {
        let known = [("192.0.2.1", Settled::Up, 0), ("2001:db8::1", Settled::Down, 5)];
        let known = known.map(|(address, settled, falls)| Remembered {
            service: "http".parse().unwrap(),
            address: address.parse().unwrap(),
            settled,
            falls,
            held: Duration::from_secs(u64::from(falls) * 20),
        });
        let stored = StoredHealths::at(&boot("a", 1000), known.to_vec());
        let text = serde_json::to_string(&stored).unwrap();
        let stored: StoredHealths = serde_json::from_str(&text).unwrap();
        assert_eq!(stored.clone().fresh(&boot("a", 1000)), known);
        let later = stored.clone().fresh(&boot("a", 1060));
        assert_eq!(later[1].held, Duration::from_secs(40), "a minute of it was stood");
        let later = stored.clone().fresh(&boot("a", 1300));
        assert_eq!((later.len(), later[1].held), (2, Duration::ZERO));
        assert_eq!(stored.clone().fresh(&boot("a", 1301)), []);
        assert_eq!(stored.clone().fresh(&boot("b", 1000)), [], "another boot's clock");
        assert_eq!(stored.fresh(&boot("a", 999)), [], "no clock runs back");
    }
}
