//! Servers that die, hang, answer badly or cannot be reached are withdrawn, and announced again
//! when they return; none is withdrawn that is well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

use rais_tests::detection::{Failure, Profile, Round, Spread, Stage, WallClock, address};
use rais_tests::{count, status};

/// Plays rounds of the failures, each server failing once by each.
fn play(profile: Profile, failures: [Failure; 2]) {
    let rounds = count(2, 20);
    let mut stage = Stage::new(profile, u8::try_from(rounds).unwrap(), WallClock::Machine, 817_020);
    for failure in failures {
        let played: Vec<Round> = (1..=rounds).map(|which| stage.round(failure, which)).collect();
        for (which, round) in (1..).zip(&played) {
            judge(profile, which, round);
        }
        let withdrawn = Spread::of(played.iter().map(|round| round.withdrawn));
        let announced = Spread::of(played.iter().map(|round| round.announced));
        println!("{} {}: {withdrawn:?}, back {announced:?}", profile.name(), failure.name());
        hold_to_goal(profile, failure, withdrawn);
    }
}

/// In the long run only: CI's machines are busy.
#[track_caller]
fn hold_to_goal(profile: Profile, failure: Failure, withdrawn: Spread) {
    let goal = profile.goal(failure);
    if count(0, 1) == 1 {
        assert!(withdrawn.is_within(goal), "{failure:?}: {withdrawn:?}, not {goal:?}");
    }
}

/// What was said must be that it went down, and came up.
#[track_caller]
fn judge(profile: Profile, which: usize, round: &Round) {
    let mut said: Vec<_> = round.said.iter().map(|said| (said.address, said.state)).collect();
    said.dedup();
    let wanted = [(address(which), "down"), (address(which), "up")];
    match profile {
        // Nothing else happened, to nobody.
        Profile::Defaults => assert_eq!(said, wanted, "{round:#?}"),
        // A machine that is busy with other tests may keep a well server waiting for 80 ms.
        Profile::Quick => assert!(wanted.iter().all(|it| said.contains(it)), "{round:#?}"),
    }
}

#[test]
fn the_defaults_find_a_server_that_dies_or_says_503() {
    play(Profile::Defaults, [Failure::Killed, Failure::Unavailable]);
}

#[test]
fn the_defaults_find_a_server_that_hangs_or_is_cut_off() {
    play(Profile::Defaults, [Failure::Hung, Failure::Dropped]);
}

#[test]
fn the_quick_profile_finds_a_server_that_dies_or_says_503() {
    play(Profile::Quick, [Failure::Killed, Failure::Unavailable]);
}

#[test]
fn the_quick_profile_finds_a_server_that_hangs_or_is_cut_off() {
    play(Profile::Quick, [Failure::Hung, Failure::Dropped]);
}

const HOUR: i64 = 3600;

/// How far the wall clock in the last beat is ahead of this machine's, in whole hours.
fn hours_ahead(stage: &Stage) -> i64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let ahead = i64::try_from(stage.tap.wall_ms()).unwrap() - i64::try_from(now).unwrap();
    (ahead as f64 / 3_600_000.0).round() as i64
}

/// Both hosts' wall clocks leap by an hour, ahead or back, before each failure.
#[test]
fn a_wall_clock_that_leaps_hides_nothing_and_removes_nobody() {
    let rounds = count(2, 20);
    let failures =
        if count(0, 1) == 1 { &Failure::ALL[..] } else { &[Failure::Killed, Failure::Hung] };
    for failures in failures.chunks(2) {
        let count = u8::try_from(rounds).unwrap();
        let mut stage = Stage::new(Profile::Defaults, count, WallClock::Stepped, 1997);
        for &failure in failures {
            let (mut ahead, mut withdrawn) = (0, Vec::new());
            for which in 1..=rounds {
                let (leapt, before) = (Instant::now(), status::binder(&stage.ns).unwrap());
                ahead = if ahead == 0 { [1, -1][which % 2] } else { 0 };
                stage.step_clocks(ahead * HOUR);
                // Whole rounds of probes before the failure, so that what the leap itself does shows.
                stage.tap.until_beats(4);
                assert_eq!(hours_ahead(&stage), ahead, "the monitor's clock did not leap");
                assert_eq!(stage.tap.changes(leapt), [], "by the leap alone");

                let round = stage.round(failure, which);
                judge(Profile::Defaults, which, &round);
                withdrawn.push(round.withdrawn);
                let after = status::binder(&stage.ns).unwrap();
                assert!(after.counters.accepted > before.counters.accepted);
                assert_eq!(after.counters.refused, before.counters.refused);
            }
            let withdrawn = Spread::of(withdrawn);
            println!("wall clock stepped, {}: {withdrawn:?}", failure.name());
            hold_to_goal(Profile::Defaults, failure, withdrawn);
        }
    }
}

/// A busy machine: as many threads as it has processors do nothing but work.
#[test]
fn servers_that_are_well_stay_while_every_core_is_loaded() {
    let stage = Stage::new(Profile::Defaults, 8, WallClock::Machine, 1);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _done = StopOnDrop(&done);
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let begun = Instant::now();
        // Of one service each 500 ms: 60 s in the long run.
        stage.tap.until_beats(count(6, 120));
        assert_eq!(stage.tap.changes(begun), []);
    });
}

/// A panic must not leave the scope waiting for its threads.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
