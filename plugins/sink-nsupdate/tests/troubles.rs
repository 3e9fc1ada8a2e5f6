//! What goes wrong between the sink and a real name server, and how it is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
mod support;

use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rais_sdk::{Fault, FaultKind};
use support::relay::{Ration, Relay};
use support::server::{Make, Rate, SECRET, Setup, Updates, ZONE, table, write_key};
use support::{Publication, named, sink};

beside_each! {
    keys_that_do_not_fit
    a_key_that_is_changed_at_both_sides
    clocks_that_differ
    updates_that_are_not_allowed
    zones_that_are_not_there
    a_server_that_is_gone_and_back
    answers_and_updates_that_are_lost
    a_first_try_that_was_done_stands_in_the_way_of_no_second_one
    a_server_that_rations_answers_by_udp
    one_server_hangs_and_another_does_not
}

/// Where a process that is started by a test finds the table of its sink.
const TABLE: &str = "RAIS_TEST_TABLE";

/// Begins a line of one with the number of a server's process.
const STARTED: &str = "started ";

fn api(addresses: &[&str]) -> Publication {
    Publication::new(ZONE, &[("api", addresses)])
}

#[track_caller]
fn says(fault: &Fault, kind: FaultKind, words: &[&str]) {
    assert_eq!(fault.kind, kind, "{fault}");
    for word in words {
        assert!(fault.text.contains(word), "{word:?} in {fault}");
    }
}

fn keys_that_do_not_fit(make: Make) {
    let server = Setup::of(make).start();
    let file = server.directory().join("other.key");
    let other = SECRET.replace("vTR1", "vTR2");
    let at = format!("name server at {}", server.dns);
    for (name, algorithm, secret, said) in [
        ("rais", "hmac-sha256", other.as_str(), "another secret for the key \"rais\" (BADSIG)"),
        ("nobody", "hmac-sha256", SECRET, "the key \"nobody\" with hmac-sha256"),
        ("rais", "hmac-sha512", SECRET, "the key \"rais\" with hmac-sha512"),
    ] {
        write_key(&file, name, algorithm, secret);
        let sink = sink(&table(server.dns, &file, ""));
        let fault = api(&["192.0.2.1"]).publish(&sink).unwrap_err();
        match make {
            // It says no more than that.
            Make::PowerDns => says(&fault, FaultKind::Refused, &[&at, "(NOTAUTH)", "secret"]),
            _ => says(&fault, FaultKind::Refused, &[&at, said]),
        }
        assert!(!fault.text.contains("vTR"), "{fault}");
    }
}

fn a_key_that_is_changed_at_both_sides(make: Make) {
    let server = Setup::of(make).start();
    let file = server.directory().join("other.key");
    write_key(&file, "rais", "hmac-sha256", &SECRET.replace("vTR1", "vTR2"));
    let sink = sink(&table(server.dns, &file, ""));
    api(&["192.0.2.1"]).publish(&sink).unwrap_err();
    write_key(&file, "rais", "hmac-sha256", SECRET);
    api(&["192.0.2.1"]).publish(&sink).unwrap();
    assert_eq!(server.dig("api.example.com", "A"), ["192.0.2.1"]);
}

fn clocks_that_differ(make: Make) {
    let server = Setup::of(make).start();
    let fault = publish_by_a_clock_ahead("+1h", &server.table(""));
    let here = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // To the hour, which may have turned meanwhile.
    let says_hour = |ahead: u64| {
        [0, 60].iter().any(|late| {
            let time = i64::try_from(here + ahead - late).unwrap();
            let time = jiff::Timestamp::from_second(time).unwrap().to_string();
            fault.contains(&time[..13])
        })
    };
    assert!(says_hour(3600), "{fault}");
    if make == Make::PowerDns {
        assert!(fault.contains("its clock differs by more than five minutes"), "{fault}");
    } else {
        assert!(fault.contains("(BADTIME)") && says_hour(0), "{fault}");
    }
    // Five minutes are allowed.
    let fault = publish_by_a_clock_ahead("+4m", &server.table(""));
    assert!(fault.contains("published"), "{fault}");
}

/// By a process that sees another clock; what it printed.
fn publish_by_a_clock_ahead(ahead: &str, table: &str) -> String {
    let out = Command::new("faketime")
        .args(["-f", ahead])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "as_by_another_clock", "--ignored", "--nocapture"])
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env(TABLE, table)
        .output()
        .expect("faketime is installed");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// In a process that has another clock.
#[test]
#[ignore = "a part of clocks_that_differ"]
fn as_by_another_clock() {
    let sink = sink(&std::env::var(TABLE).unwrap());
    match api(&["192.0.2.1"]).publish(&sink) {
        Ok(_) => println!("published"),
        Err(fault) => println!("{}: {fault}", fault.kind),
    }
}

/// The servers of these tests outlive no test, not even one that is killed.
#[test]
fn servers_end_with_their_test() {
    let mut test = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "as_one_that_is_killed", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(test.stdout.take().unwrap()).lines().map(Result::unwrap);
    let started = lines.filter_map(|line| Some(line.strip_prefix(STARTED)?.to_owned()));
    let processes: Vec<_> = started.take(3).collect();
    test.kill().unwrap();
    test.wait().unwrap();
    assert_eq!(processes.len(), 3);
    for process in processes {
        // Nobody may have waited for it yet.
        let stat = std::path::PathBuf::from(format!("/proc/{process}/stat"));
        until(|| std::fs::read_to_string(&stat).map_or(true, |text| text.contains(") Z ")));
    }
}

#[test]
#[ignore = "a part of servers_end_with_their_test"]
fn as_one_that_is_killed() {
    let servers = [Make::Bind, Make::Knot, Make::PowerDns].map(|make| Setup::of(make).start());
    for server in &servers {
        println!("\n{STARTED}{}", server.process());
    }
    loop {
        std::thread::park();
    }
}

#[test]
fn descriptors_that_are_used_up() {
    let server = Setup::of(Make::Knot).start();
    let out = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "as_one_without_descriptors", "--ignored", "--nocapture"])
        .env(TABLE, server.table(""))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(server.dig("api.example.com", "A"), ["192.0.2.2"]);
}

/// In a process whose limit it may change.
#[test]
#[ignore = "a part of descriptors_that_are_used_up"]
fn as_one_without_descriptors() {
    let sink = sink(&std::env::var(TABLE).unwrap());
    api(&["192.0.2.1"]).publish(&sink).unwrap();
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let next = std::fs::File::open("/dev/null").unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, next.as_raw_fd().try_into().unwrap(), hard).unwrap();
    drop(next);
    for _ in 0..2 {
        let fault = api(&["192.0.2.2"]).publish(&sink).unwrap_err();
        says(&fault, FaultKind::Io, &["Too many open files"]);
        says(&sink.served(ZONE).unwrap_err(), FaultKind::Io, &["Too many open files"]);
    }
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    api(&["192.0.2.2"]).publish(&sink).unwrap();
}

fn updates_that_are_not_allowed(make: Make) {
    let server = Setup::of(make).start();
    let unsigned = sink(&format!("server = \"{}\"", server.dns));
    let fault = api(&["192.0.2.1"]).publish(&unsigned).unwrap_err();
    let at = format!("name server at {}", server.dns);
    let advice = ["allow-update", "action update", "TSIG-ALLOW-DNSUPDATE"];
    says(&fault, FaultKind::Refused, &[&at, "not signed (no `key`)"]);
    says(&fault, FaultKind::Refused, &advice);

    let server = Setup { updates: Updates::NotAllowed, ..Setup::of(make) }.start();
    let signed = sink(&server.table(""));
    let fault = api(&["192.0.2.1"]).publish(&signed).unwrap_err();
    says(&fault, FaultKind::Refused, &["example.com", "the key \"rais\""]);
    says(&fault, FaultKind::Refused, &advice);
    assert_eq!(server.dig("api.example.com", "A"), [""; 0]);
}

/// PowerDNS has no journal that could be out of its reach.
#[test]
fn updates_that_bind_and_knot_cannot_store() {
    for make in [Make::Bind, Make::Knot] {
        let server = Setup { updates: Updates::Failing, ..Setup::of(make) }.start();
        let sink = sink(&server.table(""));
        let fault = api(&["192.0.2.1"]).publish(&sink).unwrap_err();
        says(&fault, FaultKind::Down, &["example.com (SERVFAIL)", "its log says why", "journal"]);
    }
}

fn zones_that_are_not_there(make: Make) {
    let server = Setup::of(make).start();
    let publish = |zone: &str, more: &str| {
        let sink = sink(&server.table(more));
        Publication::new(zone, &[("@", &["192.0.2.1"])]).publish(&sink).unwrap_err()
    };
    let fault = publish("example.org", "");
    says(&fault, FaultKind::Refused, &["refuses to answer for example.org", "does not serve it"]);
    let fault = publish("www.example.com", "");
    says(&fault, FaultKind::Refused, &["no zone www.example.com", "`zone = \"example.com\"`"]);
    let fault = publish("www.example.com", "zone = \"com\"");
    says(&fault, FaultKind::Refused, &["refuses to answer for com"]);
}

fn a_server_that_is_gone_and_back(make: Make) {
    let mut server = Setup::of(make).start();
    for more in ["", "tcp = true"] {
        let sink = sink(&server.table(more));
        api(&["192.0.2.1"]).publish(&sink).unwrap();
        server.stop();
        let fault = api(&["192.0.2.2"]).publish(&sink).unwrap_err();
        let at = server.dns.to_string();
        says(&fault, FaultKind::Down, &[&at, "connection refused"]);
        says(&sink.served(ZONE).unwrap_err(), FaultKind::Down, &[&at]);
        server.start_again();
        api(&["192.0.2.2"]).publish(&sink).unwrap();
        assert_eq!(server.dig("api.example.com", "A"), ["192.0.2.2"]);
    }

    // One that comes back with less than it had is looked at before anything is sent.
    let sink = sink(&server.table(""));
    let both: &[(&str, &[&str])] = &[("api", &["192.0.2.2"]), ("www", &["192.0.2.3"])];
    Publication::new(ZONE, both).publish(&sink).unwrap();
    server.stop();
    let changed: &[(&str, &[&str])] = &[("api", &["192.0.2.4"]), ("www", &["192.0.2.3"])];
    let changed = Publication::new(ZONE, changed);
    changed.publish(&sink).unwrap_err();
    server.start_again();
    server.nsupdate("update delete www.example.com A");
    changed.publish(&sink).unwrap();
    assert_eq!(server.dig("api.example.com", "A"), ["192.0.2.4"]);
    assert_eq!(server.dig("www.example.com", "A"), ["192.0.2.3"]);
}

fn answers_and_updates_that_are_lost(make: Make) {
    let (server, relay) = Setup::of(make).start_behind_relay();
    let sink = sink(&server.table_at(relay.address, "timeout = \"2s\""));
    let mut number = 0;
    let mut publish = |sink: &rais_sdk::host::SinkObject| {
        number += 1;
        let ip = format!("192.0.2.{number}");
        let outcome = api(&[&ip]).publish(sink);
        if outcome.is_ok() {
            assert_eq!(server.dig("api.example.com", "A"), [ip]);
        }
        outcome
    };
    publish(&sink).unwrap();
    relay.updates();

    // It has happened, and is not sent again.
    relay.lose_answers(1);
    let serial = publish(&sink).unwrap();
    assert_eq!(serial, server.serial());
    assert!(matches!(relay.updates()[..], [(_, false)]));

    // It has not, and is: by TCP.
    relay.lose_updates(1);
    let serial = publish(&sink).unwrap();
    assert_eq!(serial, server.serial());
    let updates = relay.updates();
    assert!(matches!(updates[..], [(_, false), (_, true)]), "{updates:?}");

    // Also where the second answer is lost.
    relay.lose_updates(1);
    let over_tcp = self::sink(&server.table_at(relay.address, "timeout = \"2s\"\ntcp = true"));
    relay.lose_answers(1);
    publish(&over_tcp).unwrap();
    assert!(matches!(relay.updates()[..], [(_, true), (_, true)]));

    // Nothing is claimed where nothing is known.
    relay.hang(true);
    let fault = publish(&sink).unwrap_err();
    says(&fault, FaultKind::Timeout, &["no answer in time"]);
    assert_eq!(fault.at, "waiting for the answer");
    relay.hang(false);
    publish(&sink).unwrap();
}

fn a_first_try_that_was_done_stands_in_the_way_of_no_second_one(make: Make) {
    let (server, relay) = Setup::of(make).start_behind_relay();
    let sink = sink(&server.table_at(relay.address, "timeout = \"2s\""));
    api(&["192.0.2.1"]).publish(&sink).unwrap();
    relay.updates();

    // It was done: whatever is said, it is not said to be somebody else's doing.
    relay.deny(1);
    let serial = api(&["192.0.2.2"]).publish(&sink).unwrap();
    assert_eq!(serial, server.serial());
    assert_eq!(server.dig("api.example.com", "A"), ["192.0.2.2"]);
    // Sent again only where the server took long.
    assert!(matches!(relay.updates()[..], [(_, false)] | [(_, false), (_, true)]));
    // Also of a second try.
    relay.lose_updates(1);
    relay.deny(1);
    let serial = api(&["192.0.2.3"]).publish(&sink).unwrap();
    assert_eq!(serial, server.serial());
    assert!(matches!(relay.updates()[..], [(_, false), (_, true)]));
    assert_eq!(server.dig("api.example.com", "A"), ["192.0.2.3"]);
}

fn a_server_that_rations_answers_by_udp(make: Make) {
    let (server, relay) = Setup::of(make).start_behind_relay();
    let names: Vec<_> = (0..20).map(|number| format!("h{number}")).collect();
    for (ration, ip) in [(Ration::Silence, "192.0.2.1"), (Ration::Cut, "192.0.2.2")] {
        relay.ration(ration);
        let sink = sink(&server.table_at(relay.address, ""));
        let set = [ip];
        let owners: Vec<_> = names.iter().map(|name| (name.as_str(), &set[..])).collect();
        let all = Publication::new(ZONE, &owners);
        all.publish(&sink).unwrap();
        let served = sink.served(ZONE).unwrap().unwrap();
        assert_eq!(served.records.len(), names.len());
        assert!(served.records.iter().all(|record| record.ip.to_string() == ip), "{served:?}");
    }
}

/// Knot's own rate limit: one answer a second, and silence.
#[test]
fn knot_that_rations_answers() {
    let server = Setup { rate: Rate::Limited, ..Setup::of(Make::Knot) }.start();
    let sink = sink(&server.table(""));
    let names: Vec<_> = (0..20).map(|number| format!("h{number}")).collect();
    for ip in ["192.0.2.1", "192.0.2.2"] {
        let set = [ip];
        let owners: Vec<_> = names.iter().map(|name| (name.as_str(), &set[..])).collect();
        Publication::new(ZONE, &owners).publish(&sink).unwrap();
        let served = sink.served(ZONE).unwrap().unwrap();
        assert_eq!(served.records.len(), names.len());
        assert_eq!(server.dig("h19.example.com", "A"), [ip]);
    }
}

fn one_server_hangs_and_another_does_not(make: Make) {
    let zones = vec![ZONE.to_owned(), "example.org".to_owned()];
    let server = Setup { zones, ..Setup::of(make) }.start();
    let (hanging, other) = (Relay::to(server.dns), Relay::to(server.dns));
    hanging.hang(true);
    let stuck = sink(&server.table_at(hanging.address, "timeout = \"30s\""));
    let free = sink(&server.table_at(other.address, ""));
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| api(&["192.0.2.1"]).publish(&stuck));
        until(|| hanging.queries() > 0);
        Publication::new("example.org", &[("api", &["192.0.2.2"])]).publish(&free).unwrap();
        assert_eq!(server.dig("api.example.org", "A"), ["192.0.2.2"]);
        // Also through the same sink, once that server answers others.
        assert!(!waits.is_finished());
        hanging.hang(false);
        Publication::new("example.org", &[("www", &["192.0.2.3"])]).publish(&stuck).unwrap();
        waits.join().unwrap().unwrap();
    });
    let served = stuck.served(ZONE).unwrap().unwrap();
    assert_eq!(support::addresses(&served), named("api", &["192.0.2.1"]));
}

#[test]
fn a_call_ends_when_the_sink_does() {
    let (server, relay) = Setup::of(Make::Knot).start_behind_relay();
    for more in ["", "tcp = true"] {
        relay.hang(true);
        let sink = sink(&server.table_at(relay.address, &format!("timeout = \"30s\"\n{more}")));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| api(&["192.0.2.1"]).publish(&sink));
            until(|| relay.queries() > 0);
            sink.stop();
            says(&waits.join().unwrap().unwrap_err(), FaultKind::Busy, &["stopped"]);
        });
        relay.hang(false);
    }
}

fn until(mut is: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !is() {
        assert!(begin.elapsed() < support::server::PATIENCE, "waited in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}
