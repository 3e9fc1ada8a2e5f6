//! Steps 5, 6 and 8 of the design's section 7, and what is easily forgotten of the table, in
//! virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::num::NonZeroU32;
use std::time::Duration;

use common::{World, addresses, at_once, config, on_timer, report};
use rais_proto::binder::view::Alarm;
use rais_proto::heartbeat::State;
use rais_proto::load::Load;
use rais_proto::policy::{Balance, MinServers, Percent, ServicePolicy, Verdict, WhenNone};

fn settled(policy: ServicePolicy, hosts: &[u8]) -> World {
    let mut world = World::new(config(&[("http", policy)]));
    world.beats(5, hosts);
    world
}

/// So many seconds in which host n says the n-th load.
fn loaded(world: &mut World, seconds: usize, loads: &[f64]) {
    for _ in 0..seconds {
        for (host, &load) in (1..).zip(loads) {
            world.beat_with(host, vec![report(host, State::Up, Some(load))]);
        }
        world.pass(common::INTERVAL);
    }
}

fn alarms(world: &World) -> Vec<Alarm> {
    world.binder.view(world.now).alarms
}

fn panicking(percent: u8) -> ServicePolicy {
    ServicePolicy { panic: Some(Percent(percent)), ..at_once() }
}

#[test]
fn step_5_fewer_live_than_panic_brings_all_back_and_enough_take_them_out_again() {
    let mut world = settled(panicking(50), &[1, 2, 3, 4]);
    world.say(1, State::Down);
    world.say(2, State::Down);
    world.pass_millis(150);
    assert_eq!(world.set(), addresses(&[3, 4]), "half is not fewer than half");
    world.say(3, State::Down);
    world.pass_millis(150);
    assert_eq!(world.last_published(), addresses(&[1, 2, 3, 4]));
    assert_eq!(world.verdict(3), Some(Verdict::Panic));
    assert_eq!(world.verdict(4), Some(Verdict::In));
    assert!(alarms(&world).iter().any(|alarm| matches!(alarm, Alarm::Panic { .. })));
    world.say(1, State::Up);
    world.pass_millis(150);
    assert_eq!(world.last_published(), addresses(&[1, 4]));
}

#[test]
fn step_5_whoever_is_in_maintenance_or_drained_stays_out() {
    let mut world = settled(panicking(100), &[1, 2, 3, 4]);
    world.say(1, State::Maintenance);
    world.say(2, State::Draining);
    world.say(3, State::Down);
    world.pass_millis(150);
    assert_eq!(world.set(), addresses(&[3, 4]));
}

#[test]
fn step_5_who_is_held_counts_as_live() {
    let mut world = settled(panicking(50), &[1, 2, 3, 4, 5]);
    world.say(5, State::Down);
    world.beats(10, &[1]);
    assert_eq!(world.verdict(2), Some(Verdict::Held));
    assert_eq!(world.set(), addresses(&[1, 2, 3, 4]), "and nobody who is known to be down");
}

#[test]
fn step_5_takes_neither_load_nor_tier_nor_number_into_account() {
    let policy = ServicePolicy {
        tiers: vec![vec!["192.0.2.1/32".parse().unwrap()]],
        max_servers: NonZeroU32::new(1),
        max_load: Load::from_percent(50.0),
        ..panicking(100)
    };
    let mut world = settled(policy, &[1, 2, 3]);
    loaded(&mut world, 12, &[20.0, 20.0, 20.0]);
    assert_eq!(world.set(), addresses(&[1]));
    world.say(2, State::Down);
    world.pass_millis(150);
    assert_eq!(world.set(), addresses(&[1, 2, 3]));
}

fn tiered() -> ServicePolicy {
    let tier = |net: &str| vec![net.parse().unwrap()];
    // 1 to 3, 4 to 7, and all others.
    ServicePolicy { tiers: vec![tier("192.0.2.0/30"), tier("192.0.2.4/30")], ..at_once() }
}

#[test]
fn step_6_the_first_tier_with_a_candidate_serves() {
    let mut world = settled(tiered(), &[1, 2, 4, 5, 9]);
    assert_eq!(world.set(), addresses(&[1, 2]));
    assert_eq!(world.verdict(4), Some(Verdict::LowerTier));
    world.say(1, State::Down);
    assert_eq!(world.set(), addresses(&[2]));
    world.say(2, State::Down);
    assert_eq!(world.set(), addresses(&[4, 5]));
    world.beats(10, &[9]);
    assert_eq!(world.set(), addresses(&[9]), "what is in no tier is the last");
    world.beats(3, &[5, 9]);
    assert_eq!(world.set(), addresses(&[5]));
    world.beats(2, &[2, 5, 9]);
    assert_eq!(world.set(), addresses(&[2]));
}

#[test]
fn step_6_two_sites_of_which_each_is_half_lost() {
    // One of two is silent in each: half is not more than half, so they are dead, not held.
    let mut world = settled(tiered(), &[1, 2, 4, 5]);
    world.beats(10, &[1, 4]);
    assert_eq!(world.set(), addresses(&[1]));
    assert_eq!(world.verdict(2), Some(Verdict::Expired));
    // More than half of the service: the first site is held, and serves.
    let mut world = settled(tiered(), &[1, 2, 4, 5]);
    world.beats(10, &[5]);
    assert_eq!(world.set(), addresses(&[1, 2]));
    assert_eq!([4, 5].map(|host| world.verdict(host)), [Some(Verdict::LowerTier); 2]);
    let held = alarms(&world);
    assert!(held.iter().any(|alarm| matches!(alarm, Alarm::Held { .. })), "{held:?}");
    world.beats(6 * 60, &[5]);
    assert_eq!(world.set(), addresses(&[5]), "and then the second does");
}

fn at_most(max: u32) -> ServicePolicy {
    let max_load = Load::from_percent(60.0);
    ServicePolicy {
        max_servers: NonZeroU32::new(max),
        balance: Balance::None,
        max_load,
        ..at_once()
    }
}

#[test]
fn step_8_the_least_loaded_are_chosen_at_the_timer_and_when_somebody_has_gone() {
    let mut world = World::new(config(&[("http", at_most(2))]));
    loaded(&mut world, 10, &[55.0, 40.0, 30.0]);
    assert_eq!(world.set(), addresses(&[1, 3]), "the first, and the least loaded of the others");
    assert_eq!(world.verdict(2), Some(Verdict::Surplus));
    let published = world.published.len();
    loaded(&mut world, 60, &[59.0, 0.0, 58.0]);
    assert_eq!(world.published.len(), published, "whoever is out has nothing to do");
    loaded(&mut world, 9, &[61.0, 0.0, 58.0]);
    assert_eq!(world.set(), addresses(&[1, 3]), "not before the timer");
    loaded(&mut world, 1, &[61.0, 0.0, 58.0]);
    assert_eq!(world.set(), addresses(&[2, 3]));
    world.say(3, State::Down);
    world.pass_millis(150);
    assert_eq!(world.set(), addresses(&[1, 2]));
}

#[test]
fn step_8_an_arrival_fills_what_is_free_and_pushes_nobody_out() {
    let mut world = World::new(config(&[("http", at_most(2))]));
    loaded(&mut world, 10, &[50.0]);
    world.beat_with(2, vec![report(2, State::Up, Some(60.0))]);
    world.pass_millis(150);
    assert_eq!(world.set(), addresses(&[1, 2]));
    world.beat_with(3, vec![report(3, State::Up, Some(1.0))]);
    assert_eq!(world.set(), addresses(&[1, 2]));
}

#[test]
fn where_load_takes_nobody_out_it_is_an_alarm() {
    let max_load = Load::from_percent(60.0);
    let policy = ServicePolicy { balance: Balance::None, max_load, ..at_once() };
    let mut world = World::new(config(&[("http", policy)]));
    loaded(&mut world, 25, &[90.0, 20.0]);
    assert_eq!(world.set(), addresses(&[1, 2]));
    let found = alarms(&world);
    let loaded_alarm = found.iter().find_map(|alarm| match alarm {
        Alarm::Loaded { load, max_load, .. } => Some((*load, *max_load)),
        _ => None,
    });
    assert_eq!(loaded_alarm, Load::from_percent(55.0).zip(max_load), "of 51 % and more");
    loaded(&mut world, 1, &[80.0, 22.0]);
    assert!(!alarms(&world).iter().any(|alarm| matches!(alarm, Alarm::Loaded { .. })));
}

#[test]
fn hole_all_are_down_explicitly_at_once() {
    for (when_none, left) in
        [(WhenNone::Hold, vec![2, 3]), (WhenNone::All, vec![1, 2, 3]), (WhenNone::Empty, vec![])]
    {
        let mut world = settled(ServicePolicy { when_none, ..at_once() }, &[1, 2, 3]);
        (1..=3).for_each(|host| world.say(host, State::Down));
        // The first is published at once; the others are seen together, when the gap is over.
        world.pass_millis(150);
        assert_eq!(world.last_published(), addresses(&left), "{when_none:?}");
        assert_eq!(world.set(), addresses(&left), "{when_none:?}");
    }
}

#[test]
fn hole_two_of_three_are_silent_for_good() {
    let mut world = settled(at_once(), &[1, 2, 3]);
    world.beats(10, &[1]);
    assert_eq!(world.set(), addresses(&[1, 2, 3]), "held");
    world.beats(5 * 60, &[1]);
    assert_eq!(world.set().len(), 2, "one by one, from `hold` on");
    world.beats(10, &[1]);
    assert_eq!(world.set(), addresses(&[1]));
    world.beats(3600, &[1]);
    assert_eq!(world.set(), addresses(&[1]));
}

#[test]
fn hole_one_server_only() {
    let mut world = settled(at_once(), &[1]);
    world.pass(Duration::from_secs(3600));
    assert_eq!(world.set(), addresses(&[1]), "nobody else: held as the last resort");
    let mut world = settled(at_once(), &[1]);
    world.say(1, State::Leaving);
    world.pass_millis(150);
    assert_eq!(world.set(), addresses(&[1]), "a goodbye too: never emptied unasked");
}

#[test]
fn hole_a_death_under_the_minimum_brings_an_overloaded_one_back_at_once() {
    let policy = ServicePolicy {
        max_load: Load::from_percent(60.0),
        min_servers: MinServers::Percent(Percent(50)),
        ..at_once()
    };
    let mut world = World::new(config(&[("http", policy)]));
    loaded(&mut world, 20, &[10.0, 10.0, 90.0, 10.0]);
    assert_eq!(world.set(), addresses(&[1, 2, 4]));
    world.say(1, State::Down);
    world.say(2, State::Down);
    // Of four that are known two are to stay.
    assert_eq!(world.set(), addresses(&[3, 4]));
}

#[test]
fn hole_deaf_with_one_service() {
    let mut world = settled(at_once(), &[1, 2, 3]);
    world.pass(Duration::from_secs(3600));
    assert_eq!(world.set(), addresses(&[1, 2, 3]));
    assert!(alarms(&world).iter().any(|alarm| matches!(alarm, Alarm::Deaf { .. })));
    // Of a mass silence nothing is left once it is over.
    world.beats(5, &[1, 2]);
    assert_eq!(world.set(), addresses(&[1, 2]));
}

#[test]
fn a_reload_that_changes_nothing_tells_nothing_again() {
    for policy in [at_once(), on_timer(2)] {
        let mut world = settled(policy.clone(), &[1, 2, 3]);
        for _ in 0..5 {
            world.say(1, State::Up);
            world.say(2, State::Down);
            world.pass(common::INTERVAL);
        }
        let told = |world: &World| world.told.clone();
        let before = told(&world);
        assert_ne!(world.verdict(2), Some(Verdict::In));
        for _ in 0..5 {
            world.binder.handle_config(world.now, config(&[("http", policy.clone())]));
            world.say(1, State::Up);
            world.say(2, State::Down);
            world.pass(common::INTERVAL);
        }
        assert_eq!(told(&world), before);
    }
}
