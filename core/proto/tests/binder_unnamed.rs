//! A host that is heard and names an address no more has given it up: that is no silence, and nobody
//! is held for it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{INTERVAL, World, address, addresses, at_once, config, report, service};
use rais_proto::binder::{BinderConfig, Output};
use rais_proto::heartbeat::{Claim, Coverage, Report, State};
use rais_proto::policy::Verdict;

const LEFT: Option<Verdict> = Some(Verdict::Out(State::Leaving));

fn both() -> BinderConfig {
    config(&[("http", at_once()), ("smtp", at_once())])
}

/// What host n says of a machine that it watches, of its own address no word.
fn watches(target: u8) -> Report {
    let (claim, coverage) = (Claim::Watched, Coverage::Part);
    Report { claim, coverage, ..report(target, State::Up, None) }
}

/// Hosts 1 to 4 are known by their own addresses, and the binder has been away since.
fn restarted() -> World {
    let mut world = World::new(both());
    world.beats(6, &[1, 2, 3, 4]);
    world.restart(both(), Duration::from_secs(20));
    world
}

/// So many intervals in which `hosts` speak of the machine 101, and `still` of themselves.
fn watching(world: &mut World, rounds: usize, hosts: &[u8], still: &[u8]) {
    for _ in 0..rounds {
        hosts.iter().for_each(|&host| world.beat_with(host, vec![watches(101)]));
        still.iter().for_each(|&host| world.say(host, State::Up));
        world.pass(INTERVAL);
    }
}

#[test]
fn who_watches_others_after_a_restart_has_left_and_who_is_silent_is_held() {
    let mut world = restarted();
    watching(&mut world, 3, &[1, 2, 3], &[]);
    assert_eq!([1, 4].map(|n| world.verdict(n)), [Some(Verdict::Stored); 2], "it still listens");
    watching(&mut world, 3, &[1, 2, 3], &[]);
    assert_eq!([1, 2, 3].map(|n| world.verdict(n)), [LEFT; 3]);
    assert_eq!(world.last_published(), [address(101)]);
    assert_eq!(world.reasons(1, Verdict::Out(State::Leaving)), ["no longer announced"]);
    let is_of_1 =
        |told: &&Output| matches!(told, Output::Heard { address: its, .. } if *its == address(1));
    let last = world.told.iter().rfind(is_of_1);
    assert!(matches!(last, Some(Output::Heard { state: State::Leaving, .. })), "{last:?}");
}

#[test]
fn those_who_are_silent_with_them_are_held_as_long_as_they_are_most() {
    let mut world = World::new(both());
    world.beats(6, &[1, 2, 3, 4, 5]);
    world.restart(both(), Duration::from_secs(20));
    // 2 to 5 are cut off from the binder, and 1 has gone over to a target.
    watching(&mut world, 8, &[1], &[]);
    assert_eq!(world.verdict(1), LEFT);
    assert_eq!([2, 3, 4, 5].map(|n| world.verdict(n)), [Some(Verdict::Held); 4]);
    assert_eq!(world.last_published(), addresses(&[2, 3, 4, 5, 101]));
}

#[test]
fn who_gave_up_while_the_binder_was_deaf_has_left_as_well() {
    let mut world = World::new(both());
    world.beats(6, &[1, 2, 3, 4]);
    world.pass(Duration::from_secs(60));
    assert_eq!(world.verdict(1), Some(Verdict::Frozen));
    watching(&mut world, 6, &[1, 2, 3], &[4]);
    assert_eq!([1, 2, 3].map(|n| world.verdict(n)), [LEFT; 3]);
    assert_eq!(world.last_published(), addresses(&[4, 101]));
}

#[test]
fn it_takes_another_service_as_well() {
    let mut world = restarted();
    for _ in 0..6 {
        for host in [1, 2, 3] {
            world.beat_with(
                host,
                vec![Report { service: service("smtp"), ..report(host, State::Up, None) }],
            );
        }
        world.say(4, State::Up);
        world.pass(INTERVAL);
    }
    assert_eq!([1, 2, 3].map(|n| world.verdict(n)), [LEFT; 3]);
}

#[test]
fn where_beats_are_missing_nothing_is_given_up() {
    let mut world = restarted();
    for _ in 0..10 {
        watching(&mut world, 2, &[1, 2, 3], &[4]);
        [1, 2, 3].iter().for_each(|&host| drop(world.datagram(host, vec![watches(101)])));
    }
    assert_eq!([1, 2, 3].map(|n| world.verdict(n)), [Some(Verdict::Held); 3]);
    watching(&mut world, 5, &[1, 2, 3], &[4]);
    assert_eq!([1, 2, 3].map(|n| world.verdict(n)), [LEFT; 3]);
}

#[test]
fn who_says_that_it_does_not_know_has_not_given_up() {
    let mut world = restarted();
    for _ in 0..20 {
        for host in [1, 2, 3] {
            world.beat_with(host, vec![report(host, State::Unknown, None)]);
        }
        world.pass(INTERVAL);
    }
    assert_eq!([1, 2, 3].map(|n| world.verdict(n)), [Some(Verdict::Held); 3]);
}

#[test]
fn who_is_not_heard_whole_since_it_is_refused_has_not_given_up() {
    let mut world = restarted();
    let refused = || Report { addresses: vec![[127, 0, 0, 1].into()], ..watches(0) };
    for _ in 0..20 {
        for host in [1, 2, 3] {
            world.beat_with(host, vec![watches(101), refused()]);
        }
        world.pass(INTERVAL);
    }
    assert_eq!([1, 2, 3].map(|n| world.verdict(n)), [Some(Verdict::Held); 3]);
    watching(&mut world, 5, &[1, 2, 3], &[]);
    assert_eq!([1, 2, 3].map(|n| world.verdict(n)), [LEFT; 3]);
}

#[test]
fn who_was_stopped_with_the_others_and_goes_on_has_an_expire_to_say_it_all() {
    let mut world = World::new(both());
    let of =
        |name: &str, host: u8| Report { service: service(name), ..report(host, State::Up, None) };
    for _ in 0..6 {
        for host in [1, 2, 3, 4] {
            world.beat_with(host, vec![of("http", host)]);
            world.beat_with(host, vec![of("smtp", host)]);
        }
        world.pass(INTERVAL);
    }
    let from = world.published.len();
    for _ in 0..20 {
        world.say(5, State::Up);
        world.pass(INTERVAL);
    }
    for host in [1, 2, 3, 4] {
        world.beat_with(host, vec![of("smtp", host)]);
        world.say(5, State::Up);
        world.pass_millis(900);
    }
    assert_eq!(world.verdict(1), Some(Verdict::Held));
    world.beats(3, &[1, 2, 3, 4, 5]);
    assert_eq!(world.set(), addresses(&[1, 2, 3, 4, 5]));
    let of_http = world.published[from..].iter().flat_map(|(_, publication)| &publication.services);
    for (_, published) in of_http.filter(|(name, _)| *name == service("http")) {
        let all: Vec<_> = published.iter().map(|one| one.address).collect();
        assert_eq!(all[..4], addresses(&[1, 2, 3, 4]), "nobody went");
    }
}

#[test]
fn who_dies_with_most_others_is_held_though_another_service_was_heard_later() {
    let mut world = World::new(both());
    let of =
        |name: &str, host: u8| Report { service: service(name), ..report(host, State::Up, None) };
    for _ in 0..10 {
        [1, 2, 3].iter().for_each(|&host| world.beat_with(host, vec![of("http", host)]));
        world.pass_millis(900);
        [1, 2, 3].iter().for_each(|&host| world.beat_with(host, vec![of("smtp", host)]));
        world.say(4, State::Up);
        world.pass_millis(100);
    }
    for _ in 0..20 {
        world.say(4, State::Up);
        world.pass(INTERVAL);
    }
    assert_eq!([1, 2, 3].map(|n| world.verdict(n)), [Some(Verdict::Held); 3]);
    assert!(world.reasons(1, Verdict::Out(State::Leaving)).is_empty());
}
