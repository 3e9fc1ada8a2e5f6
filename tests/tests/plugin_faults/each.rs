//! The cases of a table, some at a time; every one that fails is named.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs every case, `at_once` of them at a time.
#[track_caller]
pub(crate) fn each<T: Sync>(
    cases: &[T],
    at_once: usize,
    name: impl Fn(&T) -> String,
    run: impl Fn(&T) + Sync,
) {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            if catch_unwind(AssertUnwindSafe(|| run(case))).is_err() {
                failed.lock().unwrap().push(case);
            }
        }
    };
    std::thread::scope(|threads| {
        for _ in 0..at_once {
            threads.spawn(work);
        }
    });
    let failed: Vec<String> = failed.into_inner().unwrap().into_iter().map(name).collect();
    assert!(failed.is_empty(), "failed, for the reasons above: {failed:#?}");
}
