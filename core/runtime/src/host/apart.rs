//! Runs what may never return on a thread that can be left behind.
#![allow(unsafe_code)] // moves a value out of its owner's destructor

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rais_sdk::Fault;
use tokio::sync::oneshot;

use super::port::Answer;

/// Runs `work`, for at most `limit`; blocks.
///
/// # Errors
/// No thread to be had, or time over: the thread is then left to itself.
pub(super) fn within<T: Send + 'static>(
    name: &str,
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    let (done, outcome) = mpsc::sync_channel(1);
    spawn(name, move || {
        // Who has stopped waiting need not hear.
        let _ = done.send(work());
    })?;
    outcome.recv_timeout(limit).map_err(|_| left_behind(name, limit))
}

/// Runs `work` from now on; the answer waits for at most `limit`.
pub(super) fn answer<T: Send + 'static>(
    name: &str,
    limit: Duration,
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Answer<T> {
    let (done, outcome) = oneshot::channel();
    let spawned = spawn(name, move || {
        let _ = done.send(work());
    });
    let name = name.to_owned();
    Box::pin(async move {
        spawned?;
        match tokio::time::timeout(limit, outcome).await {
            Ok(Ok(outcome)) => outcome,
            _ => Err(left_behind(&name, limit)),
        }
    })
}

/// Destructors that have not returned.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// How many destructors of plugins have not returned.
pub(super) fn under_way() -> usize {
    UNDER_WAY.load(Ordering::Acquire)
}

/// A destructor has returned, when this is dropped.
struct Ended;

impl Drop for Ended {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An instance of a plugin, dropped on a thread of its own: an author's destructor may hang.
pub(super) struct Apart<T: Send + 'static> {
    name: String,
    what: ManuallyDrop<T>,
}

impl<T: Send + 'static> Apart<T> {
    pub(super) fn new(plugin: &str, what: T) -> Apart<T> {
        Apart { name: format!("drop-{plugin}"), what: ManuallyDrop::new(what) }
    }
}

impl<T: Send + 'static> Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.what
    }
}

impl<T: Send + 'static> Drop for Apart<T> {
    fn drop(&mut self) {
        // SAFETY: taken here only, and never used after its owner's drop.
        let what = unsafe { ManuallyDrop::take(&mut self.what) };
        UNDER_WAY.fetch_add(1, Ordering::AcqRel);
        let ended = Ended;
        // Where no thread is to be had it is dropped here, which is better than never.
        let _ = spawn(&self.name, move || {
            drop(what);
            drop(ended);
        });
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map(drop)
        .map_err(|error| Fault::io(format!("no thread for `{name}`: {error}")))
}

fn left_behind(name: &str, limit: Duration) -> Fault {
    Fault::timeout("", format!("`{name}` has not returned within {limit:?} and is left behind"))
}
