//! An operator drains and lets back: with real processes, by the command line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use nix::sys::signal::Signal;
use rais_tests::binary::Output;
use rais_tests::host::Host;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::site::{Site, address, addresses};
use rais_tests::{journal, status, wait};

const CONFIG: &str = "/var/lib/bind/rais.toml";
const ZONE: &str = "/var/lib/bind/www.example.zone";

const TEXT: &str = r#"
[cluster]
name = "drain"
insecure = true
[transport.lan]
type = "udp"
[monitor]
exclude = ["192.0.2.0/24"]
[monitor.service.www]
interval = "200ms"
timeout = "150ms"
fast_interval = "50ms"
probe = { type = "tcp", port = 8001 }
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

struct Web {
    _server: Server,
    _monitor: Process,
    _host: Host,
}

impl Web {
    fn start(site: &Site, number: u8) -> Web {
        let host = site.host(&format!("web{number}"), number);
        host.write(CONFIG, TEXT);
        let server = Server::start(&host, "0.0.0.0:8001");
        let monitor = host.start("monitor", CONFIG);
        Web { _server: server, _monitor: monitor, _host: host }
    }
}

/// What the zone file has at this very moment: who has come back from a command need not wait.
fn published(binder: &Host) -> BTreeSet<IpAddr> {
    let text = binder.read(ZONE);
    let words = text.split_whitespace().collect::<Vec<_>>();
    words.windows(2).filter(|pair| pair[0] == "A").map(|pair| pair[1].parse().unwrap()).collect()
}

fn drain(binder: &Host, target: &str, more: &[&str]) -> Output {
    let line = ["drain", target, "--for", "1h", "--reason", "new disk", "-c", CONFIG];
    binder.rais(&[&line, more].concat())
}

#[test]
fn who_is_drained_is_out_when_the_command_returns_and_stays_out_over_a_restart() {
    let site = Site::new();
    let binder = site.host("ns1", 53);
    binder.write(CONFIG, TEXT);
    let mut process = binder.start("binder", CONFIG);
    let _webs = [1, 2, 3].map(|number| Web::start(&site, number));
    let _ = status::until_published(&binder, "www", &addresses([1, 2, 3]));

    let out = drain(&binder, "web2", &[]).expect_code(0);
    assert_eq!(published(&binder), addresses([1, 3]));
    assert!(out.stdout.contains("www") && out.stdout.contains("out"), "{}", out.stdout);
    let member = |status: &status::Binder| {
        let members = &status.service("www").unwrap().members;
        let found = members.iter().find(|member| member.address == address(2)).unwrap();
        (found.state.clone(), found.verdict.clone(), found.reason.clone())
    };
    let expected = ("up".to_owned(), "draining".to_owned(), "new disk".to_owned());
    assert_eq!(member(&status::binder(&binder).unwrap()), expected);

    // Another by its address, as JSON; the last not without force.
    let out = drain(&binder, &address(3).to_string(), &["--output", "json"]).expect_code(0);
    let json = out.json();
    assert_eq!(json[0]["places"][0]["address"], address(3).to_string());
    assert_eq!(json[0]["places"][0]["in_set"], false);
    assert_eq!(published(&binder), addresses([1]));
    let refused = drain(&binder, "web1", &[]).expect_code(1);
    assert!(refused.stderr.contains("nobody who serves www"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(published(&binder), addresses([1]));

    // A restart, by a crash, once all of that is written.
    wait::until("the journal to have three orders", || {
        let orders = binder.read(journal::PATH).matches("\"ordered\"").count();
        if orders == 3 { Ok(()) } else { Err(format!("{orders} are there")) }
    });
    process.kill();
    drop(process);
    let mut process = binder.start("binder", CONFIG);
    let text = binder.rais(&["status", "-c", CONFIG]).expect_code(0).stdout;
    assert!(text.contains("drained") && text.contains("new disk"), "{text}");
    let status = status::until_binder(&binder, "three hosts to be heard", |status| {
        let live = status.service("www")?.members.iter().filter(|member| member.state == "up");
        match live.count() {
            3 if status.service("www")?.phase == "ready" => Ok(()),
            _ => Err(format!("{:?}", status.service("www"))),
        }
    });
    assert_eq!(status.service("www").unwrap().set, addresses([1]));

    let out = binder.rais(&["undrain", "web2", "-c", CONFIG]).expect_code(0);
    assert!(out.stdout.contains("in"), "{}", out.stdout);
    assert_eq!(published(&binder), addresses([1, 2]));
    let again = binder.rais(&["undrain", "web2", "-c", CONFIG]).expect_code(1);
    assert!(again.stderr.contains("not drained"), "{}", again.stderr);

    drain(&binder, "service:www", &["--force"]).expect_code(0);
    assert_eq!(published(&binder), addresses([]));
    binder.rais(&["undrain", "www", "-c", CONFIG]).expect_code(0);
    assert_eq!(published(&binder), addresses([1, 2]));

    // The whole story, over the crash; at its end a binder has written all of it.
    process.signal(Signal::SIGTERM);
    assert_eq!(process.finished(), 0);
    let journal: Vec<serde_json::Value> = binder
        .read(journal::PATH)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(journal[0], serde_json::json!({ "journal": 1 }));
    let all = |kind: &str| -> Vec<&serde_json::Value> {
        journal.iter().filter_map(|entry| entry.get(kind)).collect()
    };
    assert_eq!(all("started").len(), 2);
    let heard = all("heard");
    let web2 = heard.iter().find(|entry| entry["address"] == address(2).to_string()).unwrap();
    assert_eq!((&web2["service"], &web2["state"]), (&"www".into(), &"up".into()));
    assert!(web2["host"].as_str().unwrap().starts_with("web2 ("), "{web2}");
    let decided = |verdict: &str| {
        let of_web2 = |entry: &&&serde_json::Value| {
            entry["address"] == address(2).to_string() && entry["verdict"] == verdict
        };
        all("decided").iter().filter(of_web2).count()
    };
    assert_eq!(decided("draining"), 3, "twice by order, once remembered: {:?}", all("decided"));
    let orders = all("ordered");
    assert_eq!(orders[0]["order"], "drain web2 for 3600s: new disk");
    assert_eq!(orders.len(), 7);
    let place = |number| serde_json::json!({ "service": "www", "address": address(number) });
    assert_eq!(orders[0]["places"], serde_json::json!([place(2)]));
    assert_eq!(orders[0].get("refused"), None);
    let refused: Vec<_> = orders.iter().filter(|order| order.get("refused").is_some()).collect();
    let words: Vec<_> = refused.iter().map(|order| order["order"].as_str().unwrap()).collect();
    assert_eq!(words, ["drain web1 for 3600s: new disk", "undrain web2"]);
    assert!(refused[0]["refused"].as_str().unwrap().contains("nobody who serves www"));
    let drained = all("decided").into_iter().filter(|entry| entry["verdict"] == "draining");
    assert!(drained.clone().all(|entry| entry["reason"] == "new disk"), "{drained:?}");
    let (published, confirmed) = (all("published"), all("confirmed"));
    let last = published.last().unwrap();
    assert_eq!((&last["zone"], &last["addresses"]), (&"www.example".into(), &2.into()));
    assert_eq!(confirmed.last().unwrap()["serial"], last["serial"]);
    let times: Vec<_> = journal.iter().filter_map(|entry| entry.get("at")).collect();
    assert!(times.is_sorted_by_key(|at| at.as_str()), "{times:?}");
}

#[test]
fn what_cannot_be_drained_is_said_with_what_was_meant() {
    let site = Site::new();
    let binder = site.host("ns1", 53);
    binder.write(CONFIG, TEXT);
    let _process = binder.start("binder", CONFIG);
    let _web = Web::start(&site, 1);
    let _ = status::until_published(&binder, "www", &addresses([1]));
    for (target, words) in [
        ("wbe1", "did you mean `web1`?"),
        ("198.51.100.1", "no host, service or address"),
        ("host:www", "no host, service or address"),
    ] {
        let out = drain(&binder, target, &[]).expect_code(1);
        assert!(out.stderr.contains(words), "{target}: {}", out.stderr);
    }
    for wrong in [
        &["drain", "web1", "--reason", "x"][..],
        &["drain", "web1", "--for", "1h"],
        &["drain", "web1", "--for", "1y", "--reason", "x"],
        &["drain", "web1", "--for", "1h", "--reason", " "],
        &["undrain"],
    ] {
        binder.rais(wrong).expect_code(2);
    }
    assert_eq!(published(&binder), addresses([1]));
}

#[test]
fn a_monitor_drains_nobody() {
    let site = Site::new();
    let host = site.host("web1", 1);
    host.write(CONFIG, TEXT);
    let _monitor = host.start("monitor", CONFIG);
    let order = ["drain", "web1", "--for", "1h", "--reason", "x"];
    let out = host.rais(&[&order[..], &["--socket", "/run/rais/monitor.sock"]].concat());
    assert!(out.expect_code(1).stderr.contains("ask its binders"));
    // No binder runs here.
    host.rais(&[&order[..], &["-c", CONFIG]].concat()).expect_code(1);
}

#[test]
fn an_order_writes_no_line_of_the_log() {
    let site = Site::new();
    let binder = site.host("ns1", 53);
    binder.write(CONFIG, TEXT);
    let process = binder.start("binder", CONFIG);
    let forged = "x\n2026-11-30T15:00:00.000000Z ERROR rais_runtime: forged line";
    let undrain = |target: &str| binder.rais(&["undrain", target, "-c", CONFIG]);
    for out in [drain(&binder, forged, &[]), undrain(forged)] {
        let refused = out.expect_code(1).stderr;
        assert!(refused.contains("control characters"), "{refused}");
    }
    // One that is written down, though it names nobody: what came before it was not.
    undrain("nobody").expect_code(1);
    assert!(process.stderr().contains("undrain nobody"), "{}", process.stderr());
    assert!(!process.stderr().contains("forged"), "{}", process.stderr());
    assert!(!binder.read(journal::PATH).contains("forged"));
}
