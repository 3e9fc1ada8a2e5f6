//! Beats that are signed, and a binder that asks for it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rais_proto::binder::{Arrival, BinderConfig, TransportId};
use rais_proto::heartbeat::key::{Key, KeyLimits, KeyRing};
use rais_proto::heartbeat::trust::Policy;
use rais_proto::heartbeat::{Heartbeat, Report, State, codec};
use rais_proto::name::{Epoch, HostId, Sequence};
use rais_proto::policy::ServicePolicy;

use super::{World, address, at_once, cluster, config, report, wall, zone};

pub fn limited(hosts: &[&str], ranges: Option<&[&str]>) -> KeyLimits {
    KeyLimits {
        hosts: Some(hosts.iter().map(|name| name.parse().unwrap()).collect()),
        services: None,
        addresses: ranges.map(|nets| nets.iter().map(|net| net.parse().unwrap()).collect()),
    }
}

/// A binder with a key of each octet and limits.
pub fn guarded(keys: &[(u8, KeyLimits)]) -> World {
    World::new(keyed(keys))
}

pub fn keyed(keys: &[(u8, KeyLimits)]) -> BinderConfig {
    believing(Policy::Enforce(ring(keys)))
}

pub fn believing(policy: Policy) -> BinderConfig {
    let news = ServicePolicy { zone: zone("news.example"), ..at_once() };
    let mut config: BinderConfig = config(&[("http", at_once()), ("news", news)]);
    config.trust.policy = policy;
    config
}

pub fn ring(keys: &[(u8, KeyLimits)]) -> KeyRing {
    let keys = keys.iter().map(|(octet, limits)| Key::new([*octet; 32], limits.clone()));
    KeyRing::new(keys, None).unwrap()
}

/// A beat, and how it comes.
pub struct Sent {
    /// None where it is not signed.
    pub key: Option<u8>,
    pub id: u8,
    pub name: &'static str,
    pub epoch: u64,
    pub sequence: u64,
    pub source: IpAddr,
    /// Of its clock, to the receiver's.
    pub ahead: Duration,
    pub reports: Vec<Report>,
}

impl Sent {
    /// Of host 1 itself.
    pub fn own(sequence: u64) -> Sent {
        Sent {
            key: Some(1),
            id: 1,
            name: "host1",
            epoch: 1,
            sequence,
            source: address(1),
            ahead: Duration::ZERO,
            reports: vec![report(1, State::Up, None)],
        }
    }

    pub fn to(self, world: &mut World) {
        let beat = Heartbeat {
            host: HostId([self.id; 16]),
            host_name: self.name.parse().unwrap(),
            epoch: Epoch(self.epoch),
            sequence: Sequence(self.sequence),
            wall: wall(world.now + self.ahead),
            reports: self.reports,
        };
        let key = self.key.map(|octet| Key::new([octet; 32], KeyLimits::default()));
        let datagram = codec::encode(&beat, &cluster(), key.as_ref()).unwrap();
        let arrival = Arrival {
            now: world.now,
            wall: wall(world.now),
            source: SocketAddr::new(self.source, 40_000),
            transport: TransportId(0),
        };
        world.binder.handle_datagram(arrival, &datagram);
    }
}
