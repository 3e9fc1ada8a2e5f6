//! Many targets at once.

use std::num::NonZeroUsize;

use rais_proto::heartbeat::State;
use rais_proto::time::Time;

use crate::stage::{SECOND, Server, Stage, millis, watching, with};

fn addresses(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("10.0.{}.{}", n / 250, n % 250 + 1)).collect()
}

fn crowd(count: usize, concurrency: usize) -> Stage {
    let addresses = addresses(count);
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let mut config = with(vec![watching("mail", &addresses)]);
    config.concurrency = NonZeroUsize::new(concurrency).unwrap();
    Stage::new(config)
}

#[test]
fn no_more_probes_run_than_may_and_the_rest_wait_in_order() {
    let mut stage = crowd(50, 10);
    for address in addresses(50) {
        stage.set(&address, Server::Hangs);
    }
    stage.run_for(3 * SECOND);
    assert_eq!(stage.most_in_flight, 10);
    assert!(stage.most_waiting > 0);
    let mut ids: Vec<_> = stage.starts.iter().map(|start| start.id).collect();
    let started = ids.clone();
    ids.sort_unstable();
    assert_eq!(started, ids);
    assert!(addresses(50).iter().all(|one| !stage.started(one).is_empty()), "none is starved");
}

#[test]
fn more_concurrency_lets_what_waits_start_at_once() {
    let mut stage = crowd(50, 10);
    for address in addresses(50) {
        stage.set(&address, Server::Hangs);
    }
    stage.run_for(millis(350));
    let waiting = stage.monitor.waiting();
    assert!(waiting > 0);
    let mut config = stage.config.clone();
    config.concurrency = NonZeroUsize::new(10_000).unwrap();
    stage.configure(config);
    assert_eq!((stage.monitor.waiting(), stage.monitor.in_flight()), (0, 10 + waiting));
}

#[test]
fn a_probe_that_waited_has_its_whole_time() {
    let mut stage = crowd(2, 1);
    let [first, second] = [&addresses(2)[0], &addresses(2)[1]];
    stage.set(first, Server::Hangs);
    stage.set(second, Server::Answers(399));
    stage.run_for(10 * SECOND);
    assert_eq!(stage.most_in_flight, 1);
    assert!(stage.became(second, State::Up, Time::ZERO).is_some());
    assert_eq!(stage.became(second, State::Down, Time::ZERO), None);
    assert!(stage.became(first, State::Down, Time::ZERO).is_some());
}

#[test]
fn a_crowd_that_dies_at_once_shares_datagrams() {
    let mut stage = crowd(1000, 10_000);
    stage.run_for(3 * SECOND);
    for address in addresses(1000) {
        stage.set(&address, Server::Refuses(1));
    }
    let (from, beats) = (stage.now, stage.beats.len());
    stage.run_for(SECOND);
    for address in addresses(1000) {
        let down = stage.became(&address, State::Down, from).unwrap();
        assert!(down.since(from) <= millis(601), "{address}");
    }
    let sent = stage.beats.len() - beats;
    assert!(sent < 1000, "{sent} datagrams");
}

#[test]
fn equal_inputs_give_equal_outputs() {
    let run = || {
        let mut stage = crowd(100, 10_000);
        stage.run_for(2 * SECOND);
        stage.set(&addresses(100)[7], Server::Hangs);
        stage.run_for(2 * SECOND);
        stage
    };
    let (one, other) = (run(), run());
    assert_eq!(one.beats, other.beats);
    assert_eq!(one.starts, other.starts);
}

#[test]
fn after_a_stall_what_is_due_starts_little_by_little_and_nobody_falls() {
    let mut stage = crowd(2000, 10_000);
    stage.run_for(3 * SECOND);
    let before = stage.starts.len();
    // Nothing runs for so long.
    let stalled = stage.now + millis(900);
    stage.now = stalled;
    stage.run_for(millis(600));
    let within = |from: u64, to: u64| {
        let since = stage.starts[before..].iter().map(|start| start.at.since(stalled));
        since.filter(|at| (millis(from)..millis(to)).contains(at)).count()
    };
    // Twice as many as usual (2,000 in half a second are 40 in 10 ms), and all within an interval.
    assert!((1..=100).contains(&within(0, 10)), "{}", within(0, 10));
    let most = (0..60).map(|slice| within(slice * 10, slice * 10 + 10)).max().unwrap();
    assert!(most <= 100, "{most}");
    assert!(within(0, 500) >= 2000, "{}", within(0, 500));
    assert!(stage.changes.iter().all(|(_, change)| change.to == State::Up));
}
