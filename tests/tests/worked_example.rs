//! The paper's worked example through real processes: loads 10, 65, 70 and 80 %, at most 60 %,
//! at least two servers: the first two stay.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rais_tests::dns::check_zone;
use rais_tests::host::Host;
use rais_tests::server::Server;
use rais_tests::site::{Site, addresses, header};
use rais_tests::status::{self, Binder};

const ZONE: &str = "news.example";
const CONFIG: &str = "/var/lib/bind/rais.toml";

const TEXT: &str = r#"
[cluster]
name = "worked-example"
insecure = true
[transport.lan]
type = "udp"
[monitor]
sample = "1s"
exclude = ["192.0.2.0/24"]
[monitor.service.news]
interval = "300ms"
probe = { type = "tcp", port = 119 }
load = { type = "cpu" }
[zone."news.example"]
header = "news.header"
sinks = ["files"]
[binder.service.news]
react = "on-timer"
interval = "1s"
zone = "news.example"
min_servers = 2
max_load = 60
[sink.files]
type = "bind"
directory = "/var/lib/bind"
reload = { type = "none" }
"#;

/// The loads that a binder knows of the site's hosts, in the order of their addresses; the
/// binder's "unknown" is an error.
fn loads(status: &Binder) -> Result<Vec<f64>, String> {
    let members = &status.service("news")?.members;
    members.iter().map(|m| m.load.ok_or_else(|| format!("no load of {}", m.address))).collect()
}

/// Waits until the binder knows these loads and has chosen these hosts.
#[track_caller]
fn until_chosen<const N: usize>(binder: &Host, known: &[f64], chosen: [u8; N]) {
    let what = format!("{chosen:?} of {known:?}");
    status::until_binder(binder, &what, |status| {
        let seen = loads(status)?;
        // What is sampled over a change of load lies between the old and the new.
        let alike = seen.len() == known.len()
            && seen.iter().zip(known).all(|(seen, known)| (seen - known).abs() < 1.0);
        let set = &status.service("news")?.set;
        if alike && *set == addresses(chosen) {
            Ok(())
        } else {
            Err(format!("loads {seen:?}, set {set:?}"))
        }
    });
}

#[test]
fn the_two_least_loaded_stay() {
    let site = Site::new();
    let binder_host = site.host("ns1", 53);
    binder_host.write(CONFIG, TEXT);
    binder_host.write("/var/lib/bind/news.header", &header(ZONE, 1));
    let mut running = vec![binder_host.start("binder", CONFIG)];

    let mut servers = Vec::new();
    let hosts: Vec<Host> = [10.0, 65.0, 70.0, 80.0]
        .into_iter()
        .zip(1..)
        .map(|(load, number)| {
            let host = site.host(&format!("news{number}"), number);
            host.cpu.set(load);
            host.write(CONFIG, TEXT);
            servers.push(Server::start(&host, "0.0.0.0:119"));
            running.push(host.start("monitor", CONFIG));
            host
        })
        .collect();

    // One is within 60 %, fewer than two: the two least loaded.
    until_chosen(&binder_host, &[10.0, 65.0, 70.0, 80.0], [1, 2]);
    let file = binder_host.path("/var/lib/bind/news.example.zone");
    status::until_published(&binder_host, "news", &addresses([1, 2]));
    assert_eq!(check_zone(ZONE, &file).unwrap().addresses, addresses([1, 2]));

    // The third grows idle: two are within 60 %, which is what is asked for, and no more.
    hosts[2].cpu.set(30.0);
    until_chosen(&binder_host, &[10.0, 65.0, 30.0, 80.0], [1, 3]);

    // The fourth too: three are within 60 %, and all three stay.
    hosts[3].cpu.set(40.0);
    until_chosen(&binder_host, &[10.0, 65.0, 30.0, 40.0], [1, 3, 4]);
    drop(running);
}
