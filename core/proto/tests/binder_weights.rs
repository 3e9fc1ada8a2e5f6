//! Weights and the duty cycle as a binder makes and publishes them, in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{World, addresses, at_once, config, report};
use rais_proto::binder::{Binder, Publication, PublicationChange};
use rais_proto::heartbeat::{Capacity, State};
use rais_proto::policy::weights::Constants;
use rais_proto::policy::{Balance, MinServers, ServicePolicy, Verdict};

const TTL: Duration = Duration::from_secs(10);

fn constants() -> Constants {
    Constants::usual(TTL, at_once().interval)
}

fn weighted() -> ServicePolicy {
    ServicePolicy { balance: Balance::Weights(constants()), ..at_once() }
}

/// Host n, of so many units, says the load.
type Says = (u8, f64, f64);

fn says(world: &mut World, seconds: usize, hosts: &[Says]) {
    for _ in 0..seconds {
        for &(host, units, load) in hosts {
            let capacity = Capacity::from_units(units).unwrap();
            let report =
                rais_proto::heartbeat::Report { capacity, ..report(host, State::Up, Some(load)) };
            world.beat_with(host, vec![report]);
        }
        world.pass(common::INTERVAL);
    }
}

fn shares(publication: &Publication) -> Vec<u16> {
    publication.services[0].1.iter().map(|one| one.share.get()).collect()
}

fn last(world: &World) -> &Publication {
    &world.published.last().unwrap().1
}

/// In hundredths of the heaviest.
fn percents(publication: &Publication) -> Vec<u32> {
    shares(publication).into_iter().map(|share| u32::from(share) * 100 / 65_535).collect()
}

#[test]
fn a_share_is_by_capacity_and_the_heaviest_has_all() {
    let mut world = World::new(config(&[("http", weighted())]));
    says(&mut world, 15, &[(1, 4.0, 50.0), (2, 1.0, 50.0), (3, 2.0, 50.0)]);
    assert_eq!(world.last_published(), addresses(&[1, 2, 3]));
    assert_eq!(shares(last(&world)), [65_535, 16_384, 32_768]);
    let shown = |world: &World| -> Vec<Option<f64>> {
        let view = world.binder.view(world.now);
        view.services[0].members.iter().map(|m| m.share.map(f64::round)).collect()
    };
    assert_eq!(shown(&world), [Some(57.0), Some(14.0), Some(29.0)]);
    let count = world.published.len();
    says(&mut world, 600, &[(1, 4.0, 50.0), (2, 1.0, 51.0), (3, 2.0, 49.0)]);
    assert_eq!(world.published.len(), count, "noise is worth no publication");
}

#[test]
fn who_is_loaded_gets_less_without_another_set() {
    let mut world = World::new(config(&[("http", weighted())]));
    says(&mut world, 15, &[(1, 1.0, 40.0), (2, 1.0, 40.0)]);
    let before = last(&world).clone();
    says(&mut world, 30, &[(1, 1.0, 90.0), (2, 1.0, 40.0)]);
    let after = last(&world);
    assert_eq!(after.change, PublicationChange::Shares);
    assert_eq!(world.last_published(), addresses(&[1, 2]));
    assert!(after.serial.is_after(before.serial));
    assert_eq!(after.reason, "weights");
    let found = percents(after);
    assert!((60..90).contains(&found[0]) && found[1] == 100, "{found:?}");
    // Only at the load timer, every 10 s: the binder began at 0.
    let weighed = world.published.iter().filter(|(_, p)| p.change == PublicationChange::Shares);
    assert!(weighed.clone().all(|(at, _)| at.as_nanos() % 10_000_000_000 == 0));
    assert!((1..=3).contains(&weighed.count()));
}

#[test]
fn who_was_found_at_a_start_has_all_and_who_returns_comes_up_slowly() {
    let mut world = World::new(config(&[("http", weighted())]));
    let both = [(1, 1.0, 40.0), (2, 1.0, 40.0)];
    says(&mut world, 15, &both);
    assert_eq!(shares(last(&world)), [65_535, 65_535]);
    world.say(2, State::Down);
    world.pass_millis(150);
    assert_eq!(last(&world).change, PublicationChange::Sets);
    assert_eq!(shares(last(&world)), [65_535]);
    says(&mut world, 1, &both);
    assert_eq!(last(&world).change, PublicationChange::Sets);
    let begun = percents(last(&world));
    assert!(begun[0] == 100 && begun[1] < 70, "{begun:?}");
    says(&mut world, 70, &both);
    let full = percents(last(&world));
    assert!(full[0] == 100 && full[1] > 90, "but for what is worth no publication: {full:?}");
}

#[test]
fn what_a_ramp_leaves_settles_with_one_publication() {
    let mut world = World::new(config(&[("http", weighted())]));
    let three = [(1, 1.0, 40.0), (2, 1.0, 40.0), (3, 1.0, 40.0)];
    says(&mut world, 15, &three);
    world.say(3, State::Down);
    world.pass_millis(150);
    says(&mut world, 1, &three);
    // A little more loaded than the others: once that is believed it is to have less by the root of
    // 45 over 47.5. The trim lets so little stand.
    let three = [(1, 1.0, 40.0), (2, 1.0, 40.0), (3, 1.0, 42.5)];
    says(&mut world, 100, &three);
    let (before, count) = (shares(last(&world)), world.published.len());
    says(&mut world, 590, &three);
    assert_eq!(world.published.len(), count, "noise may be that large");
    says(&mut world, 60, &three);
    let after = shares(last(&world));
    assert_eq!(world.published.len(), count + 1);
    assert_eq!(last(&world).change, PublicationChange::Shares);
    let off = |shares: &[u16]| (f64::from(shares[2]) / 65_535.0 - 0.973).abs();
    assert!(off(&before) > 0.02 && off(&after) < 0.01, "{before:?} {after:?}");
    says(&mut world, 3_600, &three);
    assert_eq!(world.published.len(), count + 1, "nothing is left");
}

/// Loads as hosts with little to do have them: now a little above the others', now below.
#[test]
fn noise_settles_nothing() {
    let mut world = World::new(config(&[("http", weighted())]));
    let at = |more: f64| [(1, 1.0, 40.0 + more), (2, 1.0, 40.0 - more), (3, 1.0, 40.0)];
    says(&mut world, 15, &at(0.0));
    let count = world.published.len();
    for minutes in 0..60 {
        says(&mut world, 60, &at(if minutes % 2 == 0 { 1.5 } else { -1.5 }));
    }
    assert_eq!(world.published.len(), count);
}

#[test]
fn what_was_learnt_is_kept_over_a_restart() {
    let mut world = World::new(config(&[("http", weighted())]));
    // Told to be alike; the first is never as loaded as the second.
    let hosts = [(1, 1.0, 20.0), (2, 1.0, 60.0), (3, 1.0, 60.0)];
    says(&mut world, 900, &hosts);
    let before = percents(last(&world));
    assert!(before[0] == 100 && before[1] < 60, "{before:?}");
    let snapshot = world.binder.snapshot(world.now);
    world.binder = Binder::restore(world.now, config(&[("http", weighted())]), snapshot);
    world.published.clear();
    says(&mut world, 1, &hosts);
    let first = percents(&world.published[0].1);
    assert!(first[0] == 100 && first[1] < 80, "at no moment all the same: {first:?}");
    says(&mut world, 14, &hosts);
    let after = percents(last(&world));
    assert!(before.iter().zip(&after).all(|(a, b)| a.abs_diff(*b) <= 5), "{before:?} {after:?}");
}

#[test]
fn a_reload_that_wants_no_weights_gives_all_the_same() {
    let mut world = World::new(config(&[("http", weighted())]));
    says(&mut world, 15, &[(1, 4.0, 50.0), (2, 1.0, 50.0)]);
    let plain = ServicePolicy { balance: Balance::None, ..at_once() };
    world.binder.handle_config(world.now, config(&[("http", plain)]));
    world.pass_millis(150);
    assert_eq!(last(&world).change, PublicationChange::Shares);
    assert_eq!(shares(last(&world)), [65_535, 65_535]);
}

fn in_turns() -> ServicePolicy {
    let interval = Duration::from_secs(2);
    let constants = Constants::usual(TTL, interval);
    ServicePolicy { balance: Balance::DutyCycle(constants), interval, ..at_once() }
}

#[test]
fn a_duty_cycle_has_the_heaviest_in_always_and_the_others_by_turns() {
    let mut world = World::new(config(&[("http", in_turns())]));
    let hosts = [(1, 4.0, 50.0), (2, 2.0, 50.0), (3, 1.0, 50.0)];
    says(&mut world, 10, &hosts);
    let mut seen = [0; 4];
    for _ in 0..40 {
        says(&mut world, 2, &hosts);
        let set = world.set();
        assert!(set.contains(&common::address(1)));
        for host in 1..=3 {
            seen[usize::from(host)] += usize::from(set.contains(&common::address(host)));
        }
        let off = [2, 3].into_iter().filter(|&host| !set.contains(&common::address(host)));
        assert!(off.clone().all(|host| world.verdict(host) == Some(Verdict::OffDuty)));
    }
    assert_eq!(seen, [0, 40, 20, 10]);
    assert_eq!(world.set(), world.last_published());
}

#[test]
fn a_duty_cycle_that_begins_takes_a_turn_and_leaves_the_start_alone() {
    let hosts = [(1, 8.0, 50.0), (2, 8.0, 50.0), (3, 4.0, 50.0), (4, 4.0, 50.0), (5, 4.0, 50.0)];
    // By a reload: as many as have a turn.
    let mut world = World::new(config(&[("http", at_once())]));
    says(&mut world, 10, &hosts);
    world.binder.handle_config(world.now, config(&[("http", in_turns())]));
    world.pass_millis(150);
    assert!((3..=4).contains(&world.set().len()), "{:?}", world.set());
    // By a restart: what stood stands while it listens.
    let stood = world.set();
    let snapshot = world.binder.snapshot(world.now);
    world.binder = Binder::restore(world.now, config(&[("http", in_turns())]), snapshot);
    world.say(1, State::Up);
    world.pass_millis(150);
    assert_eq!(world.set(), stood);
}

#[test]
fn a_death_in_a_duty_cycle_never_leaves_nobody() {
    let mut world = World::new(config(&[("http", in_turns())]));
    says(&mut world, 10, &[(1, 8.0, 50.0), (2, 1.0, 50.0)]);
    while world.set().len() > 1 {
        says(&mut world, 2, &[(1, 8.0, 50.0), (2, 1.0, 50.0)]);
    }
    world.say(1, State::Down);
    assert_eq!(world.set(), addresses(&[2]), "before its turn: nobody else is left");
}

#[test]
fn a_duty_cycle_keeps_the_minimum_on_duty_also_when_one_dies() {
    let least = MinServers::Count(2);
    let mut world =
        World::new(config(&[("http", ServicePolicy { min_servers: least, ..in_turns() })]));
    let hosts = [(1, 8.0, 50.0), (2, 1.0, 50.0), (3, 1.0, 50.0)];
    says(&mut world, 10, &hosts);
    let mut seen = [0; 4];
    for _ in 0..40 {
        says(&mut world, 2, &hosts);
        assert!(world.set().len() >= 2, "{:?}", world.set());
        for host in 1..=3 {
            seen[usize::from(host)] += usize::from(world.set().contains(&common::address(host)));
        }
    }
    assert!(seen[2] >= 18 && seen[3] >= 18, "both have their turns: {seen:?}");
    world.say(1, State::Down);
    assert_eq!(world.set(), addresses(&[2, 3]));
}
