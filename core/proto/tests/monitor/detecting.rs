//! How soon a server that dies, hangs or returns is told, to the millisecond.

use rais_proto::heartbeat::State;
use rais_proto::monitor::{Combine, ProbeKey, Probes};
use rais_proto::time::Time;

use crate::stage::{SECOND, Server, Stage, config, millis, ms, service, with};

const WEB: &str = "192.0.2.1";

/// Up for three seconds; then the time at which its last probe was started.
fn settled(stage: &mut Stage) -> u64 {
    stage.run_for(3 * SECOND);
    assert_eq!(
        stage.became(WEB, State::Up, Time::ZERO).map(ms),
        stage.started(WEB).first().map(|at| at + 1)
    );
    *stage.started(WEB).last().unwrap()
}

fn turns(stage: &mut Stage, server: Server, to: State) -> (u64, Vec<u64>) {
    let (from, count) = (stage.now, stage.starts.len());
    stage.set(WEB, server);
    let at = stage.run_until_some(|stage| stage.became(WEB, to, from));
    (ms(at), stage.started(WEB)[count..].to_vec())
}

#[test]
fn one_that_answers_is_probed_once_an_interval() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    stage.set(WEB, Server::Answers(99));
    stage.run_for(10 * SECOND);
    let started = stage.started(WEB);
    assert!(started[0] <= 500, "first probed within half a second: {started:?}");
    assert!(started.windows(2).all(|pair| pair[1] - pair[0] == 500), "{started:?}");
    assert_eq!(stage.changes.len(), 1);
}

#[test]
fn one_that_is_slow_is_probed_at_most_twice_an_interval() {
    for (interval, latency) in [500, 10_000]
        .into_iter()
        .flat_map(|interval| [99, 100, 101, 150, 199, 201, 350].map(|latency| (interval, latency)))
    {
        let mut http = service("http");
        http.interval = millis(interval);
        let mut stage = Stage::with_own(with(vec![http]), &[WEB]);
        stage.set(WEB, Server::Answers(latency));
        stage.run_for(100 * SECOND);
        let (count, regular) = (stage.starts.len() as u64, 100_000 / interval);
        let most = if latency < 100 { regular } else { 2 * regular };
        let at = format!("{latency} ms at {interval} ms: {count} probes");
        assert!((regular..=most).contains(&count), "{at}");
        assert_eq!(stage.changes.len(), 1, "{at}");
    }
}

#[test]
fn a_slow_server_that_hangs_or_dies_is_down_as_soon_as_a_quick_one() {
    for latency in [1, 101, 150, 250, 350] {
        // Wherever in its interval it happens.
        for wait in (0..500).step_by(10) {
            for (server, most) in [(Server::Hangs, 1000), (Server::Refuses(1), 601)] {
                let mut stage = Stage::with_own(config(), &[WEB]);
                stage.set(WEB, Server::Answers(latency));
                stage.run_for(3 * SECOND + millis(wait));
                let from = ms(stage.now);
                let (down, started) = turns(&mut stage, server.clone(), State::Down);
                let after = down - from;
                let at = format!("{latency} ms, {server:?}");
                assert!(after <= most, "{at}: {after} ms after, by probes at {started:?}");
            }
        }
    }
}

#[test]
fn a_killed_server_is_down_by_a_second_probe_100_ms_after_the_first() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    let last = settled(&mut stage);
    let (down, started) = turns(&mut stage, Server::Refuses(1), State::Down);
    assert_eq!(started, [last + 500, last + 600]);
    assert_eq!(down, last + 601, "at most 0.5 s of waiting and 0.1 s");
}

#[test]
fn a_hung_server_is_down_when_the_second_probe_has_had_its_time() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    let last = settled(&mut stage);
    let (down, started) = turns(&mut stage, Server::Hangs, State::Down);
    let first = last + 500;
    assert_eq!(started[..2], [first, first + 100]);
    assert_eq!(down, first + 500);
    assert_eq!(stage.changes.last().unwrap().1.reason.as_str(), "timeout at reading");
    // At most two in flight: the third starts as the first fails, and could have saved it.
    assert_eq!(started[2..], [first + 400]);
}

#[test]
fn a_pause_that_ends_before_the_last_probe_fails_costs_nothing() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    let first = settled(&mut stage) + 500;
    stage.set(WEB, Server::Hangs);
    stage.run_until(Time::from_millis(first + 399));
    stage.set(WEB, Server::Answers(1));
    stage.run_for(5 * SECOND);
    assert_eq!(stage.became(WEB, State::Down, Time::ZERO), None);
}

#[test]
fn a_returned_server_is_up_by_a_second_probe_100_ms_after_its_answer() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    settled(&mut stage);
    turns(&mut stage, Server::Refuses(1), State::Down);
    stage.run_for(3 * SECOND);
    let last = *stage.started(WEB).last().unwrap();
    let (up, started) = turns(&mut stage, Server::Answers(3), State::Up);
    assert_eq!(started, [last + 500, last + 603]);
    assert_eq!(up, last + 606);
}

#[test]
fn each_answer_that_still_leaves_it_down_is_followed_soon() {
    let mut http = service("http");
    http.rise = 3.try_into().unwrap();
    let mut stage = Stage::with_own(with(vec![http]), &[WEB]);
    stage.set(WEB, Server::Refuses(1));
    stage.run_for(3 * SECOND);
    let first = *stage.started(WEB).last().unwrap() + 500;
    let (up, started) = turns(&mut stage, Server::Answers(3), State::Up);
    assert_eq!((up, started), (first + 209, vec![first, first + 103, first + 206]));
}

#[test]
fn a_down_server_is_probed_once_an_interval() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    stage.set(WEB, Server::Refuses(1));
    stage.run_for(10 * SECOND);
    assert!(stage.started(WEB).windows(2).all(|pair| pair[1] - pair[0] == 500));
    assert_eq!(stage.changes.len(), 1, "the first verdict decides at once");
    assert_eq!(stage.changes[0].1.from, None);
    assert_eq!(stage.changes[0].1.to, State::Down);
}

#[test]
fn one_lost_probe_costs_nothing() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    let last = settled(&mut stage);
    stage.set(WEB, Server::Hangs);
    stage.run_until(Time::from_millis(last + 550));
    stage.set(WEB, Server::Answers(1));
    stage.run_for(5 * SECOND);
    assert_eq!(stage.changes.len(), 1, "{:?}", stage.changes);
    let started: Vec<u64> = stage.started(WEB).into_iter().filter(|&at| at > last).collect();
    assert_eq!(started[..4], [last + 500, last + 600, last + 1000, last + 1500]);
    let lost = stage.starts.iter().find(|start| ms(start.at) == last + 500).unwrap().id;
    assert!(stage.cancelled.iter().any(|&(at, id)| (ms(at), id) == (last + 601, lost)));
}

#[test]
fn a_probe_that_gives_no_answer_says_nothing_of_its_target() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    let last = settled(&mut stage);
    let (unknown, started) = turns(&mut stage, Server::Sticks, State::Unknown);
    let first = last + 500;
    assert_eq!(started[..2], [first, first + 100]);
    assert_eq!(unknown, first + 800, "0.4 s of its timeout and 0.3 s, after the second was sent");
    assert_eq!(stage.changes.last().unwrap().1.reason.as_str(), "the probe gave no answer");
    let lost = stage.starts.iter().find(|start| ms(start.at) == first).unwrap().id;
    assert!(stage.cancelled.iter().any(|&(at, id)| (ms(at), id) == (first + 700, lost)));
    stage.run_for(60 * SECOND);
    assert_eq!(stage.became(WEB, State::Down, Time::ZERO), None);
    assert!(stage.most_in_flight <= 2);

    let now = stage.now;
    stage.set(WEB, Server::Answers(1));
    stage.run_for(2 * SECOND);
    assert!(stage.became(WEB, State::Up, now).is_some(), "what was known stands again");
}

#[test]
fn a_round_with_a_stuck_probe_is_beaten_in_time() {
    let mut stage = Stage::with_own(config(), &[WEB, "192.0.2.2"]);
    settled(&mut stage);
    let from = stage.now;
    stage.set(WEB, Server::Sticks);
    stage.run_for(2 * SECOND);
    let round = ms(stage.starts.iter().find(|start| start.at >= from).unwrap().at);
    assert!(stage.beats.iter().any(|(at, _)| ms(*at) == round + 400), "at the timeout");
}

#[test]
fn fall_of_one_needs_no_second_probe() {
    let mut http = service("http");
    http.fall = 1.try_into().unwrap();
    let mut stage = Stage::with_own(with(vec![http]), &[WEB]);
    let last = settled(&mut stage);
    assert_eq!(turns(&mut stage, Server::Refuses(1), State::Down), (last + 501, vec![last + 500]));
}

#[test]
fn a_probe_at_fault_is_unknown_after_fall_and_what_was_known_returns_at_once() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    let last = settled(&mut stage);
    let (unknown, started) = turns(&mut stage, Server::Baffles(1), State::Unknown);
    assert_eq!((unknown, started), (last + 1001, vec![last + 500, last + 1000]));
    assert_eq!(stage.changes.last().unwrap().1.reason.as_str(), "no such file");
    let (up, started) = turns(&mut stage, Server::Answers(1), State::Up);
    assert_eq!((up, started), (last + 1501, vec![last + 1500]));
}

#[test]
fn several_probes_make_one_verdict() {
    let mut http = service("http");
    http.probes =
        Probes::new(Combine::All, [1, 2].map(|key| Probes::one(ProbeKey(key))).to_vec()).unwrap();
    let mut stage = Stage::with_own(with(vec![http]), &[WEB]);
    stage.run_for(SECOND);
    let keys: Vec<u32> = stage.starts.iter().map(|start| start.probe.0).collect();
    assert_eq!(keys, [1, 2].repeat(keys.len() / 2));
    assert_eq!(stage.changes.len(), 1);
    assert_eq!(stage.changes[0].1.to, State::Up);
}

#[test]
fn a_clock_that_leaps_starts_one_round_not_all_that_were_missed() {
    let mut stage = Stage::with_own(config(), &[WEB]);
    let last = settled(&mut stage);
    let before = stage.starts.len();
    stage.now = Time::from_millis(last + 60_000);
    let late = stage.now;
    stage.run_for(millis(400));
    assert_eq!(stage.starts.len(), before + 1);
    stage.run_for(SECOND);
    assert_eq!(stage.started(WEB)[before..], [ms(late), ms(late) + 500, ms(late) + 1000]);
}
