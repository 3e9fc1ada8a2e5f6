//! A binder that knows many hosts.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use rais_proto::binder::{Arrival, Binder, BinderConfig, Phase, TransportId, ZonePolicy};
use rais_proto::heartbeat::codec::encode;
use rais_proto::heartbeat::trust::{Policy, Trust};
use rais_proto::load::Load;
use rais_proto::name::{HostId, ServiceName, ZoneName};
use rais_proto::policy::ServicePolicy;
use rais_proto::time::{Time, WallTime};

use super::flood::{CLUSTER, SERVICE, host, report};

const OTHER: &str = "mail";
const TICKS: usize = 15;
const WALL: WallTime = WallTime::from_unix_millis(1_700_000_000_000);

/// What they cost.
pub(super) struct Known {
    pub(super) megabytes: f64,
    /// The longest timeout until they have been listened to: 40,000 verdicts are new, both zones published.
    pub(super) first: Duration,
    /// The load timer after that, where nothing changes: the median and the longest of some.
    pub(super) ticks: [Duration; 2],
    pub(super) snapshot: Duration,
}

impl Known {
    /// Of so many hosts, each in two services.
    pub(super) fn measure(hosts: u32) -> anyhow::Result<Known> {
        let before = resident()?;
        let mut binder = Binder::new(Time::ZERO, config()?);
        let mut now = Time::ZERO;
        for number in 0..hosts {
            let mut beat = host(number, WALL)?;
            beat.reports.push(report(OTHER, number)?);
            let octets = encode(&beat, &CLUSTER.parse()?, None)?;
            // As many a second as come to a large site.
            now = now + Duration::from_micros(50);
            let source = SocketAddr::from(([127, 0, 0, (number % 200) as u8], 1));
            binder.handle_datagram(
                Arrival { now, wall: WALL, source, transport: TransportId(0) },
                &octets,
            );
            while binder.poll_output().is_some() {}
        }
        let mut tick = || {
            now = binder.poll_timeout().max(now + Duration::from_secs(10));
            let begun = Instant::now();
            binder.handle_timeout(now, WALL);
            let took = begun.elapsed();
            while binder.poll_output().is_some() {}
            (took, binder.view(now).services.iter().all(|service| service.phase == Phase::Ready))
        };
        let mut first = Duration::ZERO;
        loop {
            let (took, is_ready) = tick();
            first = first.max(took);
            if is_ready {
                break;
            }
        }
        let mut ticks: Vec<_> = (0..TICKS).map(|_| tick().0).collect();
        ticks.sort_unstable();
        let ticks = [ticks[TICKS / 2], ticks[TICKS - 1]];
        let megabytes = (resident()? - before) / 1e6;
        let begun = Instant::now();
        let snapshot = binder.snapshot(now);
        let known = Known { megabytes, first, ticks, snapshot: begun.elapsed() };
        anyhow::ensure!(snapshot.heard.hosts.len() == hosts as usize, "not all were taken in");
        Ok(known)
    }
}

fn config() -> anyhow::Result<BinderConfig> {
    let services = [SERVICE, OTHER].map(|name| -> anyhow::Result<(ServiceName, ServicePolicy)> {
        let zone: ZoneName = format!("{name}.example").parse()?;
        let max_load = Load::from_percent(80.0);
        Ok((name.parse()?, ServicePolicy { max_load, ..ServicePolicy::usual(zone) }))
    });
    let services = services.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let policy = ZonePolicy { header_serial: None, fingerprint: 1 };
    Ok(BinderConfig {
        host: HostId([9; 16]),
        trust: Trust { cluster: CLUSTER.parse()?, policy: Policy::Insecure },
        max_skew: Duration::from_secs(300),
        gap: Duration::from_secs(1),
        zones: services.iter().map(|(_, service)| (service.zone.clone(), policy)).collect(),
        services: services.into_iter().collect(),
    })
}

/// Octets of this process that are in memory.
fn resident() -> anyhow::Result<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u32 = statm.split(' ').nth(1).context("statm")?.parse()?;
    let size =
        nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)?.context("a page's size")?;
    Ok(f64::from(pages) * size as f64)
}
