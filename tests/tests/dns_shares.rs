//! What the sink `dns` makes of weights and turns, counted by clients: over UDP, over TCP, and through a
//! real unbound.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use domain::base::iana::Rtype;
use domain::base::{Message, MessageBuilder, Name};
use domain::rdata::A;
use rais_tests::dns::Client;
use rais_tests::host::Host;
use rais_tests::netns::Lan;
use rais_tests::process::Process;
use rais_tests::wait;

const CONFIG: &str = "/var/lib/bind/rais.toml";
const HEADER: &str =
    "$TTL 1h\n@ IN SOA ns1 hostmaster ( 1 3h 1h 1w 10 )\n@ IN NS ns1\nns1 IN A 127.0.0.1\n";
const OWN: &str = "127.0.0.1:53";
/// Of each address in 192.0.2.0/24, by its last octet: so that an answer has two.
const WEIGHTS: [(u8, u32); 4] = [(1, 40), (2, 60), (3, 80), (4, 100)];
/// Of each host in 192.0.2.0/24: so that an answer has one address.
const CAPACITIES: [(u8, u32); 3] = [(1, 1), (2, 2), (3, 4)];
const CLUSTER: &str =
    "[cluster]\nname = \"shares\"\ninsecure = true\n[transport.lan]\ntype = \"udp\"\n";
/// For what must come.
const PATIENCE: Duration = Duration::from_secs(60);
/// 20 turns of a wheel of 256 answers with two places.
const QUERIES: usize = 20 * 512;

/// Where everybody is always up.
fn start(host: &Host, balance: &str) -> Process {
    let targets = WEIGHTS
        .map(|(last, weight)| format!("{{ address = \"192.0.2.{last}\", weight = {weight} }}"))
        .join(", ");
    host.write("/var/lib/bind/header", HEADER);
    host.write(
        CONFIG,
        &format!(
            r#"
[monitor.service.www]
targets = [{targets}]
probe = {{ type = "exec", argv = ["/bin/true"] }}
[zone."www.example"]
header = "header"
sinks = ["own"]
[binder.service.www]
zone = "www.example"
{balance}
[sink.own]
type = "dns"
listen = ["{OWN}"]
workers = 2
"#
        ),
    );
    let rais = host.start("run", CONFIG);
    until_up(host, WEIGHTS.len());
    rais
}

/// So many are in the answers.
fn until_up(host: &Host, count: usize) {
    let client = Client::new(host.net(), OWN.parse().unwrap());
    wait::until("all to be up", || {
        let mut found = std::collections::BTreeSet::new();
        for _ in 0..64 {
            found.extend(client.addresses("www.example", Rtype::A)?);
        }
        if found.len() == count { Ok(()) } else { Err(format!("{found:?}")) }
    });
}

/// Hosts of the network, each with a monitor that tells its capacity.
fn monitors(lan: &Lan) -> Vec<(Host, Process)> {
    let one = |(last, capacity): (u8, u32)| {
        let host = Host::new(&format!("web{last}"));
        lan.attach(host.net(), "eth0", &[&format!("192.0.2.{last}/24")]);
        host.write(
            CONFIG,
            &format!(
                "{CLUSTER}[monitor]\ncapacity = {capacity}\n[monitor.service.www]\n\
                 probe = {{ type = \"exec\", argv = [\"/bin/true\"] }}\n"
            ),
        );
        let monitor = host.start("monitor", CONFIG);
        (host, monitor)
    };
    CAPACITIES.map(one).into()
}

/// How often each address was in an answer, and first in one.
#[derive(Debug, Default)]
struct Counts {
    all: BTreeMap<u8, usize>,
    first: BTreeMap<u8, usize>,
}

impl Counts {
    fn of(mut ask: impl FnMut() -> Vec<IpAddr>) -> Counts {
        let mut counts = Counts::default();
        for _ in 0..QUERIES {
            let addresses = ask();
            let last = |address: &IpAddr| match address {
                IpAddr::V4(v4) => v4.octets()[3],
                IpAddr::V6(_) => panic!("{address}"),
            };
            *counts.first.entry(last(&addresses[0])).or_default() += 1;
            for address in &addresses {
                *counts.all.entry(last(address)).or_default() += 1;
            }
        }
        counts
    }

    /// Each has its part, give or take so much of it.
    #[track_caller]
    fn are(&self, parts: &[(u8, u32)], tolerance: f64) {
        self.compared(parts, tolerance).unwrap();
    }

    fn compared(&self, parts: &[(u8, u32)], tolerance: f64) -> Result<(), String> {
        let whole: u32 = parts.iter().map(|(_, part)| part).sum();
        for counts in [&self.all, &self.first] {
            let sum: usize = counts.values().sum();
            for (last, part) in parts {
                let wanted = f64::from(*part) / f64::from(whole);
                let found = counts.get(last).copied().unwrap_or_default() as f64 / sum as f64;
                let off = (found / wanted - 1.0).abs();
                if off > tolerance {
                    return Err(format!(".{last}: {found:.4}, not {wanted:.4}: {self:?}"));
                }
            }
        }
        Ok(())
    }
}

/// Asks as clients ask resolvers, for recursion.
fn query() -> Vec<u8> {
    let name: Name<Vec<u8>> = "www.example".parse().unwrap();
    let mut query = MessageBuilder::new_vec();
    query.header_mut().set_rd(true);
    let mut query = query.question();
    query.push((&name, Rtype::A)).unwrap();
    query.finish()
}

fn addresses(answer: &[u8]) -> Vec<IpAddr> {
    let message = Message::from_slice(answer).unwrap();
    let records = message.answer().unwrap().limit_to::<A>();
    records.map(|record| IpAddr::V4(record.unwrap().data().addr())).collect()
}

fn udp_client(host: &Host, server: SocketAddr) -> UdpSocket {
    let client = host.net().enter(|| {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(server).unwrap();
        client
    });
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

fn by_udp(host: &Host, server: SocketAddr) -> Counts {
    let (client, query) = (udp_client(host, server), query());
    let mut room = [0; 1500];
    Counts::of(|| {
        client.send(&query).unwrap();
        let length = client.recv(&mut room).unwrap();
        addresses(&room[..length])
    })
}

/// All by one connection.
fn by_tcp(host: &Host) -> Counts {
    let mut stream = host.net().enter(|| TcpStream::connect(OWN).unwrap());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    let query = query();
    let framed = [&u16::try_from(query.len()).unwrap().to_be_bytes()[..], &query].concat();
    Counts::of(|| {
        stream.write_all(&framed).unwrap();
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer).unwrap();
        addresses(&answer)
    })
}

/// A resolver that keeps nothing and turns nothing, at 127.0.0.2.
fn unbound(host: &Host) -> (Process, SocketAddr) {
    host.write(
        "/var/lib/bind/unbound.conf",
        "server:\n interface: 127.0.0.2\n do-daemonize: no\n chroot: \"\"\n username: \"\"\n pidfile: \"\"\n\
         use-syslog: no\n directory: /var/lib/bind\n do-not-query-localhost: no\n\
         cache-max-ttl: 0\n rrset-roundrobin: no\n module-config: iterator\n local-zone: example transparent\n\
         stub-zone:\n name: www.example\n stub-addr: 127.0.0.1@53\n",
    );
    let mut command = host.command("unbound");
    command.args(["-d", "-p", "-c", "/var/lib/bind/unbound.conf"]);
    let mut process = host.spawn("unbound", &mut command);
    let server = "127.0.0.2:53".parse().unwrap();
    let (client, query) = (udp_client(host, server), query());
    client.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut room = [0; 1500];
    wait::until("unbound to answer", || {
        assert!(process.is_running(), "{}", process.stderr());
        // Before it listens, that is an error too.
        client.send(&query).map_err(|error| error.to_string())?;
        let length = client.recv(&mut room).map_err(|error| error.to_string())?;
        let found = addresses(&room[..length]);
        if found.is_empty() { Err(format!("{:?}", &room[..4])) } else { Ok(()) }
    });
    (process, server)
}

#[test]
fn each_address_is_given_out_as_its_weight_says() {
    let host = Host::new("ns1");
    let _rais = start(&host, "balance = \"weights\"\nslow_start = \"1ms\"");
    by_udp(&host, OWN.parse().unwrap()).are(&WEIGHTS, 0.02);
    by_tcp(&host).are(&WEIGHTS, 0.02);
    let (_unbound, resolver) = unbound(&host);
    by_udp(&host, resolver).are(&WEIGHTS, 0.02);
}

#[test]
fn each_address_has_its_turn() {
    let host = Host::new("ns1");
    let _rais = start(&host, "scheme = \"round-robin\"");
    let alike = WEIGHTS.map(|(last, _)| (last, 1));
    by_udp(&host, OWN.parse().unwrap()).are(&alike, 0.01);
    by_tcp(&host).are(&alike, 0.01);
    let (_unbound, resolver) = unbound(&host);
    by_udp(&host, resolver).are(&alike, 0.01);
}

#[test]
fn each_host_is_given_out_as_its_monitor_tells_its_capacity() {
    let lan = Lan::new();
    let _monitors = monitors(&lan);
    let ns = Host::new("ns1");
    lan.attach(ns.net(), "eth0", &["192.0.2.53/24"]);
    ns.write("/var/lib/bind/header", HEADER);
    ns.write(
        CONFIG,
        &format!(
            "{CLUSTER}[zone.\"www.example\"]\nheader = \"header\"\nsinks = [\"own\"]\n\
             [binder.service.www]\nzone = \"www.example\"\nslow_start = \"1ms\"\n\
             [sink.own]\ntype = \"dns\"\nlisten = [\"{OWN}\"]\n"
        ),
    );
    let _binder = ns.start("binder", CONFIG);
    until_up(&ns, CAPACITIES.len());
    // One that was heard a little later than the others begins below its weight.
    wait::until("each to have its share", || {
        by_udp(&ns, OWN.parse().unwrap()).compared(&CAPACITIES, 0.02)
    });
    by_tcp(&ns).are(&CAPACITIES, 0.02);
}
