//! Calls that are answered late, or never, in virtual time.

use std::os::unix::net::UnixStream;

use super::*;

const LIMIT: Duration = Duration::from_millis(400);

/// Calls whose other end is only listened to where a test does so.
fn calls() -> (Arc<Calls>, UnixStream) {
    let (here, there) = UnixStream::pair().unwrap();
    let line = Arc::new(Line::new(here).unwrap());
    (Arc::new(Calls::new(line)), there)
}

fn ask(calls: &Arc<Calls>, unawaited: Unawaited) -> Asked {
    calls.ask(1, LIMIT, unawaited, Call::Stop).unwrap()
}

fn after(limit: Duration) -> Instant {
    Instant::now() + limit
}

#[tokio::test(start_paused = true)]
async fn answers_find_their_callers_in_any_order() {
    let (calls, _there) = calls();
    let asked: Vec<_> = (0..3).map(|_| ask(&calls, Unawaited::GoesOn)).collect();
    assert_eq!(calls.under_way(), 3);
    for (id, serial) in [(2, 12), (0, 10), (1, 11), (1, 99), (7, 99)] {
        calls.answered(id, Ok(Outcome::Serial(serial)));
    }
    for (asked, serial) in asked.into_iter().zip(10..) {
        assert_eq!(asked.reply().await, Ok(Ok(Outcome::Serial(serial))));
    }
    assert_eq!(calls.under_way(), 0);
    calls.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_is_given_up_in_its_time_and_hangs_a_while_later() {
    let (calls, _there) = calls();
    let start = Instant::now();
    let asked = ask(&calls, Unawaited::Cancel);
    assert_eq!(calls.look(after(LIMIT)), Pulse::Fine);
    assert_eq!(asked.reply().await, Err(NoReply::Late));
    // The runtime's timers are whole milliseconds.
    assert!(start.elapsed() <= LIMIT + GRACE + Duration::from_millis(1));

    let seen = after(Duration::ZERO);
    assert_eq!(calls.look(seen), Pulse::Late);
    assert_eq!(calls.look(seen + HANG - Duration::from_nanos(1)), Pulse::Late);
    assert_eq!(calls.look(seen + HANG), Pulse::Hung);
    calls.answered(0, Ok(Outcome::Done));
    assert_eq!(calls.look(seen + HANG), Pulse::Fine);
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_the_whole_machine_makes_nothing_hang() {
    let (calls, _there) = calls();
    let _asked = ask(&calls, Unawaited::GoesOn);
    assert_eq!(calls.look(after(Duration::from_secs(3600))), Pulse::Late);
}

#[tokio::test(start_paused = true)]
async fn what_is_cancelled_or_forgotten_does_not_hang() {
    let (calls, _there) = calls();
    drop(ask(&calls, Unawaited::Cancel));
    assert_eq!(ask(&calls, Unawaited::Forget).reply().await, Err(NoReply::Late));
    assert_eq!((calls.under_way(), calls.look(after(LIMIT * 10))), (0, Pulse::Fine));
    // What goes on without its caller does.
    drop(ask(&calls, Unawaited::GoesOn));
    assert_eq!((calls.under_way(), calls.look(after(LIMIT * 10))), (1, Pulse::Late));
}

#[tokio::test(start_paused = true)]
async fn the_end_answers_all_and_what_is_asked_after_it() {
    let (calls, _there) = calls();
    let before = ask(&calls, Unawaited::Cancel);
    calls.end("exited with 7");
    let ended = Err(NoReply::Ended(Ended("exited with 7".into())));
    assert_eq!(before.reply().await, ended);
    assert_eq!(ask(&calls, Unawaited::Cancel).reply().await, ended);
    assert_eq!(calls.under_way(), 0);
}
