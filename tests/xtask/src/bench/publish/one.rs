//! One zone that changes again and again.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use domain::base::Rtype;
use rais_proto::heartbeat::State;
use rais_proto::name::ServiceName;
use rais_tests::dns::Client;
use rais_tests::named::ZoneFile;
use rais_tests::nameserver::{Make, NameServer};
use rais_tests::{site, wait};

use super::{millis, row, spread};
use crate::bench::beats::{Talker, report};

const ZONE: &str = "www.example";
const CONFIG: &str = "/var/lib/bind/rais.toml";
/// Beyond the binder's `gap`.
const PAUSE: Duration = Duration::from_millis(150);

pub(super) fn play(rounds: u32) -> anyhow::Result<()> {
    for (what, make, reload) in super::ways() {
        let goal = match make {
            Make::Bind => "20",
            Make::Knot => "15",
            Make::Nsd | Make::PowerDns => "",
        };
        let (median, most) = spread(changes(make, reload, rounds)?);
        row(what, [millis(median), millis(most)], goal);
    }
    Ok(())
}

/// How long each took.
fn changes(make: Make, reload: &str, rounds: u32) -> anyhow::Result<Vec<Duration>> {
    let host = make.host("ns1");
    let header = site::header(ZONE, 1);
    host.write("/var/lib/bind/www.header", &header);
    host.write("/var/lib/bind/www.example.zone", &header);
    host.write(CONFIG, &super::config(&[(ZONE, "www.header")], reload));
    let server =
        NameServer::start(make, &host, &[ZoneFile { zone: ZONE, file: "www.example.zone" }]);
    let _binder = host.start("binder", CONFIG);
    let client = Client::new(host.net(), "127.0.0.1:53".parse()?).impatient(super::PATIENCE);
    let mut talker = Talker::new(host.net(), super::BINDER.parse()?)?;
    let service: ServiceName = "s0".parse()?;
    let [stays, goes] = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
    let answers = |state| {
        client
            .addresses(ZONE, Rtype::A)
            .is_ok_and(|all| all.contains(&goes) == (state == State::Up))
    };
    // Heard twice: one beat alone may be an old one.
    wait::until("the first set", || {
        talker
            .say(vec![report(&service, State::Up, vec![stays, goes])])
            .map_err(|e| e.to_string())?;
        if answers(State::Up) { Ok(()) } else { Err("not yet".to_owned()) }
    });
    let mut times = Vec::new();
    for round in 0..rounds {
        std::thread::sleep(PAUSE);
        let state = if round % 2 == 0 { State::Down } else { State::Up };
        let begun = Instant::now();
        talker.say(vec![
            report(&service, State::Up, vec![stays]),
            report(&service, state, vec![goes]),
        ])?;
        while !answers(state) {
            ensure!(begun.elapsed() < wait::LIMIT, "a change is not served");
            std::thread::sleep(Duration::from_micros(100));
        }
        times.push(begun.elapsed());
    }
    drop(server);
    Ok(times)
}
