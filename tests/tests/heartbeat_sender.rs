//! `docs/reference/heartbeat-sender.py`, a sender in another language that was written from the
//! reference page: it is believed with the right secret and with no other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use nix::sys::signal::Signal;
use rais_tests::host::Host;
use rais_tests::process::Process;
use rais_tests::site::{Site, address};
use rais_tests::{status, wait};

const CONFIG: &str = "/var/lib/bind/rais.toml";
const BINDER: &str = r#"
[cluster]
name = "shop"
keys = "/var/lib/keys"
[transport.lan]
type = "udp"
mode = "unicast"
listen = "0.0.0.0:5369"
peers = ["129.144.168.51:5369"]
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[sink.files]
type = "bind"
directory = "/var/lib/bind"
reload = { type = "none" }
[zone."www.example"]
sinks = ["files"]
[binder.service.http]
zone = "www.example"
when_none = "empty"
"#;

fn read(name: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference").join(name);
    std::fs::read_to_string(page).unwrap()
}

/// A binder, and a host with Python and a key.
struct Pair {
    ns1: Host,
    web1: Host,
    _binder: Process,
    _site: Site,
}

impl Pair {
    fn new() -> Pair {
        let site = Site::new();
        let (ns1, web1) = (site.host("ns1", 51), site.host("web1", 1));
        ns1.write(CONFIG, BINDER);
        let allow = ["--allow", "129.144.168.1", "--allow", "2001:db8:168::/64"];
        let new = ["key", "new", "--keys", "/var/lib/keys", "--host", "web1", "--service", "http"];
        ns1.rais(&[&new[..], &allow].concat()).expect_code(0);
        std::fs::copy(ns1.path("/var/lib/keys/web1.key"), web1.path("/var/lib/web1.key")).unwrap();
        let binder = ns1.start("binder", CONFIG);
        Pair { ns1, web1, _binder: binder, _site: site }
    }

    /// Starts `program`, which speaks for `address`.
    fn send(&self, program: &str, address: IpAddr) -> Process {
        self.web1.write("/var/lib/sender.py", program);
        let mut command = self.web1.command("python3");
        command.args(["/var/lib/sender.py", "129.144.168.51", "5369", "shop"]);
        command.args(["/var/lib/web1.key", "/var/lib/web1.state", "web1", "http"]);
        self.web1.spawn("sender", command.arg(address.to_string()))
    }

    fn until_refused(&self, sender: &mut Process, reason: &str) {
        wait::until(&format!("a beat to be refused as {reason}"), || {
            assert!(sender.is_running(), "{}", sender.stderr());
            let refused = status::binder(&self.ns1)?.counters.refused;
            let counted = refused.get(reason).copied().unwrap_or_default();
            if counted >= 2 { Ok(()) } else { Err(format!("{refused:?}")) }
        });
        let status = status::binder(&self.ns1).unwrap();
        assert_eq!((status.counters.accepted, status.hosts.len()), (0, 0), "{status:#?}");
    }
}

#[test]
fn the_page_shows_the_sender() {
    let (page, sender) = (read("heartbeat.md"), read("heartbeat-sender.py"));
    assert!(page.contains(&format!("```python\n{sender}```")));
}

#[test]
fn a_sender_written_from_the_page_is_believed_and_its_goodbye_too() {
    let pair = Pair::new();
    let program = read("heartbeat-sender.py");
    let mut last = 0;
    let v6: IpAddr = "2001:db8:168::1".parse().unwrap();
    // The second is another life of the same host, and claims another address instead.
    for claimed in [address(1), v6, address(1)] {
        let mut sender = pair.send(&program, claimed);
        let status = status::until_published(&pair.ns1, "http", &BTreeSet::from([claimed]));
        assert_eq!(status.refused(), 0, "{:?}", status.counters);
        let [host] = &status.hosts[..] else { panic!("{status:#?}") };
        assert!(host.key.is_some());
        assert!(host.epoch > last, "{} after {last}", host.epoch);
        last = host.epoch;
        sender.signal(Signal::SIGINT);
        assert_eq!(sender.finished(), 0, "{}", sender.stderr());
        status::until_binder(&pair.ns1, "the goodbye", |status| {
            let set = &status.service("http")?.set;
            if set.is_empty() { Ok(()) } else { Err(format!("{set:?}")) }
        });
    }
}

#[test]
fn with_one_octet_of_the_secret_changed_it_is_not() {
    let pair = Pair::new();
    let program = read("heartbeat-sender.py");
    let change = "secret = bytes([secret[0] ^ 1]) + secret[1:]\n";
    let insert = |before: &str| {
        assert_eq!(program.matches(before).count(), 1, "{before}");
        program.replace(before, &format!("{change}{before}"))
    };
    // The id of a key is of its secret: where that is another too, no such key is known.
    let mut stranger = pair.send(&insert("key_id = "), address(1));
    pair.until_refused(&mut stranger, "unknown_key");
    stranger.kill();
    let mut forger = pair.send(&insert("# For the host's life"), address(1));
    pair.until_refused(&mut forger, "bad_tag");
}
