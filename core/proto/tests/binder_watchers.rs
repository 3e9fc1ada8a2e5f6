//! Several monitors that watch the same machines: what one of them alone sees takes nobody out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{World, address, addresses, at_once, config, on_timer, report};
use rais_proto::binder::Output;
use rais_proto::binder::view::Vote;
use rais_proto::heartbeat::{Claim, Reason, Report, State};
use rais_proto::name::HostId;
use rais_proto::policy::{ServicePolicy, Verdict, WhenNone};
use rais_proto::table::Watch;

/// The machines; hosts 11, 12 and 13 watch them.
const TARGETS: [u8; 3] = [1, 2, 3];

fn all(state: State) -> Vec<Report> {
    let watched = |&target: &u8| Report { claim: Claim::Watched, ..report(target, state, None) };
    TARGETS.iter().map(watched).collect()
}

/// So many intervals in which the watchers say this.
fn rounds(world: &mut World, count: usize, said: &[(u8, State)]) {
    for _ in 0..count {
        for &(watcher, state) in said {
            world.beat_with(watcher, all(state));
            world.pass_millis(300);
        }
        world.pass_millis(1000 - 300 * said.len() as u64);
    }
}

fn policies(watch: Watch) -> [ServicePolicy; 2] {
    [at_once(), on_timer(2)].map(|policy| ServicePolicy { watch, ..policy })
}

#[test]
fn one_of_two_watchers_that_is_cut_off_from_the_binder_removes_nobody() {
    let (both, one) = ([(11, State::Up), (12, State::Up)], [(11, State::Up)]);
    for watch in [Watch::Any, Watch::Majority] {
        for policy in policies(watch) {
            let mut world = World::new(config(&[("http", policy)]));
            rounds(&mut world, 5, &both);
            assert_eq!(world.last_published(), addresses(&TARGETS), "{watch:?}");
            let published = world.sets_published();
            for _ in 0..5 {
                rounds(&mut world, 20, &one);
                rounds(&mut world, 20, &both);
            }
            assert_eq!(world.set(), addresses(&TARGETS), "{watch:?}");
            assert_eq!(world.sets_published(), published, "{watch:?}: it never flapped");
        }
    }
}

#[test]
fn one_watcher_that_is_cut_off_from_the_machines_removes_nobody() {
    let some = [(11, State::Up), (12, State::Down)];
    let most = [(11, State::Up), (12, State::Down), (13, State::Up)];
    for (watch, said) in [(Watch::Any, &some[..]), (Watch::Majority, &most)] {
        for policy in policies(watch) {
            let mut world = World::new(config(&[("http", policy)]));
            let up: Vec<_> = said.iter().map(|&(watcher, _)| (watcher, State::Up)).collect();
            rounds(&mut world, 5, &up);
            let published = world.sets_published();
            rounds(&mut world, 20, said);
            rounds(&mut world, 20, &up);
            assert_eq!(world.set(), addresses(&TARGETS), "{watch:?}");
            assert_eq!(world.sets_published(), published, "{watch:?}: it never flapped");
        }
    }
}

#[test]
fn most_of_the_watchers_take_out_and_bring_back() {
    let said =
        |down: usize| [11, 12, 13].map(|n| if n < 11 + down { State::Down } else { State::Up });
    for policy in policies(Watch::Majority) {
        let policy = ServicePolicy { when_none: WhenNone::Empty, ..policy };
        let mut world = World::new(config(&[("http", policy)]));
        for (down, is_in) in [(0, true), (1, true), (2, false), (3, false), (1, true)] {
            let said: Vec<_> = [11, 12, 13].into_iter().zip(said(down)).collect();
            rounds(&mut world, 6, &said);
            let expected = if is_in { addresses(&TARGETS) } else { Vec::new() };
            assert_eq!(world.last_published(), expected, "{down} say down");
        }
    }
}

#[test]
fn a_vote_ends_when_its_watcher_falls_silent() {
    let policy = ServicePolicy { watch: Watch::Majority, ..at_once() };
    let mut world = World::new(config(&[("http", policy)]));
    let all_four = [(11, State::Up), (12, State::Up), (13, State::Up), (14, State::Up)];
    let say = |world: &mut World, said: &[(u8, State)], rounds: usize| {
        for _ in 0..rounds {
            for &(watcher, state) in said {
                world.beat_with(watcher, all(state));
            }
            world.pass_millis(1000);
        }
    };
    say(&mut world, &all_four, 5);
    let split = [(11, State::Up), (12, State::Up), (13, State::Down), (14, State::Down)];
    say(&mut world, &split, 3);
    assert_ne!(world.verdict(1), Some(Verdict::In));
    // Two of three are most, from the moment at which the fourth is not heard any more.
    say(&mut world, &split[..3], 4);
    assert_eq!(world.set(), addresses(&TARGETS));
    assert_eq!(world.verdict(1), Some(Verdict::In));
}

/// Who watches the machine 1, what each says, and whether that counts.
fn votes(world: &World) -> Vec<(String, State, Vote)> {
    let view = world.binder.view(world.now);
    let member = view.services[0].members.iter().find(|member| member.address == address(1));
    let watchers = member.unwrap().watchers.iter();
    watchers.map(|w| (w.host_name.as_ref().unwrap().to_string(), w.state, w.vote)).collect()
}

#[test]
fn everybody_sees_who_watches_and_what_each_says() {
    let policy = ServicePolicy { watch: Watch::Majority, ..at_once() };
    let mut world = World::new(config(&[("http", policy)]));
    let said = [(13, State::Up), (11, State::Up), (12, State::Down)];
    rounds(&mut world, 3, &said);
    let of = |host: u8, state: State, vote: Vote| (format!("host{host}"), state, vote);
    let (up, down) = (State::Up, State::Down);
    let counts = Vote::Counts;
    assert_eq!(votes(&world), [of(11, up, counts), of(12, down, counts), of(13, up, counts)]);
    rounds(&mut world, 5, &said[..2]);
    assert_eq!(votes(&world)[1], of(12, down, Vote::Silent));
    rounds(&mut world, 1, &said);
    assert_eq!(votes(&world)[1], of(12, down, Vote::Reviving));
    world.say(1, State::Up);
    assert!(votes(&world).is_empty(), "its own host speaks for it");
}

#[test]
fn a_watchers_goodbye_is_its_own_and_not_what_the_others_say() {
    let when_none = WhenNone::Empty;
    let policy = ServicePolicy { watch: Watch::Majority, when_none, ..at_once() };
    let mut world = World::new(config(&[("http", policy)]));
    let because = |reports: Vec<Report>, reason: &str| -> Vec<Report> {
        reports.into_iter().map(|r| Report { reason: Reason::new(reason), ..r }).collect()
    };
    for _ in 0..4 {
        world.beat_with(11, all(State::Up));
        world.beat_with(12, because(all(State::Down), "refused"));
        world.beat_with(13, all(State::Up));
        world.pass_millis(1000);
    }
    assert_eq!(world.verdict(1), Some(Verdict::In));
    world.told.clear();
    world.beat_with(13, because(all(State::Leaving), "no longer watched: goodbye of the watcher"));
    world.pass_millis(200);
    assert_eq!(world.reasons(1, Verdict::Out(State::Down)), ["refused"]);
    assert_eq!(votes(&world).len(), 2, "13 has gone");
    let heard = world.told.iter().find_map(|told| match told {
        Output::Heard { address: its, host, state, .. } if *its == address(1) => {
            Some((*host, *state))
        }
        _ => None,
    });
    assert_eq!(heard, Some((HostId([13; 16]), State::Leaving)));
}
