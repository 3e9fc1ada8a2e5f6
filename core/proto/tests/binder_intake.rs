//! Whose word counts for which address, and when it is judged, in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use common::{
    INTERVAL, World, address, addresses, at_once, cluster, config, on_timer, report, service, wall,
    zone,
};
use rais_proto::binder::view::Alarm;
use rais_proto::binder::{Arrival, BinderConfig, Output, TransportId};
use rais_proto::heartbeat::key::{Key, KeyLimits, KeyRing};
use rais_proto::heartbeat::refusal::Refusal;
use rais_proto::heartbeat::trust::Policy;
use rais_proto::heartbeat::{Claim, Coverage, Heartbeat, Report, State, codec};
use rais_proto::load::Load;
use rais_proto::name::{Epoch, HostId, Sequence};
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

/// A report of a machine without a monitor.
fn watched(host: u8, state: State) -> Report {
    Report { claim: Claim::Watched, coverage: Coverage::Part, ..report(host, state, None) }
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

// Rights.

fn limited(hosts: &[&str], ranges: Option<&[&str]>) -> KeyLimits {
    KeyLimits {
        hosts: Some(hosts.iter().map(|name| name.parse().unwrap()).collect()),
        services: None,
        addresses: ranges.map(|nets| nets.iter().map(|net| net.parse().unwrap()).collect()),
    }
}

/// A binder with a key of each octet and limits.
fn guarded(keys: &[(u8, KeyLimits)]) -> World {
    World::new(keyed(keys))
}

fn keyed(keys: &[(u8, KeyLimits)]) -> BinderConfig {
    let keys = keys.iter().map(|(octet, limits)| Key::new([*octet; 32], limits.clone()));
    let mut config: BinderConfig = config(&[("http", at_once())]);
    config.trust.policy = Policy::Enforce(KeyRing::new(keys, None).unwrap());
    config
}

/// A beat, and how it comes.
struct Sent {
    key: u8,
    id: u8,
    name: &'static str,
    epoch: u64,
    sequence: u64,
    source: IpAddr,
    reports: Vec<Report>,
}

impl Sent {
    /// Of host 1 itself.
    fn own(sequence: u64) -> Sent {
        Sent {
            key: 1,
            id: 1,
            name: "host1",
            epoch: 1,
            sequence,
            source: address(1),
            reports: vec![report(1, State::Up, None)],
        }
    }

    fn to(self, world: &mut World) {
        let beat = Heartbeat {
            host: HostId([self.id; 16]),
            host_name: self.name.parse().unwrap(),
            epoch: Epoch(self.epoch),
            sequence: Sequence(self.sequence),
            wall: wall(world.now),
            reports: self.reports,
        };
        let key = Key::new([self.key; 32], KeyLimits::default());
        let datagram = codec::encode(&beat, &cluster(), Some(&key)).unwrap();
        let arrival = Arrival {
            now: world.now,
            wall: wall(world.now),
            source: SocketAddr::new(self.source, 40_000),
            transport: TransportId(0),
        };
        world.binder.handle_datagram(arrival, &datagram);
    }
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
            Sent { key: 2, id, name, source, reports, ..Sent::own(sequence) }.to(world);
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
        key: 2,
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
    let stolen = Sent { key: 1, name: "host2", source: address(1), ..Sent::own(5) };
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
        Sent { key: 3, ..Sent::own(1) }.to(&mut world);
        sent.to(&mut world);
        let mut outputs = std::iter::from_fn(|| world.binder.poll_output());
        let text = outputs.find_map(|told| match told {
            Output::Refused { breach, .. } => breach.map(|breach| breach.to_string()),
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
                Output::Refused { breach, .. } => breach.map(|breach| breach.host.to_string()),
                _ => None,
            }));
            world.pass(Duration::from_secs(2));
        }
    }
    assert_eq!(told, ["host1", "host2"]);
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
