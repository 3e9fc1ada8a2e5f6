//! A run: everything that happens, in the order of virtual time.

use std::time::Duration;

use rais_proto::heartbeat::Capacity;
use rais_proto::policy::prune::Occasion;
use rais_proto::time::Time;

use crate::bindery::{Bindery, Report, Rule};
use crate::crowd::{Client, Crowd};
use crate::measure::{Outcome, Tally};
use crate::queue::Queue;
use crate::scenario::{Scenario, Told, Turn};
use crate::server::{MEAN_WORK, Server, Service, seconds};

/// What can happen. Small, since millions of them wait.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// A client asks for something, and will so many times more.
    Request {
        server: u16,
        resolver: u16,
        left: u16,
    },
    /// A new client comes; dated by the demand that it is of.
    Arrival {
        era: u16,
    },
    Beat {
        server: u16,
    },
    /// A death or a return is known.
    Notice {
        server: u16,
    },
    LoadTimer,
    Second,
    Turn {
        index: u16,
    },
}

/// Lives through `scenario` under `rule`; equal seeds give equal outcomes.
pub fn run(scenario: &Scenario, rule: Rule, seed: u64) -> Outcome {
    let mut world = World::new(scenario, rule, seed);
    world.live();
    world.tally.outcome(scenario.measured)
}

/// The same, and each server's offered load in bins of 30 s.
pub fn trace(scenario: &Scenario, rule: Rule, seed: u64) -> (Outcome, Vec<Vec<f64>>) {
    let mut world = World::new(scenario, rule, seed);
    world.live();
    (world.tally.outcome(scenario.measured), world.tally.loads())
}

struct World<'a> {
    scenario: &'a Scenario,
    rule: Rule,
    random: fastrand::Rng,
    queue: Queue<Event>,
    now: Time,
    servers: Vec<Server>,
    reports: Vec<Report>,
    crowd: Crowd,
    bindery: Bindery,
    /// Queries that the name server has answered.
    queries: u64,
    /// Sessions a second.
    rate: f64,
    era: u16,
    tally: Tally,
    /// Publications before anything was measured.
    before: (u64, u64),
    /// Of the workers of those before and its own, for [`Rule::Split`].
    split: Vec<f64>,
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario, rule: Rule, seed: u64) -> World<'a> {
        let mut random = fastrand::Rng::with_seed(seed);
        let crowd = Crowd::new(&scenario.resolvers, &mut random);
        let sample = scenario.times.sample.as_secs() as usize;
        let background = |server| {
            let others = scenario.background.iter().find(|(which, _)| *which == server);
            others.map_or(0.0, |(_, part)| *part)
        };
        let units = scenario.units.iter().enumerate();
        let servers: Vec<Server> =
            units.map(|(server, &units)| Server::new(units, sample, background(server))).collect();
        let reports = scenario.units.iter().map(|&units| Report {
            is_up: true,
            load: None,
            capacity: match scenario.told {
                Told::Truly => Capacity::from_units(f64::from(units)).unwrap_or(Capacity::ONE),
                Told::AllAlike => Capacity::ONE,
            },
        });
        let workers: Vec<f64> = servers.iter().map(Server::workers).collect();
        World {
            scenario,
            rule,
            queue: Queue::default(),
            now: Time::ZERO,
            reports: reports.collect(),
            crowd,
            bindery: Bindery::new(rule),
            queries: random.u64(..1_000),
            rate: 0.0,
            era: 0,
            tally: Tally::new(workers),
            before: (0, 0),
            split: Vec::new(),
            servers,
            random,
        }
    }

    fn live(&mut self) {
        self.begin();
        let warm = Time::from_secs(self.scenario.warm_up);
        let end = warm + Duration::from_secs(self.scenario.measured);
        while let Some((at, event)) = self.queue.take(end) {
            if self.now < warm && at >= warm {
                self.before = (self.bindery.set_changes, self.bindery.publications);
            }
            self.now = at;
            self.handle(event);
        }
        let (set_changes, publications) = self.before;
        self.tally.set_changes = self.bindery.set_changes - set_changes;
        self.tally.publications = self.bindery.publications - publications;
    }

    fn begin(&mut self) {
        self.note_living();
        self.bindery.judge(self.now, Occasion::Timer, &self.reports);
        let beat = self.scenario.times.beat.as_nanos() as u64;
        for server in 0..self.servers.len() as u16 {
            let at = Time::from_nanos(self.random.u64(..beat));
            self.queue.put(at, Event::Beat { server });
        }
        self.queue.put(Time::ZERO + self.scenario.times.interval, Event::LoadTimer);
        self.queue.put(Time::from_secs(1), Event::Second);
        for (index, (at, _)) in (0..).zip(&self.scenario.plot) {
            self.queue.put(Time::from_secs(*at), Event::Turn { index });
        }
        self.demand(self.scenario.demand);
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Request { server, resolver, left } => self.request(server, resolver, left),
            Event::Arrival { era } if era == self.era => {
                self.arrive();
                self.await_arrival();
            }
            Event::Arrival { .. } => {}
            Event::Beat { server } => self.beat(server),
            Event::Notice { server } => self.notice(server),
            Event::LoadTimer => {
                self.bindery.judge(self.now, Occasion::Timer, &self.reports);
                self.queue.put(self.now + self.scenario.times.interval, Event::LoadTimer);
            }
            Event::Second => {
                let second = seconds(self.now).round() as usize - 1;
                self.servers.iter_mut().for_each(|server| server.end_second(second));
                self.queue.put(self.now + Duration::from_secs(1), Event::Second);
            }
            Event::Turn { index } => {
                if let Some(&(_, turn)) = self.scenario.plot.get(usize::from(index)) {
                    self.turn(turn);
                }
            }
        }
    }

    fn arrive(&mut self) {
        let client = self.crowd.draw(&mut self.random);
        let left = self.random.u32(self.scenario.sessions.requests.clone()) as u16;
        if let Some(server) = self.find(client) {
            self.request(server, client.resolver, left);
        }
    }

    /// A server that lives, for a client that has none.
    fn find(&mut self, client: Client) -> Option<u16> {
        let (bindery, queries, servers) = (&self.bindery, &mut self.queries, &self.servers);
        let found = self.crowd.resolve(
            client,
            self.now,
            self.scenario.times.ttl,
            |answer| {
                *queries += 1;
                bindery.answer(*queries, answer)
            },
            |server| servers[usize::from(server)].is_up(),
        );
        self.tally.nobody += u64::from(found.is_none() && self.measures());
        found
    }

    fn request(&mut self, server: u16, resolver: u16, left: u16) {
        let server = if self.rule == Rule::Split {
            self.any()
        } else if self.servers[usize::from(server)].is_up() {
            server
        } else {
            let client = self.crowd.behind(resolver, &mut self.random);
            match self.find(client) {
                Some(other) => other,
                None => return,
            }
        };
        let work = self.exponential(MEAN_WORK);
        let service = self.servers[usize::from(server)].serve(self.now, work);
        if self.measures() {
            let second = seconds(self.now) - self.scenario.warm_up as f64;
            self.tally.offer(second, usize::from(server), work);
            match service {
                Service::Answered(after) => self.tally.answer(after),
                Service::Dropped => self.tally.dropped += 1,
            }
        }
        if left > 1 {
            let pause = self.exponential(self.scenario.sessions.pause.as_secs_f64());
            let at = self.now + Duration::from_nanos((pause * 1e9) as u64);
            self.queue.put(at, Event::Request { server, resolver, left: left - 1 });
        }
    }

    fn beat(&mut self, server: u16) {
        let index = usize::from(server);
        if self.servers[index].is_up() && self.random.f64() >= self.scenario.times.beat_loss {
            self.reports[index].load = Some(self.servers[index].load(self.now));
        }
        self.queue.put(self.now + self.scenario.times.beat, Event::Beat { server });
    }

    fn notice(&mut self, server: u16) {
        let is_up = self.servers[usize::from(server)].is_up();
        let report = &mut self.reports[usize::from(server)];
        if report.is_up != is_up {
            report.is_up = is_up;
            if is_up {
                // It comes with a beat of its own; what it said before its death is gone.
                report.load = Some(self.servers[usize::from(server)].load(self.now));
            }
            let occasion = if is_up { Occasion::Other } else { Occasion::Departure };
            self.bindery.judge(self.now, occasion, &self.reports);
        }
    }

    fn turn(&mut self, turn: Turn) {
        let noticed = self.now + self.scenario.times.notice;
        let second = seconds(self.now) - self.scenario.warm_up as f64;
        match turn {
            Turn::Death(server) => {
                let lost = self.servers[server].die(self.now);
                self.tally.die(second, server);
                self.tally.lost += if self.measures() { lost } else { 0 };
                self.queue.put(noticed, Event::Notice { server: server as u16 });
            }
            Turn::Return(server, warms_up_in) => {
                self.servers[server].start(self.now, warms_up_in as f64);
                self.tally.rise(second, server);
                self.queue.put(noticed, Event::Notice { server: server as u16 });
            }
            Turn::Demand(demand) => self.demand(demand),
        }
        self.note_living();
    }

    fn demand(&mut self, demand: f64) {
        let requests = &self.scenario.sessions.requests;
        let requests = f64::from(requests.start() + requests.end()) / 2.0;
        let workers: f64 = self.servers.iter().map(Server::workers).sum();
        self.rate = demand * workers / MEAN_WORK / requests;
        self.era += 1;
        self.await_arrival();
    }

    fn await_arrival(&mut self) {
        let after = self.exponential(1.0 / self.rate);
        let at = self.now + Duration::from_nanos((after * 1e9) as u64);
        self.queue.put(at, Event::Arrival { era: self.era });
    }

    fn note_living(&mut self) {
        let mut sum = 0.0;
        let workers = self.servers.iter().map(|server| {
            sum += if server.is_up() { server.workers() } else { 0.0 };
            sum
        });
        self.split = workers.collect();
    }

    /// Any server that lives, by what it can do.
    fn any(&mut self) -> u16 {
        let all = self.split.last().copied().unwrap_or_default();
        let at = self.random.f64() * all;
        self.split.partition_point(|&upto| upto <= at) as u16
    }

    fn measures(&self) -> bool {
        self.now >= Time::from_secs(self.scenario.warm_up)
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.random.f64()).ln()
    }
}
