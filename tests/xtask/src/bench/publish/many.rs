//! Many zones that change at once.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use domain::base::Rtype;
use rais_proto::heartbeat::{Report, State};
use rais_tests::dns::Client;
use rais_tests::named::ZoneFile;
use rais_tests::nameserver::{Make, NameServer};
use rais_tests::{site, wait};

use super::row;
use crate::bench::beats::{Talker, report};

const CONFIG: &str = "/var/lib/bind/rais.toml";

pub(super) fn play(zones: u16) -> anyhow::Result<()> {
    for (what, make, reload) in super::ways() {
        let goal = if make == Make::Bind { "5" } else { "" };
        let [half, all] =
            burst(make, reload, zones)?.map(|time| format!("{:.2}", time.as_secs_f64()));
        row(what, [half, all], goal);
    }
    Ok(())
}

/// When half of them, and all, were served.
fn burst(make: Make, reload: &str, count: u16) -> anyhow::Result<[Duration; 2]> {
    let host = make.host("ns1");
    let names: Vec<_> =
        (0..count).map(|n| (format!("z{n}.example"), format!("z{n}.example.zone"))).collect();
    let zones: Vec<_> = names.iter().map(|(zone, file)| ZoneFile { zone, file }).collect();
    for (zone, file) in &names {
        host.write(&format!("/var/lib/bind/{file}"), &site::header(zone, 1));
    }
    host.write("/var/lib/bind/one.header", "$TTL 10\n@ IN SOA ns1.other.example. hostmaster.other.example. ( 1 3600 600 86400 10 )\n\tIN NS ns1.other.example.\n");
    let headers: Vec<_> = zones.iter().map(|zone| (zone.zone, "one.header")).collect();
    host.write(CONFIG, &super::config(&headers, reload));
    let _server = NameServer::start(make, &host, &zones);
    let _binder = host.start("binder", CONFIG);
    let client = Client::new(host.net(), "127.0.0.1:53".parse()?).impatient(super::PATIENCE);
    let mut talker = Talker::new(host.net(), super::BINDER.parse()?)?;
    let services = (0..count).map(|n| format!("s{n}").parse()).collect::<Result<Vec<_>, _>>()?;
    let [stays, goes] = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
    let all = |state| -> Vec<Report> {
        let both =
            |service| [report(service, State::Up, vec![stays]), report(service, state, vec![goes])];
        services.iter().flat_map(both).collect()
    };
    let serves = |zone: &str, state| {
        client
            .addresses(zone, Rtype::A)
            .is_ok_and(|all| all.contains(&stays) && all.contains(&goes) == (state == State::Up))
    };
    // Some may be lost on the way to a binder that is busy.
    let mut left = zones.clone();
    while !left.is_empty() {
        talker.say(all(State::Up))?;
        std::thread::sleep(Duration::from_secs(1));
        left.retain(|zone| !serves(zone.zone, State::Up));
    }
    std::thread::sleep(Duration::from_secs(2));
    let begun = Instant::now();
    talker.say(all(State::Down))?;
    let (mut left, mut half) = (zones, None);
    let before = left.len();
    while !left.is_empty() {
        ensure!(
            begun.elapsed() < 2 * wait::LIMIT,
            "{} zones are not served as they should be",
            left.len()
        );
        left.retain(|zone| !serves(zone.zone, State::Down));
        if left.len() * 2 <= before {
            half.get_or_insert(begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok([half.unwrap_or_default(), begun.elapsed()])
}
