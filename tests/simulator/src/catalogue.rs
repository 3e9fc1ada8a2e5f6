//! The scenarios that rules are held to.

use std::time::Duration;

use crate::scenario::{Scenario, Told, Turn, unequal};

/// A scenario, and what it is called.
#[derive(Debug, Clone)]
pub struct Named {
    /// In a word or two.
    pub name: &'static str,
    /// What there is to it.
    pub about: &'static str,
    /// It.
    pub scenario: Scenario,
}

/// The eleven of which the worst counts. All but one have 24 servers of 1 to 4 units.
pub fn eleven() -> Vec<Named> {
    let named = |name, about, scenario| Named { name, about, scenario };
    vec![
        named("steady-75", "at 75 %", steady(0.75)),
        named("steady-85", "at 85 %", steady(0.85)),
        named("one-request", "sessions of one request, at 75 %", one_request()),
        named("told-alike", "all say they can do the same, at 65 %", told_alike()),
        named("background", "others take 40 % of five hosts, at 65 %", background()),
        named("stubborn", "every resolver keeps answers for 300 s, at 75 %", stubborn()),
        named(
            "cold-return",
            "one after the other dies and comes back cold, at 75 %",
            cold_return(),
        ),
        named("flash", "from 45 % to 90 % at once, for ten minutes", flash()),
        named(
            "slow-window",
            "load over 60 s, judged every 60 s, one-request sessions",
            slow_window(),
        ),
        named("lost-beats", "40 % of beats are lost, at 75 %", lost_beats()),
        named("three", "three servers of 1, 2 and 4 units, at 75 %", three()),
    ]
}

/// What lies outside the goals, or is measured by itself.
pub fn others() -> Vec<Named> {
    let named = |name, about, scenario| Named { name, about, scenario };
    vec![
        named("twenty-80", "20 servers of 1 to 4 units at 80 %", twenty()),
        named("quick-twenty-80", "the same, judged every 2 s by load over 2 s", quick(twenty())),
        named("heavy", "one resolver has 12 % of all sessions, at 75 %", heavy()),
        named("two-hundred", "200 servers of 1 to 4 units at 75 %", two_hundred()),
        named("ttl-60", "answers live for 60 s, at 75 %", ttl(60)),
        named("ttl-300", "answers live for 300 s, at 75 %", ttl(300)),
        named("quiet", "4 large servers of 1 to 4 ×, at 50 %", quiet()),
        named("half-gone", "half of all are gone for three seconds, at 75 %", half_gone()),
        named("paper-60", "24 alike at the paper's times, at 60 %", paper_times(0.6)),
        named("paper-80", "24 alike at the paper's times, at 80 %", paper_times(0.8)),
    ]
}

/// Two servers of which one dies, again and again.
pub fn pairs() -> Vec<Named> {
    let named = |name, about, scenario| Named { name, about, scenario };
    vec![
        named("pair-alike", "alike", pair(8, 8)),
        named("pair-two", "the larger of 1 and 2 ×", pair(8, 16)),
        named("pair-four", "the larger of 1 and 4 ×", pair(8, 32)),
    ]
}

/// All of them.
pub fn all() -> impl Iterator<Item = Named> {
    eleven().into_iter().chain(others()).chain(pairs())
}

/// The one of this name.
pub fn named(name: &str) -> Option<Named> {
    all().find(|one| one.name == name)
}

/// 24 servers of 1 to 4 units at this demand.
pub fn steady(demand: f64) -> Scenario {
    Scenario::steady(unequal(24), demand)
}

/// 20 servers of 1 to 4 units at 80 %.
pub fn twenty() -> Scenario {
    Scenario::steady(unequal(20), 0.8)
}

/// Judged every 2 s, by load over 2 s.
pub fn quick(mut scenario: Scenario) -> Scenario {
    scenario.times.interval = Duration::from_secs(2);
    scenario.times.sample = Duration::from_secs(2);
    scenario
}

/// Nobody stays with a server.
pub fn one_request() -> Scenario {
    let mut scenario = steady(0.75);
    scenario.sessions.requests = 1..=1;
    scenario
}

/// What each can do must be learned.
pub fn told_alike() -> Scenario {
    Scenario { told: Told::AllAlike, warm_up: 4_800, ..steady(0.65) }
}

/// Five of 24 hosts have others on them.
pub fn background() -> Scenario {
    let hosts = [0, 5, 10, 15, 20];
    let background = hosts.map(|host| (host, 0.4)).to_vec();
    Scenario { background, warm_up: 3_600, ..steady(0.65) }
}

/// No answer is forgotten for five minutes.
pub fn stubborn() -> Scenario {
    let mut scenario = Scenario { warm_up: 2_400, ..steady(0.75) };
    scenario.resolvers.stubborn = vec![(1.0, Duration::from_secs(300))];
    scenario
}

/// Servers of each size die and return, cold for a minute.
pub fn cold_return() -> Scenario {
    let mut scenario = steady(0.75);
    for (turn, server) in (0..).zip([2, 0, 5, 11, 8, 17]) {
        let at = scenario.warm_up + 300 + 540 * turn;
        scenario.plot.push((at, Turn::Death(server)));
        scenario.plot.push((at + 210, Turn::Return(server, 60)));
    }
    scenario
}

/// Twice as much at once.
pub fn flash() -> Scenario {
    let scenario = steady(0.45);
    let at = scenario.warm_up + 600;
    let plot = vec![(at, Turn::Demand(0.9)), (at + 600, Turn::Demand(0.45))];
    Scenario { plot, measured: 2_400, ..scenario }
}

/// What a weight does is seen only minutes later, and nobody's session softens it.
pub fn slow_window() -> Scenario {
    let mut scenario = one_request();
    scenario.times.interval = Duration::from_secs(60);
    scenario.times.sample = Duration::from_secs(60);
    scenario
}

/// The window-step trap: each step is taken again and again before the window shows it.
pub fn many_steps_a_window() -> Scenario {
    let mut scenario = slow_window();
    scenario.times.interval = Duration::from_secs(1);
    scenario
}

/// Most reports are late.
pub fn lost_beats() -> Scenario {
    let mut scenario = steady(0.75);
    scenario.times.beat_loss = 0.4;
    scenario
}

/// A small site.
pub fn three() -> Scenario {
    Scenario::steady(vec![1, 2, 4], 0.75)
}

/// One resolver is most of a server.
pub fn heavy() -> Scenario {
    let mut scenario = steady(0.75);
    scenario.resolvers.largest = 0.12;
    scenario
}

/// A fleet that is larger than an answer.
pub fn two_hundred() -> Scenario {
    Scenario { measured: 1_200, ..Scenario::steady(unequal(200), 0.75) }
}

/// Answers live for so many seconds.
pub fn ttl(secs: u64) -> Scenario {
    let mut scenario = steady(0.75);
    scenario.times.ttl = Duration::from_secs(secs);
    scenario
}

/// So large that their loads hardly move.
pub fn quiet() -> Scenario {
    Scenario::steady(vec![10, 20, 30, 40], 0.5)
}

/// Every other server is gone for three seconds, and as warm as before.
pub fn half_gone() -> Scenario {
    let mut scenario = Scenario { measured: 1_800, ..steady(0.75) };
    let at = scenario.warm_up + 300;
    let half = || (1..24).step_by(2);
    scenario.plot.extend(half().map(|server| (at, Turn::Death(server))));
    scenario.plot.extend(half().map(|server| (at + 3, Turn::Return(server, 0))));
    scenario
}

/// Of two servers the second dies every twenty minutes and is gone for five. So much is asked for
/// as the first can carry at 70 %.
pub fn pair(stays: u32, dies: u32) -> Scenario {
    let demand = 0.7 * f64::from(stays) / f64::from(stays + dies);
    let mut scenario = Scenario::steady(vec![stays, dies], demand);
    scenario.measured = 7_200;
    for turn in 0..6 {
        let at = scenario.warm_up + 60 + 1_200 * turn;
        scenario.plot.push((at, Turn::Death(1)));
        scenario.plot.push((at + 300, Turn::Return(1, 0)));
    }
    scenario
}

/// The paper's own times: beats every minute, load over two, judged every two.
pub fn paper_times(demand: f64) -> Scenario {
    let mut scenario = Scenario::steady(vec![2; 24], demand);
    scenario.times.beat = Duration::from_secs(60);
    scenario.times.sample = Duration::from_secs(120);
    scenario.times.interval = Duration::from_secs(120);
    scenario
}
