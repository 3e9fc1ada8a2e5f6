use std::time::Duration;

use super::*;
use crate::heartbeat::{Capacity, Reason, Weight};
use crate::name::HostId;
use crate::table::Revival;

const NOW: Time = Time::from_secs(100);

/// What watcher `n` said `ago` seconds ago; it is silent after three.
fn watcher(n: u8, ago: u64, state: State) -> Claimed {
    Claimed {
        host: HostId([n; 16]),
        claim: Claim::Watched,
        state,
        reason: Reason::default(),
        load: None,
        capacity: Capacity::ONE,
        weight: Weight::USUAL,
        interval: Duration::from_secs(1).into(),
        expire: Duration::from_secs(3).into(),
        heard: NOW - Duration::from_secs(ago),
        revival: Revival::Done,
        key: None,
    }
}

fn standing(watch: Watch, claims: &[Claimed]) -> Standing {
    watch.deciding(claims, NOW).unwrap().standing(NOW)
}

#[test]
fn of_the_watchers_that_are_heard_one_or_most_must_say_up() {
    let (up, down) = (State::Up, State::Down);
    let cases = [
        // What is said, the latest last; what any and what a majority makes of it.
        (vec![(0, up)], true, true),
        (vec![(0, down)], false, false),
        (vec![(1, up), (0, down)], true, false),
        (vec![(2, up), (1, up), (0, down)], true, true),
        (vec![(2, up), (1, down), (0, down)], true, false),
        (vec![(1, up), (0, State::Maintenance)], true, false),
        (vec![(1, up), (0, State::Leaving)], true, true),
        // Those who are not heard have no vote.
        (vec![(9, down), (8, down), (0, up)], true, true),
        (vec![(9, up), (8, up), (0, down)], false, false),
    ];
    for (said, any, majority) in cases {
        let claims: Vec<_> =
            (1..).zip(&said).map(|(n, &(ago, state))| watcher(n, ago, state)).collect();
        assert_eq!(standing(Watch::Any, &claims) == Standing::Up, any, "{said:?}");
        assert_eq!(standing(Watch::Majority, &claims) == Standing::Up, majority, "{said:?}");
    }
}

#[test]
fn where_nobody_is_heard_the_latest_says_how_it_ended() {
    let claims = [watcher(1, 9, State::Down), watcher(2, 8, State::Up)];
    assert_eq!(standing(Watch::Any, &claims), Standing::Silent);
    let claims = [watcher(1, 8, State::Down), watcher(2, 9, State::Up)];
    assert_eq!(standing(Watch::Majority, &claims), Standing::Out(State::Down));
}

#[test]
fn a_watcher_that_comes_back_takes_nothing_from_what_another_says() {
    let back = Claimed { revival: Revival::OneBeat, ..watcher(2, 0, State::Up) };
    for watch in [Watch::Any, Watch::Majority] {
        assert_eq!(standing(watch, &[watcher(1, 1, State::Up), back.clone()]), Standing::Up);
        assert_eq!(standing(watch, std::slice::from_ref(&back)), Standing::Reviving);
        // Nor does it give anything, before its second beat.
        let down = watcher(1, 1, State::Down);
        assert_eq!(standing(watch, &[down, back.clone()]), Standing::Out(State::Down));
    }
    let doubtful = Claimed { revival: Revival::OneBeat, ..watcher(3, 0, State::Down) };
    let votes = [watcher(1, 1, State::Up), watcher(2, 1, State::Up), doubtful];
    assert_eq!(standing(Watch::Majority, &votes), Standing::Up);
}

#[test]
fn who_speaks_for_itself_is_believed_before_any_watcher() {
    let own = Claimed { claim: Claim::Own, ..watcher(1, 2, State::Down) };
    let others = [watcher(2, 0, State::Up), watcher(3, 0, State::Up), own];
    for watch in [Watch::Any, Watch::Majority] {
        assert_eq!(standing(watch, &others), Standing::Out(State::Down));
    }
}
