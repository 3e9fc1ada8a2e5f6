//! A name server under attack, and a client beside that asks as one should.

mod asking;
mod crowd;
mod packets;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

pub use asking::{Asked, Way};

use crate::host::Host;
use crate::process::Process;
use crate::wait;

const CONFIG: &str = "/var/lib/bind/rais.toml";
const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 53);
const ZONE: &str = "static.example";
/// The name of a zone's longest answer, of some 40,000 octets.
const LARGE: &str = "large.static.example";

/// Who means no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// Nobody: what the others are compared with.
    Nothing,
    /// Queries with octets changed, cut off and doubled, by UDP.
    Mutated,
    /// The same by TCP, as pipelines whose answers are read.
    MutatedByTcp,
    /// Names that are compressed to point to themselves or to each other, by UDP.
    Loops,
    /// Connections on which nothing comes, or half a query, or one octet now and then.
    HalfOpen,
    /// Connections on which long answers are asked for without end, and none is read.
    Unread,
}

/// How much of it, at the least.
#[derive(Debug, Clone, Copy)]
pub struct Strength {
    /// Packets, where it is packets.
    pub packets: usize,
    /// Connections at a time, each from an address of its own.
    pub clients: u16,
    /// Answers that the client beside wants in each of its ways.
    pub answers: usize,
}

/// What came of an attack.
#[derive(Debug)]
pub struct Attacked {
    /// Packets that were sent, or connections that were opened.
    pub sent: usize,
    /// How the client beside fared.
    pub asked: Asked,
}

/// A running `rais binder` that serves a zone from a file, at 127.0.0.1:53 of a host of its own.
#[derive(Debug)]
pub struct Target {
    /// The process.
    pub rais: Process,
    names: u16,
    host: Host,
}

/// How far an attack is.
#[derive(Debug, Default)]
struct Course {
    /// It has its full strength.
    is_under_way: AtomicBool,
    /// As much was sent as was to be.
    is_enough: AtomicBool,
    /// The client beside has its answers.
    is_over: AtomicBool,
    sent: AtomicUsize,
}

impl Attack {
    /// All of them, and nothing first.
    pub const ALL: [Attack; 6] = [
        Attack::Nothing,
        Attack::Mutated,
        Attack::MutatedByTcp,
        Attack::Loops,
        Attack::HalfOpen,
        Attack::Unread,
    ];

    /// In a few words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Attack::Nothing => "nothing",
            Attack::Mutated => "mutated packets",
            Attack::MutatedByTcp => "mutated, by TCP",
            Attack::Loops => "compression loops",
            Attack::HalfOpen => "half-open and slow",
            Attack::Unread => "unread pipelines",
        }
    }

    fn run(self, strength: Strength, course: &Course) {
        match self {
            Attack::Nothing => {
                course.is_under_way.store(true, Ordering::Release);
                course.is_enough.store(true, Ordering::Release);
            }
            Attack::Mutated => packets::by_udp(packets::Kind::Mutated, strength.packets, course),
            Attack::MutatedByTcp => packets::by_tcp(strength.packets, course),
            Attack::Loops => packets::by_udp(packets::Kind::Loops, strength.packets, course),
            Attack::HalfOpen => crowd::run(crowd::Kind::HalfOpen, strength.clients, course),
            Attack::Unread => crowd::run(crowd::Kind::Unread, strength.clients, course),
        }
    }
}

impl Target {
    /// With so many names in its zone, `n0`, `n1` …
    #[track_caller]
    #[must_use]
    pub fn start(names: u16) -> Target {
        let host = Host::new("ns1");
        let mut zone =
            "$TTL 1h\n@ SOA ns1 hostmaster ( 1 3h 1h 1w 10 )\n  NS ns1\nns1 A 127.0.0.1\n\
                        *.wild A 192.0.2.1\nalias CNAME n0\nsub NS ns1.sub\nns1.sub A 192.0.2.2\n"
                .to_owned();
        for name in 0..names {
            zone.push_str(&format!("n{name} A {}\n", address(name)));
        }
        let text = "x".repeat(250);
        for number in 0..150 {
            zone.push_str(&format!("large TXT \"{number:03}{text}\"\n"));
        }
        host.write(&format!("/var/lib/zones/{ZONE}.zone"), &zone);
        host.write(
            CONFIG,
            "[sink.own]\ntype = \"dns\"\nlisten = [\"127.0.0.1:53\"]\nzones = \"/var/lib/zones\"\n",
        );
        let rais = host.start("binder", CONFIG);
        wait::until("the zone's line in the log", || {
            let log = rais.stderr();
            if log.contains("taken up from") { Ok(()) } else { Err(log) }
        });
        Target { rais, names, host }
    }

    /// Lines of its log so far.
    #[must_use]
    pub fn log_lines(&self) -> usize {
        self.rais.stderr().lines().count()
    }

    /// Attacks it while a client beside asks; `watch` is called again and again meanwhile.
    ///
    /// # Panics
    /// If a step of the attack fails, or nobody answers any more.
    pub fn attack(&self, attack: Attack, strength: Strength, mut watch: impl FnMut()) -> Attacked {
        let course = Course::default();
        let net = self.host.net();
        let asked = thread::scope(|scope| {
            let attacking = scope.spawn(|| net.enter(|| attack.run(strength, &course)));
            let asking = scope.spawn(|| {
                // Also where it fails: the others wait for it.
                let _over = Over(&course);
                net.enter(|| asking::ask(self.names, strength.answers, &course))
            });
            while !asking.is_finished() {
                watch();
                thread::sleep(PAUSE);
            }
            attacking.join().expect("the attack");
            asking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        Attacked { sent: course.sent.load(Ordering::Relaxed), asked }
    }
}

/// Between two looks of who watches.
const PAUSE: Duration = Duration::from_millis(100);

struct Over<'a>(&'a Course);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Release);
    }
}

/// Of the name with this number.
fn address(name: u16) -> Ipv4Addr {
    let [high, low] = name.to_be_bytes();
    Ipv4Addr::new(10, 0, high, low)
}
