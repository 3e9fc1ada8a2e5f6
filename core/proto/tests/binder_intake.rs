//! Whose word counts for which address, and when it is judged, in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::IpAddr;
use std::time::Duration;

use common::{
    INTERVAL, World, address, addresses, at_once, config, on_timer, report, service, watched, zone,
};
use rais_proto::binder::Output;
use rais_proto::binder::view::Alarm;
use rais_proto::heartbeat::refusal::Refusal;
use rais_proto::heartbeat::{Coverage, Report, State};
use rais_proto::load::Load;
use rais_proto::policy::{ServicePolicy, Verdict, WhenNone};

const PERIOD: u64 = 120;

fn world_of(policy: ServicePolicy) -> World {
    World::new(config(&[("http", policy)]))
}

fn settled(hosts: &[u8]) -> World {
    let mut world = world_of(at_once());
    world.beats(5, hosts);
    assert_eq!(world.set(), addresses(hosts));
    world
}

fn refused(world: &World, refusal: Refusal) -> u64 {
    world.binder.counters().refused[refusal.index()]
}

fn is_deaf(world: &World) -> bool {
    alarms(world).iter().any(|alarm| matches!(alarm, Alarm::Deaf { .. }))
}

fn alarms(world: &World) -> Vec<Alarm> {
    world.binder.view(world.now).alarms
}

// Deafness.

#[test]
fn who_said_goodbye_is_not_missed() {
    let mut world = settled(&[0, 1, 2]);
    world.say(2, State::Leaving);
    world.beats(60, &[0]);
    assert!(!is_deaf(&world), "one other host is too few to tell");
    assert_eq!(world.set(), addresses(&[0]));
}

#[test]
fn a_goodbye_that_ends_deafness_lets_the_others_die() {
    let mut world = settled(&[0, 1, 2]);
    world.beats(10, &[0]);
    assert!(is_deaf(&world));
    world.say(2, State::Leaving);
    world.beats(20, &[0]);
    assert!(!is_deaf(&world));
    assert_eq!(world.set(), addresses(&[0]));
}

#[test]
fn who_left_before_a_restart_is_not_missed_after_it() {
    for leaves in [true, false] {
        let mut before = settled(&[1, 2]);
        if leaves {
            before.say(2, State::Leaving);
        }
        let config = config(&[("http", at_once())]);
        let mut world = World::restored(config, before.binder.snapshot(before.now), before.now);
        world.beats(20, &[0]);
        assert_eq!(is_deaf(&world), !leaves);
    }
}

#[test]
fn a_binder_that_was_stopped_for_a_while_takes_nobody_out_for_it() {
    let mut world = settled(&[1, 2]);
    world.published.clear();
    world.now = world.now + Duration::from_secs(100); // nothing was called in that time
    world.say(1, State::Up);
    world.pass_millis(500);
    assert_eq!(world.set(), addresses(&[1, 2]));
    world.beats(5, &[1, 2]);
    assert!(world.published.is_empty());
    world.beats(10, &[1]);
    assert_eq!(world.last_published(), addresses(&[1]));
}

#[test]
fn a_refused_sender_is_told_with_its_address() {
    let mut world = settled(&[1, 2]);
    world.deliver(9, b"no beat at all");
    world.pass_millis(300);
    world.deliver(9, b"no beat at all");
    let told: Vec<_> = world
        .told
        .iter()
        .filter_map(|told| match told {
            Output::Refused { refusal, source, .. } => Some((*refusal, source.ip())),
            _ => None,
        })
        .collect();
    assert_eq!(told, [(Refusal::NotABeat, common::address(9))]);
    let view = world.binder.view(world.now);
    let last: Vec<_> = view.refused.iter().map(|last| (last.refusal, last.source.ip())).collect();
    assert_eq!(last, [(Refusal::NotABeat, common::address(9))]);
    assert_eq!(view.refused[0].ago, Duration::ZERO);
}

// Owners.

#[test]
fn an_address_of_two_owners_is_an_alarm_while_both_claim_it() {
    let mut world = settled(&[1, 2]);
    let claims_ones = report(1, State::Up, None);
    world.beat_with(2, vec![Report { coverage: Coverage::Part, ..claims_ones }]);
    let conflicts = |world: &World| -> Vec<(IpAddr, String, String)> {
        let all = alarms(world).into_iter();
        all.filter_map(|alarm| match alarm {
            Alarm::Owned { service: name, address, owner, claimant } => {
                assert_eq!(name, service("http"));
                Some((address, owner.name?.to_string(), claimant.name?.to_string()))
            }
            _ => None,
        })
        .collect()
    };
    let conflict = [(address(1), "host1".to_owned(), "host2".to_owned())];
    assert_eq!(conflicts(&world), conflict);
    world.beats(59, &[1, 2]);
    assert_eq!(conflicts(&world), conflict);
    world.beats(1, &[1, 2]);
    assert_eq!(conflicts(&world), []);
}

#[test]
fn a_host_claims_so_many_addresses_and_no_more() {
    let mut world = settled(&[1]);
    let mut claimed = 0u32;
    while claimed < 16_400 {
        let addresses = (claimed..claimed + 200).map(|n| IpAddr::from((n + 1).to_be_bytes()));
        let crowd = Report { addresses: addresses.collect(), ..watched(2, State::Up) };
        world.beat_with(2, vec![crowd]);
        claimed += 200;
    }
    assert_eq!(refused(&world, Refusal::TableFull), u64::from(claimed) - 16_384);
    world.say(3, State::Up);
    world.pass(INTERVAL);
    assert_eq!(world.set().len(), 16_384 + 2, "others have theirs");
}

#[test]
fn an_old_goodbye_of_the_owner_does_not_hide_that_the_watched_fell_silent_together() {
    let mut world = settled(&[1, 2, 3, 4]);
    world.say(1, State::Leaving);
    world.say(2, State::Leaving);
    for _ in 0..5 {
        world.beat_with(11, vec![watched(1, State::Up)]);
        world.beat_with(12, vec![watched(2, State::Up)]);
        world.beats(1, &[3, 4]);
    }
    world.beats(10, &[4]);
    assert_eq!(world.verdict(1), Some(Verdict::Held));
    assert_eq!(world.set(), addresses(&[1, 2, 3, 4]));
}

// The paper's list.

fn paper() -> ServicePolicy {
    ServicePolicy { max_load: Load::from_percent(60.0), ..on_timer(PERIOD) }
}

fn end_period(world: &mut World) {
    world.pass(Duration::from_secs(PERIOD));
}

#[test]
fn an_overtaken_beat_does_not_set_the_load() {
    let mut world = world_of(paper());
    let early = world.datagram(1, vec![report(1, State::Up, Some(10.0))]);
    let late = world.datagram(1, vec![report(1, State::Up, Some(90.0))]);
    world.deliver(1, &late);
    world.deliver(1, &early);
    world.beat_with(2, vec![report(2, State::Up, Some(20.0))]);
    end_period(&mut world);
    assert_eq!(world.last_published(), addresses(&[2]));
    assert_eq!(world.verdict(1), Some(Verdict::Pruned));
}

#[test]
fn an_overtaken_up_was_heard_with_the_load_of_the_beat_that_overtook_it() {
    let mut world = world_of(paper());
    let early = world.datagram(1, vec![report(1, State::Up, Some(10.0))]);
    let late = world.datagram(1, vec![report(1, State::Up, Some(90.0))]);
    world.deliver(1, &late);
    world.beat_with(2, vec![report(2, State::Up, Some(20.0))]);
    end_period(&mut world);
    world.deliver(1, &early);
    end_period(&mut world);
    assert_eq!(world.set(), addresses(&[1]));
    let (_, last) = world.published.last().unwrap();
    assert_eq!(last.services[0].1[0].load, Load::from_percent(90.0));
}

#[test]
fn an_overtaken_up_does_not_undo_a_goodbye() {
    let mut world = world_of(paper());
    world.say(1, State::Up);
    let early = world.datagram(1, vec![report(1, State::Up, None)]);
    world.say(1, State::Leaving);
    world.deliver(1, &early);
    world.say(2, State::Up);
    end_period(&mut world);
    assert_eq!(world.last_published(), addresses(&[2]));
}

#[test]
fn a_watcher_does_not_overrule_a_host_that_speaks_for_itself() {
    let mut world = world_of(on_timer(5));
    for _ in 0..5 {
        world.say(1, State::Down);
        world.beat_with(2, vec![report(2, State::Up, None), watched(1, State::Up)]);
        world.pass(INTERVAL);
    }
    assert_eq!(world.last_published(), addresses(&[2]));
    // Its own word ends with its silence.
    for _ in 0..10 {
        world.beat_with(2, vec![report(2, State::Up, None), watched(1, State::Up)]);
        world.pass(INTERVAL);
    }
    assert_eq!(world.last_published(), addresses(&[1, 2]));
}

#[test]
fn who_says_goodbye_is_not_in_the_period_until_it_is_back() {
    let mut world = world_of(paper());
    world.beats(1, &[1, 2, 3]);
    world.say(2, State::Leaving);
    world.say(3, State::Leaving);
    world.say(3, State::Up);
    world.pass(Duration::from_secs(5)); // longer than `expire`, which plays no part here
    world
        .beat_with(4, vec![Report { coverage: Coverage::Part, ..report(1, State::Leaving, None) }]);
    end_period(&mut world);
    assert_eq!(world.last_published(), addresses(&[1, 3]), "nor is anybody else taken out by it");
}

// When it is judged.

#[test]
fn what_is_heard_within_the_gap_is_judged_once_and_published_when_it_ends() {
    let mut world = settled(&[1, 2, 3, 4]);
    world.published.clear();
    let begun = world.now;
    world.say(1, State::Down);
    world.pass_millis(20);
    world.say(2, State::Down);
    world.pass_millis(20);
    world.say(3, State::Down);
    world.say(3, State::Up);
    assert_eq!(world.set(), addresses(&[3, 4]), "shown as it will be");
    let remembered = world.binder.snapshot(world.now).decided;
    assert_eq!(remembered.services[&service("http")].set.len(), 2);
    world.pass(INTERVAL);
    let published: Vec<_> = world.published.iter().map(|(at, p)| (*at, p.reason.clone())).collect();
    let end = begun + Duration::from_millis(100);
    let down = ["http 192.0.2.1 down", "http 192.0.2.2 down"].map(str::to_owned);
    assert!(published.into_iter().eq([begun, end].into_iter().zip(down)));
}

#[test]
fn a_datagram_at_the_end_of_the_gap_takes_along_what_another_service_heard_in_it() {
    let mut world = World::new(config(&[("http", at_once()), ("news", at_once())]));
    world.beats(5, &[1, 2, 3]);
    world.say(1, State::Down);
    world.pass_millis(50);
    world.say(2, State::Down);
    world.now = world.now + Duration::from_millis(60); // no timer was served in that time
    world.beat_with(9, vec![Report { service: service("news"), ..report(9, State::Up, None) }]);
    let (at, last) = world.published.last().unwrap();
    assert_eq!((*at, last.services[0].1.len()), (world.now, 1));
}

#[test]
fn evidence_from_just_before_a_deafness_counts() {
    let empty = ServicePolicy { when_none: WhenNone::Empty, ..at_once() };
    let mut slow = config(&[("http", empty)]);
    slow.gap = Duration::from_secs(10);
    let mut world = World::new(slow);
    world.beats(25, &[1, 2]);
    world.say(1, State::Down);
    assert_eq!(world.last_published(), addresses(&[2]));
    world.say(2, State::Down);
    world.pass(Duration::from_secs(3));
    world.say(1, State::Up);
    world.pass(Duration::from_secs(5));
    assert!(is_deaf(&world));
    assert_eq!(world.set(), addresses(&[1]));
    world.pass(Duration::from_secs(5));
    assert_eq!(world.last_published(), addresses(&[1]));
}

#[test]
fn a_deaf_binder_does_not_begin_to_publish_an_empty_zone() {
    let empty = ServicePolicy { when_none: WhenNone::Empty, ..at_once() };
    let other = ServicePolicy { zone: zone("other.example"), ..empty.clone() };
    let mut world = World::new(config(&[("http", empty)]));
    world.beats(5, &[1, 2]);
    world.pass(Duration::from_secs(10));
    assert!(is_deaf(&world));
    world.published.clear();
    let http = ServicePolicy { when_none: WhenNone::Empty, ..at_once() };
    world.binder.handle_config(world.now, config(&[("http", http), ("news", other)]));
    world.pass(Duration::from_secs(30));
    let of_other = world.published.iter().filter(|(_, p)| p.zone == zone("other.example"));
    assert_eq!(of_other.count(), 0);
}

#[test]
fn what_is_a_day_old_is_forgotten_and_no_longer_told_of() {
    const ROUND: Duration = Duration::from_secs(500);
    let slow = |host, state| Report {
        interval: ROUND,
        expire: Duration::from_secs(5000),
        ..report(host, state, None)
    };
    let mut world = world_of(at_once());
    world.beat_with(1, vec![slow(1, State::Down)]);
    let mut forgotten_after = None;
    for round in 0..180 {
        for host in [2, 3] {
            world.beat_with(host, vec![slow(host, State::Up)]);
        }
        world.pass(ROUND);
        let view = world.binder.view(world.now);
        let members = &view.services[0].members;
        assert!(members.iter().all(|member| member.known.is_some()), "in round {round}");
        if members.len() == 2 && forgotten_after.is_none() {
            forgotten_after = Some(ROUND * (round + 1));
        }
    }
    let day = Duration::from_secs(24 * 60 * 60);
    assert!(forgotten_after.is_some_and(|after| after >= day && after <= day + 3 * ROUND));
}

#[test]
fn who_floods_is_not_looked_at_and_takes_nothing_from_others() {
    let mut world = World::new(config(&[("http", at_once())]));
    let beat = world.datagram(2, vec![report(2, State::Up, None)]);
    for _ in 0..30_000 {
        world.deliver(1, b"junk");
    }
    let refused = world.binder.counters().refused;
    assert_eq!(refused[Refusal::NotABeat.index()], 20_000);
    assert_eq!(refused[Refusal::Rate.index()], 10_000);
    world.deliver(2, &beat);
    assert_eq!(world.binder.counters().accepted, 1);
    // A second later it is looked at again.
    world.pass_millis(1000);
    world.say(1, State::Up);
    assert_eq!(world.binder.counters().accepted, 2);
}
