//! Whose beats are refused, and why: what is told of it, and how often, in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::signed::{Sent, keyed, limited};
use common::{World, address, report, service};
use rais_proto::binder::view::Alarm;
use rais_proto::binder::{BinderConfig, Output};
use rais_proto::heartbeat::cause::Cause;
use rais_proto::heartbeat::key::{Key, KeyLimits};
use rais_proto::heartbeat::refusal::Refusal;
use rais_proto::heartbeat::{Report, State, codec};

const SECOND: Duration = Duration::from_secs(1);

/// A binder, and host 1, which beats once a second and is told of.
struct Site {
    world: World,
    sequence: u64,
}

impl Site {
    fn new(config: BinderConfig) -> Site {
        Site { world: World::new(config), sequence: 0 }
    }

    /// Host 1 says this for so many seconds; gives what was told of it.
    fn hear(&mut self, seconds: u64, reports: &[Report]) -> Vec<String> {
        let mut told = Vec::new();
        for _ in 0..seconds {
            self.sequence += 1;
            Sent { reports: reports.to_vec(), ..Sent::own(self.sequence) }.to(&mut self.world);
            told.extend(self.told());
            self.world.pass(SECOND);
        }
        told
    }

    /// What is told of beats that were refused just now.
    fn told(&mut self) -> Vec<String> {
        let outputs = std::iter::from_fn(|| self.world.binder.poll_output());
        let told = outputs.filter_map(|output| match output {
            Output::Refused { cause: Some(cause), .. } => Some(cause.to_string()),
            Output::Refused { refusal, .. } => Some(refusal.to_string()),
            _ => None,
        });
        told.collect()
    }

    fn reload(&mut self, keys: &[(u8, KeyLimits)]) {
        self.world.binder.handle_config(self.world.now, keyed(keys));
    }
}

fn any() -> KeyLimits {
    KeyLimits::default()
}

fn www() -> Report {
    report(1, State::Up, None)
}

fn news() -> Report {
    Report { service: service("news"), ..www() }
}

fn for_services(names: &[&str]) -> KeyLimits {
    KeyLimits { services: Some(names.iter().map(|name| service(name)).collect()), ..any() }
}

#[test]
fn an_unknown_key_is_named_and_told_of_whenever_it_begins_anew() {
    let mut site = Site::new(keyed(&[(9, any())]));
    let key = Key::new([1; 32], any()).id();
    let unknown = format!("signed with the key {key}, which is not in the key ring");
    let is_told = |told: &[String]| matches!(told, [one] if one.contains(&unknown));
    assert!(is_told(&site.hear(100, &[www()])));
    for _ in 0..3 {
        site.reload(&[(9, any()), (1, any())]);
        assert_eq!(site.hear(100, &[www()]), [""; 0]);
        site.reload(&[(9, any())]);
        assert!(is_told(&site.hear(100, &[www()])));
    }
}

#[test]
fn each_limit_that_a_beat_is_beyond_is_told() {
    let mut site = Site::new(keyed(&[(1, for_services(&["news"]))]));
    let told = site.hear(100, &[www()]);
    assert!(matches!(&told[..], [one] if one.contains("the service `http`")), "{told:?}");
    site.reload(&[(1, limited(&["host1"], Some(&["192.0.2.8/29"])))]);
    let told = site.hear(100, &[www()]);
    assert!(matches!(&told[..], [one] if one.contains("the address 192.0.2.1")), "{told:?}");
    site.reload(&[(1, limited(&["host2"], None))]);
    let told = site.hear(100, &[www()]);
    assert!(matches!(&told[..], [one] if one.contains("limited to other hosts")), "{told:?}");
    // It is heard, and what is beyond the key then is what was before.
    site.reload(&[(1, any())]);
    assert_eq!(site.hear(100, &[www()]), [""; 0]);
    site.reload(&[(1, for_services(&["news"]))]);
    assert_eq!(site.hear(100, &[www()]).len(), 1);
}

#[test]
fn a_service_that_is_beyond_the_key_all_the_time_is_told_of_once() {
    let mut site = Site::new(keyed(&[(1, for_services(&["http"]))]));
    let mut told = Vec::new();
    for _ in 0..50 {
        told.extend(site.hear(1, &[news()]));
        told.extend(site.hear(40, &[www()]));
    }
    assert_eq!(told.len(), 1, "{told:?}");
    site.reload(&[(1, any())]);
    assert_eq!(site.hear(20, &[www(), news()]), [""; 0]);
    site.reload(&[(1, for_services(&["http"]))]);
    assert_eq!(site.hear(20, &[news()]).len(), 1);
}

#[test]
fn who_sends_from_the_address_of_a_host_that_is_heard_fills_no_log() {
    let mut site = Site::new(keyed(&[(1, any())]));
    let mut told = Vec::new();
    for second in 0..3000 {
        assert_eq!(site.hear(1, &[www()]), [""; 0]);
        // Each of eight keys once in eleven seconds or more often; the first two are told of.
        let key = Some(20 + (second % 11) as u8 % 8);
        Sent { key, ..Sent::own(site.sequence) }.to(&mut site.world);
        told.extend(site.told());
    }
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn replays_of_a_host_that_is_heard_are_told_of_once() {
    let mut site = Site::new(keyed(&[(1, any())]));
    let mut told = Vec::new();
    for _ in 0..60 {
        assert_eq!(site.hear(50, &[www()]), [""; 0]);
        Sent::own(1).to(&mut site.world);
        told.extend(site.told());
    }
    assert_eq!(told.len(), 1, "{told:?}");
}

/// The limits that status warns of.
fn warned_of(site: &Site) -> Vec<String> {
    let alarms = site.world.binder.view(site.world.now).alarms.into_iter();
    let refused = alarms.filter_map(|alarm| match alarm {
        Alarm::Refused { stranger, .. } => {
            assert_eq!(stranger.name.as_str(), "host1");
            stranger.breach.map(|breach| breach.limit.to_string())
        }
        _ => None,
    });
    refused.collect()
}

#[test]
fn a_host_beyond_its_key_is_shown_until_it_is_heard_with_that() {
    let key = |limits: &KeyLimits| [(1, limits.clone())];
    let of_address = limited(&["host1"], Some(&["192.0.2.8/29"]));
    for limits in [for_services(&["news"]), of_address, limited(&["host2"], None)] {
        let mut site = Site::new(keyed(&key(&limits)));
        site.hear(1, &[www()]);
        assert_eq!(warned_of(&site).len(), 1, "{limits:?}");
        site.reload(&key(&any()));
        assert_eq!(warned_of(&site).len(), 1, "nothing was heard since");
        site.hear(1, &[www()]);
        assert_eq!(warned_of(&site), [""; 0], "{limits:?}");
        site.reload(&key(&limits));
        site.hear(1, &[www()]);
        assert_eq!(warned_of(&site).len(), 1, "{limits:?}");
        site.world.pass(11 * 60 * SECOND);
        assert_eq!(warned_of(&site), [""; 0], "it came no more: {limits:?}");
    }
}

#[test]
fn a_service_beyond_its_key_is_shown_though_others_are_heard() {
    let mut site = Site::new(keyed(&[(1, for_services(&["http"]))]));
    for _ in 0..4 {
        site.hear(1, &[news()]);
        site.hear(40, &[www()]);
        assert_eq!(warned_of(&site).len(), 1);
    }
    // The host has it no more.
    site.hear(540, &[www()]);
    assert_eq!(warned_of(&site).len(), 1);
    site.hear(60, &[www()]);
    assert_eq!(warned_of(&site), [""; 0]);
}

#[test]
fn what_this_binder_does_not_bind_is_shown_until_the_key_allows_it() {
    let mail = || Report { service: service("mail"), ..www() };
    let mut site = Site::new(keyed(&[(1, for_services(&["http"]))]));
    site.hear(1, &[www(), mail()]);
    site.hear(1, &[www()]);
    site.reload(&[(2, any())]);
    assert_eq!(warned_of(&site).len(), 1, "with that key it may say nothing");
    site.reload(&[(1, for_services(&["http"]))]);
    site.hear(1, &[www(), mail()]);
    site.reload(&[(1, any())]);
    assert_eq!(warned_of(&site).len(), 1, "nothing was heard since");
    site.hear(1, &[www(), mail()]);
    assert_eq!(warned_of(&site), [""; 0]);
}

#[test]
fn what_is_replayed_keeps_no_host_in_view() {
    let mut site = Site::new(keyed(&[(1, for_services(&["http"]))]));
    site.hear(1, &[news()]);
    for _ in 0..10 {
        site.hear(60, &[www()]);
        Sent { reports: vec![news()], ..Sent::own(1) }.to(&mut site.world);
    }
    assert_eq!(warned_of(&site), [""; 0]);
}

#[test]
fn a_service_that_beats_seldom_is_shown_all_the_time() {
    let mut site = Site::new(keyed(&[(1, for_services(&["http"]))]));
    for _ in 0..3 {
        site.hear(1, &[news()]);
        for _ in 0..30 {
            site.hear(10, &[www()]);
            assert_eq!(warned_of(&site).len(), 1);
        }
    }
}

#[test]
fn a_host_whose_name_is_corrected_is_shown_no_more_once_it_is_heard() {
    let mut site = Site::new(keyed(&[(1, limited(&["host2"], Some(&["192.0.2.0/24"])))]));
    site.hear(1, &[www()]);
    assert_eq!(warned_of(&site).len(), 1);
    Sent { name: "host2", ..Sent::own(2) }.to(&mut site.world);
    assert_eq!(warned_of(&site), [""; 0]);
}

#[test]
fn who_may_speak_from_its_own_address_alone_is_shown_where_no_beat_of_it_comes_from_there() {
    let mut site = Site::new(keyed(&[(1, limited(&["host1"], None))]));
    let elsewhere = report(7, State::Up, None);
    site.hear(3, std::slice::from_ref(&elsewhere));
    assert_eq!(warned_of(&site).len(), 1);
    for _ in 0..4 {
        site.hear(1, &[www()]);
        assert_eq!(warned_of(&site), [""; 0]);
        site.hear(1, std::slice::from_ref(&elsewhere));
        assert_eq!(warned_of(&site), [""; 0], "it is heard by another way");
    }
}

#[test]
fn a_host_that_beats_by_two_ways_and_dies_is_not_said_to_be_refused() {
    let mut site = Site::new(keyed(&[(1, limited(&["host1"], None))]));
    let elsewhere = report(7, State::Up, None);
    for _ in 0..4 {
        site.hear(1, &[www()]);
        site.hear(1, std::slice::from_ref(&elsewhere));
    }
    for _ in 0..60 {
        site.world.pass(10 * SECOND);
        assert_eq!(warned_of(&site), [""; 0]);
        // Somebody has its last beats, and sends them again.
        let sequence = site.sequence - 1;
        Sent { source: address(9), ..Sent::own(sequence) }.to(&mut site.world);
        assert_eq!(warned_of(&site), [""; 0]);
    }
    // It is back, by the other way alone.
    site.hear(1, &[elsewhere]);
    assert_eq!(warned_of(&site).len(), 1);
}

#[test]
fn what_else_is_refused_of_a_host_is_shown_before_where_its_copies_come_from() {
    for turn in 0..2 {
        let mut world = World::new(keyed(&[(1, limited(&["host1"], None))]));
        for sequence in 1..4 {
            for way in 0..2 {
                let source = if way == turn { address(1) } else { address(9) };
                Sent { source, ahead: 3600 * SECOND, ..Sent::own(sequence) }.to(&mut world);
            }
            let alarms = world.binder.view(world.now).alarms.into_iter();
            let refused: Vec<_> = alarms
                .filter_map(|alarm| match alarm {
                    Alarm::Refused { stranger, .. } => Some(stranger.refusal),
                    _ => None,
                })
                .collect();
            assert_eq!(refused, [Refusal::Skew]);
            world.pass(SECOND);
        }
    }
}

#[test]
fn what_no_tag_proves_is_shown_of_the_last_alone() {
    let mut world = World::new(keyed(&[(1, any())]));
    for id in 1..200 {
        Sent { key: Some(id), id, ..Sent::own(1) }.to(&mut world);
    }
    let view = world.binder.view(world.now);
    let shown = |alarm: &Alarm| matches!(alarm, Alarm::Refused { .. });
    assert_eq!(view.alarms.iter().filter(|alarm| shown(alarm)).count(), 0);
    let last: Vec<_> = view.refused.into_iter().map(|last| (last.refusal, last.cause)).collect();
    let key = Key::new([199; 32], any()).id();
    assert_eq!(last, [(Refusal::UnknownKey, Some(Cause::UnknownKey(key)))]);
}

#[test]
fn of_a_flood_beyond_keys_a_part_is_looked_at_in_each_second() {
    let mut world = World::new(keyed(&[(1, limited(&["host0"], None))]));
    for second in 1..4 {
        for id in 1..=200 {
            Sent { id, source: address(id), ..Sent::own(second) }.to(&mut world);
        }
        let view = world.binder.view(world.now);
        assert_eq!(view.counters.refused[Refusal::KeyLimit.index()], 200 * second);
        let last: Vec<_> = view.refused.into_iter().map(|last| last.source.ip()).collect();
        assert_eq!(last, [address(64)]);
        let shown = |alarm: &Alarm| matches!(alarm, Alarm::Refused { .. });
        assert_eq!(view.alarms.iter().filter(|alarm| shown(alarm)).count(), 64);
        world.pass(SECOND);
    }
}

#[test]
fn another_cluster_is_named() {
    let mut world = World::new(keyed(&[(1, any())]));
    let theirs = world.datagram(1, vec![www()]);
    let beat = codec::open(&theirs, &common::config(&[]).trust).unwrap().beat;
    let other = codec::encode(&beat, &"other".parse().unwrap(), None).unwrap();
    world.deliver(1, &other);
    let told = world.told.iter().find_map(|told| match told {
        Output::Refused { source, cause, .. } => Some((source.ip(), cause.clone()?.to_string())),
        _ => None,
    });
    assert_eq!(told, Some((address(1), "the heartbeat is of the cluster `other`".to_owned())));
}
