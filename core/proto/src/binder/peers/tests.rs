//! Tests of who is heard, and whether it counts.

use super::*;

const TERMS: Terms<'_> =
    Terms { max_skew: Duration::from_secs(300), key: None, limits: None, owns: &|_| false };

fn beat(epoch: u64, sequence: u64, wall_secs: u64) -> Heartbeat {
    Heartbeat {
        host: HostId([1; 16]),
        host_name: "web1".parse().unwrap(),
        epoch: Epoch(epoch),
        sequence: Sequence(sequence),
        wall: WallTime::from_unix_millis(wall_secs * 1000),
        reports: Vec::new(),
    }
}

fn arrival(wall_secs: u64, transport: u16) -> Arrival {
    Arrival {
        now: Time::from_secs(wall_secs),
        wall: WallTime::from_unix_millis(wall_secs * 1000),
        source: "192.0.2.1:9".parse().unwrap(),
        transport: TransportId(transport),
    }
}

#[test]
fn each_beat_counts_once() {
    let mut peers = Peers::default();
    let mut admit = |at, sequence, transport| {
        peers.admit(arrival(at, transport), &beat(1, sequence, 1000), TERMS)
    };
    assert_eq!(admit(1000, 5, 0), Ok(Order::Newest));
    assert_eq!(admit(1000, 4, 0), Ok(Order::Overtaken));
    assert_eq!(admit(1001, 5, 0), Err(Refusal::Duplicate), "by a second interface");
    assert_eq!(admit(1002, 5, 0), Err(Refusal::Replay), "too late for that");
    assert_eq!(admit(1002, 5, 1), Err(Refusal::Duplicate), "by another transport");
    assert_eq!(admit(1002, 70, 0), Ok(Order::Newest));
    assert_eq!(admit(1002, 7, 0), Ok(Order::Overtaken));
    assert_eq!(admit(1002, 7, 0), Err(Refusal::Replay), "too far back");
    assert_eq!(admit(1002, 6, 0), Err(Refusal::Replay), "before the window");
}

#[test]
fn the_wall_clock_is_judged_at_first_contact_and_at_a_new_epoch_only() {
    let mut peers = Peers::default();
    let mut admit =
        |epoch, sequence, wall| peers.admit(arrival(1000, 0), &beat(epoch, sequence, wall), TERMS);
    assert_eq!(admit(1, 1, 1301), Err(Refusal::Skew));
    assert_eq!(admit(1, 1, 1300), Ok(Order::Newest));
    assert_eq!(admit(1, 2, 9000), Ok(Order::Newest));
    assert_eq!(admit(2, 1, 9000), Err(Refusal::Skew));
    assert_eq!(admit(2, 1, 700), Ok(Order::Newest));
    assert_eq!(admit(1, 3, 1000), Err(Refusal::OldEpoch));
    assert_eq!(peers.strangers(Time::ZERO).count(), 1);
}

#[test]
fn what_was_heard_before_a_restart_is_not_heard_again() {
    let mut before = Peers::default();
    before.admit(arrival(1000, 0), &beat(1, 70, 1000), TERMS).unwrap();
    let mut after = Peers::default();
    before.memory().for_each(|memory| after.restore(Time::ZERO, memory));
    let old = after.admit(arrival(1000, 0), &beat(1, 70, 1000), TERMS);
    assert!(matches!(old, Err(Refusal::Duplicate | Refusal::Replay)));
    assert_eq!(after.admit(arrival(1000, 0), &beat(1, 71, 1000), TERMS), Ok(Order::Newest));
}

#[test]
fn a_key_of_one_host_does_not_speak_with_anothers_id() {
    let mut peers = Peers::default();
    let limits =
        |name: &str| KeyLimits { hosts: Some(vec![name.parse().unwrap()]), ..KeyLimits::default() };
    let (mine, others) = (limits("web1"), limits("web2"));
    let terms = |limits| Terms { limits: Some(limits), ..TERMS };
    let named = |name: &str, epoch, sequence| Heartbeat {
        host_name: name.parse().unwrap(),
        ..beat(epoch, sequence, 1000)
    };
    let at = arrival(1000, 0);
    assert_eq!(peers.admit(at, &named("web1", 1, 1), terms(&mine)), Ok(Order::Newest));
    for (epoch, sequence) in [(1, 2), (9, 1)] {
        let stolen = named("web2", epoch, sequence);
        assert_eq!(peers.admit(at, &stolen, terms(&others)), Err(Refusal::KeyLimit));
    }
    assert_eq!(peers.admit(at, &named("web1", 1, 2), terms(&mine)), Ok(Order::Newest));
    assert_eq!(peers.strangers(Time::ZERO).count(), 0, "more is known of it where it is refused");
    assert_eq!(peers.admit(at, &named("web3", 2, 1), TERMS), Ok(Order::Newest), "renamed");
}

#[test]
fn the_key_of_the_newest_beat_is_remembered() {
    let mut peers = Peers::default();
    let mut heard = |sequence, id| {
        let terms = Terms { key: id, ..TERMS };
        peers.admit(arrival(1000, 0), &beat(1, sequence, 1000), terms).unwrap();
        peers.iter().next().and_then(|(_, peer)| peer.key)
    };
    let [old, new] = [KeyId::new(1), KeyId::new(2)];
    assert_eq!(heard(5, old), old);
    assert_eq!(heard(7, new), new);
    assert_eq!(heard(6, old), new, "overtaken on the way");
    assert_eq!(heard(8, None), None, "unsigned again");
}

#[test]
fn where_there_is_no_room_who_owns_nothing_and_was_unheard_longest_goes() {
    let mut peers = Peers { most: 3, ..Peers::default() };
    let mut admit = |at, host, owns: &dyn Fn(HostId) -> bool| {
        let beat = Heartbeat { host: HostId([host; 16]), ..beat(1, 1, at) };
        let admitted = peers.admit(arrival(at, 0), &beat, Terms { owns, ..TERMS });
        let hosts: Vec<u8> = peers.iter().map(|(host, _)| host.0[0]).collect();
        (admitted, hosts)
    };
    for host in [3, 2, 1] {
        admit(1000 - u64::from(host), host, &|_| false).0.unwrap();
    }
    let full = Err(Refusal::FirstContactLimit);
    assert_eq!(admit(1000, 4, &|_| true), (full, vec![1, 2, 3]));
    assert_eq!(admit(1000, 4, &|_| false), (full, vec![1, 2, 3]), "not looked for again");
    assert_eq!(admit(1001, 4, &|host| host == HostId([3; 16])), (Ok(Order::Newest), vec![1, 3, 4]));
}

#[test]
fn who_said_goodbye_is_not_counted_until_it_is_back() {
    use crate::heartbeat::{Capacity, Claim, Coverage, Reason, Report, Weight};
    let mut peers = Peers::default();
    let mut present = |sequence, states: &[State]| {
        let report = |&state: &State| Report {
            service: "http".parse().unwrap(),
            state,
            reason: Reason::default(),
            load: None,
            capacity: Capacity::ONE,
            weight: Weight::USUAL,
            interval: Duration::from_secs(1),
            expire: Duration::from_secs(3),
            claim: Claim::Own,
            coverage: Coverage::Whole,
            addresses: Vec::new(),
        };
        let reports = states.iter().map(report).collect();
        let beat = Heartbeat { reports, ..beat(1, sequence, 1000) };
        peers.admit(arrival(1000, 0), &beat, TERMS).unwrap();
        (peers.present(HostId([9; 16])), peers.present(HostId([1; 16])))
    };
    assert_eq!(present(5, &[State::Up]), (1, 0));
    assert_eq!(present(6, &[State::Up, State::Leaving]), (1, 0));
    assert_eq!(present(9, &[State::Leaving, State::Leaving]), (0, 0));
    assert_eq!(present(8, &[State::Up]), (0, 0), "overtaken");
    assert_eq!(present(10, &[]), (1, 0));
    peers.presume_left(|_| false);
    assert_eq!(peers.present(HostId([9; 16])), 0);
}
