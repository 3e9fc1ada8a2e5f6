//! A host that says what it is told to say.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use rais_proto::heartbeat::codec::encode;
use rais_proto::heartbeat::packing::{Room, pack};
use rais_proto::heartbeat::{Capacity, Claim, Coverage, Heartbeat, Reason, Report, State, Weight};
use rais_proto::name::{ClusterName, Epoch, HostId, HostName, Sequence, ServiceName};
use rais_proto::time::WallTime;
use rais_tests::netns::Namespace;

pub(in crate::bench) const CLUSTER: &str = "bench";

/// Sends beats, unsigned.
pub(in crate::bench) struct Talker {
    socket: UdpSocket,
    host_name: HostName,
    cluster: ClusterName,
    sequence: u64,
    wall: WallTime,
}

impl Talker {
    /// One in `net`, that is heard at `binder`.
    pub(in crate::bench) fn new(net: &Namespace, binder: SocketAddr) -> anyhow::Result<Talker> {
        let socket = net.enter(|| -> std::io::Result<UdpSocket> {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.connect(binder)?;
            Ok(socket)
        })?;
        let millis = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        Ok(Talker {
            socket,
            host_name: "talker".parse()?,
            cluster: CLUSTER.parse()?,
            sequence: 0,
            wall: WallTime::from_unix_millis(u64::try_from(millis)?),
        })
    }

    /// Says this of services, in as many beats as it takes.
    pub(in crate::bench) fn say(&mut self, reports: Vec<Report>) -> anyhow::Result<()> {
        for reports in pack(reports, Room::beside(&self.host_name, &self.cluster)) {
            self.sequence += 1;
            let beat = Heartbeat {
                host: HostId([1; 16]),
                host_name: self.host_name.clone(),
                epoch: Epoch(self.wall.as_unix_millis()),
                sequence: Sequence(self.sequence),
                wall: self.wall,
                reports,
            };
            self.socket.send(&encode(&beat, &self.cluster, None)?).context("a beat")?;
        }
        Ok(())
    }
}

/// What a monitor says of a service that it watches, when these are all of its addresses.
pub(in crate::bench) fn whole(service: &ServiceName, addresses: Vec<IpAddr>) -> Report {
    Report { coverage: Coverage::Whole, ..report(service, State::Up, addresses) }
}

/// What a monitor says of a service that it watches; it is good for as long as a bench takes.
pub(in crate::bench) fn report(
    service: &ServiceName,
    state: State,
    addresses: Vec<IpAddr>,
) -> Report {
    Report {
        service: service.clone(),
        state,
        reason: Reason::default(),
        load: None,
        capacity: Capacity::ONE,
        weight: Weight::USUAL,
        interval: Duration::from_secs(3600),
        expire: Duration::from_secs(3600 * 4),
        claim: Claim::Watched,
        coverage: Coverage::Part,
        addresses,
    }
}
