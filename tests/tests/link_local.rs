//! Beats where a network has no addresses but link-local ones: signed, by a group of the link.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr, SocketAddrV6, UdpSocket};

use nix::net::if_::if_nametoindex;
use nix::sys::signal::Signal;
use rais_tests::host::Host;
use rais_tests::netns::{Lan, add_address};
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::{dns, keys, status, wait};
use socket2::SockRef;

const CONFIG: &str = "/var/lib/bind/rais.toml";
const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x5369);
const PORT: u16 = 5369;

const TEXT: &str = r#"
[cluster]
name = "link-local"
keys = "keys"
[transport.it]
type = "udp"
mode = "multicast"
groups = ["ff02::5369"]
interfaces = ["eth0"]
[monitor]
advertise = ["2001:db8::/64"]
[monitor.service.www]
interval = "200ms"
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

/// Two web hosts and a name server; the servers' addresses are on loopback, where a router has them.
struct Net {
    lan: Lan,
    ns: Host,
    binder: Process,
    webs: [Web; 2],
}

struct Web {
    host: Host,
    monitor: Process,
    _server: Server,
}

/// Of web hosts with these numbers.
fn addresses<const N: usize>(numbers: [u16; N]) -> BTreeSet<IpAddr> {
    numbers.map(|n| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n).into()).into()
}

impl Net {
    /// Both are in.
    fn settled() -> Net {
        let lan = Lan::new();
        let host = |name: &str| {
            let host = Host::new(name);
            lan.attach(host.net(), "eth0", &[]);
            host.write(CONFIG, TEXT);
            host
        };
        let (ns, webs) = (host("ns1"), ["web1", "web2"].map(host));
        keys::share(&[&ns, &webs[0], &webs[1]], "/var/lib/bind/keys");
        let binder = ns.start("binder", CONFIG);
        let mut number = 0;
        let webs = webs.map(|host| {
            number += 1;
            add_address(host.net(), "lo", &format!("2001:db8::{number}/128"));
            let (server, monitor) =
                (Server::start(&host, "[::]:80"), host.start("monitor", CONFIG));
            Web { host, monitor, _server: server }
        });
        let net = Net { lan, ns, binder, webs };
        net.until_published(&addresses([1, 2]));
        net
    }

    /// By status, and in the zone's file.
    #[track_caller]
    fn until_published(&self, wanted: &BTreeSet<IpAddr>) {
        status::until_published(&self.ns, "www", wanted);
        let file = self.ns.path("/var/lib/bind/www.example.zone");
        assert_eq!(dns::check_zone("www.example", &file).unwrap().addresses, *wanted);
    }

    /// The newest beat of each host.
    fn sequences(&self) -> BTreeMap<String, u64> {
        let hosts = status::binder(&self.ns).unwrap().hosts;
        hosts.into_iter().map(|host| (host.name, host.sequence)).collect()
    }

    fn plug_in(&self, host: &Host) {
        self.lan.attach(host.net(), "eth0", &[]);
    }
}

/// Sends to the group from `host`, with so many hops.
fn send(host: &Host, hops: u32, datagram: &[u8]) {
    host.net().enter(|| {
        let link = if_nametoindex("eth0").unwrap();
        let socket = UdpSocket::bind("[::]:0").unwrap();
        SockRef::from(&socket).set_multicast_hops_v6(hops).unwrap();
        socket.send_to(datagram, SocketAddrV6::new(GROUP, PORT, 0, link)).unwrap();
    });
}

#[test]
fn beats_travel_where_there_are_link_local_addresses_alone() {
    let mut net = Net::settled();
    let status = status::binder(&net.ns).unwrap();
    assert_eq!(status.security, "authenticated");
    assert_eq!(status.hosts.len(), 2);
    for host in &status.hosts {
        let source = host.source.as_deref().unwrap();
        assert!(source.starts_with("[fe80::") && host.key.is_some(), "{host:?}");
    }

    // An interface that goes takes its host with it, and brings it back.
    net.webs[1].host.net().ip("link del eth0");
    net.until_published(&addresses([1]));
    net.plug_in(&net.webs[1].host);
    net.until_published(&addresses([1, 2]));

    // The binder's own: deaf, it changes nothing.
    net.ns.net().ip("link del eth0");
    status::until_binder(&net.ns, "an alarm of deafness", |status| {
        if status.alarmed("deaf", "www") { Ok(()) } else { Err(format!("{:?}", status.alarms)) }
    });
    let before = net.sequences();
    net.plug_in(&net.ns);
    wait::until("beats of everybody again", || {
        let now = net.sequences();
        let newer = now.iter().filter(|(name, n)| **n > before[*name]).count();
        if newer == 2 { Ok(()) } else { Err(format!("{before:?}, {now:?}")) }
    });
    net.until_published(&addresses([1, 2]));

    // Dead without a word.
    net.webs[0].monitor.kill();
    net.until_published(&addresses([2]));
}

#[test]
fn what_has_passed_a_router_is_refused_and_counted() {
    let mut net = Net::settled();
    let no_beats = |status: &status::Binder| status.counters.refused["not_a_beat"];
    assert_eq!(no_beats(&status::binder(&net.ns).unwrap()), 0);
    // One after the other, through one socket of the binder: what it says of the last is true of all.
    let from = &net.webs[0].host;
    for hops in [254, 64, 1] {
        send(from, hops, b"far");
    }
    send(from, 255, b"near");
    let status = status::until_binder(&net.ns, "the near one to be counted", |status| {
        if no_beats(status) > 0 { Ok(()) } else { Err(format!("{:?}", status.counters)) }
    });
    assert_eq!((no_beats(&status), status.refused()), (1, 1), "{:?}", status.counters);
    assert_eq!(status.service("www").unwrap().set, addresses([1, 2]));
    let said = net.binder.stderr();
    assert_eq!(said.matches("with a hop limit of 254 left").count(), 1, "{said}");
    assert_eq!(said.matches("with a hop limit of").count(), 1, "{said}");

    // How many there were in all is said in the end.
    for _ in 0..3 {
        send(from, 254, b"far");
    }
    send(from, 255, b"near");
    status::until_binder(&net.ns, "another near one to be counted", |status| {
        if no_beats(status) == 2 { Ok(()) } else { Err(format!("{:?}", status.counters)) }
    });
    net.binder.signal(Signal::SIGTERM);
    assert_eq!(net.binder.finished(), 0);
    let said = net.binder.stderr();
    assert!(said.contains("6 datagrams to a group were refused"), "{said}");
}
