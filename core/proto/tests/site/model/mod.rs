//! A site in virtual time: monitors beside servers that live and die, a network that loses and
//! delays, binders. A day passes in a second, and a run repeats exactly from its seed.
//!
//! `cargo xtask bench` plays the same model.
#![allow(dead_code, unused_imports)] // each scenario, and the bench, uses its part
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a model at fault ends its run

mod bindery;
mod host;
mod network;
pub(crate) mod paper;
mod queue;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use rais_proto::binder::BinderConfig;
use rais_proto::heartbeat::codec::encode;
use rais_proto::heartbeat::key::{Key, KeyLimits, KeyRing};
use rais_proto::heartbeat::trust::{Policy, Trust};
use rais_proto::monitor::{LoadKey, ServiceConfig};
use rais_proto::name::{ClusterName, HostId, ServiceName, ZoneName};
use rais_proto::policy::ServicePolicy;
use rais_proto::time::{Time, WallTime};

pub(crate) use bindery::{Bindery, Hears, Storing};
pub(crate) use host::{Host, HostPlan, Reading, Server, own_service, watching_service};
pub(crate) use network::{Medium, Network};
use queue::{Event, Parcel, Queue};

/// Unix time at the origin of virtual time, in milliseconds.
const BEGINNING: u64 = 1_700_000_000_000;

/// Whoever makes so many steps without time passing will make them for ever.
const MOST_AT_ONCE: usize = 10_000;

/// Monitors, a network, binders, and the clock that drives them.
pub(crate) struct Site {
    pub(crate) now: Time,
    pub(crate) hosts: Vec<Host>,
    pub(crate) binders: Vec<Bindery>,
    pub(crate) network: Network,
    /// Datagrams that hosts sent.
    pub(crate) beats: u64,
    rng: fastrand::Rng,
    key: Key,
    queue: Queue,
    wakes: BTreeSet<(Time, Actor)>,
    /// Copies of the datagram that is being sent: to whom, and when they arrive.
    copies: Vec<(usize, Time)>,
}

/// Who wakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Actor {
    Host(usize),
    Binder(usize),
}

/// The wall clock at `now` of whoever's is `ahead` milliseconds off.
fn wall(now: Time, ahead: i64) -> WallTime {
    let true_wall = BEGINNING + now.as_nanos() / 1_000_000;
    WallTime::from_unix_millis(true_wall.checked_add_signed(ahead).unwrap())
}

fn cluster() -> ClusterName {
    "site".parse().unwrap()
}

/// The name of a service.
pub(crate) fn service(name: &str) -> ServiceName {
    name.parse().unwrap()
}

/// The zone of a service.
pub(crate) fn zone_of(service: &str) -> ZoneName {
    format!("{service}.example").parse().unwrap()
}

impl Site {
    /// Nobody yet, on a network without faults.
    pub(crate) fn new(seed: u64) -> Site {
        let mut rng = fastrand::Rng::with_seed(seed);
        Site {
            now: Time::ZERO,
            hosts: Vec::new(),
            binders: Vec::new(),
            network: Network::new(rng.fork()),
            beats: 0,
            key: Key::new(std::array::from_fn(|_| rng.u8(..)), KeyLimits::default()),
            rng,
            queue: Queue::default(),
            wakes: BTreeSet::new(),
            copies: Vec::new(),
        }
    }

    // --- who is there

    /// Puts up a host, its servers and its monitor; says which it is.
    pub(crate) fn add_host(&mut self, plan: HostPlan) -> usize {
        let at = self.hosts.len();
        self.hosts.push(Host::new(at, plan, self.rng.fork()));
        self.start_host(at);
        at
    }

    /// Puts a binder of `services` on the network, with nothing remembered; says which it is.
    pub(crate) fn add_binder(&mut self, services: &[(&str, ServicePolicy)]) -> usize {
        let at = self.binders.len();
        let id = self.key.id();
        let ring = KeyRing::new([self.key.clone()], Some(id)).unwrap();
        let config = BinderConfig {
            host: HostId([0xff; 16]),
            trust: Trust { cluster: cluster(), policy: Policy::Enforce(ring) },
            max_skew: Duration::from_secs(300),
            gap: Duration::from_millis(100),
            zones: services.iter().map(|(_, s)| (s.zone.clone(), bindery::fixed_part())).collect(),
            services: services.iter().map(|(name, s)| (service(name), s.clone())).collect(),
        };
        self.binders.push(Bindery::new(self.now, config, self.rng.fork()));
        self.settle(Actor::Binder(at));
        at
    }

    // --- what befalls them

    /// From now on the server of a service answers, refuses or hangs.
    pub(crate) fn set_server(&mut self, host: usize, name: &str, server: Server) {
        self.hosts[host].servers.insert(service(name), server);
    }

    /// What a load source of a host reads from now on.
    pub(crate) fn set_load(&mut self, host: usize, key: LoadKey, reading: Reading) {
        self.hosts[host].readings.insert(key, reading);
    }

    /// A host's own addresses from now on.
    pub(crate) fn set_addresses(&mut self, host: usize, addresses: &[IpAddr]) {
        self.hosts[host].set_addresses(self.now, addresses);
        self.settle(Actor::Host(host));
    }

    /// Its monitor takes up another configuration: these services from now on.
    pub(crate) fn set_services(&mut self, host: usize, services: Vec<ServiceConfig>) {
        self.hosts[host].set_services(self.now, services);
        self.settle(Actor::Host(host));
    }

    /// Its monitor stops as it is meant to, and says goodbye.
    pub(crate) fn shut_down(&mut self, host: usize) {
        self.hosts[host].shut_down(self.now);
        self.settle(Actor::Host(host));
    }

    /// Power fails.
    pub(crate) fn kill_host(&mut self, host: usize) {
        self.hosts[host].kill();
        self.settle(Actor::Host(host));
    }

    /// A new life of a host that is off.
    pub(crate) fn start_host(&mut self, host: usize) {
        self.hosts[host].start(self.now);
        self.settle(Actor::Host(host));
    }

    /// The wall clock of a host jumps.
    pub(crate) fn step_wall_of_host(&mut self, host: usize, by_secs: i64) {
        self.hosts[host].ahead += by_secs * 1000;
    }

    /// The wall clock of a binder jumps.
    pub(crate) fn step_wall_of_binder(&mut self, binder: usize, by_secs: i64) {
        self.binders[binder].ahead += by_secs * 1000;
    }

    /// A binder is gone without a word; what it stored stays.
    pub(crate) fn crash_binder(&mut self, binder: usize) {
        self.binders[binder].crash();
        self.settle(Actor::Binder(binder));
    }

    /// A binder comes back and remembers what it stored.
    pub(crate) fn restart_binder(&mut self, binder: usize) {
        self.binders[binder].restart(self.now);
        self.settle(Actor::Binder(binder));
    }

    // --- time

    /// Lets so much time pass.
    pub(crate) fn run_for(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    /// Lets time pass up to `end`, and all happen that is due by then.
    pub(crate) fn run_until(&mut self, end: Time) {
        self.watch_until(end, |_| {});
    }

    /// The same, and calls `look` after every moment at which something happened.
    pub(crate) fn watch_until(&mut self, end: Time, mut look: impl FnMut(&Site)) {
        while let Some(next) = self.next().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.play_now();
            look(self);
        }
        self.now = end;
    }

    /// Lets time pass until `wanted` holds; says how long that took.
    pub(crate) fn run_until_so(&mut self, wanted: impl Fn(&Site) -> bool) -> Duration {
        let start = self.now;
        while !wanted(self) {
            self.now = self.now.max(self.next().expect("something is to happen"));
            assert!(self.now < start + Duration::from_secs(86_400), "it never came to that");
            self.play_now();
        }
        self.now.since(start)
    }

    fn next(&self) -> Option<Time> {
        let wake = self.wakes.first().map(|&(at, _)| at);
        [self.queue.next(), wake].into_iter().flatten().min()
    }

    /// All that happens at this moment: first what comes in, then what timers bring.
    fn play_now(&mut self) {
        for _ in 0..MOST_AT_ONCE {
            if self.queue.next().is_some_and(|at| at <= self.now) {
                self.take_in();
            } else if let Some(&(at, actor)) = self.wakes.first().filter(|wake| wake.0 <= self.now)
            {
                self.wakes.remove(&(at, actor));
                match actor {
                    Actor::Host(host) => self.hosts[host].wake(self.now),
                    Actor::Binder(binder) => self.binders[binder].wake(self.now),
                }
                self.settle(actor);
            } else {
                return;
            }
        }
        panic!("time stands still at {:?}", self.now);
    }

    fn take_in(&mut self) {
        let mut shuffled: BTreeMap<usize, Vec<Parcel>> = BTreeMap::new();
        while let Some(event) = self.queue.pop_due(self.now) {
            match event {
                Event::Answer { host, life, probe, outcome } => {
                    self.hosts[host].answer(self.now, life, probe, outcome);
                    self.settle(Actor::Host(host));
                }
                Event::Arrival { binder, parcel } => match self.binders[binder].hears {
                    Hears::AsSent => self.deliver(binder, &parcel),
                    Hears::Shuffled => shuffled.entry(binder).or_default().push(parcel),
                },
            }
        }
        for (binder, parcels) in shuffled {
            for parcel in self.binders[binder].shuffle(parcels) {
                self.deliver(binder, &parcel);
            }
        }
    }

    fn deliver(&mut self, binder: usize, parcel: &Parcel) {
        let source = self.hosts[parcel.host].source();
        self.binders[binder].hear(self.now, source, &parcel.datagram);
        self.settle(Actor::Binder(binder));
    }

    /// After anything was handed to `actor`: takes what it puts out, and notes when it wakes.
    fn settle(&mut self, actor: Actor) {
        let (before, next) = match actor {
            Actor::Host(host) => {
                self.drain(host);
                let host = &mut self.hosts[host];
                let next = host.next_wake();
                (std::mem::replace(&mut host.wakes_at, next), next)
            }
            Actor::Binder(binder) => {
                let binder = &mut self.binders[binder];
                binder.drain(self.now);
                let next = binder.next_wake();
                (std::mem::replace(&mut binder.wakes_at, next), next)
            }
        };
        if let Some(before) = before.filter(|_| before != next) {
            self.wakes.remove(&(before, actor));
        }
        self.wakes.extend(next.map(|at| (at, actor)));
    }

    fn drain(&mut self, at: usize) {
        let host = &mut self.hosts[at];
        while let Some(said) = host.drain(self.now, &mut self.queue) {
            self.beats += 1;
            let datagram: Rc<[u8]> = encode(&said, &cluster(), Some(&self.key)).unwrap().into();
            self.network.carry(self.now, at, self.binders.len(), &mut self.copies);
            for (binder, arrives) in self.copies.drain(..) {
                let parcel = Parcel { host: at, datagram: Rc::clone(&datagram) };
                self.queue.push(arrives, Event::Arrival { binder, parcel });
            }
        }
    }
}
