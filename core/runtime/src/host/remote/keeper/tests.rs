//! Lives and deaths, with made-up times.

use super::*;

fn secs(seconds: u64) -> Time {
    Time::from_secs(seconds)
}

fn millis(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn died(keeper: &mut Keeper, now: Time) -> Next {
    keeper.died(now, "died by SIGSEGV (signal 11)".into())
}

/// Lets time pass until it does something, and gives when and what.
fn next_deed(keeper: &mut Keeper) -> Option<(Time, Do)> {
    while let Some(at) = keeper.wakes_at() {
        if let Some(deed) = keeper.tick(at) {
            return Some((at, deed));
        }
    }
    None
}

/// One whose process runs since `now`.
fn running(now: Time) -> Keeper {
    let mut keeper = Keeper::new(Restart::Again);
    assert_eq!(keeper.wanted(now), Some(Do::Start));
    keeper.ready(now);
    keeper
}

/// Has it die at once whenever it runs, until the circuit opens, and gives when.
fn until_open(keeper: &mut Keeper, mut now: Time) -> Time {
    while let Next::Again(_) = died(keeper, now) {
        let (at, deed) = next_deed(keeper).unwrap();
        assert_eq!(deed, Do::Start);
        keeper.ready(at);
        now = at;
    }
    now
}

#[test]
fn a_process_starts_with_the_first_instance_and_once() {
    let mut keeper = Keeper::new(Restart::Again);
    assert_eq!((keeper.standing(), keeper.wakes_at()), (Standing::Unused, None));
    assert_eq!(keeper.wanted(secs(1)), Some(Do::Start));
    assert_eq!(keeper.wanted(secs(1)), None);
    assert_eq!(keeper.standing(), Standing::Fine);
    keeper.ready(secs(2));
    assert_eq!((keeper.standing(), keeper.wakes_at()), (Standing::Fine, None));
    assert_eq!(keeper.wanted(secs(3)), None);
    keeper.unwanted();
    assert_eq!(keeper.standing(), Standing::Unused);
    assert_eq!(keeper.wanted(secs(4)), Some(Do::Start));
}

#[test]
fn one_that_does_not_become_ready_is_killed() {
    let mut keeper = Keeper::new(Restart::Again);
    keeper.wanted(secs(1));
    assert_eq!(keeper.tick(secs(11) - Duration::from_nanos(1)), None);
    assert_eq!(keeper.tick(secs(11)), Some(Do::Kill));
    assert_eq!((keeper.wakes_at(), keeper.standing()), (None, Standing::Fine));
    // That comes too late.
    keeper.ready(secs(11));
    assert_eq!(died(&mut keeper, secs(12)), Next::Again(FIRST_PAUSE));
}

#[test]
fn pauses_double_up_to_the_longest_and_begin_anew_after_a_good_life() {
    let mut keeper = running(secs(0));
    let mut now = secs(0);
    let mut pauses = Vec::new();
    for _ in 0..10 {
        // Seldom enough that the circuit stays closed.
        now = now + Duration::from_secs(20);
        let Next::Again(pause) = died(&mut keeper, now) else { panic!("{keeper:?}") };
        pauses.push(pause.as_millis());
        assert_eq!(keeper.wanted(now), None);
        now = now + pause;
        assert_eq!(next_deed(&mut keeper), Some((now, Do::Start)));
        keeper.ready(now);
    }
    assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
    assert_eq!(died(&mut keeper, now + GOOD_LIFE), Next::Again(FIRST_PAUSE));
}

#[test]
fn a_life_just_short_of_good_goes_on_doubling() {
    let mut keeper = running(secs(0));
    assert_eq!(died(&mut keeper, millis(59_999)), Next::Again(FIRST_PAUSE));
    next_deed(&mut keeper);
    keeper.ready(secs(61));
    assert_eq!(died(&mut keeper, millis(120_999)), Next::Again(2 * FIRST_PAUSE));
}

#[test]
fn a_dead_one_says_why_until_it_runs_again() {
    let mut keeper = running(secs(0));
    died(&mut keeper, secs(1));
    let why = Standing::Restarting("died by SIGSEGV (signal 11)".into());
    assert_eq!(keeper.standing(), why);
    let (at, _) = next_deed(&mut keeper).unwrap();
    assert_eq!(keeper.standing(), why);
    keeper.ready(at);
    assert_eq!(keeper.standing(), Standing::Fine);
}

#[test]
fn five_deaths_within_a_minute_open_the_circuit() {
    let mut keeper = running(secs(0));
    // The fifth, after 100, 200, 400 and 800 milliseconds.
    assert_eq!(until_open(&mut keeper, secs(1)), millis(2500));
    assert!(matches!(keeper.standing(), Standing::Down(_)));
    assert_eq!(keeper.tick(millis(32_499)), None);
    assert_eq!(keeper.tick(millis(32_500)), Some(Do::Start));
    assert!(matches!(keeper.standing(), Standing::Restarting(_)));
}

#[test]
fn deaths_further_apart_do_not() {
    let mut keeper = running(secs(0));
    for round in 1..20 {
        let now = secs(15 * round);
        assert!(matches!(died(&mut keeper, now), Next::Again(_)), "{round}");
        next_deed(&mut keeper);
        keeper.ready(now);
    }
}

#[test]
fn a_trial_that_fails_opens_it_again_and_one_that_lasts_closes_it() {
    let mut keeper = running(secs(0));
    let opened = until_open(&mut keeper, secs(1));
    let (tried, _) = next_deed(&mut keeper).unwrap();
    assert_eq!(tried, opened + OPEN);
    assert_eq!(died(&mut keeper, tried), Next::Open(OPEN));

    let (tried, _) = next_deed(&mut keeper).unwrap();
    keeper.ready(tried);
    let almost = tried + TRIAL - Duration::from_nanos(1);
    assert_eq!(keeper.clone().died(almost, String::new()), Next::Open(OPEN));
    assert_eq!(next_deed(&mut keeper), None);
    // Closed: a death is one as at first.
    assert_eq!(died(&mut keeper, tried + TRIAL), Next::Again(FIRST_PAUSE));
}

#[test]
fn a_pause_is_not_got_round_by_being_unwanted() {
    let mut keeper = running(secs(0));
    let opened = until_open(&mut keeper, secs(1));
    keeper.unwanted();
    assert_eq!((keeper.standing(), keeper.wakes_at()), (Standing::Unused, None));
    assert_eq!(keeper.wanted(opened + Duration::from_secs(1)), None);
    assert!(matches!(keeper.standing(), Standing::Down(_)));
    assert_eq!(next_deed(&mut keeper), Some((opened + OPEN, Do::Start)));
    // Still on trial.
    assert_eq!(died(&mut keeper, opened + OPEN), Next::Open(OPEN));

    keeper.unwanted();
    let later = opened + GOOD_LIFE * 2;
    assert_eq!((keeper.wanted(later), keeper.tick(later)), (None, Some(Do::Start)));
}

#[test]
fn one_that_is_not_started_again_stays_down_until_nobody_wants_it() {
    let mut keeper = Keeper::new(Restart::Never);
    keeper.wanted(secs(0));
    keeper.ready(secs(0));
    assert_eq!(died(&mut keeper, secs(1000)), Next::Never);
    assert_eq!((keeper.wanted(secs(1001)), keeper.wakes_at()), (None, None));
    assert!(matches!(keeper.standing(), Standing::Down(_)));
    keeper.unwanted();
    assert_eq!(keeper.wanted(secs(2000)), Some(Do::Start));
}

#[test]
fn the_death_of_one_that_was_let_go_is_nothing() {
    let mut keeper = running(secs(0));
    keeper.unwanted();
    assert_eq!(died(&mut keeper, secs(1)), Next::Nothing);
    assert_eq!(keeper.wanted(secs(1)), Some(Do::Start));
}
