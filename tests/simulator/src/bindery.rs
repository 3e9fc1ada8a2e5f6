//! The binder, as far as load concerns it: the product's rules, and those of others beside them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use rais_proto::heartbeat::{Capacity, Weight};
use rais_proto::load::Load;
use rais_proto::policy::duty_cycle::DutyCycle;
use rais_proto::policy::prune::{Candidate, Limits, Occasion, Overloaded};
use rais_proto::policy::weights::{Balance, Constants, Member, Newcomers, Outstanding, Shares};
use rais_proto::policy::{AddressSet, paper};
use rais_proto::time::Time;
use rais_wheel::{Seed, Wheel};

use crate::crowd::MAX_ADDRESSES;

/// By what servers are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// No name service at all: every request to any server, by what it can truly do. The floor.
    Split,
    /// All that live, in turns: what most name servers do.
    RoundRobin,
    /// The paper's rule at its timer, in turns among those left.
    PaperPrune(PaperPrune),
    /// Ours at once, in turns among those left.
    Prune(Limits),
    /// Ours for plain zones, in turns among those in.
    DutyCycle(Constants),
    /// Ours: weights in the answers, by a wheel.
    Weights(Constants),
    /// The paper's rule on top of the weights.
    PrunedWeights(Constants, PaperPrune),
}

/// The paper's two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaperPrune {
    /// Above it a server leaves.
    pub max_load: Load,
    /// So many stay whatever their load.
    pub min_servers: usize,
}

/// What the binder heard of a server last.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Whether it lives, as far as is known.
    pub is_up: bool,
    /// None before the first beat.
    pub load: Option<Load>,
    /// What it says it can carry.
    pub capacity: Capacity,
}

/// The binder's judgement, and what stands published.
#[derive(Debug)]
pub struct Bindery {
    rule: Rule,
    max_addresses: usize,
    overloaded: Overloaded,
    duty: DutyCycle,
    balance: Balance,
    set: AddressSet,
    outstanding: Outstanding,
    serial: u32,
    answers: Answers,
    /// Publications with another set.
    pub set_changes: u64,
    /// All publications.
    pub publications: u64,
}

/// What the name server answers from.
#[derive(Debug)]
enum Answers {
    Rotation(Vec<u16>),
    Wheel(Wheel, Vec<u16>),
}

impl Bindery {
    /// A binder that has published nothing.
    pub fn new(rule: Rule) -> Bindery {
        Bindery {
            rule,
            max_addresses: MAX_ADDRESSES,
            overloaded: Overloaded::default(),
            duty: DutyCycle::default(),
            balance: Balance::default(),
            set: AddressSet::new(),
            outstanding: Outstanding::default(),
            serial: 0,
            answers: Answers::Rotation(Vec::new()),
            set_changes: 0,
            publications: 0,
        }
    }

    /// Judges, and publishes what is another than what stands.
    pub fn judge(&mut self, now: Time, occasion: Occasion, reports: &[Report]) {
        let living: BTreeMap<IpAddr, Report> = (0..)
            .zip(reports)
            .filter(|(_, report)| report.is_up)
            .map(|(server, report)| (address_of(server), *report))
            .collect();
        match self.rule {
            Rule::Split | Rule::RoundRobin => self.publish(living.into_keys().collect()),
            Rule::PaperPrune(prune) => {
                if occasion == Occasion::Timer {
                    self.publish(prune.judge(&living, &self.set));
                }
            }
            Rule::Prune(limits) => {
                let candidates: Vec<Candidate> = living
                    .iter()
                    .map(|(&address, report)| Candidate {
                        address,
                        load: report.load,
                        capacity: report.capacity,
                        stood: self.set.contains(&address),
                    })
                    .collect();
                let out = self.overloaded.judge(now, occasion, &limits, &candidates);
                self.publish(living.into_keys().filter(|a| !out.contains(a)).collect());
            }
            Rule::DutyCycle(constants) => {
                let shares = self.weigh(now, &constants, &living);
                let set = match occasion {
                    Occasion::Timer => self.duty.turn(&shares),
                    Occasion::Departure | Occasion::Other => self.duty.among(&shares),
                };
                self.publish(set);
            }
            Rule::Weights(constants) => {
                let shares = self.weigh(now, &constants, &living);
                self.publish_weighted(now, &shares);
            }
            Rule::PrunedWeights(constants, prune) => {
                let mut shares = self.weigh(now, &constants, &living);
                let set = match occasion {
                    Occasion::Timer => prune.judge(&living, &self.set),
                    Occasion::Departure | Occasion::Other => self.set.clone(),
                };
                shares.retain(|address, _| set.contains(address));
                self.publish_weighted(now, &shares);
            }
        }
    }

    /// Answers the query with this number: how many servers, and which.
    pub fn answer(&self, counter: u64, answer: &mut [u16; MAX_ADDRESSES]) -> usize {
        let mut len = 0;
        let mut add = |server: u16| {
            answer[len] = server;
            len += 1;
        };
        match &self.answers {
            Answers::Rotation(members) => {
                let from = (counter % members.len().max(1) as u64) as usize;
                let (before, from) = members.split_at(from);
                from.iter().chain(before).take(self.max_addresses).copied().for_each(&mut add);
            }
            Answers::Wheel(wheel, members) => {
                wheel.answer(counter).map(|member| members[member]).for_each(&mut add);
            }
        }
        len
    }

    fn weigh(
        &mut self,
        now: Time,
        constants: &Constants,
        living: &BTreeMap<IpAddr, Report>,
    ) -> Shares {
        let members: Vec<Member> = living
            .iter()
            .map(|(&address, report)| Member {
                address,
                load: report.load,
                capacity: report.capacity,
                weight: Weight::USUAL,
            })
            .collect();
        let newcomers = if self.publications == 0 { Newcomers::Found } else { Newcomers::LetIn };
        self.balance.judge(now, constants, newcomers, &members)
    }

    fn publish(&mut self, set: AddressSet) {
        assert!(!set.is_empty(), "{:?} took everybody out", self.rule);
        if set != self.set || self.publications == 0 {
            self.set_changes += 1;
            self.publications += 1;
            self.answers = Answers::Rotation(set.iter().map(|&a| server_at(a)).collect());
            self.set = set;
        }
    }

    fn publish_weighted(&mut self, now: Time, shares: &Shares) {
        let set: AddressSet = shares.keys().copied().collect();
        assert!(!set.is_empty(), "{:?} took everybody out", self.rule);
        self.set_changes += u64::from(set != self.set || self.publications == 0);
        self.outstanding.note_wanted(now, shares);
        if !self.outstanding.is_due(shares) && self.publications > 0 {
            return;
        }
        self.publications += 1;
        self.serial += 1;
        let weights: Vec<u16> = shares.values().map(|share| share.get()).collect();
        let seed = Seed::of(b"www.example", self.serial);
        let members = shares.keys().map(|&address| server_at(address)).collect();
        self.answers = match Wheel::new(&weights, self.max_addresses, seed) {
            Some(wheel) => Answers::Wheel(wheel, members),
            None => Answers::Rotation(members),
        };
        self.set = set;
        self.outstanding.note_published(shares);
    }
}

impl PaperPrune {
    fn judge(&self, living: &BTreeMap<IpAddr, Report>, previous: &AddressSet) -> AddressSet {
        let current = living.iter().map(|(&address, report)| (address, report.load)).collect();
        paper::prune(&current, previous, Some(self.max_load), self.min_servers)
    }
}

fn address_of(server: u16) -> IpAddr {
    let [high, low] = server.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, 0, high, low))
}

fn server_at(address: IpAddr) -> u16 {
    match address {
        IpAddr::V4(address) => {
            let [.., high, low] = address.octets();
            u16::from_be_bytes([high, low])
        }
        IpAddr::V6(_) => 0,
    }
}
