//! Heartbeats that were recorded, and floods of them: nothing is believed twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rais_tests::host::Host;
use rais_tests::netns::Lan;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::{count, keys, status, wait};

const CONFIG: &str = "/var/lib/bind/rais.toml";
const BINDER: &str = "198.51.100.53:5369";
const TAP: &str = "198.51.100.60:5369";

const TEXT: &str = r#"
[cluster]
name = "replay"
keys = "keys"
[monitor.service.www]
interval = "100ms"
expire = "10s"
timeout = "80ms"
fast_interval = "20ms"
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
[transport.it]
type = "udp"
mode = "unicast"
"#;

struct Net {
    ns: Host,
    binder: Process,
    webs: Vec<Web>,
    tap: UdpSocket,
    /// Where who replays is: at the first server's address.
    attacker: UdpSocket,
    _lan: Lan,
}

struct Web {
    _host: Host,
    monitor: Process,
    _server: Server,
}

fn address(number: u8) -> IpAddr {
    IpAddr::from([198, 51, 100, number])
}

fn addresses(numbers: std::ops::RangeInclusive<u8>) -> BTreeSet<IpAddr> {
    numbers.map(address).collect()
}

impl Net {
    fn settled(servers: u8) -> Net {
        let lan = Lan::new();
        let host = |name: &str, number: u8| {
            let host = Host::new(name);
            lan.attach(host.net(), "eth0", &[&format!("{}/24", address(number))]);
            host
        };
        let (ns, beside) = (host("ns1", 53), host("tap", 60));
        let webs: Vec<Host> = (1..=servers).map(|n| host(&format!("web{n}"), n)).collect();
        keys::share(&std::iter::once(&ns).chain(&webs).collect::<Vec<_>>(), "/var/lib/bind/keys");
        let tap = beside.net().enter(|| UdpSocket::bind(TAP).unwrap());
        tap.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let attacker = webs[0].net().enter(|| UdpSocket::bind("198.51.100.1:0").unwrap());
        ns.write(CONFIG, &format!("{TEXT}listen = \"{BINDER}\"\n"));
        let binder = ns.start("binder", CONFIG);
        let start = |host: Host| {
            host.write(CONFIG, &format!("{TEXT}peers = [\"{BINDER}\", \"{TAP}\"]\n"));
            let (server, monitor) =
                (Server::start(&host, "0.0.0.0:80"), host.start("monitor", CONFIG));
            Web { _host: host, monitor, _server: server }
        };
        let webs = webs.into_iter().map(start).collect();
        let net = Net { ns, binder, webs, tap, attacker, _lan: lan };
        status::until_published(&net.ns, "www", &addresses(1..=servers));
        net
    }

    /// What all monitors say from now on, until it is so many heartbeats.
    fn record(&self, heartbeats: usize) -> Vec<Vec<u8>> {
        let (mut octets, mut recorded) = ([0; 2048], Vec::new());
        while recorded.len() < heartbeats {
            let length = wait::until("a heartbeat at the tap", || {
                self.tap.recv(&mut octets).map_err(|error| error.to_string())
            });
            recorded.push(octets[..length].to_vec());
        }
        recorded
    }

    fn refused(&self) -> u64 {
        status::binder(&self.ns).unwrap().refused()
    }

    /// Sends all of it to the binder in small lots, each awaited: none is lost for want of room.
    fn replay(&self, recorded: &[Vec<u8>]) {
        let mut wanted = self.refused();
        for lot in recorded.chunks(16) {
            for datagram in lot {
                self.attacker.send_to(datagram, BINDER).unwrap();
            }
            wanted += lot.len() as u64;
            status::until_binder(&self.ns, &format!("{wanted} refusals"), |status| {
                let refused = status.refused();
                if refused >= wanted { Ok(()) } else { Err(format!("{refused} are counted")) }
            });
        }
    }

    fn decided(&self) -> Vec<String> {
        let journal = self.ns.read("/var/lib/rais/binder/journal.jsonl");
        journal.lines().filter(|line| line.contains("\"decided\"")).map(str::to_owned).collect()
    }
}

#[test]
fn what_was_recorded_changes_nothing_at_any_time() {
    let mut net = Net::settled(3);
    // Ten a second of each.
    let recorded = net.record(30 * count(3, 60));
    let before = net.decided();
    net.replay(&recorded);
    assert_eq!(net.decided(), before, "at once");

    // The first dies without a word, and is out; its own words do not revive it.
    net.webs[0].monitor.kill();
    status::until_published(&net.ns, "www", &addresses(2..=3));
    let before = net.decided();
    net.replay(&recorded);
    assert_eq!(net.decided(), before, "after its death");
    assert_eq!(status::binder(&net.ns).unwrap().service("www").unwrap().set, addresses(2..=3));

    // Nor where the binder has been started anew.
    net.binder.signal(Signal::SIGTERM);
    assert_eq!(net.binder.finished(), 0);
    net.binder = net.ns.start("binder", CONFIG);
    status::until_binder(&net.ns, "the others to be heard", |status| {
        let accepted = status.counters.accepted;
        if accepted >= 20 { Ok(()) } else { Err(format!("{accepted} heartbeats")) }
    });
    net.replay(&recorded);
    let after = status::binder(&net.ns).unwrap();
    assert_eq!(after.service("www").unwrap().set, addresses(2..=3), "after a restart");
    let expected = ["duplicate", "replay"];
    let refused = after.counters.refused.iter().filter(|(_, n)| **n > 0);
    let strange: Vec<_> =
        refused.filter(|(reason, _)| !expected.contains(&reason.as_str())).collect();
    assert!(strange.is_empty(), "{:?}", after.counters.refused);
    assert!(after.counters.refused["replay"] as usize >= recorded.len() / 2);
}

/// Junk and replays, ten times as much of the one: how much was sent.
fn flood(net: &Net, recorded: &[Vec<u8>], over: &AtomicBool) -> usize {
    let mut random = fastrand::Rng::with_seed(11);
    let (begun, mut sent) = (Instant::now(), 0);
    while !over.load(Ordering::Relaxed) {
        // 11,000 a second, however late this thread gets to it.
        if sent as f64 > begun.elapsed().as_secs_f64() * 11_000.0 {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        let again = &recorded[random.usize(..recorded.len())];
        let mut datagrams = vec![again.clone()];
        for _ in 0..10 {
            let mut junk = again.clone();
            let at = random.usize(..junk.len());
            junk[at] ^= 1 << random.u8(..8);
            datagrams.push(junk);
        }
        for datagram in &datagrams {
            // A full buffer is a loss like any.
            let _ = net.attacker.send_to(datagram, BINDER);
        }
        sent += datagrams.len();
    }
    sent
}

/// Processor time of a process so far, in hundredths of a second.
fn ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    rest.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum()
}

fn resident_kib(process: u32) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn a_flood_of_junk_and_replays_beside_good_hosts_changes_nothing() {
    let net = Net::settled(8);
    let recorded = net.record(200);
    let (before, lines) = (net.decided(), net.binder.stderr().lines().count());
    let (pid, over) = (net.binder.id(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| flood(&net, &recorded, &over));
        // Eighty heartbeats a second; the first part of it is for what memory there is to be taken.
        net.record(80 * count(2, 10));
        let (memory, cpu, begun) = (resident_kib(pid), ticks(pid), Instant::now());
        net.record(80 * count(3, 50));
        let used = (ticks(pid) - cpu) as f64 / begun.elapsed().as_secs_f64();
        let grown = resident_kib(pid) - memory;
        over.store(true, Ordering::Relaxed);
        let sent = sending.join().unwrap();
        println!("{sent} sent; {used:.1} % of a core, {grown:+} KiB");
        assert!(grown < 2048, "{grown} KiB more");
    });
    assert_eq!(net.decided(), before);
    assert_eq!(status::binder(&net.ns).unwrap().service("www").unwrap().set, addresses(1..=8));
    // One line a second at most, and the same sender's no more often than once an hour.
    let said = net.binder.stderr();
    let news: Vec<_> = said.lines().skip(lines).collect();
    assert!(news.len() < 20, "{news:#?}");
    assert!(net.refused() > 1000, "it was heard");
}
