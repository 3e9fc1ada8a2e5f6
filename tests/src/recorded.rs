//! A site whose heartbeats somebody records, sends again, and drowns in junk.

use std::collections::BTreeSet;
use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::host::Host;
use crate::netns::Lan;
use crate::process::Process;
use crate::server::Server;
use crate::{journal, keys, status, wait};

/// Where the configuration is, on each host.
pub const CONFIG: &str = "/var/lib/bind/rais.toml";
const BINDER: &str = "198.51.100.53:5369";
const TAP: &str = "198.51.100.60:5369";

/// Of a flood, a second.
pub const REPLAYS: u32 = 1_000;
/// Of a flood, a second: a multiple of the other.
pub const JUNK: u32 = 10_000;

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

/// A binder, and monitors that a tap beside it hears too.
#[derive(Debug)]
pub struct Recorded {
    /// Where the binder is.
    pub ns: Host,
    /// The binder.
    pub binder: Process,
    /// The monitors, by the numbers of their hosts, from 1.
    pub monitors: Vec<Process>,
    tap: UdpSocket,
    /// Where who replays is: at the first server's address.
    attacker: UdpSocket,
    _servers: Vec<(Host, Server)>,
    _lan: Lan,
}

fn address(number: u8) -> IpAddr {
    IpAddr::from([198, 51, 100, number])
}

/// Of hosts with these numbers.
#[must_use]
pub fn addresses(numbers: std::ops::RangeInclusive<u8>) -> BTreeSet<IpAddr> {
    numbers.map(address).collect()
}

impl Recorded {
    /// With so many servers, all of them in.
    #[track_caller]
    #[must_use]
    pub fn settled(servers: u8) -> Self {
        let lan = Lan::new();
        let host = |name: &str, number: u8| {
            let host = Host::new(name);
            lan.attach(host.net(), "eth0", &[&format!("{}/24", address(number))]);
            host
        };
        let (ns, beside) = (host("ns1", 53), host("tap", 60));
        let webs: Vec<Host> = (1..=servers).map(|n| host(&format!("web{n}"), n)).collect();
        keys::share(&std::iter::once(&ns).chain(&webs).collect::<Vec<_>>(), "/var/lib/bind/keys");
        let tap = beside.net().enter(|| UdpSocket::bind(TAP).expect("a tap"));
        tap.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        let attacker = webs[0].net().enter(|| UdpSocket::bind("198.51.100.1:0").expect("a socket"));
        ns.write(CONFIG, &format!("{TEXT}listen = \"{BINDER}\"\n"));
        let binder = ns.start("binder", CONFIG);
        let start = |host: Host| {
            host.write(CONFIG, &format!("{TEXT}peers = [\"{BINDER}\", \"{TAP}\"]\n"));
            let server = Server::start(&host, "0.0.0.0:80");
            (host.start("monitor", CONFIG), (host, server))
        };
        let (monitors, running) = webs.into_iter().map(start).unzip();
        let site = Self { ns, binder, monitors, tap, attacker, _servers: running, _lan: lan };
        status::until_published(&site.ns, "www", &addresses(1..=servers));
        site
    }

    /// What all monitors say from now on, until it is so many heartbeats.
    #[track_caller]
    #[must_use]
    pub fn record(&self, heartbeats: usize) -> Vec<Vec<u8>> {
        let (mut octets, mut recorded) = ([0; 2048], Vec::new());
        while recorded.len() < heartbeats {
            let length = wait::until("a heartbeat at the tap", || {
                self.tap.recv(&mut octets).map_err(|error| error.to_string())
            });
            recorded.push(octets[..length].to_vec());
        }
        recorded
    }

    /// What the binder has refused so far.
    #[track_caller]
    #[must_use]
    pub fn refused(&self) -> u64 {
        status::binder(&self.ns).expect("the binder's status").refused()
    }

    /// Sends all of it to the binder in small lots, each awaited: none is lost for want of room.
    #[track_caller]
    pub fn replay(&self, recorded: &[Vec<u8>]) {
        let mut wanted = self.refused();
        for lot in recorded.chunks(16) {
            for datagram in lot {
                self.attacker.send_to(datagram, BINDER).expect("sent");
            }
            wanted += lot.len() as u64;
            status::until_binder(&self.ns, &format!("{wanted} refusals"), |status| {
                let refused = status.refused();
                if refused >= wanted { Ok(()) } else { Err(format!("{refused} are counted")) }
            });
        }
    }

    /// What was decided, one line of the journal each.
    #[track_caller]
    #[must_use]
    pub fn decided(&self) -> Vec<String> {
        journal::decided(&self.ns)
    }
    /// Sends of what was recorded [`REPLAYS`] a second and of junk [`JUNK`], until it is `over`; how much that
    /// was. Junk is what was recorded with one bit of it turned.
    #[must_use]
    pub fn flood(&self, recorded: &[Vec<u8>], over: &AtomicBool) -> usize {
        let mut random = fastrand::Rng::with_seed(11);
        let (begun, mut sent) = (Instant::now(), 0);
        while !over.load(Ordering::Relaxed) {
            // However late this thread gets to it.
            if sent as f64 > begun.elapsed().as_secs_f64() * f64::from(REPLAYS + JUNK) {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            let again = &recorded[random.usize(..recorded.len())];
            let mut datagrams = vec![again.clone()];
            for _ in 0..JUNK / REPLAYS {
                let mut junk = again.clone();
                let at = random.usize(..junk.len());
                junk[at] ^= 1 << random.u8(..8);
                datagrams.push(junk);
            }
            for datagram in &datagrams {
                // A full buffer is a loss like any.
                let _ = self.attacker.send_to(datagram, BINDER);
            }
            sent += datagrams.len();
        }
        sent
    }
}
