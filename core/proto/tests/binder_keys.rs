//! Which key may say what, and what becomes of what was said with it, in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::IpAddr;
use std::time::Duration;

use common::signed::{Sent, believing, guarded, keyed, limited, ring};
use common::{
    INTERVAL, World, address, addresses, at_once, config, on_timer, report, service, watched,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use rais_proto::binder::Output;
use rais_proto::binder::view::{Alarm, Vote};
use rais_proto::heartbeat::breach::Limit;
use rais_proto::heartbeat::cause::Cause;
use rais_proto::heartbeat::key::{Key, KeyLimits};
use rais_proto::heartbeat::refusal::Refusal;
use rais_proto::heartbeat::trust::{Policy, Said};
use rais_proto::heartbeat::{Claim, Reason, Report, State};
use rais_proto::policy::Verdict;

/// What a thief would say that he is good for.
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

fn refused(world: &World, refusal: Refusal) -> u64 {
    world.binder.counters().refused[refusal.index()]
}

#[test]
fn what_was_last_said_with_a_key_that_is_removed_counts_no_longer() {
    let both = || keyed(&[(1, KeyLimits::default()), (2, KeyLimits::default())]);
    let names = ["host1", "host2", "host3"];
    let round = |world: &mut World, sequence: u64, hosts: &[u8]| {
        for &id in hosts {
            let name = names[usize::from(id) - 1];
            let reports = vec![report(id, State::Up, None)];
            let source = address(id);
            Sent { key: Some(2), id, name, source, reports, ..Sent::own(sequence) }.to(world);
        }
        world.pass(INTERVAL);
    };
    for restarts in [0, 1] {
        let mut world = World::new(both());
        // A thief, who says that he is good for a week.
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        let stolen = Report { expire: week, ..report(3, State::Up, None) };
        let thief = Sent { id: 9, name: "host9", source: address(9), ..Sent::own(1) };
        Sent { reports: vec![stolen], ..thief }.to(&mut world);
        // Until his week keeps it from judging silence no longer.
        (1..=130).for_each(|sequence| round(&mut world, sequence, &[1, 2, 3]));
        assert_eq!(world.set(), addresses(&[1, 2, 3]));
        assert_eq!(refused(&world, Refusal::Owned), 130, "the thief was first");

        let without = keyed(&[(2, KeyLimits::default())]);
        if restarts == 0 {
            world.binder.handle_config(world.now, without);
            (131..=132).for_each(|sequence| round(&mut world, sequence, &[1, 2]));
            assert_eq!(world.set(), addresses(&[1, 2]), "nobody else spoke for 3");
        } else {
            world.restart(without, Duration::ZERO);
            (131..=140).for_each(|sequence| round(&mut world, sequence, &[1, 2]));
        }
        let before = refused(&world, Refusal::Owned);
        (141..=144).for_each(|sequence| round(&mut world, sequence, &[1, 2, 3]));
        assert_eq!(refused(&world, Refusal::Owned), before, "its owner is believed");
        assert_eq!(world.verdict(3), Some(Verdict::In));
    }

    // Who asks for no key at all has removed none.
    let mut world = World::new(both());
    (1..=5).for_each(|sequence| round(&mut world, sequence, &[1, 2]));
    world.binder.handle_config(world.now, config(&[("http", at_once())]));
    world.pass_millis(100);
    assert_eq!(world.set(), addresses(&[1, 2]));
}

#[test]
fn a_key_of_one_host_does_not_speak_with_the_id_of_another() {
    let mut world = guarded(&[(1, limited(&["host1"], None)), (2, limited(&["host2"], None))]);
    Sent::own(1).to(&mut world);
    let stolen = |epoch, sequence, state| Sent {
        key: Some(2),
        name: "host2",
        epoch,
        source: address(2),
        reports: vec![report(2, state, None)],
        ..Sent::own(sequence)
    };
    stolen(1, 900, State::Up).to(&mut world);
    stolen(9, 1, State::Leaving).to(&mut world);
    assert_eq!(refused(&world, Refusal::KeyLimit), 2);
    Sent::own(2).to(&mut world);
    assert_eq!((world.binder.counters().accepted, world.set()), (2, addresses(&[1])));
    let alarms = world.binder.view(world.now).alarms.into_iter();
    let limits = alarms.filter_map(|alarm| match alarm {
        Alarm::Refused { stranger, .. } => stranger.breach.map(|breach| breach.limit),
        _ => None,
    });
    let known = Limit::Id("host1".parse().unwrap());
    assert_eq!(limits.collect::<Vec<_>>(), [known], "somebody should look at it");
}

#[test]
fn a_key_of_hosts_without_ranges_speaks_for_the_sources_addresses_only() {
    let mut world = guarded(&[(1, limited(&["host1"], None))]);
    let elsewhere = Sent { source: address(9), ..Sent::own(1) };
    elsewhere.to(&mut world);
    assert_eq!((refused(&world, Refusal::NotAllowed), world.set()), (1, addresses(&[])));
    // The same beat by the interface that it names.
    Sent::own(1).to(&mut world);
    assert_eq!((world.binder.counters().accepted, world.set()), (1, addresses(&[1])));
    // Others of its own beside the source's.
    let mut two = report(1, State::Up, None);
    two.addresses.push(address(7));
    Sent { reports: vec![two.clone()], ..Sent::own(2) }.to(&mut world);
    assert_eq!(world.set(), addresses(&[1, 7]));
    // A machine that it watches, beside its own, and alone.
    let reports = vec![two, watched(8, State::Up)];
    Sent { reports, ..Sent::own(3) }.to(&mut world);
    Sent { reports: vec![watched(8, State::Up)], ..Sent::own(4) }.to(&mut world);
    assert_eq!((refused(&world, Refusal::NotAllowed), world.set()), (3, addresses(&[1, 7])));
    let mapped = "::ffff:192.0.2.1".parse().unwrap();
    Sent { source: mapped, ..Sent::own(4) }.to(&mut world);
    assert_eq!(world.binder.counters().accepted, 4, "a source as a dual-stack socket shows it");
}

#[test]
fn over_loopback_a_binders_own_host_names_its_addresses() {
    let mut world = guarded(&[(1, limited(&["host0", "host1"], None))]);
    let source = "127.0.0.1".parse().unwrap();
    Sent { source, ..Sent::own(1) }.to(&mut world);
    assert_eq!(refused(&world, Refusal::NotAllowed), 1, "not its own host");
    Sent { source, id: 0, name: "host0", ..Sent::own(1) }.to(&mut world);
    assert_eq!(world.set(), addresses(&[1]));
}

#[test]
fn a_key_with_ranges_or_without_any_limit_speaks_from_anywhere() {
    for limits in [limited(&["host1"], Some(&["192.0.2.0/24"])), KeyLimits::default()] {
        let mut world = guarded(&[(1, limits)]);
        let reports = vec![report(1, State::Up, None), watched(8, State::Up)];
        Sent { source: address(9), reports, ..Sent::own(1) }.to(&mut world);
        assert_eq!(world.set(), addresses(&[1, 8]));
    }
}

#[test]
fn a_beat_beyond_its_key_is_told_with_host_key_and_limit() {
    let ranges: &[&str] = &["192.0.2.0/30"];
    let service =
        KeyLimits { services: Some(vec!["news".parse().unwrap()]), ..KeyLimits::default() };
    let nowhere = "::".parse().unwrap();
    let stolen = Sent { key: Some(1), name: "host2", source: address(1), ..Sent::own(5) };
    let key = Key::new([1; 32], KeyLimits::default()).id();
    for (limits, sent, told) in [
        (limited(&["host2"], None), Sent::own(2), "limited to other hosts"),
        (service, Sent::own(2), "may not speak of the service `http`"),
        (
            limited(&["host1"], Some(ranges)),
            Sent { reports: vec![report(9, State::Up, None)], ..Sent::own(2) },
            "may not speak of the address 192.0.2.9",
        ),
        (limited(&["host2"], None), stolen, "may not speak for `host1`"),
        (limited(&["host1"], None), Sent { source: address(9), ..Sent::own(2) }, "its own"),
        (limited(&["host1"], None), Sent { source: nowhere, ..Sent::own(2) }, "nobody sees where"),
    ] {
        let host = sent.name;
        let mut world = guarded(&[(1, limits), (3, KeyLimits::default())]);
        Sent { key: Some(3), ..Sent::own(1) }.to(&mut world);
        sent.to(&mut world);
        let mut outputs = std::iter::from_fn(|| world.binder.poll_output());
        let text = outputs.find_map(|told| match told {
            Output::Refused { cause, .. } => cause.map(|cause| cause.to_string()),
            _ => None,
        });
        let text = text.unwrap_or_else(|| panic!("{told}: nothing is told"));
        assert!(text.starts_with(&format!("host `{host}` signs with the key {key}")), "{text}");
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn each_host_that_is_beyond_its_key_is_told_of_where_no_address_tells_them_apart() {
    let mut world = guarded(&[(1, limited(&["host9"], None))]);
    let source = "::".parse().unwrap();
    let mut told = Vec::new();
    for _ in 0..3 {
        for (host, name) in [(1, "host1"), (2, "host2")] {
            Sent { source, id: host, name, ..Sent::own(host.into()) }.to(&mut world);
            let outputs = std::iter::from_fn(|| world.binder.poll_output());
            told.extend(outputs.filter_map(|told| match told {
                Output::Refused { cause: Some(Cause::Breach(breach)), .. } => {
                    Some(breach.host.to_string())
                }
                _ => None,
            }));
            world.pass(Duration::from_secs(2));
        }
    }
    assert_eq!(told, ["host1", "host2"]);
}

// What was said, and may be said no more.

const HOSTS: [&str; 10] =
    ["host0", "host1", "host2", "host3", "host4", "host5", "host6", "host7", "host8", "host9"];

/// How a binder comes to another configuration.
#[derive(Debug, Clone, Copy)]
enum By {
    Reload,
    Restart,
}

fn any() -> KeyLimits {
    KeyLimits::default()
}

fn enforce(keys: &[(u8, KeyLimits)]) -> Policy {
    Policy::Enforce(ring(keys))
}

fn permissive(keys: &[(u8, KeyLimits)]) -> Policy {
    Policy::Permissive(ring(keys))
}

fn set_of(world: &World, name: &str) -> Vec<IpAddr> {
    let view = world.binder.view(world.now);
    let service = view.services.iter().find(|service| service.name.as_str() == name).unwrap();
    service.set.iter().copied().collect()
}

/// The same report of `news`, which stands for a week.
fn news(report: Report) -> Report {
    Report { service: service("news"), expire: WEEK, ..report }
}

/// What host `id` says with `key` of `news` on address 9.
fn said_by(id: u8, key: Option<u8>, report: Report) -> Sent {
    let name = HOSTS[usize::from(id)];
    Sent { key, id, name, source: address(9), reports: vec![news(report)], ..Sent::own(1) }
}

/// Hosts 2 and 3 say with key 2 that they are up in `http`, 4, 5 and 6 in `news`.
fn round(world: &mut World, sequence: u64) {
    for id in 2..=6 {
        let own = report(id, State::Up, None);
        let of_news = Report { service: service("news"), ..own.clone() };
        let reports = vec![if id < 4 { own } else { of_news }];
        let name = HOSTS[usize::from(id)];
        let sent = Sent { key: Some(2), id, name, source: address(id), ..Sent::own(sequence) };
        Sent { reports, ..sent }.to(world);
    }
    world.pass(INTERVAL);
}

/// Who is in `news` when a binder with `before`, which hears those hosts all the time and has heard `said`,
/// has come to `after`.
fn left_of(before: Policy, said: Sent, after: Policy, by: By) -> Vec<IpAddr> {
    let mut world = World::new(believing(before));
    said.to(&mut world);
    // Until his week keeps it from judging silence no longer.
    (2..=70).for_each(|sequence| round(&mut world, sequence));
    assert_eq!(set_of(&world, "news"), addresses(&[4, 5, 6, 9]));
    match by {
        By::Reload => world.binder.handle_config(world.now, believing(after)),
        By::Restart => {
            world.restart(believing(after), Duration::ZERO);
            (71..=140).for_each(|sequence| round(&mut world, sequence));
        }
    }
    assert_eq!(set_of(&world, "http"), addresses(&[2, 3]));
    set_of(&world, "news")
}

#[test]
fn who_used_the_id_of_a_host_keeps_nothing_when_the_key_is_removed() {
    for by in [By::Reload, By::Restart] {
        // Host 2 itself has no word for `news`, and is heard with another key ever after.
        let thief = || said_by(2, Some(1), report(9, State::Up, None));
        let both = || enforce(&[(1, any()), (2, any())]);
        assert_eq!(left_of(both(), thief(), both(), by), addresses(&[4, 5, 6, 9]));
        let left = left_of(both(), thief(), enforce(&[(2, any())]), by);
        assert_eq!(left, addresses(&[4, 5, 6]), "{by:?}");
    }
}

#[test]
fn why_a_claim_counts_no_longer_is_told() {
    let key = Key::new([1; 32], any()).id();
    let both = || permissive(&[(1, any()), (2, any())]);
    let of_http = KeyLimits { services: Some(vec![service("http")]), ..any() };
    for (with, after, why) in [
        (Some(1), enforce(&[(2, any())]), format!("with the key {key}, which is accepted no more")),
        (None, enforce(&[(1, any()), (2, any())]), "unsigned, which is refused now".to_owned()),
        (Some(1), enforce(&[(1, of_http), (2, any())]), format!("{key}, which may not say it any")),
    ] {
        let mut world = World::new(believing(both()));
        said_by(9, with, report(9, State::Up, None)).to(&mut world);
        (2..=70).for_each(|sequence| round(&mut world, sequence));
        world.told.clear();
        world.binder.handle_config(world.now, believing(after));
        world.pass_millis(1);
        let shown = |world: &World| {
            let service = world.binder.view(world.now).services.remove(1);
            let member = service.members.into_iter().find(|one| one.address == address(9));
            member.map(|one| (one.verdict, one.known.unwrap().reason)).unwrap()
        };
        let (verdict, reason) = shown(&world);
        assert!(reason.contains(&why), "{why}: {reason}");
        assert_eq!(
            (verdict, world.reasons(9, Verdict::Expired)),
            (Verdict::Expired, vec![&*reason])
        );
        world.binder.handle_config(world.now, believing(both()));
        assert_eq!(shown(&world).1, "not heard since its key was accepted again");
        let again = Sent { sequence: 2, ..said_by(9, with, report(9, State::Up, None)) };
        again.to(&mut world);
        assert_eq!(shown(&world), (Verdict::Reviving, String::new()));
    }
}

#[test]
fn who_was_out_before_its_key_was_removed_is_out_for_the_same_reason() {
    let own = |state, expire| Report { expire, ..report(9, state, None) };
    for (said, verdict, why) in [
        (
            Report { reason: Reason::new("refused"), ..news(own(State::Down, INTERVAL)) },
            "down",
            "refused",
        ),
        (Report { service: service("news"), ..own(State::Up, INTERVAL * 2) }, "expired", ""),
    ] {
        let mut world = World::new(believing(enforce(&[(1, any()), (2, any())])));
        Sent { reports: vec![said], ..said_by(9, Some(1), report(9, State::Up, None)) }
            .to(&mut world);
        (2..=70).for_each(|sequence| round(&mut world, sequence));
        let shown = |world: &World| {
            let service = world.binder.view(world.now).services.remove(1);
            let member = service.members.into_iter().find(|one| one.address == address(9));
            member.map(|one| (one.verdict.as_str(), one.known.unwrap().reason)).unwrap()
        };
        let before = shown(&world);
        assert_eq!(before, (verdict, why.to_owned()));
        world.binder.handle_config(world.now, believing(enforce(&[(2, any())])));
        world.pass_millis(1);
        assert_eq!(shown(&world), before);
    }
}

#[test]
fn a_watcher_whose_key_was_removed_is_shown_with_that() {
    let mut world = World::new(believing(enforce(&[(1, any()), (2, any())])));
    let down = Report { reason: Reason::new("refused"), ..watched(9, State::Down) };
    said_by(9, Some(1), down).to(&mut world);
    said_by(4, Some(2), watched(9, State::Up)).to(&mut world);
    world.binder.handle_config(world.now, believing(enforce(&[(2, any())])));
    world.pass_millis(1);
    let news = world.binder.view(world.now).services.remove(1);
    let [member] = &news.members[..] else { panic!("{news:?}") };
    let said: Vec<_> = member.watchers.iter().map(|one| (one.vote, &*one.reason)).collect();
    let key = Key::new([1; 32], any()).id();
    let why = format!("last said with the key {key}, which is accepted no more");
    assert_eq!(said, [(Vote::Counts, ""), (Vote::Silent, &*why)]);
}

#[test]
fn what_nobody_signed_goes_when_tags_are_asked_for() {
    let said = || said_by(9, None, report(9, State::Up, None));
    let ring = [(2, any())];
    for by in [By::Reload, By::Restart] {
        let stays = left_of(permissive(&ring), said(), permissive(&ring), by);
        assert_eq!(stays, addresses(&[4, 5, 6, 9]));
        // Who asks for no tag at all takes what was signed, too.
        let stays = left_of(permissive(&ring), said(), Policy::Insecure, by);
        assert_eq!(stays, addresses(&[4, 5, 6, 9]));
        let left = left_of(permissive(&ring), said(), enforce(&ring), by);
        assert_eq!(left, addresses(&[4, 5, 6]), "{by:?}");
    }
}

#[test]
fn whoever_signs_already_stays_where_no_tag_was_looked_at_before() {
    let mut world = World::new(believing(Policy::Insecure));
    let stands = |world: &mut World, sequences: std::ops::Range<u64>| {
        for sequence in sequences {
            round(world, sequence);
            let sets = ["http", "news"].map(|name| set_of(world, name));
            assert_eq!(sets, [addresses(&[2, 3]), addresses(&[4, 5, 6])], "{sequence}");
        }
    };
    world.pass(INTERVAL * 2);
    round(&mut world, 1);
    stands(&mut world, 2..6);
    world.binder.handle_config(world.now, believing(enforce(&[(2, any())])));
    stands(&mut world, 6..20);
}

#[test]
fn a_key_that_is_limited_more_narrowly_keeps_only_what_it_may_still_say() {
    let own = || said_by(9, Some(1), report(9, State::Up, None));
    let watched = || said_by(9, Some(1), watched(9, State::Up));
    let services = |name| KeyLimits { services: Some(vec![service(name)]), ..any() };
    let ranges = |net: &str| KeyLimits { addresses: Some(vec![net.parse().unwrap()]), ..any() };
    let cases: [(&dyn Fn() -> Sent, KeyLimits, bool); 9] = [
        (&own, limited(&["host9"], None), true),
        (&own, limited(&["host8"], None), false),
        (&own, services("news"), true),
        (&own, services("http"), false),
        (&own, ranges("192.0.2.8/29"), true),
        (&own, ranges("192.0.2.0/29"), false),
        (&watched, ranges("192.0.2.8/29"), true),
        (&watched, limited(&["host9"], Some(&["192.0.2.8/29"])), true),
        (&watched, limited(&["host9"], None), false),
    ];
    for (said, limits, stays) in cases {
        for by in [By::Reload, By::Restart] {
            let before = enforce(&[(1, any()), (2, any())]);
            let after = enforce(&[(1, limits.clone()), (2, any())]);
            let left = left_of(before, said(), after, by);
            assert_eq!(left.contains(&address(9)), stays, "{limits:?} {by:?}");
        }
    }
}

#[test]
fn on_timer_what_may_be_said_no_more_is_not_in_the_period() {
    let timed = |policy| {
        let mut config = believing(policy);
        config.services.insert(service("http"), on_timer(10));
        config
    };
    // At once, and when what was said has expired, which on-timer makes nobody leave.
    for waits in [Duration::ZERO, Duration::from_secs(8)] {
        let mut world = World::new(timed(permissive(&[(2, any())])));
        for id in [1, 2, 3] {
            let (name, source) = (HOSTS[usize::from(id)], address(id));
            let reports = vec![Report { expire: INTERVAL * 2, ..report(id, State::Up, None) }];
            let key = (id != 1).then_some(2);
            Sent { key, id, name, source, reports, ..Sent::own(1) }.to(&mut world);
        }
        // That host 3 is up is also said by one who may.
        let says_three = Report { expire: WEEK, ..watched(3, State::Up) };
        let by_four = Sent { key: Some(2), id: 4, name: "host4", ..Sent::own(1) };
        Sent { reports: vec![says_three], ..by_four }.to(&mut world);
        world.pass(waits);
        world.binder.handle_config(
            world.now,
            timed(enforce(&[(2, limited(&["host2", "host4"], Some(&["192.0.2.0/24"])))])),
        );
        world.pass(Duration::from_secs(10) - waits);
        assert_eq!(world.set(), addresses(&[2, 3]));
        let http = world.binder.view(world.now).services.remove(0);
        let first = http.members.into_iter().find(|one| one.address == address(1)).unwrap();
        assert_eq!(first.known.unwrap().reason, "last said unsigned, which is refused now");
    }
}

#[test]
fn a_service_that_beats_seldom_is_shown_to_stand_by_its_older_key() {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let mut world = World::new(believing(permissive(&[(1, any()), (2, any())])));
    let seldom = |key: Option<u8>, sequence| Sent {
        key,
        reports: vec![Report { expire: HOUR, ..news(report(1, State::Up, None)) }],
        ..Sent::own(sequence)
    };
    let often = |key: Option<u8>, sequence| Sent { key, ..Sent::own(sequence) };
    let keys = |world: &World| {
        let host = world.binder.view(world.now).hosts.remove(0);
        let id = |octet: u8| Key::new([octet; 32], any()).id();
        let octet = |key| [1, 2].into_iter().find(|&octet| key == Some(id(octet)));
        let older = host.older_keys.into_iter().map(|(key, services)| {
            assert_eq!(services, [service("news")].into());
            octet(key)
        });
        (octet(host.key), older.collect::<Vec<_>>())
    };
    seldom(None, 1).to(&mut world);
    often(Some(1), 2).to(&mut world);
    assert_eq!(keys(&world), (Some(1), vec![None]));
    seldom(Some(1), 3).to(&mut world);
    assert_eq!(keys(&world), (Some(1), vec![]));
    often(Some(2), 4).to(&mut world);
    assert_eq!(keys(&world), (Some(2), vec![Some(1)]));
    world.pass(HOUR);
    assert_eq!(keys(&world), (Some(2), vec![]), "it does not count any more");
}

prop_compose! {
    fn limits()(
        hosts in proptest::option::of(subsequence(vec!["host1", "host2"], 1..=2)),
        services in proptest::option::of(subsequence(vec!["http", "news"], 1..=2)),
        addresses in proptest::option::of(select(vec!["192.0.2.1/32", "192.0.2.0/24", "192.0.2.9/32"])),
    ) -> KeyLimits {
        KeyLimits {
            hosts: hosts.map(|all| all.iter().map(|name| name.parse().unwrap()).collect()),
            services: services.map(|all| all.into_iter().map(service).collect()),
            addresses: addresses.map(|net| vec![net.parse().unwrap()]),
        }
    }
}

proptest! {
    #[test]
    fn what_stands_is_what_would_be_taken_if_it_were_said_now(
        limits in limits(),
        mode in 0_u8..3,
        key in select(vec![None, Some(1), Some(2)]),
        name in select(vec!["host1", "host2"]),
        of in select(vec!["http", "news"]),
        claim in select(vec![Claim::Own, Claim::Watched]),
    ) {
        let ring = [(1, limits.clone())];
        let policy = match mode {
            0 => enforce(&ring),
            1 => permissive(&ring),
            _ => Policy::Insecure,
        };
        let config = believing(policy);
        let said = Said {
            key: key.map(|octet| Key::new([octet; 32], any()).id()),
            host: Some(&name.parse().unwrap()),
            service: &service(of),
            claim,
            address: address(1),
        };
        let believed = config.trust.believes(&said);
        let mut world = World::new(config);
        // Who speaks of another speaks for itself as well, and from there.
        let own = Report { service: service("aside"), ..report(1, State::Up, None) };
        let report = Report { service: service(of), claim, ..report(1, State::Up, None) };
        let aside = limits.services.is_none();
        let reports = if aside { vec![own, report] } else { vec![report] };
        Sent { key, name, reports, ..Sent::own(1) }.to(&mut world);
        prop_assert_eq!(believed, set_of(&world, of) == addresses(&[1]));
    }
}
