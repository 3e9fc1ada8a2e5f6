//! Calls that do not return, in virtual time.

use std::sync::mpsc;

use rais_sdk::FaultKind;

use super::*;
use crate::host::GRACE;

const LIMIT: Duration = Duration::from_millis(400);
const WAITED: Duration = Duration::from_millis(350);

/// A call that says that it has begun, and does not return before it is let.
fn held(pool: &Pool) -> (Answer<()>, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (begin, begun) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let answer = pool.run(LIMIT, Unawaited::Skip, move || {
        let _ = begin.send(());
        let _ = released.recv();
        Ok(())
    });
    (answer, begun, release)
}

/// The clock stands but for where all wait for it.
#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_return_is_a_timeout_and_of_a_probe_no_opinion() {
    for (kind, expected) in [
        (Kind::Probe, FaultKind::Unknown),
        (Kind::Load, FaultKind::Timeout),
        (Kind::Sink, FaultKind::Timeout),
    ] {
        let pool = Pool::new(kind, "slow", Size::ONE, GRACE);
        let (answer, begun, _release) = held(&pool);
        begun.recv().unwrap();
        let fault = answer.await.unwrap_err();
        assert_eq!(fault.kind, expected, "{fault}");
        let text = format!("the {kind} `slow` has not returned within 400ms");
        assert_eq!(fault.text, text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waited_for_its_thread_is_answered_no_later() {
    let pool = Pool::new(Kind::Probe, "slow", Size::ONE, GRACE);
    let asked = tokio::time::Instant::now();
    let (_first, first_begun, release) = held(&pool);
    let (second, second_begun, _release) = held(&pool);
    first_begun.recv().unwrap();
    tokio::time::advance(WAITED).await;
    release.send(()).unwrap();
    second_begun.recv().unwrap();
    assert_eq!(second.await.unwrap_err().kind, FaultKind::Unknown);
    // The runtime's timers are whole milliseconds.
    assert!(asked.elapsed() <= LIMIT + GRACE + Duration::from_millis(1));
}

/// Of a sink's zones some wait long for a thread, where their server is slow.
#[tokio::test(start_paused = true)]
async fn a_zones_call_that_waited_for_its_thread_has_all_its_time() {
    let pool = Pool::new(Kind::Sink, "slow", Size { threads: 1, ..Size::ZONES }, GRACE);
    let (_first, first_begun, release_first) = held(&pool);
    let (second, second_begun, release) = held(&pool);
    first_begun.recv().unwrap();
    let mut second = tokio::spawn(second);
    tokio::task::yield_now().await;
    tokio::time::advance(WAITED).await;
    release_first.send(()).unwrap();
    second_begun.recv().unwrap();
    // Past all it would have had, were that counted from when it was asked.
    let enough = LIMIT + GRACE - WAITED + Duration::from_millis(1);
    tokio::time::timeout(enough, &mut second).await.expect_err("it was given up early");
    release.send(()).unwrap();
    // The clock goes on where all wait for it.
    while !second.is_finished() {
        tokio::task::yield_now().await;
    }
    second.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_zones_call_that_is_never_begun_was_not_tried_and_leaves_nothing() {
    let pool = Pool::new(Kind::Sink, "slow", Size { threads: 1, ..Size::ZONES }, GRACE);
    let (_hung, begun, _release) = held(&pool);
    begun.recv().unwrap();
    let (waits, never_begun, _held) = held(&pool);
    assert_eq!(waits.await.unwrap_err().kind, FaultKind::Busy);
    never_begun.recv().expect_err("its place in the queue is free");
    let (dropped, never_begun, _held) = held(&pool);
    drop(dropped);
    never_begun.recv().expect_err("nobody waits for it");
}

/// Set back for its delay, it may not be able to become as fast as it was.
#[tokio::test(start_paused = true)]
async fn a_thread_whose_call_was_late_is_replaced_when_it_returns() {
    let pool = Pool::new(Kind::Probe, "slow", Size::ONE, GRACE);
    let (late, begun, release) = held(&pool);
    begun.recv().unwrap();
    assert_eq!(late.await.unwrap_err().kind, FaultKind::Unknown);
    let (_next, begun, _release) = held(&pool);
    release.send(()).unwrap();
    begun.recv().unwrap();
}
