//! A library is replaced under a running monitor: no beat is lost and no verdict changes. A bad one
//! is refused, and the old one goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rais_tests::binary::{Output, sibling};
use rais_tests::host::Host;
use rais_tests::netns::Lan;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::{status, wait};

const CONFIG: &str = "/var/lib/bind/rais.toml";
const PLUGINS: &str = "/var/lib/plugins";
/// Between two beats.
const INTERVAL_MS: u128 = 100;

/// A name server, and a web host whose probe is a library.
struct Net {
    _lan: Lan,
    ns: Host,
    web: Host,
    _server: Server,
    binder: Process,
    monitor: Process,
}

fn config(isolation: &str) -> String {
    format!(
        r#"
[cluster]
name = "upgrade"
insecure = true
[transport.lan]
type = "udp"
[plugins]
dirs = ["{PLUGINS}"]
prefer = ["tcp"]
[plugins.tcp]
isolation = "{isolation}"
[monitor.service.www]
interval = "{INTERVAL_MS}ms"
timeout = "2s"
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

/// The library of probe `tcp`, and behind its end so many octets that no loader looks at: the same
/// plugin in another file.
fn library(version: usize) -> Vec<u8> {
    let path = sibling("librais_plugin_probe_tcp.so");
    let why = "tests/run builds it; or `cargo build -p rais-plugin-probe-tcp`";
    let mut octets = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}: {why}", path.display()));
    octets.resize(octets.len() + version, 0);
    octets
}

/// As an administrator does it: written beside the old one, then renamed over it.
fn install(folder: &Path, octets: &[u8]) {
    let new = folder.join("libprobe_tcp.so.new");
    let mut file = fs::File::create(&new).unwrap();
    file.write_all(octets).unwrap();
    file.set_permissions(fs::Permissions::from_mode(0o644)).unwrap();
    drop(file);
    fs::rename(&new, folder.join("libprobe_tcp.so")).unwrap();
}

impl Net {
    fn start(isolation: &str) -> Self {
        let lan = Lan::new();
        let host = |name: &str, number: u8| {
            let host = Host::new(name);
            lan.attach(host.net(), "eth0", &[&format!("198.51.100.{number}/24")]);
            host.write(CONFIG, &config(isolation));
            let folder = host.path(PLUGINS);
            fs::create_dir(&folder).unwrap();
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
            install(&folder, &library(0));
            host
        };
        let (ns, web) = (host("ns1", 53), host("web1", 1));
        let server = Server::start(&web, "0.0.0.0:80");
        let (binder, monitor) = (ns.start("binder", CONFIG), web.start("monitor", CONFIG));
        let own = BTreeSet::from([IpAddr::from([198, 51, 100, 1])]);
        status::until_published(&ns, "www", &own);
        Self { _lan: lan, ns, web, _server: server, binder, monitor }
    }

    fn folder(&self) -> PathBuf {
        self.web.path(PLUGINS)
    }

    fn reload(&self) -> Output {
        self.web.rais(&["reload", "-c", CONFIG])
    }

    fn heard(&self) -> Heard {
        let binder = status::binder(&self.ns).unwrap();
        let [host] = &*binder.hosts else { panic!("one host is heard: {:?}", binder.hosts) };
        Heard {
            newest: host.sequence,
            accepted: binder.counters.accepted,
            refused: binder.refused(),
            published: binder.counters.published,
            serial: binder.zones[0].serial,
        }
    }

    /// Waits until so many more beats came in.
    fn until_beats(&self, more: u64) {
        let before = self.heard().accepted;
        wait::until("beats", || {
            let now = self.heard().accepted - before;
            if now >= more { Ok(()) } else { Err(format!("{now} of {more} came")) }
        });
    }

    /// The plugin's row in the list of what runs: its state, and how many processes it has.
    fn plugin(&self) -> (String, String) {
        let args = ["plugins", "list", "--running", "-c", CONFIG, "--output", "json"];
        let rows = self.web.rais(&args).expect_code(0).json();
        let rows = rows.as_array().unwrap();
        let row = rows.iter().find(|row| row["kind"] == "probe" && row["name"] == "tcp").unwrap();
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        (text("state"), text("isolation"))
    }
}

/// What the binder has of its one monitor.
#[derive(Debug)]
struct Heard {
    newest: u64,
    accepted: u64,
    refused: u64,
    published: u64,
    serial: Option<u32>,
}

impl Heard {
    /// Of the beats sent since `before`, those that never came.
    fn lost_since(&self, before: &Heard) -> u64 {
        (self.newest - before.newest) - (self.accepted - before.accepted)
    }
}

fn upgraded(isolation: &str) {
    let upgrades =
        if std::env::var_os("RAIS_TEST_LONG").is_some_and(|it| it == "1") { 50 } else { 6 };
    let mut net = Net::start(isolation);
    assert_eq!(net.plugin(), ("ready".to_owned(), isolation.to_owned()));
    net.until_beats(3);
    let (before, begun) = (net.heard(), Instant::now());
    for version in 1..=upgrades {
        install(&net.folder(), &library(version));
        net.reload().expect_code(0);
        net.until_beats(3);
        assert_eq!(net.plugin(), ("ready".to_owned(), isolation.to_owned()));
    }
    let (after, lasted) = (net.heard(), begun.elapsed().as_millis());

    assert_eq!(after.lost_since(&before), 0, "{before:?} {after:?}");
    assert_eq!(after.refused, before.refused);
    // Nobody was out for a moment, or the zone would have been published.
    assert_eq!((after.published, after.serial), (before.published, before.serial));
    let (sent, due) = (after.newest - before.newest, lasted / INTERVAL_MS);
    println!(
        "{isolation}: {upgrades} upgrades, {sent} beats in {lasted} ms ({due} intervals), 0 lost"
    );
    assert!(net.monitor.is_running() && net.binder.is_running());
}

#[test]
fn in_a_process_of_its_own() {
    upgraded("process");
}

#[test]
fn in_the_process_of_rais() {
    upgraded("none");
}

#[test]
fn a_bad_library_is_refused_and_the_old_one_goes_on() {
    let mut net = Net::start("process");
    let whole = library(1);
    let bad: [(&[u8], &str); 3] = [
        (b"", "is empty"),
        (b"#!/bin/sh\n", "not a shared library"),
        (&whole[..whole.len() / 2], "is cut short"),
    ];
    let before = net.heard();
    for (octets, why) in bad {
        install(&net.folder(), octets);
        let refused = net.reload().expect_code(2);
        assert!(refused.stderr.contains("libprobe_tcp.so is refused"), "{}", refused.stderr);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
        assert!(refused.stderr.contains("the old configuration goes on"), "{}", refused.stderr);
        net.until_beats(3);
        assert_eq!(net.plugin().0, "ready");
    }
    // Gone is as bad as broken.
    fs::remove_file(net.folder().join("libprobe_tcp.so")).unwrap();
    let gone = net.reload();
    assert_eq!(gone.code, 0, "the built-in probe takes over: {}", gone.stderr);
    net.until_beats(3);
    install(&net.folder(), &whole);
    net.reload().expect_code(0);
    net.until_beats(3);
    let after = net.heard();
    assert_eq!(after.lost_since(&before), 0, "{before:?} {after:?}");
    assert_eq!((after.published, after.serial), (before.published, before.serial));
    assert!(net.monitor.is_running());
}
