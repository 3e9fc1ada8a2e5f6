//! When a binder takes itself for deaf, and what it believes afterwards (ADR 0030), in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{INTERVAL, World, address, addresses, at_once, config, report};
use rais_proto::binder::view::Alarm;
use rais_proto::heartbeat::{Report, State, default_expire};
use rais_proto::policy::Verdict;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// How often the slow ones beat.
const SELDOM: Duration = Duration::from_secs(300);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

fn is_deaf(world: &World) -> bool {
    let alarms = world.binder.view(world.now).alarms;
    alarms.iter().any(|alarm| matches!(alarm, Alarm::Deaf { .. }))
}

fn say(world: &mut World, hosts: &[u8], interval: Duration, expire: Duration) {
    for &host in hosts {
        let report = Report { interval, expire, ..report(host, State::Up, None) };
        world.beat_with(host, vec![report]);
    }
}

fn say_seldom(world: &mut World, hosts: &[u8]) {
    say(world, hosts, SELDOM, default_expire(SELDOM));
}

fn world() -> World {
    World::new(config(&[("http", at_once())]))
}

/// Three quick hosts, which are settled, and host 9, which names a week.
fn with_a_week() -> World {
    let mut world = world();
    say(&mut world, &[9], INTERVAL, WEEK);
    world.beats(70, &[1, 2, 3]);
    say(&mut world, &[9], INTERVAL, WEEK);
    world.beats(1, &[1, 2, 3]);
    world
}

#[test]
fn one_host_that_names_a_week_does_not_switch_it_off() {
    let mut world = with_a_week();
    let all = addresses(&[1, 2, 3, 9]);
    world.published.clear();
    world.pass(4 * SECOND);
    assert!(is_deaf(&world));
    world.pass(10 * MINUTE);
    assert_eq!((world.set(), world.verdict(1)), (all.clone(), Some(Verdict::Frozen)));
    // Nor does a silence count for nothing for a week when it is over.
    world.beats(3, &[1, 2, 3]);
    assert!(!is_deaf(&world));
    world.beats(90, &[1, 2]);
    assert_eq!(world.set(), addresses(&[1, 2, 9]), "3 is dead, and 9 has a week");
    assert!(
        world.published[..world.published.len() - 1]
            .iter()
            .all(|(_, p)| { p.services[0].1.len() == all.len() })
    );
}

#[test]
fn one_quick_host_among_slow_ones_does_not_set_it_off() {
    let mut world = world();
    say_seldom(&mut world, &[4, 5, 6]);
    world.beats(70, &[1]);
    for _ in 0..5 {
        say_seldom(&mut world, &[4, 5, 6]);
        world.pass(SELDOM);
        assert!(!is_deaf(&world));
    }
    assert_eq!(world.set(), addresses(&[4, 5, 6]), "1 is dead");
    // But it is when all of them miss three beats.
    world.pass(3 * SELDOM);
    assert!(is_deaf(&world));
    assert_eq!(world.set(), addresses(&[4, 5, 6]));
}

#[test]
fn where_all_beat_seldom_a_dead_one_goes_and_a_network_that_fails_takes_nobody() {
    let mut world = world();
    for _ in 0..3 {
        say_seldom(&mut world, &[1, 2, 3]);
        world.pass(SELDOM);
        assert!(!is_deaf(&world));
    }
    world.pass(3 * SELDOM);
    assert!(is_deaf(&world));
    for _ in 0..3 {
        say_seldom(&mut world, &[1, 2, 3]);
        world.pass(SELDOM);
        assert_eq!((is_deaf(&world), world.set()), (false, addresses(&[1, 2, 3])));
    }
    for _ in 0..4 {
        say_seldom(&mut world, &[1, 2]);
        world.pass(SELDOM);
        assert!(!is_deaf(&world));
    }
    assert_eq!(world.set(), addresses(&[1, 2]));
}

#[test]
fn where_all_are_quick_it_is_deaf_within_their_expire() {
    let mut world = world();
    world.beats(5, &[1, 2, 3]);
    world.pass(default_expire(INTERVAL) - INTERVAL - Duration::from_millis(1));
    assert!(!is_deaf(&world));
    world.pass_millis(1);
    assert!(is_deaf(&world));
}

#[test]
fn the_dead_do_not_deafen_it_again_and_again() {
    let mut world = world();
    say_seldom(&mut world, &[8, 9]);
    world.beats(70, &[1, 2, 3, 4]);
    // All quick ones die. Until somebody is heard that may be us, and is not from then on.
    for round in 0..4 {
        say_seldom(&mut world, &[8, 9]);
        for _ in 0..SELDOM.as_secs() {
            world.pass(SECOND);
            assert!(round == 0 || !is_deaf(&world), "{round}");
        }
    }
    assert_eq!(world.set(), addresses(&[8, 9]));
}

#[test]
fn hosts_that_a_reload_makes_slow_do_not_deafen_it() {
    let mut world = world();
    world.beats(70, &[1, 2, 3]);
    for round in 0..4 {
        say_seldom(&mut world, &[1, 2, 3]);
        world.pass(SELDOM);
        assert!(round == 0 || !is_deaf(&world), "{round}");
    }
    // And back.
    world.beats(10, &[1, 2, 3]);
    world.pass(4 * SECOND);
    assert!(is_deaf(&world));
}

#[test]
fn who_was_silent_before_it_went_deaf_is_out_when_it_hears() {
    let mut world = world();
    world.beats(5, &[1, 2, 3, 4]);
    world.beats(10, &[1, 2, 3]);
    assert_eq!(world.set(), addresses(&[1, 2, 3]));
    world.pass(MINUTE);
    assert!(is_deaf(&world));
    world.beats(10, &[1, 2, 3]);
    assert_eq!(world.set(), addresses(&[1, 2, 3]));
    assert!(!world.set().contains(&address(4)));
}

#[test]
fn over_a_restart_it_is_known_how_soon_each_was_to_be_heard() {
    let mut world = with_a_week();
    world.restart(config(&[("http", at_once())]), SECOND);
    world.pass(4 * SECOND);
    assert!(is_deaf(&world));
    let mut slow = self::world();
    say_seldom(&mut slow, &[1, 2, 3]);
    slow.restart(config(&[("http", at_once())]), SECOND);
    slow.pass(SELDOM);
    assert!(!is_deaf(&slow));
}
