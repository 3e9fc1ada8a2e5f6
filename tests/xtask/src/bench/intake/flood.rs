//! Many hosts that say the same again and again.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use rais_proto::heartbeat::codec::encode;
use rais_proto::heartbeat::key::Key;
use rais_proto::heartbeat::{Capacity, Claim, Coverage, Heartbeat, Reason, Report, State, Weight};
use rais_proto::load::Load;
use rais_proto::name::{ClusterName, Epoch, HostId, Sequence};
use rais_proto::time::WallTime;

use super::paced;

pub(super) const CLUSTER: &str = "intake";
/// Addresses that hosts send from.
const SOURCES: u8 = 64;
pub(super) const SERVICE: &str = "www";

/// The hosts, and where they send from.
pub(super) struct Flood {
    /// Each at an address of its own: no source sends more than hosts do.
    sockets: Vec<UdpSocket>,
    cluster: ClusterName,
    key: Key,
    hosts: Vec<Heartbeat>,
    /// Whose turn it is.
    next: usize,
}

impl Flood {
    pub(super) fn new(hosts: u32, key: Key) -> anyhow::Result<Flood> {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let wall = WallTime::from_unix_millis(u64::try_from(unix.as_millis())?);
        let hosts = (0..hosts).map(|number| host(number, wall)).collect::<anyhow::Result<_>>()?;
        let bind = |number: u8| UdpSocket::bind((Ipv4Addr::new(127, 0, 1, number), 0));
        let sockets = (1..=SOURCES).map(bind).collect::<Result<_, _>>()?;
        Ok(Flood { sockets, cluster: CLUSTER.parse()?, key, hosts, next: 0 })
    }

    /// How long a heartbeat is.
    pub(super) fn octets(&self) -> usize {
        let first = self.hosts.first();
        first
            .and_then(|beat| encode(beat, &self.cluster, Some(&self.key)).ok())
            .map_or(0, |b| b.len())
    }

    /// Sends to `receiver` at `rate` for `time`; how many.
    pub(super) fn send(
        &mut self,
        receiver: SocketAddr,
        rate: u32,
        time: Duration,
    ) -> anyhow::Result<u64> {
        paced(rate, time, |count| {
            for _ in 0..count {
                let beat = self.hosts.get_mut(self.next).context("a host")?;
                beat.sequence.0 += 1;
                let octets = encode(beat, &self.cluster, Some(&self.key))?;
                let socket = self.sockets.get(self.next % self.sockets.len());
                socket.context("a source")?.send_to(&octets, receiver)?;
                self.next = (self.next + 1) % self.hosts.len();
            }
            Ok(())
        })
    }
}

/// What host `number` says: that it is up, and its load.
pub(super) fn host(number: u32, wall: WallTime) -> anyhow::Result<Heartbeat> {
    let mut id = [7; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    Ok(Heartbeat {
        host: HostId(id),
        host_name: format!("host{number}").parse()?,
        epoch: Epoch(wall.as_unix_millis()),
        sequence: Sequence(1),
        wall,
        reports: vec![report(SERVICE, number)?],
    })
}

/// That host `number`'s address is up in a service; good for as long as a bench takes.
pub(super) fn report(service: &str, number: u32) -> anyhow::Result<Report> {
    Ok(Report {
        service: service.parse()?,
        state: State::Up,
        reason: Reason::default(),
        load: Load::from_percent(f64::from(number % 60)),
        capacity: Capacity::ONE,
        weight: Weight::USUAL,
        interval: Duration::from_secs(1200),
        expire: Duration::from_secs(3600),
        claim: Claim::Own,
        coverage: Coverage::Whole,
        addresses: vec![IpAddr::from((0x0a00_0001 + number).to_be_bytes())],
    })
}
