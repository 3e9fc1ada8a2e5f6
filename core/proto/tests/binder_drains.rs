//! Step 4 of the design's section 7 where an operator drains, in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{World, address, addresses, at_once, config, on_timer, report, service};
use rais_proto::binder::drains::{Drain, DrainRefusal};
use rais_proto::binder::{DrainTarget, Output, TargetFault};
use rais_proto::heartbeat::{Reason, Report, State};
use rais_proto::name::HostId;
use rais_proto::policy::drained::Force;
use rais_proto::policy::{MinServers, Percent, ServicePolicy, Verdict, WhenNone};

const MINUTE: Duration = Duration::from_secs(60);

fn settled(policy: ServicePolicy, hosts: &[u8]) -> World {
    let mut world = World::new(config(&[("http", policy)]));
    world.beats(5, hosts);
    world
}

fn host(n: u8) -> DrainTarget {
    DrainTarget::Host(HostId([n; 16]))
}

fn of(target: DrainTarget) -> Drain {
    Drain { target, time: MINUTE, reason: "disk".to_owned(), force: Force::Withheld }
}

fn by_force(target: DrainTarget) -> Drain {
    Drain { force: Force::Given, ..of(target) }
}

/// Says so to the binder; whatever is due is published.
fn drain(world: &mut World, drain: Drain) -> Result<Vec<std::net::IpAddr>, DrainRefusal> {
    let taken = world.binder.drain(world.now, drain);
    world.pass_millis(150);
    taken.map(|places| places.into_iter().map(|(_, address)| address).collect())
}

#[test]
fn a_host_an_address_and_a_service_are_out_at_once_and_back_when_it_is_over() {
    for target in [host(2), DrainTarget::Address(address(2))] {
        let mut world = settled(at_once(), &[1, 2, 3]);
        assert_eq!(drain(&mut world, of(target)), Ok(addresses(&[2])));
        assert_eq!(world.last_published(), addresses(&[1, 3]));
        assert_eq!(world.verdict(2), Some(Verdict::Draining));
        world.beats(59, &[1, 2, 3]);
        assert_eq!(world.set(), addresses(&[1, 3]), "however often it says that it is up");
        world.beats(1, &[1, 2, 3]);
        assert_eq!(world.last_published(), addresses(&[1, 2, 3]));
        assert!(world.binder.view(world.now).drains.is_empty());
    }
    let mut world = settled(at_once(), &[1, 2]);
    let whole = DrainTarget::Service(service("http"));
    assert_eq!(drain(&mut world, by_force(whole.clone())), Ok(addresses(&[1, 2])));
    assert_eq!(world.last_published(), addresses(&[]));
    assert!(world.binder.undrain(world.now, &whole));
    assert_eq!(world.set(), addresses(&[1, 2]));
    assert!(!world.binder.undrain(world.now, &whole));
}

#[test]
fn why_somebody_is_out_is_told_and_that_a_drain_has_run_out() {
    let mut world = settled(at_once(), &[1, 2, 3]);
    drain(&mut world, of(host(2))).unwrap();
    assert_eq!(world.reasons(2, Verdict::Draining), ["disk"]);
    let refused = Reason::new("connection refused");
    let down = Report { reason: refused, ..report(3, State::Down, None) };
    world.beat_with(3, vec![down]);
    world.pass_millis(150);
    assert_eq!(world.reasons(3, Verdict::Out(State::Down)), ["connection refused"]);
    let is_over = |told: &&Output| matches!(told, Output::DrainOver { .. });
    assert_eq!(world.told.iter().find(is_over), None);
    world.beats(60, &[1, 2]);
    let over = Output::DrainOver {
        target: host(2),
        reason: "disk".to_owned(),
        places: vec![(service("http"), address(2))],
    };
    assert_eq!(world.told.iter().filter(is_over).collect::<Vec<_>>(), [&over]);
    assert_eq!(world.reasons(2, Verdict::In).last(), Some(&""));
    // One that an operator ends has not run out.
    drain(&mut world, of(host(2))).unwrap();
    assert!(world.binder.undrain(world.now, &host(2)));
    world.beats(70, &[1, 2]);
    assert_eq!(world.told.iter().filter(is_over).count(), 1);
}

#[test]
fn what_a_host_begins_to_announce_is_drained_with_it() {
    let mut world = settled(at_once(), &[1, 2]);
    drain(&mut world, of(host(2))).unwrap();
    let mut more = report(2, State::Up, None);
    more.addresses.push(address(22));
    for _ in 0..3 {
        world.beat_with(2, vec![more.clone()]);
        world.beats(1, &[1]);
    }
    assert_eq!(world.set(), addresses(&[1]));
}

#[test]
fn it_counts_below_the_minimum_and_no_percentage_counts_it() {
    let half = ServicePolicy { min_servers: MinServers::Percent(Percent(100)), ..at_once() };
    let mut world = settled(half, &[1, 2]);
    drain(&mut world, of(host(2))).unwrap();
    assert_eq!(world.set(), addresses(&[1]));
}

#[test]
fn the_last_is_drained_by_force_only_and_then_for_good() {
    for when_none in [WhenNone::Hold, WhenNone::All, WhenNone::Empty] {
        let mut world = settled(ServicePolicy { when_none, ..at_once() }, &[1, 2]);
        drain(&mut world, of(host(2))).unwrap();
        let published = world.published.len();
        let refused = drain(&mut world, of(host(1)));
        assert_eq!(refused, Err(DrainRefusal::Empties(vec![service("http")])));
        assert_eq!((world.set(), world.published.len()), (addresses(&[1]), published));
        assert_eq!(world.binder.view(world.now).drains.len(), 1, "nothing stands of it");
        assert_eq!(drain(&mut world, by_force(host(1))), Ok(addresses(&[1])));
        assert_eq!(world.last_published(), addresses(&[]), "{when_none:?}");
        // Switched off, which is what it was drained for.
        world.beats(20, &[2]);
        assert_eq!(world.set(), addresses(&[]), "{when_none:?}");
    }
}

#[test]
fn a_drain_that_leaves_only_the_dead_is_refused() {
    let mut world = settled(at_once(), &[1, 2]);
    world.say(1, State::Down);
    let refused = drain(&mut world, of(host(2)));
    assert_eq!(refused, Err(DrainRefusal::Empties(vec![service("http")])));
    // Where nobody is well already, it takes nothing away.
    world.say(2, State::Down);
    world.pass_millis(150);
    assert_eq!(world.set(), addresses(&[2]), "held");
    assert_eq!(drain(&mut world, of(host(1))), Ok(addresses(&[1])));
}

#[test]
fn who_is_drained_is_not_held_when_the_others_die() {
    let mut world = settled(at_once(), &[1, 2]);
    drain(&mut world, of(host(2))).unwrap();
    world.say(1, State::Down);
    world.pass_millis(150);
    assert_eq!(world.set(), addresses(&[1]), "the last that served");
    let all = ServicePolicy { when_none: WhenNone::All, ..at_once() };
    let mut world = settled(all, &[1, 2, 3]);
    drain(&mut world, of(host(2))).unwrap();
    world.say(1, State::Down);
    world.say(3, State::Down);
    assert_eq!(world.set(), addresses(&[1, 3]));
}

#[test]
fn a_deaf_binder_still_obeys() {
    let mut world = settled(at_once(), &[1, 2, 3]);
    world.pass(Duration::from_secs(10));
    assert_eq!(world.verdict(1), Some(Verdict::Frozen));
    drain(&mut world, of(host(2))).unwrap();
    assert_eq!(world.last_published(), addresses(&[1, 3]));
    world.binder.undrain(world.now, &host(2));
    assert_eq!(world.set(), addresses(&[1, 3]), "and brings nobody back of whom it knows nothing");
}

#[test]
fn on_timer_it_is_out_at_once_and_back_at_an_update() {
    let mut world = World::new(config(&[("http", on_timer(10))]));
    world.beats(11, &[1, 2]);
    assert_eq!(world.set(), addresses(&[1, 2]));
    drain(&mut world, of(host(2))).unwrap();
    assert_eq!(world.last_published(), addresses(&[1]));
    world.beats(20, &[1, 2]);
    assert_eq!(world.set(), addresses(&[1]));
    assert_eq!(world.verdict(2), Some(Verdict::Draining));
    world.binder.undrain(world.now, &host(2));
    assert_eq!(world.set(), addresses(&[1]));
    world.beats(10, &[1, 2]);
    assert_eq!(world.set(), addresses(&[1, 2]));
}

#[test]
fn it_is_remembered_over_a_restart_with_the_time_that_is_left() {
    let mut world = settled(at_once(), &[1, 2, 3]);
    drain(&mut world, of(host(2))).unwrap();
    world.beats(20, &[1, 2, 3]);
    let snapshot = world.binder.snapshot(world.now);
    // The sequences of the hosts go on.
    let world_config = || config(&[("http", at_once())]);
    world.binder = rais_proto::binder::Binder::restore(world.now, world_config(), snapshot);
    world.beats(2, &[1, 2, 3]);
    assert_eq!(world.set(), addresses(&[1, 3]), "while it listens too");
    let view = world.binder.view(world.now);
    assert_eq!(view.drains[0].reason, "disk");
    assert_eq!(view.drains[0].left.as_secs(), 37);
    assert_eq!(view.drains[0].stood.as_secs(), 22, "as long before the restart as after it");
    let again = world.binder.snapshot(world.now);
    let twice =
        rais_proto::binder::Binder::restore(world.now, world_config(), again).view(world.now);
    assert_eq!(twice.drains, view.drains);
    world.beats(38, &[1, 2, 3]);
    assert_eq!(world.set(), addresses(&[1, 2, 3]));
}

#[test]
fn another_of_the_same_takes_its_place_and_of_two_the_first_reason_is_shown() {
    let mut world = settled(at_once(), &[1, 2]);
    drain(&mut world, of(host(2))).unwrap();
    let longer = Drain { time: 10 * MINUTE, reason: "kernel".to_owned(), ..of(host(2)) };
    drain(&mut world, longer).unwrap();
    let view = world.binder.view(world.now);
    assert_eq!(view.drains.len(), 1);
    let member = view.services[0].members.iter().find(|m| m.address == address(2)).unwrap();
    assert_eq!(member.known.as_ref().unwrap().reason, "kernel");
    world.beats(120, &[1, 2]);
    assert_eq!(world.set(), addresses(&[1]));
}

#[test]
fn a_longer_drain_keeps_the_force_of_the_first() {
    let mut world = settled(at_once(), &[1, 2]);
    let whole = DrainTarget::Service(service("http"));
    drain(&mut world, by_force(whole.clone())).unwrap();
    assert_eq!(drain(&mut world, of(whole)), Ok(addresses(&[1, 2])));
    assert_eq!(world.set(), addresses(&[]));
}

#[test]
fn a_zone_that_was_emptied_by_force_is_published_after_a_restart() {
    let mut world = settled(at_once(), &[1]);
    drain(&mut world, by_force(host(1))).unwrap();
    let snapshot = world.binder.snapshot(world.now);
    let config = config(&[("http", at_once())]);
    let mut restarted = World::restored(config, snapshot, world.now);
    restarted.pass_millis(150);
    assert_eq!(restarted.last_published(), addresses(&[]));
}

#[test]
fn what_is_known_no_more_can_still_be_let_back() {
    let mut world = settled(at_once(), &[1, 2]);
    let two_days = Duration::from_secs(2 * 24 * 3600);
    drain(&mut world, Drain { time: two_days, ..of(host(2)) }).unwrap();
    // So often that it is not deaf: a deaf binder forgets nobody.
    for _ in 0..26 * 1200 {
        world.say(1, State::Up);
        world.pass(Duration::from_secs(3));
    }
    world.binder.target_called("host2").unwrap_err();
    let id = HostId([2; 16]).to_string();
    let target = world.binder.drain_called(&id).unwrap();
    assert!(world.binder.undrain(world.now, &target));
}

#[test]
fn a_watched_machine_is_not_drained_with_its_watcher() {
    let mut world = settled(at_once(), &[1]);
    let mut watched = report(2, State::Up, None);
    watched.claim = rais_proto::heartbeat::Claim::Watched;
    watched.coverage = rais_proto::heartbeat::Coverage::Part;
    world.beat_with(9, vec![watched]);
    assert_eq!(world.set(), addresses(&[1, 2]));
    let refusal = DrainRefusal::Watches([address(2)].into());
    assert!(refusal.to_string().contains("only watches 192.0.2.2: drain those"), "{refusal}");
    assert_eq!(drain(&mut world, by_force(host(9))), Err(refusal));
    assert_eq!(world.set(), addresses(&[1, 2]));
    assert!(world.binder.view(world.now).drains.is_empty());
    assert_eq!(drain(&mut world, of(DrainTarget::Address(address(2)))), Ok(addresses(&[2])));
    assert_eq!(world.set(), addresses(&[1]));
}

#[test]
fn a_word_names_an_address_a_service_or_a_host_and_not_two() {
    let mut world = settled(at_once(), &[1, 2]);
    let called = |world: &World, word: &str| world.binder.target_called(word);
    assert_eq!(called(&world, "192.0.2.1"), Ok(DrainTarget::Address(address(1))));
    assert_eq!(called(&world, "http"), Ok(DrainTarget::Service(service("http"))));
    assert_eq!(called(&world, "host2"), Ok(host(2)));
    assert_eq!(called(&world, &HostId([2; 16]).to_string()), Ok(host(2)));
    let fault = called(&world, "www.example").unwrap_err();
    assert_eq!(fault, TargetFault::Zone { services: vec![service("http")] });
    for unknown in ["192.0.2.9", "htp", "host:http", "service:host2", ""] {
        let fault = called(&world, unknown).unwrap_err();
        let TargetFault::Unknown { names } = fault else { panic!("{unknown}: {fault:?}") };
        assert_eq!(names, ["host1", "host2", "http"]);
    }
    // A host that is called like a service.
    let datagram = world.datagram_named(7, "http", vec![report(7, State::Up, None)]);
    world.deliver(7, &datagram);
    let id = HostId([7; 16]);
    let meant = vec!["service:http".to_owned(), format!("host:{id}")];
    assert_eq!(called(&world, "http"), Err(TargetFault::Ambiguous { meant }));
    assert_eq!(called(&world, "host:http"), Ok(DrainTarget::Host(id)));
    assert_eq!(called(&world, "service:http"), Ok(DrainTarget::Service(service("http"))));
}
