//! No panic crosses the boundary: every entry is caught, destructors included.
//!
//! Left over is a panic while unwinding, which aborts the process in any Rust program.
#![allow(unsafe_code)] // futures are pinned and dropped in place by hand

use std::any::Any;
use std::future::Future;
use std::mem::{self, ManuallyDrop};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::heard::{self, Entered};
use crate::Fault;
use crate::FaultKind;

/// Where a panic is told that nobody waits for.
pub(crate) trait Report: Send + Sync + 'static {
    fn report(&self, text: &str);
}

/// Runs `work`; a panic comes back as its text, with its place where a library's hook has heard it.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let _entered = Entered::new();
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let mut text = text_of(&*payload);
        if let Some(place) = heard::place_of(&text) {
            text = format!("{text}, at {place}");
        }
        // A payload may panic in its own destructor, and so may what that yields.
        if let Err(bomb) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            heard::take();
            #[allow(clippy::mem_forget)] // dropping it could panic again, without end
            mem::forget(bomb);
        }
        text
    })
}

/// Runs `work`; a panic becomes a fault.
pub(crate) fn catch_fault<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch(work).unwrap_or_else(|text| Err(panicked(&text)))
}

/// Runs `work`; a panic is reported and forgotten.
pub(crate) fn catch_report<T>(
    report: &impl Report,
    what: &str,
    work: impl FnOnce() -> T,
) -> Option<T> {
    match catch(work) {
        Ok(value) => Some(value),
        Err(text) => {
            report.report(&format!("panic in {what}: {text}"));
            None
        }
    }
}

pub(crate) fn panicked(text: &str) -> Fault {
    Fault::new(FaultKind::Panicked, format!("panicked: {text}"))
}

/// What a panic says.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "(a payload without text)".to_owned()
    }
}

/// Holds a value of the guarded side; its destructor is caught.
pub(crate) struct Guarded<T, R: Report> {
    value: ManuallyDrop<T>,
    report: R,
}

impl<T, R: Report> Guarded<T, R> {
    pub(crate) fn new(report: R, value: T) -> Self {
        Self { value: ManuallyDrop::new(value), report }
    }

    pub(crate) fn report(&self) -> &R {
        &self.report
    }
}

impl<T, R: Report> Deref for Guarded<T, R> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T, R: Report> Drop for Guarded<T, R> {
    fn drop(&mut self) {
        let value = &mut self.value;
        // SAFETY: dropped here only, and not used after its owner's own drop.
        catch_report(&self.report, "a destructor", || unsafe { ManuallyDrop::drop(value) });
    }
}

/// A future whose polls and destructor are caught.
///
/// The inner future is dropped in place at its end, while there still is somebody to catch what
/// its destructor throws: async-ffi aborts on a panic there.
pub(crate) struct GuardedFuture<F: Future, R: Report> {
    inner: ManuallyDrop<F>,
    state: State,
    report: R,
    on_panic: fn(String) -> F::Output,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Live,
    Dropped,
}

impl<F: Future, R: Report> GuardedFuture<F, R> {
    /// `on_panic` makes the outcome from the text of a panic.
    pub(crate) fn new(report: R, inner: F, on_panic: fn(String) -> F::Output) -> Self {
        Self { inner: ManuallyDrop::new(inner), state: State::Live, report, on_panic }
    }

    fn drop_inner(&mut self) {
        if self.state == State::Live {
            // Before the drop: a destructor that panics has run.
            self.state = State::Dropped;
            let inner = &mut self.inner;
            // SAFETY: `state` lets this happen once, and `poll` asks it first. The future is
            // dropped where it was pinned.
            catch_report(&self.report, "a future's destructor", || unsafe {
                ManuallyDrop::drop(inner);
            });
        }
    }
}

impl<F: Future, R: Report> Future for GuardedFuture<F, R> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: `inner` is structurally pinned: nothing below moves it, `drop_inner` drops it in
        // place, and the type implements neither `Unpin` by hand nor a packed layout.
        let this = unsafe { self.get_unchecked_mut() };
        if this.state == State::Dropped {
            return Poll::Pending;
        }
        // SAFETY: as above.
        let inner = unsafe { Pin::new_unchecked(&mut *this.inner) };
        let outcome = match catch(|| inner.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(outcome)) => outcome,
            Err(text) => (this.on_panic)(text),
        };
        this.drop_inner();
        Poll::Ready(outcome)
    }
}

impl<F: Future, R: Report> Drop for GuardedFuture<F, R> {
    fn drop(&mut self) {
        self.drop_inner();
    }
}
