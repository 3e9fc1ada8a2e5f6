use std::collections::BTreeSet;

use super::*;
use crate::heartbeat::{Capacity, Coverage, Reason, Weight};

const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const ONE: HostId = HostId([1; 16]);
const TWO: HostId = HostId([2; 16]);
const NOBODY: Vec<IpAddr> = Vec::new();

fn report(claim: Claim, state: State) -> Report {
    Report {
        service: "http".parse().unwrap(),
        state,
        reason: Reason::default(),
        load: None,
        capacity: Capacity::ONE,
        weight: Weight::USUAL,
        interval: Duration::from_secs(1),
        expire: Duration::from_secs(3),
        claim,
        coverage: Coverage::Whole,
        addresses: vec![A],
    }
}

fn unsigned(host: HostId) -> Speaker {
    Speaker { host, key: None }
}

fn say(table: &mut Table, at: u64, host: HostId, claim: Claim, state: State) -> Obstacles {
    table.apply(Time::from_secs(at), unsigned(host), &report(claim, state), Order::Newest).obstacles
}

fn standing(table: &Table, at: u64) -> Option<Standing> {
    table.rows(Time::from_secs(at)).next().map(|row| row.standing)
}

#[test]
fn silence_begins_at_expire_to_the_nanosecond() {
    let mut table = Table::default();
    say(&mut table, 0, ONE, Claim::Own, State::Up);
    let end = Time::from_secs(3);
    let just_before = table.rows(end - Duration::from_nanos(1)).next().unwrap().standing;
    assert_eq!(just_before, Standing::Up);
    assert_eq!(table.rows(end).next().unwrap().standing, Standing::Silent);
}

#[test]
fn a_silent_member_needs_two_beats() {
    let mut table = Table::default();
    say(&mut table, 0, ONE, Claim::Own, State::Up);
    say(&mut table, 10, ONE, Claim::Own, State::Up);
    assert_eq!(standing(&table, 10), Some(Standing::Reviving));
    say(&mut table, 11, ONE, Claim::Own, State::Up);
    assert_eq!(standing(&table, 11), Some(Standing::Up));
}

#[test]
fn a_second_owner_is_refused_until_the_first_is_dead_or_gone() {
    let mut table = Table::default();
    say(&mut table, 0, ONE, Claim::Own, State::Up);
    assert_eq!(say(&mut table, 1, TWO, Claim::Own, State::Up), vec![(A, Obstacle::Owner(ONE))]);
    assert_eq!(say(&mut table, 5, TWO, Claim::Own, State::Up), vec![]);
    say(&mut table, 6, TWO, Claim::Own, State::Leaving);
    assert_eq!(say(&mut table, 6, ONE, Claim::Own, State::Up), vec![]);
    assert_eq!(table.claims().count(), 1);
}

#[test]
fn an_own_claim_beats_watchers_and_any_watcher_that_says_up_wins() {
    let mut table = Table::default();
    say(&mut table, 0, ONE, Claim::Watched, State::Down);
    say(&mut table, 0, TWO, Claim::Watched, State::Up);
    assert_eq!(standing(&table, 1), Some(Standing::Up));
    say(&mut table, 1, ONE, Claim::Own, State::Down);
    assert_eq!(standing(&table, 1), Some(Standing::Out(State::Down)));
    say(&mut table, 4, TWO, Claim::Watched, State::Up); // the own claim has expired
    say(&mut table, 4, TWO, Claim::Watched, State::Up);
    assert_eq!(standing(&table, 4), Some(Standing::Up));
}

#[test]
fn where_nothing_is_live_the_latest_says_how_it_ended() {
    let mut table = Table::default();
    say(&mut table, 0, ONE, Claim::Own, State::Up);
    say(&mut table, 1, ONE, Claim::Own, State::Leaving);
    say(&mut table, 1, TWO, Claim::Watched, State::Up);
    say(&mut table, 2, TWO, Claim::Watched, State::Up);
    assert_eq!(standing(&table, 2), Some(Standing::Up));
    assert_eq!(standing(&table, 5), Some(Standing::Silent));
}

#[test]
fn who_says_goodbye_to_what_it_never_claimed_is_not_kept() {
    let mut table = Table::default();
    assert_eq!(say(&mut table, 0, ONE, Claim::Own, State::Leaving), vec![]);
    assert_eq!((table.claims().count(), table.knows(ONE)), (0, false));
}

fn many(addresses: std::ops::Range<usize>) -> Report {
    let address = |n: usize| IpAddr::from(u32::try_from(n).unwrap().to_be_bytes());
    Report { addresses: addresses.map(address).collect(), ..report(Claim::Own, State::Up) }
}

#[test]
fn a_host_and_a_service_have_so_many_addresses_and_no_more() {
    let mut table = Table::default();
    let mut claim = |at: u64, host: u8, addresses: std::ops::Range<usize>| {
        let report = many(addresses);
        let id = HostId([host; 16]);
        let obstacles =
            table.apply(Time::from_secs(at), unsigned(id), &report, Order::Newest).obstacles;
        assert!(obstacles.iter().all(|(_, obstacle)| *obstacle == Obstacle::Full));
        obstacles.len()
    };
    assert_eq!(claim(0, 0, 0..MOST_OF_HOST + 2), 2, "too many of one host");
    let mut hosts = 0u8;
    for start in (0..MOST_CLAIMS).step_by(MOST_OF_HOST) {
        let end = start + MOST_OF_HOST;
        assert_eq!(claim(0, hosts, start..end), end.saturating_sub(MOST_CLAIMS));
        hosts += 1;
    }
    assert_eq!(claim(1, hosts, MOST_CLAIMS..MOST_CLAIMS + 2), 2);
    assert_eq!(claim(9, hosts, 0..2), 0, "in the place of who is dead");
}

proptest::proptest! {
    #[test]
    fn what_is_kept_beside_the_claims_fits_them(
        steps in proptest::collection::vec((0u8..4, 0u8..3, 0u8..6, 0u64..4, 1u64..9), 1..80),
    ) {
        let mut table = Table::default();
        let mut now = Time::ZERO;
        for (host, what, address, later, expire) in steps {
            now = now + Duration::from_secs(later);
            let id = HostId([host; 16]);
            let claim = if host == 3 { Claim::Watched } else { Claim::Own };
            let report = Report {
                expire: Duration::from_secs(expire),
                addresses: vec![IpAddr::from([192, 0, 2, address])],
                ..report(claim, if what == 0 { State::Leaving } else { State::Up })
            };
            table.apply(now, unsigned(id), &report, Order::Newest);
            match address {
                0 => drop(table.omit(id, claim, &[])),
                1 => drop(table.forget(now - Duration::from_secs(9), |_| true)),
                _ => {}
            }
            let stay = table.claims().filter(|(_, c)| c.state != State::Leaving);
            assert_eq!(table.longest_expire(), stay.map(|(_, c)| c.expire.get()).max());
            assert_eq!(table.claims, table.claims().count());
            let mut of_host = BTreeMap::<HostId, BTreeSet<IpAddr>>::new();
            for (address, claimed) in table.claims() {
                of_host.entry(claimed.host).or_default().insert(address);
            }
            let held = table.of_host.iter().map(|(&host, held)| (host, held.iter().collect()));
            assert_eq!(held.collect::<BTreeMap<_, BTreeSet<_>>>(), of_host);
        }
    }
}

#[test]
fn unknown_keeps_what_there_was_and_ages_like_silence() {
    let mut table = Table::default();
    say(&mut table, 0, ONE, Claim::Own, State::Unknown);
    assert_eq!(standing(&table, 0), None);
    say(&mut table, 0, ONE, Claim::Own, State::Up);
    say(&mut table, 2, ONE, Claim::Own, State::Unknown);
    assert_eq!(standing(&table, 2), Some(Standing::Up));
    assert_eq!(standing(&table, 3), Some(Standing::Silent));
}

#[test]
fn what_is_no_longer_named_is_left() {
    let mut table = Table::default();
    say(&mut table, 0, ONE, Claim::Own, State::Up);
    assert_eq!(table.omit(ONE, Claim::Watched, &[]), NOBODY);
    assert_eq!(table.omit(ONE, Claim::Own, &[A]), NOBODY);
    assert_eq!(table.omit(ONE, Claim::Own, &[]), [A]);
    assert_eq!(standing(&table, 1), Some(Standing::Out(State::Leaving)));
}

#[test]
fn an_omission_gives_up_what_is_the_hosts_own_and_nothing_else() {
    let mut table = Table::default();
    say(&mut table, 0, ONE, Claim::Own, State::Up);
    say(&mut table, 5, TWO, Claim::Own, State::Up); // the first had expired
    assert_eq!(table.omit(ONE, Claim::Own, &[]), NOBODY);
    assert_eq!(standing(&table, 5), Some(Standing::Up));
    table.forget(Time::ZERO, |_| true);
    assert_eq!(table.omit(ONE, Claim::Own, &[]), NOBODY);
    assert_eq!(table.omit(TWO, Claim::Own, &[]), [A]);
}

#[test]
fn an_overtaken_beat_is_a_sign_of_life_and_no_more() {
    let mut table = Table::default();
    say(&mut table, 0, ONE, Claim::Own, State::Up);
    let late = report(Claim::Own, State::Down);
    table.apply(Time::from_secs(2), unsigned(ONE), &late, Order::Overtaken);
    assert_eq!(standing(&table, 4), Some(Standing::Up));
}

/// Of few among many as of all: the same as each is found by itself.
#[test]
fn the_latest_claims_to_several_are_those_to_each() {
    let mut table = Table::default();
    let address = |n: u8| IpAddr::from([192, 0, 2, n]);
    let addresses = (0..200).filter(|n| n % 3 > 0).map(address).collect();
    let two_hosts = [(ONE, Claim::Own), (TWO, Claim::Watched)];
    for (at, (host, claim)) in (0..).zip(two_hosts) {
        let report = Report { addresses: Vec::clone(&addresses), ..report(claim, State::Up) };
        table.apply(Time::from_secs(at), unsigned(host), &report, Order::Newest);
    }
    for step in [1, 2, 5, 40, 199] {
        let asked: AddressSet = (0..=255).step_by(step).map(address).collect();
        let found: Vec<_> = table.latest_of(&asked).collect();
        let alone: Vec<_> = asked.iter().map(|&one| (one, table.latest(one))).collect();
        assert_eq!(found, alone);
        assert!(step == 199 || found.iter().any(|(_, claimed)| claimed.is_some()));
    }
}
