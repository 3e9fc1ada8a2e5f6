//! What a binder has heard as it stands on disk (`binder/heard.json`).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use rais_proto::binder::peers::HostMemory;
use rais_proto::binder::snapshot::{ClaimMemory, Heard};
use rais_proto::heartbeat::{Capacity, Claim, State, Weight};
use rais_proto::name::{Epoch, Sequence};
use serde::{Deserialize, Serialize};

use super::decided::{host_id, millis};

/// The file's name, and the format's version.
pub const FILE: &str = "heard.json";
/// See [`FILE`].
pub const VERSION: u32 = 1;

/// [`Heard`] in words that any later version reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHeard {
    published: u64,
    hosts: BTreeMap<String, StoredHost>,
    claims: BTreeMap<String, Vec<StoredClaim>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredHost {
    name: String,
    epoch: u64,
    highest: u64,
    #[serde(default)]
    key: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredClaim {
    address: IpAddr,
    host: String,
    watched: bool,
    state: String,
    capacity_thousandths: u32,
    weight_percent: u16,
    interval_ms: u64,
    expire_ms: u64,
}

impl From<Heard> for StoredHeard {
    fn from(heard: Heard) -> StoredHeard {
        let hosts = heard.hosts.into_iter().map(|host| {
            let stored = StoredHost {
                name: host.name.to_string(),
                epoch: host.epoch.0,
                highest: host.highest.0,
                key: host.key.map(|key| key.to_string()),
            };
            (host.host.to_string(), stored)
        });
        let claims = heard.claims.into_iter().map(|(name, claims)| {
            (name.to_string(), claims.into_iter().map(StoredClaim::from).collect())
        });
        StoredHeard { published: heard.published, hosts: hosts.collect(), claims: claims.collect() }
    }
}

impl From<StoredHeard> for Heard {
    /// What a later version wrote and this one cannot say is left out: it is heard again.
    fn from(stored: StoredHeard) -> Heard {
        let hosts = stored.hosts.into_iter().filter_map(|(id, host)| {
            Some(HostMemory {
                host: host_id(&id)?,
                name: host.name.parse().ok()?,
                epoch: Epoch(host.epoch),
                highest: Sequence(host.highest),
                key: host.key.and_then(|key| key.parse().ok()),
            })
        });
        let claims = stored.claims.into_iter().filter_map(|(name, claims)| {
            let claims = claims.into_iter().filter_map(StoredClaim::into_memory);
            Some((name.parse().ok()?, claims.collect()))
        });
        Heard { published: stored.published, hosts: hosts.collect(), claims: claims.collect() }
    }
}

impl From<ClaimMemory> for StoredClaim {
    fn from(claim: ClaimMemory) -> StoredClaim {
        StoredClaim {
            address: claim.address,
            host: claim.host.to_string(),
            watched: claim.claim == Claim::Watched,
            state: claim.state.to_string(),
            capacity_thousandths: claim.capacity.as_thousandths(),
            weight_percent: claim.weight.as_percent(),
            interval_ms: millis(claim.interval),
            expire_ms: millis(claim.expire),
        }
    }
}

impl StoredClaim {
    fn into_memory(self) -> Option<ClaimMemory> {
        const STATES: [State; 6] = [
            State::Up,
            State::Down,
            State::Draining,
            State::Maintenance,
            State::Leaving,
            State::Unknown,
        ];
        Some(ClaimMemory {
            address: self.address,
            host: host_id(&self.host)?,
            claim: if self.watched { Claim::Watched } else { Claim::Own },
            state: STATES.into_iter().find(|state| state.as_str() == self.state)?,
            capacity: Capacity::from_thousandths(self.capacity_thousandths)?,
            weight: Weight::from_percent(self.weight_percent)?,
            interval: Duration::from_millis(self.interval_ms),
            expire: Duration::from_millis(self.expire_ms),
        })
    }
}

#[cfg(test)]
mod tests {
    use rais_proto::heartbeat::key::KeyId;
    use rais_proto::name::HostId;

    use super::*;

    #[test]
    fn reads_back_what_was_stored() {
        let claim = ClaimMemory {
            address: "2001:db8::1".parse().unwrap(),
            host: HostId([7; 16]),
            claim: Claim::Watched,
            state: State::Draining,
            capacity: Capacity::ONE,
            weight: Weight::USUAL,
            interval: Duration::from_millis(500),
            expire: Duration::from_millis(1650),
        };
        let heard = Heard {
            published: 3,
            hosts: vec![HostMemory {
                host: HostId([7; 16]),
                name: "web1".parse().unwrap(),
                epoch: Epoch(u64::MAX),
                highest: Sequence(9),
                key: KeyId::new(7),
            }],
            claims: [("http".parse().unwrap(), vec![claim])].into(),
        };
        let text = serde_json::to_string(&StoredHeard::from(heard.clone())).unwrap();
        let stored: StoredHeard = serde_json::from_str(&text).unwrap();
        assert_eq!(Heard::from(stored), heard);
    }
}
