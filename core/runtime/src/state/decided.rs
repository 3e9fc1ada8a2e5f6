//! What a binder has decided as it stands on disk (`binder/state.json`).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use rais_proto::binder::drains::{Drain, DrainMemory};
use rais_proto::binder::snapshot::{Decided, ServiceMemory};
use rais_proto::binder::{DrainTarget, ZoneMemory};
use rais_proto::name::HostId;
use rais_proto::policy::drained::Force;
use rais_proto::policy::weights::MemberMemory;
use rais_proto::serial::Serial;
use serde::{Deserialize, Serialize};

/// The file's name.
pub const FILE: &str = "state.json";
/// The format's version. The first held what was heard as well.
pub const VERSION: u32 = 2;

/// [`Decided`] in words that any later version reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredDecided {
    #[serde(default)]
    published: u64,
    zones: BTreeMap<String, StoredZone>,
    services: BTreeMap<String, StoredService>,
    #[serde(default)]
    drains: Vec<StoredDrain>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredZone {
    serial: u32,
    /// Hexadecimal: JSON's numbers are not made for 64 bits.
    fingerprint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredService {
    set: Vec<IpAddr>,
    #[serde(default)]
    balance: Vec<StoredBalance>,
}

/// What the weights have learnt of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredBalance {
    address: IpAddr,
    trim_millionths: u32,
    in_for_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredDrain {
    #[serde(flatten)]
    target: StoredTarget,
    time_ms: u64,
    stood_ms: u64,
    reason: String,
    force: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredTarget {
    Host(String),
    Service(String),
    Address(IpAddr),
}

impl From<Decided> for StoredDecided {
    fn from(decided: Decided) -> StoredDecided {
        let zones = decided.zones.into_iter().map(|(name, zone)| {
            let fingerprint = zone.fingerprint.map(|it| format!("{it:016x}"));
            (name.to_string(), StoredZone { serial: zone.serial.0, fingerprint })
        });
        let services = decided.services.into_iter().map(|(name, service)| {
            let stored = StoredService {
                set: service.set.into_iter().collect(),
                balance: service.balance.into_iter().map(StoredBalance::of).collect(),
            };
            (name.to_string(), stored)
        });
        StoredDecided {
            published: decided.published,
            zones: zones.collect(),
            services: services.collect(),
            drains: decided.drains.into_iter().map(StoredDrain::from).collect(),
        }
    }
}

impl From<StoredDecided> for Decided {
    /// What a later version wrote and this one cannot say is left out: it is heard again.
    fn from(stored: StoredDecided) -> Decided {
        let zones = stored.zones.into_iter().filter_map(|(name, zone)| {
            let fingerprint = zone.fingerprint.and_then(|it| u64::from_str_radix(&it, 16).ok());
            Some((name.parse().ok()?, ZoneMemory { serial: Serial(zone.serial), fingerprint }))
        });
        let services = stored.services.into_iter().filter_map(|(name, service)| {
            let memory = ServiceMemory {
                set: service.set.into_iter().collect(),
                balance: service.balance.into_iter().map(StoredBalance::into_memory).collect(),
            };
            Some((name.parse().ok()?, memory))
        });
        Decided {
            published: stored.published,
            zones: zones.collect(),
            services: services.collect(),
            drains: stored.drains.into_iter().filter_map(StoredDrain::into_memory).collect(),
        }
    }
}

impl StoredBalance {
    fn of((address, memory): (IpAddr, MemberMemory)) -> StoredBalance {
        let in_for_ms = memory.in_for.map(millis);
        StoredBalance { address, trim_millionths: memory.trim, in_for_ms }
    }

    fn into_memory(self) -> (IpAddr, MemberMemory) {
        let in_for = self.in_for_ms.map(|ms| match ms {
            // As long as can be said: found at a start.
            u64::MAX => Duration::MAX,
            ms => Duration::from_millis(ms),
        });
        (self.address, MemberMemory { trim: self.trim_millionths, in_for })
    }
}

impl From<DrainMemory> for StoredDrain {
    fn from(memory: DrainMemory) -> StoredDrain {
        let DrainMemory { drain, stood } = memory;
        StoredDrain {
            target: match drain.target {
                DrainTarget::Host(host) => StoredTarget::Host(host.to_string()),
                DrainTarget::Service(name) => StoredTarget::Service(name.to_string()),
                DrainTarget::Address(address) => StoredTarget::Address(address),
            },
            time_ms: millis(drain.time),
            stood_ms: millis(stood),
            reason: drain.reason,
            force: drain.force == Force::Given,
        }
    }
}

impl StoredDrain {
    fn into_memory(self) -> Option<DrainMemory> {
        let target = match self.target {
            StoredTarget::Host(host) => DrainTarget::Host(host_id(&host)?),
            StoredTarget::Service(name) => DrainTarget::Service(name.parse().ok()?),
            StoredTarget::Address(address) => DrainTarget::Address(address),
        };
        let drain = Drain {
            target,
            time: Duration::from_millis(self.time_ms),
            reason: self.reason,
            force: if self.force { Force::Given } else { Force::Withheld },
        };
        Some(DrainMemory { drain, stood: Duration::from_millis(self.stood_ms) })
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn host_id(text: &str) -> Option<HostId> {
    let number = u128::from_str_radix(text, 16).ok()?;
    (text.len() == 32).then(|| HostId(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balance(n: u8, in_for: Option<Duration>) -> (IpAddr, MemberMemory) {
        ([192, 0, 2, n].into(), MemberMemory { trim: 1_234_567, in_for })
    }

    fn drain(target: DrainTarget, force: Force) -> DrainMemory {
        let time = Duration::from_secs(1800);
        let drain = Drain { target, time, reason: "disk".to_owned(), force };
        DrainMemory { drain, stood: Duration::from_secs(60) }
    }

    #[test]
    fn what_an_older_version_wrote_is_read() {
        let stored: StoredDecided = serde_json::from_str(
            r#"{"zones":{},"services":{"http":{"set":["192.0.2.1"],"claims":[]}},"hosts":{}}"#,
        )
        .unwrap();
        let memory = ServiceMemory { set: ["192.0.2.1".parse().unwrap()].into(), balance: vec![] };
        let services = [("http".parse().unwrap(), memory)].into();
        assert_eq!(Decided::from(stored), Decided { services, ..Decided::default() });
    }

    #[test]
    fn reads_back_what_was_stored() {
        let decided = Decided {
            published: 3,
            zones: [(
                "www.example".parse().unwrap(),
                ZoneMemory { serial: Serial(u32::MAX), fingerprint: Some(u64::MAX - 1) },
            )]
            .into(),
            services: [(
                "http".parse().unwrap(),
                ServiceMemory {
                    set: ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()].into(),
                    balance: vec![
                        balance(1, Some(Duration::MAX)),
                        balance(2, Some(Duration::from_secs(9))),
                        balance(3, None),
                    ],
                },
            )]
            .into(),
            drains: vec![
                drain(DrainTarget::Host(HostId([7; 16])), Force::Given),
                drain(DrainTarget::Service("http".parse().unwrap()), Force::Withheld),
                drain(DrainTarget::Address("2001:db8::1".parse().unwrap()), Force::Withheld),
            ],
        };
        let text = serde_json::to_string(&StoredDecided::from(decided.clone())).unwrap();
        let stored: StoredDecided = serde_json::from_str(&text).unwrap();
        assert_eq!(Decided::from(stored), decided);
    }
}
