//! Reload, by signal and by command: validated whole, swapped whole, or refused whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use nix::sys::signal::Signal;
use rais_tests::dns::check_zone;
use rais_tests::host::Host;
use rais_tests::netns::Lan;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::site::{Site, addresses, header};
use rais_tests::{keys, status, wait};

const CONFIG: &str = "/var/lib/bind/rais.toml";

/// One host with both roles, and two services on two ports.
struct Both {
    _lan: Lan,
    host: Host,
    process: Process,
    _servers: [Server; 2],
}

/// One service only, or two.
#[derive(Clone, Copy)]
enum Services {
    Www,
    WwwAndNews,
}

fn config(services: Services, mailbox: &str) -> String {
    let mut text = format!(
        r#"
[binder]
ns = ["ns1.example"]
mailbox = "{mailbox}"
[sink.files]
type = "bind"
directory = "/var/lib/bind"
reload = {{ type = "none" }}
"#
    );
    let services: &[(&str, u16)] = match services {
        Services::Www => &[("www", 80)],
        Services::WwwAndNews => &[("www", 80), ("news", 119)],
    };
    for (name, port) in services {
        text.push_str(&format!(
            r#"
[monitor.service.{name}]
probe = {{ type = "tcp", port = {port} }}
[zone."{name}.example"]
sinks = ["files"]
[binder.service.{name}]
zone = "{name}.example"
"#
        ));
    }
    text
}

fn own() -> BTreeSet<IpAddr> {
    BTreeSet::from(["198.51.100.1".parse().unwrap()])
}

impl Both {
    fn start(text: &str) -> Self {
        let (lan, host) = (Lan::new(), Host::new("web1"));
        lan.attach(host.net(), "eth0", &["198.51.100.1/24"]);
        host.write(CONFIG, text);
        let servers = [80, 119].map(|port| Server::start(&host, &format!("0.0.0.0:{port}")));
        let process = host.start("run", CONFIG);
        let both = Self { _lan: lan, host, process, _servers: servers };
        status::until_set(&both.host, "www", &own());
        both
    }

    fn zone(&self, name: &str) -> Result<String, String> {
        let file = self.host.path(&format!("/var/lib/bind/{name}.zone"));
        check_zone(name, &file)?;
        std::fs::read_to_string(file).map_err(|e| e.to_string())
    }

    fn until_zone_says(&self, name: &str, word: &str) {
        wait::until(&format!("{name} to say {word}"), || {
            let text = self.zone(name)?;
            if text.contains(word) { Ok(()) } else { Err(text) }
        });
    }
}

#[test]
fn a_command_swaps_the_whole() {
    let both = Both::start(&config(Services::Www, "before.example"));
    both.until_zone_says("www.example", "before.example");
    both.host.write(CONFIG, &config(Services::WwwAndNews, "after.example"));
    // Synchronous: exit 0 means it has happened.
    both.host.rais(&["reload", "--socket", "/run/rais/binder.sock"]).expect_code(0);
    status::until_set(&both.host, "news", &own());
    both.until_zone_says("news.example", "after.example");
    both.until_zone_says("www.example", "after.example");

    // And back: the service is gone, from status at once.
    both.host.write(CONFIG, &config(Services::Www, "after.example"));
    both.host.rais(&["reload", "--socket", "/run/rais/binder.sock"]).expect_code(0);
    let status = status::binder(&both.host).unwrap();
    assert!(status.service("news").is_err());
    assert_eq!(status.service("www").unwrap().set, own());
    let monitor = status::monitor(&both.host).unwrap();
    assert!(monitor.services.iter().all(|s| s.service == "www"), "{:?}", monitor.services);
}

#[test]
fn a_signal_does_the_same() {
    let both = Both::start(&config(Services::Www, "before.example"));
    both.host.write(CONFIG, &config(Services::WwwAndNews, "after.example"));
    both.process.signal(Signal::SIGHUP);
    status::until_set(&both.host, "news", &own());
    both.until_zone_says("www.example", "after.example");
}

#[test]
fn what_is_wrong_is_refused_whole() {
    let mut both = Both::start(&config(Services::Www, "before.example"));
    // One good change, one new service, and one fault at the very end.
    let wrong =
        config(Services::WwwAndNews, "after.example") + "max_load = \"much\"\nmin_serverz = 1\n";
    both.host.write(CONFIG, &wrong);
    both.process.signal(Signal::SIGHUP);
    wait::until("the refusal to be logged", || {
        let said = both.process.stderr();
        if said.contains("min_serverz") { Ok(()) } else { Err(said) }
    });
    let out = both.host.rais(&["reload", "--socket", "/run/rais/binder.sock"]).expect_code(2);
    let line = wrong.lines().count();
    for fault in [format!("rais.toml:{}:", line - 1), format!("rais.toml:{line}:")] {
        assert!(out.stderr.contains(&fault), "{fault} in\n{}", out.stderr);
    }
    assert!(out.stderr.contains("min_servers"), "did-you-mean in\n{}", out.stderr);

    // Nothing of it has happened, and it all still works.
    let status = status::binder(&both.host).unwrap();
    assert!(status.service("news").is_err());
    assert_eq!(status.service("www").unwrap().set, own());
    let zone = wait::until("the zone as it was", || both.zone("www.example"));
    assert!(zone.contains("before.example"), "{zone}");
    assert!(both.zone("news.example").is_err());
    assert!(both.process.is_running());

    both.host.write(CONFIG, &config(Services::WwwAndNews, "after.example"));
    both.host.rais(&["reload", "--socket", "/run/rais/binder.sock"]).expect_code(0);
    status::until_set(&both.host, "news", &own());
}

/// Has the process that listens there reload; exit code 0 means that it has happened.
#[track_caller]
fn reload(host: &Host, role: &str) {
    let socket = format!("/run/rais/{role}.sock");
    host.rais(&["reload", "--socket", &socket]).expect_code(0);
}

#[test]
fn a_changed_header_and_a_changed_sink_are_published_at_once() {
    let with = |directory: &str| {
        let text = config(Services::Www, "hostmaster.example");
        let text = text.replace(
            "directory = \"/var/lib/bind\"",
            &format!("directory = \"/var/lib/bind{directory}\""),
        );
        text.replace("sinks = [\"files\"]", "sinks = [\"files\"]\nheader = \"www.header\"")
    };
    let lan = Lan::new();
    let host = Host::new("web1");
    lan.attach(host.net(), "eth0", &["198.51.100.1/24"]);
    let _server = Server::start(&host, "0.0.0.0:80");
    host.write("/var/lib/bind/www.header", &header("www.example", 7));
    host.write("/var/lib/bind/second/placeholder", "");
    host.write(CONFIG, &with(""));
    let _process = host.start("run", CONFIG);
    status::until_published(&host, "www", &own());

    let says = |file: &str, word: &str| {
        let file = host.path(&format!("/var/lib/bind/{file}"));
        wait::until(&format!("{} to say {word}", file.display()), || {
            let text = std::fs::read_to_string(&file).map_err(|e| e.to_string())?;
            if text.contains(word) { Ok(()) } else { Err(text) }
        });
        assert_eq!(check_zone("www.example", &file).unwrap().addresses, own());
    };
    // The set does not change: nothing but the reload has it published again.
    let more = format!("{}mail\tIN\tTXT\t\"new in the header\"\n", header("www.example", 7));
    host.write("/var/lib/bind/www.header", &more);
    reload(&host, "binder");
    says("www.example.zone", "new in the header");

    host.write(CONFIG, &with("/second"));
    reload(&host, "binder");
    says("second/www.example.zone", "new in the header");
}

/// Of a host alone: `role` is `monitor` or `binder`.
fn unicast(keys: &str) -> String {
    format!(
        r#"
[cluster]
name = "reload"
{keys}
[transport.lan]
type = "udp"
mode = "unicast"
listen = "LISTEN"
peers = PEERS
[monitor]
exclude = ["192.0.2.0/24"]
[monitor.service.www]
interval = "200ms"
timeout = "150ms"
expire = "1h"
probe = {{ type = "tcp", port = 80 }}
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
reload = {{ type = "none" }}
"#
    )
}

/// The configuration of the site's host of that number, which sends to those of the others.
fn unicast_of(number: u8, peers: &[u8], keys: &str) -> String {
    let at = |number: &u8| format!("129.144.168.{number}:5369");
    let peers: Vec<String> = peers.iter().map(at).collect();
    unicast(keys).replace("LISTEN", &at(&number)).replace("PEERS", &format!("{peers:?}"))
}

#[test]
fn changed_peers_are_sent_to_at_once() {
    const KEYS: &str = "insecure = true";
    let site = Site::new();
    let [web1, ns1, ns2] = [("web1", 1), ("ns1", 51), ("ns2", 52)].map(|(name, number)| {
        let host = site.host(name, number);
        host.write(CONFIG, &unicast_of(number, &[51], KEYS));
        host
    });
    let _server = Server::start(&web1, "0.0.0.0:80");
    let _binders = [&ns1, &ns2].map(|host| host.start("binder", CONFIG));
    // Both roles: it listens at the same address before and after.
    let _process = web1.start("run", CONFIG);
    status::until_set(&ns1, "www", &addresses([1]));
    web1.write(CONFIG, &unicast_of(1, &[51, 52], KEYS));
    reload(&web1, "monitor");
    status::until_set(&ns2, "www", &addresses([1]));
    assert_eq!(status::binder(&web1).unwrap().service("www").unwrap().set, addresses([1]));
}

#[test]
fn a_changed_key_is_signed_with_and_believed_at_once() {
    const RING: &str = "/var/lib/keys";
    let site = Site::new();
    let [web1, ns1] = [("web1", 1), ("ns1", 51)].map(|(name, number)| {
        let host = site.host(name, number);
        host.write(CONFIG, &unicast_of(number, &[51], &format!("keys = {RING:?}")));
        host
    });
    keys::share(&[&ns1, &web1], RING);
    let _server = Server::start(&web1, "0.0.0.0:80");
    let _binder = ns1.start("binder", CONFIG);
    let _monitor = web1.start("monitor", CONFIG);
    status::until_set(&ns1, "www", &addresses([1]));
    let accepts = |what: &str| {
        let before = status::binder(&ns1).unwrap().counters.accepted;
        wait::until(what, || {
            let status = status::binder(&ns1)?;
            assert_eq!(status.refused(), 0, "{:?}", status.counters);
            if status.counters.accepted > before + 2 { Ok(()) } else { Err("not yet".to_owned()) }
        });
    };

    // Rotated, and no beat is lost: the next key is believed, then signed with, then alone.
    let next = format!("{RING}/next.key");
    ns1.rais(&["key", "new", "--keys", RING, "--name", "next"]).expect_code(0);
    reload(&ns1, "binder");
    accepts("beats with the first key");
    let [from, to] = [&ns1, &web1].map(|host| host.path(&next));
    std::fs::copy(from, &to).unwrap();
    let text = std::fs::read_to_string(&to).unwrap();
    std::fs::write(&to, text.replace("\"accept\"", "\"sign\"")).unwrap();
    std::fs::remove_file(web1.path(&format!("{RING}/cluster.key"))).unwrap();
    reload(&web1, "monitor");
    accepts("beats with the next key");
    std::fs::remove_file(ns1.path(&format!("{RING}/cluster.key"))).unwrap();
    // None of what is left signs, and a binder needs none that does.
    reload(&ns1, "binder");
    accepts("beats with the only key");

    // And one that is believed no more is believed no more.
    ns1.rais(&["key", "new", "--keys", RING, "--name", "other"]).expect_code(0);
    std::fs::remove_file(ns1.path(&next)).unwrap();
    reload(&ns1, "binder");
    wait::until("a beat to be refused", || match status::binder(&ns1)?.refused() {
        0 => Err("none is".to_owned()),
        _ => Ok(()),
    });
}

#[test]
fn a_process_of_both_roles_reloads_once_and_says_so_in_its_log() {
    let both = Both::start(&(config(Services::Www, "a.example") + "[control]\nlog = \"info\"\n"));
    let reloads = || both.process.stderr().matches("reloaded").count();
    both.host.rais(&["reload", "-c", CONFIG]).expect_code(0);
    assert_eq!(reloads(), 1, "{}", both.process.stderr());

    // The log's level is as of the reload: the reload itself is not said any more.
    let quiet = config(Services::Www, "a.example") + "[control]\nlog = \"warn\"\n";
    let odd = "[cluster]\nname = \"c\"\ninsecure = true\n[transport.lan]\ntype = \"udp\"\n";
    both.host.write(CONFIG, &(quiet + odd));
    let told = both.host.rais(&["reload", "-c", CONFIG]).expect_code(0).stderr;
    assert_eq!(reloads(), 1, "{}", both.process.stderr());
    // A doubt is said to who asked and in the log.
    let doubt = "beats are not authenticated";
    assert!(told.contains(doubt), "{told}");
    let doubts = || both.process.stderr().matches(doubt).count();
    assert_eq!(doubts(), 1, "{}", both.process.stderr());
    both.process.signal(Signal::SIGHUP);
    wait::until_equal("the doubt to be logged again", &2, doubts);
}

/// The zone goes by `sink`, one of two that write down when they begin and end.
fn by_hook(sink: &str) -> String {
    let text = config(Services::Www, "hostmaster.example");
    let mut text = text.replace("sinks = [\"files\"]", &format!("sinks = [{sink:?}]"));
    for name in ["first", "second"] {
        let takes_its_time = format!(
            "cd /var/lib/bind; echo {name} begins >>told; sleep 1; echo {name} ends >>told"
        );
        text.push_str(&format!(
            "[sink.{name}]\ntype = \"hook\"\nargv = [\"/bin/sh\", \"-c\", {takes_its_time:?}]\n"
        ));
    }
    text
}

#[test]
fn a_zone_that_moves_to_another_sink_has_one_writer_at_a_time() {
    let both = Both::start(&by_hook("first"));
    let file = both.host.path("/var/lib/bind/told");
    let until_told = |word: &str| {
        wait::until(&format!("`{word}` to be told"), || {
            let told = std::fs::read_to_string(&file).map_err(|e| e.to_string())?;
            if told.lines().any(|line| line == word) { Ok(told) } else { Err(told) }
        })
    };
    until_told("first begins");
    both.host.write(CONFIG, &by_hook("second"));
    reload(&both.host, "binder");
    let told = until_told("second ends");
    let at = |word: &str| told.lines().position(|line| line == word);
    assert!(at("first ends").is_some(), "{told}");
    assert!(at("first ends") < at("second begins"), "{told}");
}
