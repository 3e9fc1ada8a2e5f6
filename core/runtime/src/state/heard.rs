//! What a binder has heard as it stands on disk (`binder/heard.json`).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use rais_proto::binder::peers::HostMemory;
use rais_proto::binder::snapshot::{ClaimMemory, Heard};
use rais_proto::heartbeat::key::KeyId;
use rais_proto::heartbeat::{Capacity, Claim, State, Weight};
use rais_proto::name::{Epoch, HostId, Sequence};
use serde::{Deserialize, Serialize};

use super::decided::{host_id, millis};
use crate::status::UNSIGNED;

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
    /// Where it is another than the host's: its id, or [`UNSIGNED`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl From<Heard> for StoredHeard {
    fn from(heard: Heard) -> StoredHeard {
        let keys: BTreeMap<HostId, Option<KeyId>> =
            heard.hosts.iter().map(|host| (host.host, host.key)).collect();
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
            let stored = claims.into_iter().map(|claim| StoredClaim::of(&claim, &keys));
            (name.to_string(), stored.collect())
        });
        StoredHeard { published: heard.published, hosts: hosts.collect(), claims: claims.collect() }
    }
}

impl From<StoredHeard> for Heard {
    /// What a later version wrote and this one cannot say is left out: it is heard again.
    fn from(stored: StoredHeard) -> Heard {
        let hosts: Vec<HostMemory> = stored
            .hosts
            .into_iter()
            .filter_map(|(id, host)| {
                Some(HostMemory {
                    host: host_id(&id)?,
                    name: host.name.parse().ok()?,
                    epoch: Epoch(host.epoch),
                    highest: Sequence(host.highest),
                    key: host.key.and_then(|key| key.parse().ok()),
                })
            })
            .collect();
        let keys: BTreeMap<HostId, Option<KeyId>> =
            hosts.iter().map(|host| (host.host, host.key)).collect();
        let claims = stored.claims.into_iter().filter_map(|(name, claims)| {
            let claims = claims.into_iter().filter_map(|claim| claim.into_memory(&keys));
            Some((name.parse().ok()?, claims.collect()))
        });
        Heard { published: stored.published, hosts, claims: claims.collect() }
    }
}

impl StoredClaim {
    /// A claim, where the newest beat of each host was signed with those `keys`.
    fn of(claim: &ClaimMemory, keys: &BTreeMap<HostId, Option<KeyId>>) -> StoredClaim {
        let key = (keys.get(&claim.host) != Some(&claim.key))
            .then(|| claim.key.map_or_else(|| UNSIGNED.to_owned(), |key| key.to_string()));
        StoredClaim {
            key,
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

    fn into_memory(self, keys: &BTreeMap<HostId, Option<KeyId>>) -> Option<ClaimMemory> {
        const STATES: [State; 6] = [
            State::Up,
            State::Down,
            State::Draining,
            State::Maintenance,
            State::Leaving,
            State::Unknown,
        ];
        let host = host_id(&self.host)?;
        let key = match self.key.as_deref() {
            // Also all of a time when there was none but the host's.
            None => keys.get(&host).copied().flatten(),
            Some(UNSIGNED) => None,
            Some(id) => Some(id.parse().ok()?),
        };
        Some(ClaimMemory {
            address: self.address,
            host,
            key,
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
            key: KeyId::new(7),
        };
        let unsigned = ClaimMemory { key: None, ..claim };
        let older = ClaimMemory { key: KeyId::new(8), ..claim };
        let unknown_host = ClaimMemory { host: HostId([9; 16]), ..claim };
        let heard = Heard {
            published: 3,
            hosts: vec![HostMemory {
                host: HostId([7; 16]),
                name: "web1".parse().unwrap(),
                epoch: Epoch(u64::MAX),
                highest: Sequence(9),
                key: KeyId::new(7),
            }],
            claims: [("http".parse().unwrap(), vec![claim, unsigned, older, unknown_host])].into(),
        };
        let text = serde_json::to_string(&StoredHeard::from(heard.clone())).unwrap();
        let stored: StoredHeard = serde_json::from_str(&text).unwrap();
        assert_eq!(Heard::from(stored), heard);
    }

    #[test]
    fn what_says_no_key_was_said_with_its_hosts() {
        let before = |key: &str| {
            format!(
                r#"{{"published":3,"hosts":{{"07070707070707070707070707070707":
                {{"name":"web1","epoch":1,"highest":9{key}}}}},
                "claims":{{"http":[{{"address":"192.0.2.1","host":"07070707070707070707070707070707",
                "watched":false,"state":"up","capacity_thousandths":1000,"weight_percent":100,
                "interval_ms":500,"expire_ms":1650}}]}}}}"#
            )
        };
        for (key, read) in [("", None), (r#","key":"00000007""#, KeyId::new(7))] {
            let stored: StoredHeard = serde_json::from_str(&before(key)).unwrap();
            assert_eq!(Heard::from(stored).claims[&"http".parse().unwrap()][0].key, read);
        }
    }
}
