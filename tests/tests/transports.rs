//! The ways a beat can travel, each over a network of its own, both families.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use rais_tests::host::Host;
use rais_tests::netns::{Lan, add_address, remove_address};
use rais_tests::server::Server;
use rais_tests::{dns, status};

const CONFIG: &str = "/var/lib/bind/rais.toml";

/// Two web hosts and a name server, with both families or IPv6 alone.
struct Net {
    _lan: Lan,
    ns: Host,
    webs: [Host; 2],
}

#[derive(Clone, Copy)]
enum Families {
    Both,
    V6,
}

impl Net {
    fn new(families: Families) -> Self {
        let lan = Lan::new();
        let host = |name: &str, number: u8| {
            let host = Host::new(name);
            let v6 = format!("2001:db8::{number}/64");
            let v4 = format!("198.51.100.{number}/24");
            match families {
                Families::Both => lan.attach(host.net(), "eth0", &[&v4, &v6]),
                Families::V6 => lan.attach(host.net(), "eth0", &[&v6]),
            }
            host
        };
        let (ns, webs) = (host("ns1", 53), [host("web1", 1), host("web2", 2)]);
        Self { _lan: lan, ns, webs }
    }

    /// Runs the site with the transport `monitor_side` on web hosts and `binder_side` on the name
    /// server; waits until the zone has all addresses.
    fn run(&self, monitor_side: &str, binder_side: &str, wanted: &[&str]) {
        let wanted: BTreeSet<IpAddr> = wanted.iter().map(|a| a.parse().unwrap()).collect();
        self.ns.write(CONFIG, &config(binder_side));
        let _binder = self.ns.start("binder", CONFIG);
        let _running = self.webs.each_ref().map(|web| {
            web.write(CONFIG, &config(monitor_side));
            (Server::start(web, "[::]:80"), web.start("monitor", CONFIG))
        });
        status::until_published(&self.ns, "www", &wanted);
        let file = self.ns.path("/var/lib/bind/www.example.zone");
        assert_eq!(dns::check_zone("www.example", &file).unwrap().addresses, wanted);
    }
}

fn config(transport: &str) -> String {
    format!(
        r#"
[cluster]
name = "transports"
insecure = true
[transport.it]
type = "udp"
{transport}
[monitor.service.www]
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

const BOTH: [&str; 4] = ["198.51.100.1", "198.51.100.2", "2001:db8::1", "2001:db8::2"];
const V6: [&str; 2] = ["2001:db8::1", "2001:db8::2"];

#[test]
fn broadcast() {
    Net::new(Families::Both).run("mode = \"broadcast\"", "mode = \"broadcast\"", &BOTH);
}

#[test]
fn multicast_over_ipv4() {
    let both = "mode = \"multicast\"\ninterfaces = [\"eth0\"]";
    Net::new(Families::Both).run(both, both, &BOTH);
}

#[test]
fn multicast_over_ipv6_alone() {
    let both = "mode = \"multicast\"\ngroups = [\"ff02::5369\"]\ninterfaces = [\"eth0\"]";
    Net::new(Families::V6).run(both, both, &V6);
}

#[test]
fn unicast_over_ipv4() {
    Net::new(Families::Both).run(
        "mode = \"unicast\"\npeers = [\"198.51.100.53:5369\"]",
        "mode = \"unicast\"\nlisten = \"198.51.100.53:5369\"",
        &BOTH,
    );
}

#[test]
fn unicast_over_ipv6_alone() {
    Net::new(Families::V6).run(
        "mode = \"unicast\"\npeers = [\"[2001:db8::53]:5369\"]",
        "mode = \"unicast\"\nlisten = \"[2001:db8::53]:5369\"",
        &V6,
    );
}

/// An interface that comes, changes its address and goes, under a running monitor.
#[test]
fn interfaces_are_followed() {
    let (first, second) = (Lan::new(), Lan::new());
    let (ns, web) = (Host::new("ns1"), Host::new("web1"));
    first.attach(ns.net(), "eth0", &["198.51.100.53/24"]);
    second.attach(ns.net(), "eth1", &["203.0.113.53/24"]);
    for host in [&ns, &web] {
        host.write(CONFIG, &config(""));
    }
    let _server = Server::start(&web, "0.0.0.0:80");
    // Nothing but loopback yet, on the monitor's host.
    let _running = [web.start("monitor", CONFIG), ns.start("binder", CONFIG)];
    let expect = |wanted: &[&str]| {
        let wanted = wanted.iter().map(|a| a.parse().unwrap()).collect();
        status::until_set(&ns, "www", &wanted);
    };
    first.attach(web.net(), "eth0", &["198.51.100.1/24"]);
    expect(&["198.51.100.1"]);
    second.attach(web.net(), "eth1", &["203.0.113.1/24"]);
    expect(&["198.51.100.1", "203.0.113.1"]);
    web.net().ip("link del eth0");
    expect(&["203.0.113.1"]);
    // The kernel takes the others of a subnet along with the first: so the new one comes after.
    remove_address(web.net(), "eth1", "203.0.113.1/24");
    add_address(web.net(), "eth1", "203.0.113.2/24");
    expect(&["203.0.113.2"]);
}
