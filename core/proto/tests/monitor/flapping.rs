//! Addresses that come and go, and what is remembered of them over a restart.

use std::time::Duration;

use rais_proto::heartbeat::State;
use rais_proto::monitor::{Monitor, OnFlapping, Remembered, Settled};
use rais_proto::time::Time;

use crate::stage::{SECOND, Server, Stage, config, ip, millis, ms, service, watching, with};

const WEB: &str = "192.0.2.1";

/// Kills the server as soon as it is up and revives it as soon as it is down: how long it took to
/// be up again, in seconds.
fn comes_back_after(stage: &mut Stage) -> u64 {
    let from = stage.now;
    stage.set(WEB, Server::Refuses(1));
    let down = stage.run_until_some(|stage| stage.became(WEB, State::Down, from));
    stage.set(WEB, Server::Answers(1));
    let up = stage.run_until_some(|stage| stage.became(WEB, State::Up, down));
    (up.since(down) + millis(500)).as_secs()
}

#[test]
fn a_server_that_falls_again_and_again_waits_longer_each_time() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    stage.run_for(3 * SECOND);
    let waits: Vec<u64> = (0..9).map(|_| comes_back_after(&mut stage)).collect();
    assert_eq!(waits, [1, 1, 1, 10, 20, 40, 80, 160, 300]);
    let flapping = |beat: &str| beat.ends_with("(flapping: 9 falls of late)");
    assert!(stage.said(Time::ZERO).iter().any(|(_, beat)| flapping(beat)));

    // Ten good minutes, and all is forgotten.
    stage.run_for(600 * SECOND);
    let waits: Vec<u64> = (0..3).map(|_| comes_back_after(&mut stage)).collect();
    assert_eq!(waits, [1, 1, 1]);
}

#[test]
fn a_server_that_fails_every_other_probe_falls_though_never_twice_in_a_row() {
    // Rounds fail, and what is to confirm it does not.
    let mut stage = Stage::with_own(config(), &[WEB]);
    stage.run_for(3 * SECOND);
    let from = stage.now;
    for round in 0..30 {
        let server = if round % 2 == 0 { Server::Refuses(1) } else { Server::Answers(1) };
        stage.set(WEB, server);
        let next = stage.starts.len() + 1;
        stage.run_until_some(|stage| (stage.starts.len() >= next).then_some(()));
        stage.run_for(millis(2));
    }
    let down = stage.became(WEB, State::Down, from).expect("it falls");
    assert!(down.since(from) > 4 * SECOND, "{} ms", ms(down));
}

#[test]
fn one_failure_in_ten_takes_nobody_out() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    stage.run_for(3 * SECOND);
    let from = stage.now;
    for round in 0..600 {
        let server = if round % 10 == 0 { Server::Refuses(1) } else { Server::Answers(1) };
        stage.set(WEB, server);
        let next = stage.starts.len() + 1;
        stage.run_until_some(|stage| (stage.starts.len() >= next).then_some(()));
        stage.run_for(millis(2));
    }
    assert_eq!(stage.became(WEB, State::Down, from), None);
}

fn remembered(settled: Settled, falls: u8) -> Remembered {
    let service = "http".parse().unwrap();
    Remembered { service, address: ip(WEB), settled, falls, held: Duration::ZERO }
}

/// A monitor that starts with what an earlier one knew, its server being as it is.
fn restarted(what: Remembered, server: Server) -> Stage {
    let mut stage = Stage::new(config());
    stage.set(WEB, server);
    stage.monitor.remember(Time::ZERO, [what]);
    stage.own(&[WEB]);
    stage
}

fn states(stage: &Stage) -> Vec<State> {
    stage.changes.iter().map(|(_, change)| change.to).collect()
}

#[test]
fn over_a_restart_one_failure_makes_nobody_down_and_one_success_nobody_up() {
    let mut stage = restarted(remembered(Settled::Up, 0), Server::Refuses(1));
    stage.run_until_some(|stage| (stage.starts.len() == 1).then_some(()));
    stage.run_for(millis(2));
    assert_eq!(states(&stage), [], "one failure tells neither");
    stage.set(WEB, Server::Answers(1));
    stage.run_for(5 * SECOND);
    assert_eq!(states(&stage), [State::Up]);
    let mut stage = restarted(remembered(Settled::Up, 0), Server::Refuses(1));
    stage.run_for(5 * SECOND);
    assert_eq!(states(&stage), [State::Down], "it is dead, and was never said to be up");

    let mut stage = restarted(remembered(Settled::Down, 0), Server::Answers(1));
    stage.run_until_some(|stage| (stage.starts.len() == 1).then_some(()));
    stage.run_for(millis(2));
    assert_eq!(states(&stage), [State::Down], "one success");
    stage.run_for(millis(200));
    assert_eq!(states(&stage), [State::Down, State::Up]);
}

#[test]
fn nothing_is_announced_of_what_is_only_remembered() {
    let mut stage = restarted(remembered(Settled::Up, 0), Server::Sticks);
    stage.run_for(millis(600));
    assert_eq!((states(&stage), stage.beats.len()), (vec![], 0));
    stage.run_for(5 * SECOND);
    assert_eq!(states(&stage), [State::Unknown]);
}

#[test]
fn a_restart_does_not_forgive_flapping() {
    let mut stage = restarted(remembered(Settled::Up, 3), Server::Answers(1));
    stage.run_for(3 * SECOND);
    assert_eq!(comes_back_after(&mut stage), 10);
    let known = stage.monitor.healths(stage.now);
    assert_eq!(known, [remembered(Settled::Up, 4)]);

    // Down when it ended, it stays so for what was left.
    let held = Remembered { held: 7 * SECOND, ..remembered(Settled::Down, 4) };
    let mut stage = restarted(held, Server::Answers(1));
    stage.run_for(2 * SECOND);
    assert_eq!(stage.monitor.healths(stage.now)[0].held, 5 * SECOND);
    let up = stage.run_until_some(|stage| stage.became(WEB, State::Up, Time::ZERO));
    assert_eq!(ms(up) / 1000, 7);

    // And falls are forgotten from there on, too.
    let mut stage = restarted(remembered(Settled::Up, 8), Server::Answers(1));
    stage.run_for(600 * SECOND);
    assert_eq!(stage.monitor.healths(stage.now), [remembered(Settled::Up, 0)]);
}

#[test]
fn watched_targets_are_remembered_too() {
    let mut monitor = Monitor::new(Time::ZERO, with(vec![watching("http", &[WEB])]));
    monitor.remember(Time::ZERO, [remembered(Settled::Down, 2)]);
    assert_eq!(monitor.healths(Time::ZERO), [remembered(Settled::Down, 2)]);
    assert_eq!(monitor.view(Time::ZERO)[0].state, None);
    let unknown = Remembered { service: "news".parse().unwrap(), ..remembered(Settled::Up, 0) };
    monitor.remember(Time::ZERO, [unknown]);
    assert_eq!(monitor.healths(Time::ZERO).len(), 1, "nobody asks for it");
}

#[test]
fn who_comes_late_is_looked_at_as_if_for_the_first_time() {
    let mut stage = Stage::new(config());
    stage.monitor.remember(Time::ZERO, [remembered(Settled::Down, 9)]);
    stage.run_for(301 * SECOND);
    stage.own(&[WEB]);
    stage.run_for(2 * SECOND);
    assert_eq!(states(&stage), [State::Up]);
}

#[test]
fn of_many_machines_that_fall_together_only_a_few_are_held() {
    let all: Vec<String> = (1..=20).map(|n| format!("192.0.2.{n}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut stage = Stage::new(with(vec![watching("http", &all)]));
    stage.run_for(3 * SECOND);
    // Four times the way to them is cut.
    for _ in 0..4 {
        all.iter().for_each(|one| stage.set(one, Server::Refuses(1)));
        stage.run_for(3 * SECOND);
        all.iter().for_each(|one| stage.set(one, Server::Answers(1)));
        stage.run_for(3 * SECOND);
    }
    let view = stage.monitor.view(stage.now);
    let down: Vec<_> = view.iter().filter(|one| one.state == Some(State::Down)).collect();
    assert_eq!(down.len(), 2, "one in ten: {down:?}");
    assert!(down.iter().all(|one| one.reason.as_str().starts_with("flapping")));
    stage.run_for(60 * SECOND);
    let view = stage.monitor.view(stage.now);
    assert!(view.iter().all(|one| one.state == Some(State::Up)));
}

#[test]
fn a_held_server_is_probed_no_faster_than_others() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    stage.run_for(3 * SECOND);
    for _ in 0..5 {
        comes_back_after(&mut stage);
    }
    let from = stage.now;
    stage.set(WEB, Server::Refuses(1));
    let down = stage.run_until_some(|stage| stage.became(WEB, State::Down, from));
    stage.set(WEB, Server::Answers(1));
    let before = stage.starts.len();
    stage.run_until(down + 30 * SECOND);
    let probes = stage.starts.len() - before;
    assert!((58..=63).contains(&probes), "{probes} in 30 s of a hold of 40 s");
    let up = stage.run_until_some(|stage| stage.became(WEB, State::Up, down));
    assert_eq!(up.since(down).as_secs(), 40, "and up as soon as it is over");
}

#[test]
fn where_flapping_is_ignored_rows_decide_alone() {
    let mut http = service("http");
    http.on_flapping = OnFlapping::Ignore;
    let mut stage = Stage::with_own(with(vec![http]), &[WEB]);
    stage.run_for(3 * SECOND);
    let waits: Vec<u64> = (0..9).map(|_| comes_back_after(&mut stage)).collect();
    assert_eq!(waits, [1; 9]);

    // Turned off for one that is held, it lets it up.
    let mut stage = Stage::with_own(config(), &[WEB]);
    stage.run_for(3 * SECOND);
    let waits: Vec<u64> = (0..5).map(|_| comes_back_after(&mut stage)).collect();
    assert_eq!(waits, [1, 1, 1, 10, 20]);
    let from = stage.now;
    stage.set(WEB, Server::Refuses(1));
    let down = stage.run_until_some(|stage| stage.became(WEB, State::Down, from));
    stage.set(WEB, Server::Answers(1));
    let mut ignoring = config();
    ignoring.services[0].on_flapping = OnFlapping::Ignore;
    stage.configure(ignoring);
    stage.run_for(2 * SECOND);
    assert!(stage.became(WEB, State::Up, down).is_some());
}
