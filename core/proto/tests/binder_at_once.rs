//! The design's section 7, steps 0–4, 7, 9 and 10, in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::{World, address, addresses, at_once, config, report, zone};
use rais_proto::binder::snapshot::Snapshot;
use rais_proto::binder::view::Alarm;
use rais_proto::binder::{Binder, Output};
use rais_proto::heartbeat::refusal::Refusal;
use rais_proto::heartbeat::{Report, State};
use rais_proto::load::Load;
use rais_proto::policy::{MinServers, ServicePolicy, Verdict, WhenNone};
use rais_proto::serial::Serial;

fn world_of(policy: ServicePolicy) -> World {
    World::new(config(&[("http", policy)]))
}

/// A binder that has listened long enough, and its hosts up.
fn settled(hosts: &[u8]) -> World {
    settled_with(at_once(), hosts)
}

fn settled_with(policy: ServicePolicy, hosts: &[u8]) -> World {
    let mut world = world_of(policy);
    world.beats(5, hosts);
    assert_eq!(world.set(), addresses(hosts));
    world
}

fn alarms(world: &World) -> Vec<Alarm> {
    world.binder.view(world.now).alarms
}

#[test]
fn arrivals_count_at_once_and_each_publication_has_a_later_serial() {
    let mut world = world_of(at_once());
    world.say(1, State::Up);
    assert_eq!(world.last_published(), addresses(&[1]));
    world.pass_millis(150);
    world.say(2, State::Up);
    assert_eq!(world.last_published(), addresses(&[1, 2]));
    let serials: Vec<_> = world.published.iter().map(|(_, p)| p.serial).collect();
    assert!(serials.windows(2).all(|pair| pair[1].is_after(pair[0])), "{serials:?}");
}

#[test]
fn step_0_what_stood_before_a_restart_stands_until_a_full_period_was_listened_to() {
    let before = settled(&[1, 2, 3]);
    let config = config(&[("http", at_once())]);
    let mut world = World::restored(config, before.binder.snapshot(before.now), before.now);
    world.pass_millis(3200);
    assert_eq!(world.set(), addresses(&[1, 2, 3]));
    assert_eq!(world.verdict(1), Some(Verdict::Stored));
}

#[test]
fn step_0_after_a_deafness_who_seldom_beats_has_the_time_to() {
    let expire = Duration::from_secs(300);
    let mut world = settled(&[1, 2, 3, 4, 5]);
    let seldom = |world: &mut World| {
        world.beat_with(5, vec![Report { expire, ..report(5, State::Up, None) }]);
    };
    seldom(&mut world);
    world.pass(Duration::from_secs(400));
    assert_eq!(world.verdict(5), Some(Verdict::Frozen));
    for _ in 0..5 {
        world.beats(180, &[1, 2, 3, 4]);
        assert_eq!(world.set(), addresses(&[1, 2, 3, 4, 5]));
        seldom(&mut world);
    }
}

#[test]
fn step_0_what_was_heard_before_the_last_publication_takes_nobody_out() {
    let mut world = settled(&[1, 2, 3]);
    world.say(2, State::Down);
    world.pass_millis(200);
    let down = world.binder.snapshot(world.now);
    world.say(2, State::Up);
    world.pass_millis(200);
    let both = config(&[("http", at_once())]);
    // A kill before what was heard is stored, and one before what is decided.
    let up = world.binder.snapshot(world.now);
    for (decided, heard, set) in [(&up, &down, &[1, 2, 3][..]), (&down, &up, &[1, 3])] {
        let (decided, heard) = (decided.decided.clone(), heard.heard.clone());
        let mut restarted = World::restored(both.clone(), Snapshot { decided, heard }, world.now);
        restarted.pass_millis(1200);
        assert_eq!(restarted.set(), addresses(set));
    }
    let mut restarted = World::restored(both, down, world.now);
    restarted.pass_millis(1200);
    assert_eq!(restarted.set(), addresses(&[1, 3]));
}

#[test]
fn step_0_ends_within_a_minute_whatever_expire_somebody_has() {
    let week = Duration::from_secs(7 * 24 * 60 * 60);
    let mut world = settled(&[1, 2, 3, 4, 5]);
    world.beat_with(5, vec![Report { expire: week, ..report(5, State::Up, None) }]);
    world.restart(config(&[("http", at_once())]), Duration::from_secs(1));
    world.beats(3, &[1, 2, 3, 4]);
    for _ in 0..60 {
        world.beats(1, &[1, 2, 3]);
    }
    assert_eq!(world.set(), addresses(&[1, 2, 3, 5]), "4 is dead, and 5 has a week");
}

#[test]
fn step_0_evidence_and_arrivals_count_while_listening() {
    let before = settled(&[1, 2, 3]);
    let config = config(&[("http", at_once())]);
    let mut world = World::restored(config, before.binder.snapshot(before.now), before.now);
    world.pass_millis(500);
    world.published.clear();
    let beat = |world: &mut World, host: u8, state: State| {
        // A new life of each host, so that nothing is a replay.
        let mut fresh = World::new(common::config(&[]));
        fresh.now = world.now;
        (0..20).for_each(|_| drop(fresh.datagram(host, Vec::new())));
        let datagram = fresh.datagram(host, vec![report(host, state, None)]);
        world.deliver(host, &datagram);
        world.pass_millis(150);
    };
    beat(&mut world, 2, State::Down);
    assert_eq!(world.last_published(), addresses(&[1, 3]));
    beat(&mut world, 4, State::Up);
    assert_eq!(world.last_published(), addresses(&[1, 3, 4]));
}

#[test]
fn a_restart_publishes_the_same_again_under_the_same_serial() {
    let before = settled(&[1, 2]);
    let last = before.published.last().unwrap().1.clone();
    let config = config(&[("http", at_once())]);
    let mut world = World::restored(config, before.binder.snapshot(before.now), before.now);
    world.pass_millis(10);
    let again = &world.published[0].1;
    assert_eq!((again.serial, world.last_published()), (last.serial, addresses(&[1, 2])));
}

#[test]
fn what_was_decided_and_not_published_before_a_crash_gets_a_later_serial() {
    let mut before = settled(&[1, 2, 3]);
    before.say(1, State::Down);
    let last = before.published.last().unwrap().1.serial;
    before.say(2, State::Down); // within the gap: decided, not published
    assert_eq!(before.last_published(), addresses(&[2, 3]));
    let config = config(&[("http", at_once())]);
    let mut world = World::restored(config, before.binder.snapshot(before.now), before.now);
    world.pass_millis(10);
    assert_eq!(world.last_published(), addresses(&[3]));
    assert!(world.published[0].1.serial.is_after(last));
}

#[test]
fn a_zone_that_a_crash_kept_from_its_first_publication_is_published() {
    let before = settled(&[1]);
    let mut snapshot = before.binder.snapshot(before.now);
    snapshot.decided.zones.clear();
    let mut world = World::restored(config(&[("http", at_once())]), snapshot, before.now);
    world.pass_millis(10);
    assert_eq!(world.last_published(), addresses(&[1]));
}

#[test]
fn at_the_end_nothing_waits_for_its_gap() {
    let mut world = settled(&[1, 2, 3]);
    world.say(1, State::Down);
    world.say(2, State::Down);
    assert_eq!(world.last_published(), addresses(&[2, 3]));
    world.shut_down();
    assert_eq!(world.last_published(), addresses(&[3]));
}

#[test]
fn a_service_that_a_reload_moves_is_published_in_its_new_zone() {
    let mut world = settled(&[1]);
    let moved = ServicePolicy { zone: zone("other.example"), ..at_once() };
    world.binder.handle_config(world.now, config(&[("http", moved)]));
    world.pass_millis(200);
    let (_, last) = world.published.last().unwrap();
    assert_eq!((last.zone.as_str(), world.last_published()), ("other.example", addresses(&[1])));
}

#[test]
fn a_restart_does_not_put_the_dead_back() {
    let mut before = settled(&[1, 2, 3]);
    before.beats(5, &[1, 2]);
    assert_eq!(before.set(), addresses(&[1, 2]));
    let config = config(&[("http", at_once())]);
    let mut world = World::restored(config, before.binder.snapshot(before.now), before.now);
    world.say(4, State::Up);
    assert_eq!(world.set(), addresses(&[1, 2, 4]));
    assert_eq!(world.verdict(1), Some(Verdict::Stored));
    assert_eq!(world.verdict(3), Some(Verdict::Reviving));
}

#[test]
fn a_zone_that_leaves_the_configuration_and_returns_goes_on_with_its_serial() {
    let mut with_zone = config(&[("http", at_once())]);
    with_zone.zones.get_mut(&zone("www.example")).unwrap().header_serial =
        Some(Serial(2_026_112_301));
    let mut world = World::new(with_zone.clone());
    world.beats(3, &[1, 2]);
    world.say(2, State::Down);
    let last = world.published.last().unwrap().1.serial;
    world.binder.handle_config(world.now, config(&[]));
    let mut world = World::restored(config(&[]), world.binder.snapshot(world.now), world.now);
    world.binder.handle_config(world.now, with_zone);
    world.beats(3, &[5]);
    assert!(world.published[0].1.serial.is_after(last));
}

#[test]
fn a_narrower_allow_over_a_restart_is_published_under_a_later_serial() {
    let before = settled(&[1, 2]);
    let last = before.published.last().unwrap().1.serial;
    let narrow = ServicePolicy { allow: vec!["192.0.2.1/32".parse().unwrap()], ..at_once() };
    let config = config(&[("http", narrow)]);
    let mut world = World::restored(config, before.binder.snapshot(before.now), before.now);
    world.pass_millis(10);
    assert_eq!(world.last_published(), addresses(&[1]));
    assert!(world.published[0].1.serial.is_after(last));
}

#[test]
fn an_allow_that_nobody_meets_yet_does_not_empty_the_zone() {
    let mut world = settled(&[1, 2]);
    let elsewhere = ServicePolicy { allow: vec!["198.51.100.0/24".parse().unwrap()], ..at_once() };
    world.binder.handle_config(world.now, config(&[("http", elsewhere)]));
    world.pass(Duration::from_secs(10));
    assert_eq!(world.set(), addresses(&[1, 2]));
    assert!(world.published.iter().all(|(_, p)| !p.services[0].1.is_empty()));
}

#[test]
fn a_service_renamed_by_a_reload_never_empties_its_zone() {
    let mut world = settled(&[1, 2, 3]);
    world.published.clear();
    let mut renamed = config(&[("web", at_once())]);
    renamed.zones.get_mut(&zone("www.example")).unwrap().fingerprint = 2;
    world.binder.handle_config(world.now, renamed);
    for _ in 0..4 {
        for host in [1, 2, 3] {
            let mut web = report(host, State::Up, None);
            web.service = common::service("web");
            world.beat_with(host, vec![web]);
        }
        world.pass_millis(500);
    }
    let all: Vec<_> = world.published.iter().map(|(_, p)| p.services[0].1.len()).collect();
    assert_eq!(all, [3], "whole, and once");
}

#[test]
fn a_long_expire_that_comes_late_makes_nobody_deaf_again() {
    let mut world = settled(&[1, 2, 3]);
    let mut slow = report(4, State::Up, None);
    slow.expire = Duration::from_secs(4 * 3600);
    world.beat_with(4, vec![slow]);
    world.beats(5, &[1, 2]);
    assert_eq!(world.set(), addresses(&[1, 2, 4]));
}

#[test]
fn a_mass_silence_brings_nobody_back() {
    let mut world = settled(&[1, 2, 3, 4]);
    world.say(3, State::Up);
    world.pass_millis(3400); // everybody but 3 was heard later
    for host in [1, 2, 4] {
        world.say(host, State::Up);
    }
    world.pass_millis(100);
    let out_before: Vec<_> = world.set();
    world.beats(4, &[4]);
    assert!(world.set().iter().all(|a| out_before.contains(a) || *a == address(4)));
}

#[test]
fn a_changed_header_is_published_after_a_restart_under_a_later_serial() {
    let before = settled(&[1]);
    let last = before.published.last().unwrap().1.serial;
    let mut config = config(&[("http", at_once())]);
    config.zones.get_mut(&zone("www.example")).unwrap().fingerprint = 2;
    let mut world = World::restored(config, before.binder.snapshot(before.now), before.now);
    world.pass_millis(10);
    assert!(world.published[0].1.serial.is_after(last));
}

#[test]
fn step_1_a_deaf_binder_freezes_every_set_and_says_so() {
    for when_none in [WhenNone::Hold, WhenNone::All, WhenNone::Empty] {
        for hosts in [&[1, 2][..], &[1, 2, 3], &[1, 2, 3, 4, 5, 6]] {
            let mut world = settled_with(ServicePolicy { when_none, ..at_once() }, hosts);
            let published = world.published.len();
            world.pass(Duration::from_secs(100_000));
            assert_eq!(world.set(), addresses(hosts));
            assert_eq!(world.published.len(), published, "nothing flapped on the way");
            assert!(alarms(&world).iter().any(|a| matches!(a, Alarm::Deaf { .. })));
            world.say(hosts[0], State::Up);
            world.pass_millis(100);
            assert_eq!(world.set(), addresses(hosts), "it listens anew first");
            world.beats(4, &hosts[..1]);
            world.beats(400, &hosts[..1]);
            assert_eq!(world.set(), addresses(&hosts[..1]), "the others are dead after all");
        }
    }
}

#[test]
fn step_2_evidence_takes_out_at_once() {
    for state in [State::Down, State::Maintenance, State::Leaving] {
        let mut world = settled(&[1, 2, 3]);
        world.say(2, state);
        assert_eq!(world.last_published(), addresses(&[1, 3]));
        assert_eq!(world.verdict(2), Some(Verdict::Out(state)));
    }
}

#[test]
fn step_3_one_silent_host_of_many_is_out_at_its_expire() {
    let mut world = settled(&[1, 2, 3]);
    world.beats(2, &[1, 2]);
    assert_eq!(world.set(), addresses(&[1, 2, 3]));
    world.beats(1, &[1, 2]);
    assert_eq!(world.last_published(), addresses(&[1, 2]));
    assert_eq!(world.verdict(3), Some(Verdict::Expired));
}

#[test]
fn step_3_two_of_three_silent_are_held_and_go_one_by_one() {
    let mut world = settled(&[1, 2, 3]);
    let published = world.sets_published();
    world.beats(10, &[1]);
    assert_eq!(world.set(), addresses(&[1, 2, 3]));
    assert_eq!(world.sets_published(), published, "nothing flapped on the way");
    assert!(
        alarms(&world)
            .iter()
            .any(|a| matches!(a, Alarm::Held { members, .. } if members.len() == 2))
    );
    world.beats(295, &[1]);
    assert_eq!(world.set(), addresses(&[1, 3]), "the first goes after `hold`");
    world.beats(10, &[1]);
    assert_eq!(world.set(), addresses(&[1]), "the next an interval later");
}

#[test]
fn what_is_answered_of_a_service_with_held_members_is_soon_to_change() {
    let mut world = settled(&[1, 2, 3]);
    let pending = |world: &World| {
        let (_, last) = world.published.last().unwrap();
        (last.pending.iter().map(ToString::to_string).collect::<Vec<_>>(), last.reason.clone())
    };
    let published = world.published.len();
    assert_eq!(pending(&world).0, [""; 0]);
    world.beats(10, &[1]);
    assert_eq!(world.published.len(), published + 1, "it is told once");
    let told = "http 192.0.2.2 held; http 192.0.2.3 held".to_owned();
    assert_eq!(pending(&world), (vec!["http".to_owned()], told));
    // A binder that is started in the midst of it holds nobody, and says so under another serial.
    let snapshot = world.binder.snapshot(world.now);
    let serial = world.published.last().unwrap().1.serial;
    let mut restarted = World::restored(config(&[("http", at_once())]), snapshot, world.now);
    restarted.pass_millis(1);
    let (_, first) = restarted.published.first().expect("what was published may be missed");
    assert!(first.pending.is_empty() && first.serial.is_after(serial));
    // Those who come back settle it.
    world.beats(3, &[1, 2, 3]);
    assert_eq!((world.published.len(), pending(&world).0), (published + 2, Vec::new()));
}

#[test]
fn step_3_a_healed_partition_leaves_no_trace() {
    let mut world = settled(&[1, 2, 3]);
    let published = world.sets_published();
    world.beats(10, &[1]);
    world.beats(5, &[1, 2, 3]);
    assert_eq!(world.set(), addresses(&[1, 2, 3]));
    assert_eq!(world.sets_published(), published);
    assert!(alarms(&world).is_empty());
}

#[test]
fn evidence_is_not_held_back_by_a_mass_silence() {
    let mut world = settled(&[1, 2, 3, 4]);
    world.beats(10, &[1]);
    world.say(1, State::Down);
    assert_eq!(world.set(), addresses(&[2, 3, 4]));
}

#[test]
fn a_silent_member_needs_two_beats_to_return() {
    let mut world = settled(&[1, 2, 3]);
    world.beats(4, &[1, 2]);
    world.say(3, State::Up);
    assert_eq!(world.verdict(3), Some(Verdict::Reviving));
    world.say(3, State::Up);
    assert_eq!(world.verdict(3), Some(Verdict::In));
}

#[test]
fn step_4_draining_is_out() {
    let mut world = settled(&[1, 2]);
    world.say(2, State::Draining);
    assert_eq!(world.set(), addresses(&[1]));
    assert_eq!(world.verdict(2), Some(Verdict::Draining));
}

#[test]
fn step_9_all_down_holds_the_last_set_or_all_or_nobody() {
    for (when_none, left) in [
        (WhenNone::Hold, addresses(&[2])),
        (WhenNone::All, addresses(&[1, 2])),
        (WhenNone::Empty, addresses(&[])),
    ] {
        let mut world = settled_with(ServicePolicy { when_none, ..at_once() }, &[1, 2]);
        world.say(1, State::Down);
        world.say(2, State::Down);
        world.pass_millis(200);
        assert_eq!(world.last_published(), left, "{when_none:?}");
    }
}

#[test]
fn step_9_a_single_host_that_dies_is_held() {
    let mut world = settled(&[1]);
    world.pass(Duration::from_secs(60));
    assert_eq!(world.set(), addresses(&[1]));
    assert!(alarms(&world).iter().any(|a| matches!(a, Alarm::LastResort { .. })));
}

#[test]
fn an_empty_zone_is_published_where_nobody_ever_came_and_the_operator_asked_for_it() {
    let mut world = world_of(ServicePolicy { when_none: WhenNone::Empty, ..at_once() });
    world.pass(Duration::from_secs(5));
    assert_eq!(world.last_published(), addresses(&[]));
    let mut world = world_of(at_once());
    world.pass_millis(1_000);
    assert_eq!(unpublished(&world), (0, false), "it still listens");
    world.pass(Duration::from_secs(5));
    assert!(world.published.is_empty());
    assert_eq!(unpublished(&world), (1, true));
    world.say(1, State::Down);
    world.pass(Duration::from_secs(5));
    assert_eq!(unpublished(&world), (1, true), "said once");
    world.beats(3, &[1]);
    assert_eq!(world.last_published(), addresses(&[1]));
    assert_eq!(unpublished(&world), (1, false));
}

/// How often it was said that nothing of the zone is published, and whether that is an alarm.
fn unpublished(world: &World) -> (usize, bool) {
    let told = world.told.iter().filter(|told| matches!(told, Output::Unpublished { .. }));
    let alarm = alarms(world).iter().any(|alarm| matches!(alarm, Alarm::Unpublished { .. }));
    (told.count(), alarm)
}

#[test]
fn a_last_resort_knows_what_was_said_of_it() {
    let mut world = settled(&[1, 2]);
    world.say(1, State::Leaving);
    world.say(2, State::Leaving);
    world.pass_millis(500);
    let last_resort: Vec<_> = world
        .told
        .iter()
        .filter_map(|told| match told {
            Output::Judged { verdict: Some(Verdict::LastResort), state, .. } => *state,
            _ => None,
        })
        .collect();
    assert!(!last_resort.is_empty());
    assert!(last_resort.iter().all(|state| *state == State::Leaving), "{last_resort:?}");
}

#[test]
fn step_10_publications_are_a_gap_apart_and_the_first_goes_at_once() {
    let mut world = settled(&[1, 2, 3, 4]);
    world.published.clear();
    let start = world.now;
    for host in [1, 2, 3] {
        world.say(host, State::Down);
        world.pass_millis(10);
    }
    world.pass_millis(500);
    let times: Vec<_> = world.published.iter().map(|(at, _)| at.since(start)).collect();
    assert_eq!(times, [Duration::ZERO, Duration::from_millis(100)]);
    assert_eq!(world.last_published(), addresses(&[4]));
}

#[test]
fn an_address_that_is_no_longer_named_is_out() {
    let mut world = settled(&[1, 2]);
    let mut both = report(1, State::Up, None);
    both.addresses.push(address(9));
    world.beat_with(1, vec![both]);
    assert_eq!(world.set(), addresses(&[1, 2, 9]));
    world.say(1, State::Up);
    assert_eq!(world.set(), addresses(&[1, 2]));
}

#[test]
fn addresses_that_are_no_servers_are_refused_and_counted() {
    let mut world = settled(&[1]);
    for bad in ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "ff02::1"] {
        let mut lie = report(2, State::Up, None);
        lie.addresses = vec![bad.parse().unwrap()];
        world.beat_with(2, vec![lie]);
    }
    assert_eq!(world.set(), addresses(&[1]));
    assert_eq!(world.binder.counters().refused[Refusal::Address.index()], 7);
}

#[test]
fn a_reload_keeps_what_still_applies_and_drops_what_is_no_longer_allowed() {
    let mut world = settled(&[1, 2]);
    let narrow = ServicePolicy { allow: vec!["192.0.2.1/32".parse().unwrap()], ..at_once() };
    world.binder.handle_config(world.now, config(&[("http", narrow), ("news", at_once())]));
    world.pass_millis(1500); // `news` joins the zone: it is listened to first
    assert_eq!(world.set(), addresses(&[1]));
    assert_eq!(world.last_published(), addresses(&[1]));
    world.say(2, State::Up);
    assert_eq!(world.binder.counters().refused[Refusal::NotAllowed.index()], 1);
}

#[test]
fn noise_changes_nothing_and_is_counted() {
    let mut world = settled(&[1, 2]);
    let mut rng = fastrand::Rng::with_seed(7);
    let good = world.datagram(1, vec![report(1, State::Down, None)]);
    for round in 0..2000 {
        let mut noise: Vec<u8> = (0..rng.usize(..1400)).map(|_| rng.u8(..)).collect();
        if round % 2 == 0 {
            noise = good[..rng.usize(..good.len())].to_vec();
        }
        world.deliver(9, &noise);
    }
    assert_eq!(world.set(), addresses(&[1, 2]));
    assert_eq!(world.binder.counters().refused.iter().sum::<u64>(), 2000);
}

/// Beats for so many seconds in which hosts 1, 2, … have these loads.
fn loaded(world: &mut World, seconds: usize, loads: &[f64]) {
    for _ in 0..seconds {
        for (host, &load) in (1..).zip(loads) {
            world.beat_with(host, vec![report(host, State::Up, Some(load))]);
        }
        world.pass(common::INTERVAL);
    }
}

fn pruning() -> ServicePolicy {
    let (max_load, return_load) = (Load::from_percent(60.0), Load::from_percent(40.0));
    ServicePolicy { max_load, return_load, ..at_once() }
}

/// A pruning binder that has listened long enough, at a load timer: the next is 10 s away.
fn pruning_settled(policy: ServicePolicy, loads: &[f64]) -> World {
    let mut world = world_of(policy);
    loaded(&mut world, 10, loads);
    world
}

#[test]
fn step_7_the_overloaded_leaves_at_the_timer_and_returns_through_the_band() {
    let mut world = pruning_settled(pruning(), &[10.0, 10.0, 10.0]);
    let published = world.published.len();
    loaded(&mut world, 9, &[10.0, 10.0, 90.0]);
    assert_eq!(world.set(), addresses(&[1, 2, 3]), "nobody leaves before the timer");
    assert_eq!(world.published.len(), published);
    loaded(&mut world, 1, &[10.0, 10.0, 90.0]);
    assert_eq!(world.last_published(), addresses(&[1, 2]));
    assert_eq!(world.verdict(3), Some(Verdict::Pruned));
    assert_eq!(world.reasons(3, Verdict::Pruned), ["load 90%, max_load 60%"]);
    let published = world.published.len();
    loaded(&mut world, 30, &[10.0, 10.0, 50.0]);
    assert_eq!(world.set(), addresses(&[1, 2]), "below the one, above the other");
    loaded(&mut world, 9, &[10.0, 10.0, 40.0]);
    assert_eq!(world.set(), addresses(&[1, 2]), "nor does anybody return");
    assert_eq!(world.published.len(), published, "nothing to be published meanwhile");
    loaded(&mut world, 1, &[10.0, 10.0, 40.0]);
    assert_eq!(world.last_published(), addresses(&[1, 2, 3]));
}

#[test]
fn step_7_who_returns_while_a_restarted_binder_listens_waits_if_it_is_overloaded() {
    let mut world = pruning_settled(pruning(), &[10.0, 10.0, 10.0]);
    loaded(&mut world, 10, &[10.0, 10.0, 95.0]);
    assert_eq!(world.last_published(), addresses(&[1, 2]));
    // The hosts go on with their sequences.
    let config = config(&[("http", pruning())]);
    world.binder = Binder::restore(world.now, config, world.binder.snapshot(world.now));
    world.published.clear();
    world.beat_with(3, vec![report(3, State::Up, Some(95.0))]);
    assert_eq!(world.verdict(3), Some(Verdict::Pruned), "before anybody else is heard");
    loaded(&mut world, 25, &[10.0, 10.0, 95.0]);
    assert_eq!(world.set(), addresses(&[1, 2]));
    assert_eq!(world.last_published(), addresses(&[1, 2]));
    assert_eq!(world.published.len(), 1, "as before the start, and that is all");
}

#[test]
fn step_7_a_fleet_above_the_limit_that_meets_a_new_binder_is_in_when_it_has_listened() {
    let mut world = world_of(pruning());
    loaded(&mut world, 5, &[70.0, 70.0, 70.0, 70.0]);
    assert_eq!(world.last_published(), addresses(&[1, 2, 3, 4]), "nobody could carry it alone");
}

#[test]
fn step_7_who_was_out_is_out_after_deafness() {
    for seconds in [5, 20, 100] {
        let mut world = pruning_settled(pruning(), &[10.0, 10.0, 10.0]);
        loaded(&mut world, 10, &[10.0, 10.0, 90.0]);
        assert_eq!(world.last_published(), addresses(&[1, 2]));
        let published = world.sets_published();
        world.pass(Duration::from_secs(seconds));
        assert!(alarms(&world).iter().any(|a| matches!(a, Alarm::Deaf { .. })));
        loaded(&mut world, 25, &[10.0, 10.0, 90.0]);
        assert_eq!(world.set(), addresses(&[1, 2]), "{seconds}");
        assert_eq!(world.sets_published(), published, "{seconds}: nothing flapped on the way");
    }
}

#[test]
fn step_7_the_held_are_not_judged_by_what_they_said_before() {
    let mut world = pruning_settled(pruning(), &[10.0, 10.0, 10.0, 10.0]);
    // The last that is heard of 2, 3 and 4; the load timer comes when they are held.
    loaded(&mut world, 1, &[10.0, 10.0, 10.0, 90.0]);
    loaded(&mut world, 20, &[10.0]);
    assert_eq!([2, 3, 4].map(|host| world.verdict(host)), [Some(Verdict::Held); 3]);
    assert_eq!(world.set(), addresses(&[1, 2, 3, 4]));
}

#[test]
fn step_7_missed_beats_do_not_end_a_wait() {
    let mut world = pruning_settled(pruning(), &[10.0, 10.0, 10.0]);
    loaded(&mut world, 10, &[10.0, 10.0, 90.0]);
    assert_eq!(world.set(), addresses(&[1, 2]));
    let published = world.sets_published();
    loaded(&mut world, 4, &[10.0, 10.0]);
    assert_eq!(world.verdict(3), Some(Verdict::Expired));
    loaded(&mut world, 20, &[10.0, 10.0, 50.0]);
    assert_eq!(world.verdict(3), Some(Verdict::Pruned), "within the band, as before");
    assert_eq!(world.sets_published(), published);
    loaded(&mut world, 10, &[10.0, 10.0, 40.0]);
    assert_eq!(world.set(), addresses(&[1, 2, 3]));
}

#[test]
fn step_7_a_death_below_the_minimum_brings_the_overloaded_back_at_once() {
    let two = ServicePolicy { min_servers: MinServers::Count(2), ..pruning() };
    let mut world = pruning_settled(two, &[10.0, 10.0, 90.0]);
    assert_eq!(world.set(), addresses(&[1, 2]));
    world.beat_with(1, vec![report(1, State::Down, None)]);
    assert_eq!(world.set(), addresses(&[2, 3]));
}

#[test]
fn step_7_health_is_not_outweighed_by_load() {
    let mut world = world_of(pruning());
    loaded(&mut world, 25, &[10.0, 10.0, 90.0]);
    world.say(1, State::Down);
    world.say(2, State::Down);
    assert_eq!(world.set(), addresses(&[3]), "nobody else is left");
    world.pass_millis(200);
    world.say(3, State::Down);
    world.pass_millis(200);
    assert_eq!(world.verdict(3), Some(Verdict::LastResort));
}
