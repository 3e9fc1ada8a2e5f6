//! A zone's sink is swapped by a reload, zone file for dynamic updates and back, while its server
//! answers: no query is lost, and no answer is another than one of the two that were decided.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use domain::base::Rtype;
use rais_tests::dns::Client;
use rais_tests::host::Host;
use rais_tests::netns::Lan;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::wait;

const CONFIG: &str = "/var/lib/bind/rais.toml";
const ZONE: &str = "www.example";
const HEADER: &str =
    "$TTL 1h\n@ IN SOA ns1 hostmaster ( 1 3h 1h 1w 10 )\n@ IN NS ns1\nns1 IN A 127.0.0.1\n";

/// A Knot that takes both: files by `knotc`, and updates from where it is.
const KNOT: &str = "server:\n    rundir: /run/knot\n    listen: 127.0.0.1@53\n\
    log:\n  - target: stderr\n    any: info\n\
    database:\n    storage: /var/lib/knot\n\
    acl:\n  - id: here\n    address: 127.0.0.1\n    action: update\n\
    template:\n  - id: default\n    storage: /var/lib/bind\n\
    \x20   zonefile-sync: -1\n    journal-content: none\n    acl: here\n\
    zone:\n  - domain: www.example\n    file: www.example.zone\n";

fn config(sink: &str) -> String {
    format!(
        r#"
[monitor.service.www]
targets = ["192.0.2.20", "192.0.2.21"]
interval = "100ms"
timeout = "80ms"
fast_interval = "20ms"
probe = {{ type = "tcp", port = 8001 }}
[zone."www.example"]
header = "header"
sinks = ["{sink}"]
[binder.service.www]
zone = "www.example"
[sink.file]
type = "bind"
directory = "/var/lib/bind"
verify_interval = "1h"
reload = {{ type = "knotc", socket = "/run/knot/knot.sock" }}
verify = "127.0.0.1:53"
[sink.update]
type = "nsupdate"
verify_interval = "1h"
server = "127.0.0.1:53"
"#
    )
}

/// Asks without a pause, and counts what comes.
struct Asking {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<BTreeMap<Result<Vec<IpAddr>, String>, usize>>,
}

impl Asking {
    fn start(host: &Host) -> Asking {
        let client = Client::new(host.net(), "127.0.0.1:53".parse().unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut found = BTreeMap::new();
            while !asked.load(Ordering::Relaxed) {
                let answer = client.addresses(ZONE, Rtype::A).map(|mut addresses| {
                    addresses.sort();
                    addresses
                });
                *found.entry(answer).or_default() += 1;
            }
            found
        });
        Asking { stop, thread }
    }

    fn stop(self) -> BTreeMap<Result<Vec<IpAddr>, String>, usize> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

struct Site {
    host: Host,
    _knot: Process,
    _lan: Lan,
}

impl Site {
    fn start() -> Site {
        let (lan, host) = (Lan::new(), Host::owning("ns1", &["/etc/knot"]));
        lan.attach(host.net(), "eth0", &["192.0.2.1/24", "192.0.2.20/24", "192.0.2.21/24"]);
        host.write("/var/lib/bind/header", HEADER);
        host.write("/var/lib/bind/www.example.zone", HEADER);
        host.write("/etc/knot/knot.conf", KNOT);
        host.write("/run/knot/empty", "");
        host.write("/var/lib/knot/empty", "");
        let mut knot = host.spawn("knot", &mut host.command("knotd"));
        let client = Client::new(host.net(), "127.0.0.1:53".parse().unwrap());
        wait::until("Knot to serve the zone", || {
            assert!(knot.is_running(), "it ended:\n{}", knot.stderr());
            let answer = client.ask(ZONE, Rtype::SOA)?;
            if answer.authoritative { Ok(()) } else { Err(answer.rcode) }
        });
        Site { host, _knot: knot, _lan: lan }
    }

    #[track_caller]
    fn until_served(&self, hosts: &[u8]) {
        let client = Client::new(self.host.net(), "127.0.0.1:53".parse().unwrap());
        let wanted = addresses(hosts);
        wait::until(&format!("{wanted:?} to be served"), || {
            let mut found = client.addresses(ZONE, Rtype::A)?;
            found.sort();
            if found == wanted { Ok(()) } else { Err(format!("{found:?}")) }
        });
    }

    /// Has the zone go out by `sink` from now on; when this returns it does.
    fn swap_to(&self, sink: &str) {
        self.host.write(CONFIG, &config(sink));
        self.host.rais(&["reload", "-c", CONFIG]).expect_code(0);
        rais_tests::status::until_binder(&self.host, &format!("{sink} to confirm"), |status| {
            let sinks = &status.zones[0].sinks;
            match sinks.as_slice() {
                [one] if one.sink == sink && one.state == "ok" => Ok(()),
                _ => Err(format!("{sinks:?}")),
            }
        });
    }
}

fn addresses(hosts: &[u8]) -> Vec<IpAddr> {
    hosts.iter().map(|&host| IpAddr::from([192, 0, 2, host])).collect()
}

#[test]
fn from_files_to_updates_and_back_nothing_is_lost_and_nothing_is_wrong() {
    let site = Site::start();
    let host = &site.host;
    let _first = Server::start(host, "192.0.2.20:8001");
    let mut second = Server::start(host, "192.0.2.21:8001");
    host.write(CONFIG, &config("file"));
    let _rais = host.start("run", CONFIG);
    site.until_served(&[20, 21]);

    let asking = Asking::start(host);
    for sink in ["update", "file", "update", "file"] {
        // Under way by the one while the other takes its place; nobody looks whether it is right.
        second.kill();
        site.swap_to(sink);
        site.until_served(&[20]);
        second = Server::start(host, "192.0.2.21:8001");
        site.until_served(&[20, 21]);
    }
    let found = asking.stop();
    let (both, one) = (Ok(addresses(&[20, 21])), Ok(addresses(&[20])));
    assert!(found.keys().all(|answer| *answer == both || *answer == one), "{found:#?}");
    assert!(found[&both] > 0 && found[&one] > 0, "{found:#?}");
    drop(second);
}
