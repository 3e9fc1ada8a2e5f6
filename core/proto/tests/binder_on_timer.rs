//! The paper's algorithm (Figs. 5, 6) with its guards, in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{World, addresses, config, on_timer, report};
use rais_proto::binder::view::Alarm;
use rais_proto::heartbeat::State;
use rais_proto::load::Load;
use rais_proto::policy::{MinServers, ServicePolicy, Verdict, WhenNone};

const PERIOD: u64 = 120;

fn paper() -> ServicePolicy {
    ServicePolicy {
        max_load: Load::from_percent(60.0),
        return_load: None,
        min_servers: MinServers::Count(2),
        ..on_timer(PERIOD)
    }
}

fn world_of(policy: ServicePolicy) -> World {
    World::new(config(&[("http", policy)]))
}

/// One period in which the hosts say their loads once.
fn period(world: &mut World, loads: &[(u8, f64)]) {
    for &(host, load) in loads {
        world.beat_with(host, vec![report(host, State::Up, Some(load))]);
    }
    world.pass(Duration::from_secs(PERIOD));
}

fn says_nobody_heard(world: &World) -> bool {
    let alarms = world.binder.view(world.now).alarms;
    alarms.iter().any(|alarm| matches!(alarm, Alarm::NobodyHeard { .. }))
}

#[test]
fn the_worked_example() {
    let mut world = world_of(paper());
    period(&mut world, &[(1, 10.0), (2, 65.0), (3, 70.0), (4, 80.0)]);
    assert_eq!(world.last_published(), addresses(&[1, 2]));
    assert_eq!(world.verdict(3), Some(Verdict::Pruned));
}

#[test]
fn nothing_happens_before_the_timer() {
    let mut world = world_of(paper());
    world.say(1, State::Up);
    world.pass(Duration::from_secs(PERIOD - 1));
    assert!(world.published.is_empty());
    assert_eq!(world.verdict(1), Some(Verdict::Awaiting));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.last_published(), addresses(&[1]));
}

#[test]
fn who_sent_nothing_in_the_period_is_gone_and_one_beat_is_enough() {
    let mut world = world_of(paper());
    period(&mut world, &[(1, 1.0), (2, 1.0), (3, 1.0)]);
    period(&mut world, &[(1, 1.0), (3, 1.0)]);
    assert_eq!(world.last_published(), addresses(&[1, 3]));
    assert_eq!(world.verdict(2), Some(Verdict::Unheard));
    period(&mut world, &[(1, 1.0), (2, 1.0), (3, 1.0)]);
    assert_eq!(world.last_published(), addresses(&[1, 2, 3]));
}

#[test]
fn all_that_is_heard_at_the_very_moment_of_the_update_is_in_the_period() {
    let mut world = world_of(paper());
    world.pass(Duration::from_secs(PERIOD - 1));
    world.now = world.now + Duration::from_secs(1);
    world.say(1, State::Up);
    assert!(world.published.is_empty(), "the timer judges, not the first beat");
    world.say(2, State::Up);
    world.pass(Duration::ZERO);
    assert_eq!(world.last_published(), addresses(&[1, 2]));
}

#[test]
fn an_unchanged_set_publishes_nothing() {
    let mut world = world_of(paper());
    for round in 0..10 {
        period(&mut world, &[(1, f64::from(round)), (2, 1.0)]);
    }
    assert_eq!(world.published.len(), 1);
}

#[test]
fn only_beats_that_say_up_count() {
    let mut world = world_of(paper());
    period(&mut world, &[(1, 1.0), (2, 1.0)]);
    world.say(2, State::Down);
    world.say(3, State::Draining);
    period(&mut world, &[(1, 1.0)]);
    assert_eq!(world.last_published(), addresses(&[1]));
}

#[test]
fn a_period_in_which_nobody_was_heard_is_answered_by_when_none() {
    for (when_none, left) in [
        (WhenNone::Hold, addresses(&[1, 2])),
        (WhenNone::All, addresses(&[1, 2, 3])),
        (WhenNone::Empty, addresses(&[])),
    ] {
        let mut world = world_of(ServicePolicy { when_none, ..paper() });
        period(&mut world, &[(1, 1.0), (2, 1.0), (3, 99.0)]);
        period(&mut world, &[]);
        assert_eq!(world.last_published(), left, "{when_none:?}");
        assert!(says_nobody_heard(&world));
        period(&mut world, &[(2, 1.0)]);
        assert_eq!(world.last_published(), addresses(&[2]));
        assert!(!says_nobody_heard(&world));
    }
}

#[test]
fn nothing_is_withdrawn_before_the_first_full_period_after_a_restart() {
    let mut before = world_of(paper());
    period(&mut before, &[(1, 1.0), (2, 1.0)]);
    let config = config(&[("http", paper())]);
    let mut world = World::restored(config, before.binder.snapshot(before.now), before.now);
    world.pass(Duration::from_secs(PERIOD - 1));
    assert_eq!(world.set(), addresses(&[1, 2]));
}

#[test]
fn ties_never_churn_the_zone() {
    let mut world = world_of(ServicePolicy { min_servers: MinServers::Count(1), ..paper() });
    period(&mut world, &[(3, 90.0)]);
    for _ in 0..5 {
        period(&mut world, &[(1, 90.0), (2, 90.0), (3, 90.0)]);
    }
    assert_eq!(world.last_published(), addresses(&[3]));
    assert_eq!(world.published.len(), 1);
}

#[test]
fn the_last_load_of_the_period_counts() {
    let mut world = world_of(ServicePolicy { min_servers: MinServers::Count(1), ..paper() });
    world.beat_with(1, vec![report(1, State::Up, Some(10.0))]);
    world.beat_with(1, vec![report(1, State::Up, Some(90.0))]);
    period(&mut world, &[(2, 20.0)]);
    assert_eq!(world.last_published(), addresses(&[2]));
}
