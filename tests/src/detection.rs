//! How soon a failure is told: a host with many addresses, a server process on each, and a binder
//! that publishes them; then one after the other fails and returns.
//!
//! An address fails only once or twice in the life of a stage: from the fourth fall within minutes
//! on, a monitor holds it down.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::fakeclock::FakeClock;
use crate::host::Host;
use crate::netns::Lan;
use crate::process::Process;
use crate::server::Server;
use crate::tap::{Said, Tap};
use crate::zonefile::{Is, WatchedFile};

/// The service whose servers fail.
pub const SERVICE: &str = "www";

const CONFIG: &str = "/var/lib/bind/rais.toml";
const PORT: u16 = 80;

/// What befalls a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// SIGKILL: connections are refused.
    Killed,
    /// SIGSTOP: its kernel takes connections, and nobody answers.
    Hung,
    /// It answers, and says 503.
    Unavailable,
    /// Packets to it are dropped.
    Dropped,
}

impl Failure {
    /// All of them.
    pub const ALL: [Failure; 4] =
        [Failure::Killed, Failure::Unavailable, Failure::Hung, Failure::Dropped];

    /// In a few words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Failure::Killed => "killed",
            Failure::Hung => "hung",
            Failure::Unavailable => "HTTP 503",
            Failure::Dropped => "packets dropped",
        }
    }

    /// What the beats must say of it, though perhaps not from the start: a killed process of a busy
    /// machine hangs until it is dead.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Failure::Killed => "connection refused",
            Failure::Hung => "timeout at first byte",
            Failure::Unavailable => "status 503",
            Failure::Dropped => "timeout at connecting",
        }
    }
}

/// How often the servers are probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// As where nothing is said.
    Defaults,
    /// `config/quick.toml`.
    Quick,
}

impl Profile {
    /// Both.
    pub const ALL: [Profile; 2] = [Profile::Defaults, Profile::Quick];

    /// In a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Profile::Defaults => "defaults",
            Profile::Quick => "quick",
        }
    }

    /// From a failure to the withdrawn beat: what a median and a maximum may be.
    #[must_use]
    pub fn goal(self, failure: Failure) -> Spread {
        let answered = matches!(failure, Failure::Killed | Failure::Unavailable);
        let (median, max) = match (self, answered) {
            (Profile::Defaults, true) => (500, 1000),
            (Profile::Defaults, false) => (900, 1500),
            (Profile::Quick, true) => (150, 300),
            (Profile::Quick, false) => (200, 400),
        };
        Spread { median: Duration::from_millis(median), max: Duration::from_millis(max) }
    }

    /// Its keys of a service, as TOML.
    fn keys(self) -> String {
        match self {
            Profile::Defaults => String::new(),
            Profile::Quick => {
                let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/quick.toml");
                let text = std::fs::read_to_string(file).expect("config/quick.toml");
                let file: toml::Table = text.parse().expect("TOML");
                let service = file["monitor"]["service"]["http"].as_table().expect("a service");
                let keys = ["interval", "fast_interval", "timeout", "expire"];
                keys.map(|key| format!("{key} = {}\n", service[key])).concat()
            }
        }
    }

    /// Failures and returns come at any phase of the probes.
    fn pause(self, random: &mut fastrand::Rng) {
        let longest = match self {
            Profile::Defaults => 1000,
            Profile::Quick => 160,
        };
        // The last publication is past, and its gap too.
        std::thread::sleep(Duration::from_millis(150 + random.u64(..longest)));
    }
}

/// Of several times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// Half of them are longer.
    pub median: Duration,
    /// The longest.
    pub max: Duration,
}

impl Spread {
    /// Of these.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut times: Vec<_> = times.into_iter().collect();
        times.sort_unstable();
        Self { median: times[times.len() / 2], max: *times.last().expect("a time") }
    }

    /// Whether neither is longer than the goal's.
    #[must_use]
    pub fn is_within(self, goal: Spread) -> bool {
        self.median <= goal.median && self.max <= goal.max
    }
}

/// A failure and the return from it.
#[derive(Debug, Clone)]
pub struct Round {
    /// From the failure to the beat that says so.
    pub withdrawn: Duration,
    /// From the failure to the zone file without the address.
    pub out: Duration,
    /// From the return to the beat that says so.
    pub announced: Duration,
    /// From the return to the zone file with the address.
    pub back: Duration,
    /// What was said in the meantime, of all addresses.
    pub said: Vec<Said>,
}

/// Whose wall clock the processes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WallClock {
    /// The machine's.
    Machine,
    /// One that [`Stage::step_clocks`] steps.
    Stepped,
}

/// The two hosts, and all that runs on them.
#[derive(Debug)]
pub struct Stage {
    profile: Profile,
    random: fastrand::Rng,
    /// What the beats say.
    pub tap: Tap,
    zone: WatchedFile,
    _processes: [Process; 2],
    servers: Vec<Server>,
    clocks: Vec<FakeClock>,
    /// Where the servers and their monitor are.
    pub web: Host,
    /// Where the binder is.
    pub ns: Host,
    _lan: Lan,
}

impl Stage {
    /// `count` servers, all of them up and in the zone.
    #[track_caller]
    #[must_use]
    pub fn new(profile: Profile, count: u8, wall_clock: WallClock, seed: u64) -> Self {
        let lan = Lan::new();
        let (ns, web) = (Host::new("ns1"), Host::new("web1"));
        lan.attach(ns.net(), "eth0", &["198.51.100.253/24"]);
        let addresses: Vec<String> =
            (1..=count).map(|n| format!("{}/24", address(n.into()))).collect();
        lan.attach(web.net(), "eth0", &addresses.iter().map(String::as_str).collect::<Vec<_>>());
        web.net().nft(
            "table inet test { set dropped { type ipv4_addr; }; \
             chain input { type filter hook input priority 0; \
             tcp dport 80 ip daddr @dropped drop; }; }",
        );
        let clocks = match wall_clock {
            WallClock::Machine => Vec::new(),
            WallClock::Stepped => [&ns, &web].map(FakeClock::new).into(),
        };

        let servers = (1..=count).map(|n| Server::start(&web, &listen(n.into()))).collect();
        let tap = Tap::start(&ns, "198.51.100.253:6000");
        let zone = WatchedFile::new(ns.path("/var/lib/bind/www.example.zone"));
        let start = |host: &Host, role| {
            host.write(CONFIG, &config(profile));
            host.start_with(role, CONFIG, |command| {
                if wall_clock == WallClock::Stepped {
                    FakeClock::give(command);
                }
            })
        };
        let begun = Instant::now();
        let processes = [start(&ns, "binder"), start(&web, "monitor")];
        tap.until_up(count.into());
        for n in 1..=count {
            let _in_zone = zone.until(address(n.into()), Is::In, begun);
        }
        let random = fastrand::Rng::with_seed(seed);
        Self {
            profile,
            random,
            tap,
            zone,
            _processes: processes,
            servers,
            clocks,
            web,
            ns,
            _lan: lan,
        }
    }

    /// One server fails, is withdrawn, returns, and is announced; `which` counts from 1.
    #[track_caller]
    pub fn round(&mut self, failure: Failure, which: usize) -> Round {
        let address = address(which);
        self.profile.pause(&mut self.random);
        let failed = Instant::now();
        self.fail(failure, which);
        let down = self.tap.until(SERVICE, address, "down", failed);
        let out = self.zone.until(address, Is::OutOf, failed);
        self.tap.until_reason(SERVICE, address, failure.reason(), failed);
        self.profile.pause(&mut self.random);
        let returned = Instant::now();
        self.restore(failure, which);
        let up = self.tap.until(SERVICE, address, "up", returned);
        let back = self.zone.until(address, Is::In, returned);
        Round {
            withdrawn: down.at - failed,
            out: out - failed,
            announced: up.at - returned,
            back: back - returned,
            said: self.tap.changes(failed),
        }
    }

    /// From now on the wall clocks of both hosts are so many seconds ahead.
    #[track_caller]
    pub fn step_clocks(&self, ahead: i64) {
        assert!(!self.clocks.is_empty(), "these clocks are the machine's");
        self.clocks.iter().for_each(|clock| clock.step_to(ahead));
    }

    #[track_caller]
    fn fail(&mut self, failure: Failure, which: usize) {
        let server = &mut self.servers[which - 1];
        match failure {
            Failure::Killed => server.process.kill(),
            Failure::Hung => server.process.signal(Signal::SIGSTOP),
            Failure::Unavailable => server.answer(503, Duration::ZERO),
            Failure::Dropped => self.set_dropped("add", which),
        }
    }

    #[track_caller]
    fn restore(&mut self, failure: Failure, which: usize) {
        let server = &mut self.servers[which - 1];
        match failure {
            Failure::Killed => *server = Server::spawn(&self.web, &listen(which)),
            Failure::Hung => server.process.signal(Signal::SIGCONT),
            Failure::Unavailable => server.answer(200, Duration::ZERO),
            Failure::Dropped => self.set_dropped("delete", which),
        }
    }

    #[track_caller]
    fn set_dropped(&self, how: &str, which: usize) {
        let address = address(which);
        self.web.net().nft(&format!("{how} element inet test dropped {{ {address} }}"));
    }
}

/// Of the servers, counted from 1.
#[must_use]
pub fn address(which: usize) -> IpAddr {
    Ipv4Addr::new(198, 51, 100, u8::try_from(which).expect("at most 250 servers")).into()
}

fn listen(which: usize) -> String {
    format!("{}:{PORT}", address(which))
}

fn config(profile: Profile) -> String {
    format!(
        r#"
[cluster]
name = "detection"
insecure = true
[transport.it]
type = "udp"
mode = "unicast"
listen = "198.51.100.253:5369"
peers = ["198.51.100.253:5369", "198.51.100.253:6000"]
[monitor.service.{SERVICE}]
{keys}
probe = {{ type = "http", port = {PORT}, path = "/health" }}
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[zone."www.example"]
sinks = ["files"]
[binder.service.{SERVICE}]
zone = "www.example"
[sink.files]
type = "bind"
directory = "/var/lib/bind"
reload = {{ type = "none" }}
"#,
        keys = profile.keys()
    )
}
