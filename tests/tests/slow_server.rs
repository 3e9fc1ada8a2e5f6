//! A server that answers ever later while its processor idles: it loses its place, and has it back
//! only when it is well below where it lost it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use rais_tests::host::Host;
use rais_tests::netns::Lan;
use rais_tests::server::Server;
use rais_tests::status::{self, Binder, Member};

const CONFIG: &str = "/var/lib/bind/rais.toml";

/// 400 ms are 100 %: out above 240 ms, back at 160.
const TEXT: &str = r#"
[cluster]
name = "slow"
insecure = true
[transport.it]
type = "udp"
mode = "unicast"
listen = "198.51.100.253:5369"
peers = ["198.51.100.253:5369"]
[monitor]
sample = "2s"
[monitor.service.www]
timeout = "500ms"
probe = { type = "http", port = 80 }
load = { type = "response-time", full = "400ms" }
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[zone."www.example"]
sinks = ["files"]
[binder.service.www]
zone = "www.example"
interval = "1s"
balance = "prune"
max_load = 60
return_load = 40
[sink.files]
type = "bind"
directory = "/var/lib/bind"
reload = { type = "none" }
"#;

/// Above the limit, within the band, and below it.
const SLOW: Duration = Duration::from_millis(320);
const BETWEEN: Duration = Duration::from_millis(200);
const QUICK: Duration = Duration::from_millis(20);

fn address(number: u8) -> IpAddr {
    IpAddr::from([198, 51, 100, number])
}

fn set(numbers: &[u8]) -> BTreeSet<IpAddr> {
    numbers.iter().copied().map(address).collect()
}

/// What the binder knows of the server that changes.
fn slow(status: &Binder) -> Result<&Member, String> {
    let members = &status.service("www")?.members;
    members.iter().find(|member| member.address == address(3)).ok_or("unknown".to_owned())
}

/// Waits until its load is between two percentages.
fn until_load(ns: &Host, least: f64, most: f64) -> Binder {
    status::until_binder(ns, &format!("a load from {least} to {most}"), |status| {
        match slow(status)?.load {
            Some(load) if (least..=most).contains(&load) => Ok(()),
            other => Err(format!("it is {other:?}")),
        }
    })
}

/// The number of the last beat of the host of the slow server.
fn sequence(status: &Binder) -> Result<u64, String> {
    let host = status.hosts.iter().find(|host| host.name == "web3");
    host.map(|host| host.sequence).ok_or("not heard".to_owned())
}

#[test]
fn a_server_that_answers_late_is_out_until_it_is_well_below_the_limit() {
    let lan = Lan::new();
    let ns = Host::new("ns1");
    lan.attach(ns.net(), "eth0", &["198.51.100.253/24"]);
    // As every host of these tests: with a processor that is 1 % busy.
    let webs: [Host; 3] = [1, 2, 3].map(|number: u8| {
        let host = Host::new(&format!("web{number}"));
        lan.attach(host.net(), "eth0", &[&format!("198.51.100.{number}/24")]);
        host
    });
    for host in webs.iter().chain([&ns]) {
        host.write(CONFIG, TEXT);
    }
    let servers = webs.each_ref().map(|web| Server::start(web, "0.0.0.0:80"));
    let _binder = ns.start("binder", CONFIG);
    let _monitors = webs.each_ref().map(|web| web.start("monitor", CONFIG));
    status::until_published(&ns, "www", &set(&[1, 2, 3]));
    let changing = &servers[2];

    changing.answer(200, SLOW);
    let out = status::until_published(&ns, "www", &set(&[1, 2]));
    let member = slow(&out).unwrap();
    assert_eq!(member.state, "up", "{member:?}");
    assert!(member.load.is_some_and(|load| load > 60.0), "{member:?}");

    // Below the limit, but not by enough: several times judged, by its timer and by its beats.
    changing.answer(200, BETWEEN);
    let before = sequence(&until_load(&ns, 45.0, 58.0)).unwrap();
    status::until_binder(&ns, "ten more beats, and no change", |status| {
        assert_eq!(status.service("www")?.set, set(&[1, 2]), "{:?}", slow(status)?);
        let beats = sequence(status)? - before;
        if beats >= 10 { Ok(()) } else { Err(format!("{beats} beats")) }
    });

    changing.answer(200, QUICK);
    let back = status::until_published(&ns, "www", &set(&[1, 2, 3]));
    let member = slow(&back).unwrap();
    assert!(member.load.is_some_and(|load| load <= 40.0), "{member:?}");
}
