//! Loads of each target, and what servers ask for through them.

use rais_proto::heartbeat::{Reason, State, Weight};
use rais_proto::load::Load;
use rais_proto::monitor::{
    CombineLoads, LoadKey, LoadScope, LoadSource, LoadSubject, MonitorConfig, Reading, ServiceLoad,
    Wish,
};
use rais_proto::time::Time;

use crate::stage::{SECOND, Server, Stage, ip, millis, percent, service, watching, with};

const WEB1: &str = "192.0.2.1";
const WEB2: &str = "192.0.2.2";
const AGENT: LoadKey = LoadKey(1);
const CPU: LoadKey = LoadKey(2);

/// Two watched servers, whose load each has its own of.
fn watched() -> MonitorConfig {
    let mut web = watching("web", &[WEB1, WEB2]);
    web.load = Some(ServiceLoad::One(AGENT));
    let mut config = with(vec![web]);
    config.loads = vec![source(AGENT, LoadScope::Target)];
    config
}

fn source(key: LoadKey, scope: LoadScope) -> LoadSource {
    LoadSource { key, every: SECOND, scope }
}

fn asks(wish: Wish, reason: &str) -> Reading {
    Reading { wish: Some(wish), reason: Reason::new(reason), ..Reading::default() }
}

/// What was last said of an address: its state, reason, weight and load in percent.
fn last_said(stage: &Stage, address: &str) -> (State, String, u16, Option<f64>) {
    let reports = stage.beats.iter().rev().flat_map(|(_, beat)| &beat.reports);
    let of = reports.clone().find(|report| report.addresses.contains(&ip(address))).unwrap();
    let (weight, load) = (of.weight.as_percent(), of.load.map(Load::as_percent));
    (of.state, of.reason.to_string(), weight, load)
}

/// Reads `reading` of one of the two, and `other` of the other.
fn reads(stage: &mut Stage, reading: Reading, other: Reading) {
    stage.reads(AGENT, move |of| match of {
        LoadSubject::Target { target, .. } if target.address == ip(WEB1) => reading.clone(),
        _ => other.clone(),
    });
}

#[test]
fn response_times_of_each_target_are_its_load() {
    let mut stage = Stage::new(watched());
    // As the load `response-time` does, where 200 ms are full.
    stage.reads(AGENT, |of| match of {
        LoadSubject::Target { last: Some(proof), service, .. } => {
            assert_eq!(service.as_str(), "web");
            percent(u32::try_from(proof.took.as_millis()).unwrap() / 2)
        }
        _ => Reading::default(),
    });
    stage.set(WEB1, Server::Answers(20));
    stage.set(WEB2, Server::Answers(160));
    stage.run_for(20 * SECOND);
    assert_eq!(last_said(&stage, WEB1).3, Some(10.0));
    assert_eq!(last_said(&stage, WEB2).3, Some(80.0));
    stage.set(WEB1, Server::Answers(300));
    stage.run_for(20 * SECOND);
    assert_eq!(last_said(&stage, WEB1).3, Some(150.0));
    // Dead, it takes no time at all, nor the time it took.
    let before = stage.samples.len();
    stage.set(WEB1, Server::Refuses(1));
    stage.run_for(20 * SECOND);
    assert!(stage.samples.len() - before <= 22);
    assert_eq!(last_said(&stage, WEB1).3, None);
}

#[test]
fn a_target_that_goes_is_no_longer_sampled() {
    let mut stage = Stage::new(watched());
    stage.reads(AGENT, |_| percent(10));
    stage.run_for(5 * SECOND);
    let mut config = watched();
    let mut only = watching("web", &[WEB1]);
    only.load = Some(ServiceLoad::One(AGENT));
    config.services = vec![only];
    stage.configure(config.clone());
    let before = stage.samples.len();
    stage.run_for(10 * SECOND);
    assert_eq!(stage.samples.len() - before, 10);
    config.services[0].load = None;
    stage.configure(config.clone());
    let before = stage.samples.len();
    stage.run_for(10 * SECOND);
    assert_eq!(stage.samples.len(), before, "no service has such a load");
    config.services[0].load = Some(ServiceLoad::One(AGENT));
    stage.configure(config);
    stage.run_for(10 * SECOND);
    assert_eq!(stage.samples.len() - before, 10);
}

#[test]
fn a_host_load_and_a_targets_own_combine() {
    let mut config = watched();
    config.loads.push(source(CPU, LoadScope::Host));
    let parts = vec![ServiceLoad::One(CPU), ServiceLoad::One(AGENT)];
    config.services[0].load = Some(ServiceLoad::Several(CombineLoads::Max, parts));
    let mut stage = Stage::new(config);
    stage.reads(CPU, |of| {
        assert_eq!(*of, LoadSubject::Host);
        percent(40)
    });
    reads(&mut stage, percent(10), percent(90));
    stage.run_for(15 * SECOND);
    assert_eq!(last_said(&stage, WEB1).3, Some(40.0));
    assert_eq!(last_said(&stage, WEB2).3, Some(90.0));
}

#[test]
fn a_wish_is_announced_at_once_and_alone() {
    let mut stage = Stage::new(watched());
    reads(&mut stage, Reading::default(), Reading::default());
    stage.run_for(3 * SECOND);
    let from = stage.now;
    reads(&mut stage, asks(Wish::Drain, "upgrade"), Reading::default());
    let drained = stage.run_until_some(|stage| stage.became(WEB1, State::Draining, from));
    stage.run_for(millis(1));
    let said = stage.said(drained);
    assert_eq!(said[0], (0, "watched web draining 192.0.2.1 (upgrade)".to_owned()));
    stage.run_for(5 * SECOND);
    assert_eq!(last_said(&stage, WEB2).0, State::Up);

    // It is down and says so: health is stronger than a wish to be drained, and no wish makes up.
    stage.set(WEB1, Server::Refuses(1));
    stage.run_for(5 * SECOND);
    assert_eq!(last_said(&stage, WEB1).0, State::Down);
    assert_eq!(last_said(&stage, WEB1).1, "connection refused");
    // Who does not answer is not asked; what was said before it fell stands.
    let before = stage.samples.len();
    stage.run_for(5 * SECOND);
    assert_eq!(stage.samples.len() - before, 5, "of the other alone");
    stage.set(WEB1, Server::Answers(1));
    stage.run_for(5 * SECOND);
    assert_eq!(last_said(&stage, WEB1).0, State::Draining);
    reads(&mut stage, asks(Wish::Maintenance, ""), Reading::default());
    stage.run_for(5 * SECOND);
    assert_eq!(last_said(&stage, WEB1).1, "asks for maintenance");
    assert_eq!(last_said(&stage, WEB1).0, State::Maintenance);
    stage.set(WEB1, Server::Refuses(1));
    stage.run_for(5 * SECOND);
    assert_eq!(last_said(&stage, WEB1).0, State::Maintenance);
    stage.set(WEB1, Server::Answers(1));
    reads(&mut stage, asks(Wish::Ready, ""), Reading::default());
    stage.run_for(5 * SECOND);
    assert_eq!(last_said(&stage, WEB1).0, State::Up);
}

#[test]
fn what_an_agent_does_not_say_stands_also_where_it_falls_silent() {
    let mut stage = Stage::new(watched());
    reads(&mut stage, asks(Wish::Down, "no disk"), Reading::default());
    stage.run_for(5 * SECOND);
    stage.readings.remove(&AGENT);
    stage.run_for(60 * SECOND);
    assert_eq!(last_said(&stage, WEB1).0, State::Down);
    assert_eq!(last_said(&stage, WEB1).1, "no disk");
    assert_eq!(last_said(&stage, WEB2).0, State::Up);
}

#[test]
fn a_weight_that_is_asked_for_is_a_share_of_the_configured_one() {
    let mut config = watched();
    config.services[0].weight = Weight::from_percent(50).unwrap();
    let mut stage = Stage::new(config);
    let weight = |percent| Reading { weight: Some(percent), ..Reading::default() };
    reads(&mut stage, weight(40), Reading::default());
    stage.run_for(5 * SECOND);
    assert_eq!(last_said(&stage, WEB1).2, 20);
    assert_eq!(last_said(&stage, WEB2).2, 50);
    reads(&mut stage, weight(0), Reading::default());
    stage.run_for(5 * SECOND);
    let (state, reason, ..) = last_said(&stage, WEB1);
    assert_eq!((state, reason.as_str()), (State::Draining, "asks for no weight"));
}

#[test]
fn a_wish_of_the_host_is_that_of_all_its_services_with_that_load() {
    let (mut http, news) = (service("http"), service("news"));
    http.load = Some(ServiceLoad::One(CPU));
    let mut config = with(vec![http, news]);
    config.loads = vec![source(CPU, LoadScope::Host)];
    let mut stage = Stage::with_own(config, &[WEB1]);
    stage.reads(CPU, |_| asks(Wish::Drain, "reboot"));
    stage.run_for(5 * SECOND);
    let became: Vec<_> = stage
        .changes
        .iter()
        .filter(|(_, change)| change.to == State::Draining)
        .map(|(_, change)| change.service.to_string())
        .collect();
    assert_eq!(became, ["http"]);
    assert_eq!(stage.became(WEB1, State::Down, Time::ZERO), None);
}
