//! A host whose wall clock goes back: while it runs nobody notices; started anew it is believed as far as
//! `max_skew` and its own memory allow, or refused by name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use rais_tests::fakeclock::FakeClock;
use rais_tests::host::Host;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::site::{Site, addresses};
use rais_tests::{keys, status};

const CONFIG: &str = "/var/lib/bind/rais.toml";
/// Within `max_skew`, which is five minutes.
const LITTLE: i64 = -200;
const MUCH: i64 = -3600;

const TEXT: &str = r#"
[cluster]
name = "clocks"
keys = "keys"
[transport.lan]
type = "udp"
[monitor]
exclude = ["192.0.2.0/24"]
[monitor.service.www]
interval = "200ms"
timeout = "150ms"
fast_interval = "50ms"
probe = { type = "tcp", port = 80 }
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[zone."www.example"]
sinks = ["files"]
[binder.service.www]
zone = "www.example"
[sink.files]
type = "bind"
directory = "/var/lib/bind"
reload = { type = "none" }
"#;

fn start(host: &Host) -> Process {
    host.start_with("monitor", CONFIG, FakeClock::give)
}

/// Until the first host is in, with everybody else, and nobody is refused.
fn until_in(ns: &Host, wanted: &BTreeSet<IpAddr>) -> status::Binder {
    status::until_binder(ns, "everybody in and nobody refused", |status| {
        let set = &status.service("www")?.set;
        match set == wanted {
            true => Ok(()),
            false => Err(format!("{set:?}, {:?}", status.alarms)),
        }
    })
}

/// Until it is out, and refused with words that have all of these.
fn until_refused(ns: &Host, wanted: &BTreeSet<IpAddr>, words: &[&str]) {
    status::until_binder(ns, &format!("a refusal with {words:?}"), |status| {
        let refused = status.alarms.iter().filter(|alarm| alarm.kind == "refused-host");
        let is_told = |text: &str| words.iter().all(|word| text.contains(word));
        let told = refused.clone().any(|alarm| is_told(&alarm.text));
        let set = &status.service("www")?.set;
        match told && set == wanted {
            true => Ok(()),
            false => Err(format!("{set:?}, {:?}", status.alarms)),
        }
    });
}

#[test]
fn a_clock_that_goes_back_is_no_matter_until_a_start_and_then_it_is_told() {
    let site = Site::new();
    let (ns, webs) = (site.host("ns1", 53), [1, 2, 3].map(|n| site.host(&format!("web{n}"), n)));
    keys::share(&[&ns, &webs[0], &webs[1], &webs[2]], "/var/lib/bind/keys");
    let clock = FakeClock::new(&webs[0]);
    for host in webs.iter().chain([&ns]) {
        host.write(CONFIG, TEXT);
    }
    let _binder = ns.start("binder", CONFIG);
    let _servers = webs.each_ref().map(|web| Server::start(web, "0.0.0.0:80"));
    let _others = [webs[1].start("monitor", CONFIG), webs[2].start("monitor", CONFIG)];
    let mut monitor = start(&webs[0]);
    let (all, others) = (addresses([1, 2, 3]), addresses([2, 3]));
    let before = until_in(&ns, &all);

    // While it runs: heard on, by the same name and in the same life.
    clock.step_to(LITTLE);
    let of = |status: &status::Binder| {
        let host = status.hosts.iter().find(|host| host.name == "web1").expect("the host");
        (host.epoch, host.sequence)
    };
    let (epoch, sequence) = of(&before);
    let later = status::until_binder(&ns, "ten heartbeats more", |status| {
        let heard = of(status).1;
        if heard > sequence + 10 { Ok(()) } else { Err(format!("{heard} of {sequence}")) }
    });
    assert_eq!((of(&later).0, later.alarms.len()), (epoch, 0), "{:?}", later.alarms);
    assert_eq!(later.service("www").unwrap().set, all);

    // Started anew with its memory: a later life, though its clock says earlier.
    monitor.kill();
    monitor = start(&webs[0]);
    let status = status::until_binder(&ns, "another life", |status| {
        if of(status).0 > epoch { Ok(()) } else { Err("still the one before".to_owned()) }
    });
    assert!(status.alarms.iter().all(|alarm| alarm.kind != "refused-host"), "{:?}", status.alarms);
    until_in(&ns, &all);

    // By more than is believed, with its memory or without.
    monitor.kill();
    clock.step_to(MUCH);
    monitor = start(&webs[0]);
    until_refused(&ns, &others, &["web1", "wall clock is too far from ours", "its clock", "ours"]);

    // Without its memory, a little earlier: an older life, which anybody might replay.
    monitor.kill();
    std::fs::remove_dir_all(webs[0].path("/var/lib/rais/monitor")).unwrap();
    clock.step_to(LITTLE);
    monitor = start(&webs[0]);
    until_refused(&ns, &others, &["web1", "former life", "its clock", "ours"]);

    // Put right, it is in again.
    monitor.kill();
    clock.step_to(0);
    let _monitor = start(&webs[0]);
    until_in(&ns, &all);
}
