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
use rais_tests::{status, wait};

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
    assert!(both.zone("www.example").unwrap().contains("before.example"));
    assert!(both.zone("news.example").is_err());
    assert!(both.process.is_running());

    both.host.write(CONFIG, &config(Services::WwwAndNews, "after.example"));
    both.host.rais(&["reload", "--socket", "/run/rais/binder.sock"]).expect_code(0);
    status::until_set(&both.host, "news", &own());
}
