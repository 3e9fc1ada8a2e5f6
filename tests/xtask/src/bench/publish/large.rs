//! One zone of many addresses, put in place.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use rais_sdk::testing::Bench;
use rais_sdk::{Owner, Record, Zone, ZoneHead};
use rais_tests::site;

use super::{millis, row, spread};

const ZONE: &str = "large.example";
const ROUNDS: u32 = 9;

pub(super) fn play(addresses: u32) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let sink = Bench::in_folder(folder.path())
        .sink::<rais_plugin_sink_bind::Bind>("directory = \".\"")
        .map_err(|fault| anyhow::anyhow!("{fault}"))?;
    let owners: Vec<_> =
        (0..addresses.div_ceil(100)).map(|n| Owner::new(format!("s{n}"), 10)).collect();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let mut head = ZoneHead::new(owners.clone(), round + 2);
        head.header = Some(site::header(ZONE, 1));
        let records: Vec<_> = (0..addresses)
            .map(|n| Record::new(n / 100, IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + n + round))))
            .collect();
        let zone = Zone::new(ZONE, head, &records, &[], &[]);
        let begun = Instant::now();
        sink.publish(&zone).map_err(|fault| anyhow::anyhow!("{fault}"))?;
        times.push(begun.elapsed());
    }
    let (median, most) = spread(times);
    row("put in place", [millis(median), millis(most)], "150");
    Ok(())
}
