//! Sockets and timers on the thread that waits for a future.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use super::poll::poll;
use crate::host::{Interest, Readiness, Ready};

/// Who waits for what.
#[derive(Default)]
pub(super) struct Reactor {
    waits: Mutex<Waits>,
    ids: AtomicU64,
}

#[derive(Default)]
struct Waits {
    sockets: BTreeMap<(u64, Interest), (RawFd, Waker)>,
    timers: BTreeMap<(Instant, u64), Waker>,
}

struct Watched {
    id: u64,
    fd: RawFd,
    reactor: Arc<Reactor>,
}

/// Wakes the waiting thread, also out of poll(2).
struct Signal {
    woken: AtomicBool,
    pipe: UnixStream,
}

impl Reactor {
    pub(super) fn watch(self: &Arc<Self>, fd: RawFd) -> Box<dyn Readiness> {
        Box::new(Watched { id: self.next_id(), fd, reactor: Arc::clone(self) })
    }

    pub(super) fn timer(
        self: &Arc<Self>,
        after: Duration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let reactor = Arc::clone(self);
        let id = self.next_id();
        let until = Instant::now() + after;
        Box::pin(poll_fn(move |task| {
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            reactor.waits().timers.insert((until, id), task.waker().clone());
            Poll::Pending
        }))
    }

    /// Runs `future` on this thread.
    pub(super) fn block_on<F: Future>(&self, future: F) -> io::Result<F::Output> {
        let (mut bell, pipe) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        pipe.set_nonblocking(true)?;
        let signal = Arc::new(Signal { woken: AtomicBool::new(true), pipe });
        let waker = Waker::from(Arc::clone(&signal));
        let mut future = pin!(future);
        loop {
            while signal.woken.swap(false, Ordering::SeqCst) {
                if let Poll::Ready(outcome) = future.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    return Ok(outcome);
                }
            }
            self.wait(&mut bell)?;
        }
    }

    /// Waits for the next event and wakes who waits for it.
    fn wait(&self, bell: &mut UnixStream) -> io::Result<()> {
        let mut watched = vec![(bell.as_raw_fd(), Interest::Read)];
        let first = {
            let waits = self.waits();
            watched.extend(waits.sockets.iter().map(|(&(_, interest), &(fd, _))| (fd, interest)));
            waits.timers.keys().next().map(|&(until, _)| until)
        };
        let wait = first.map(|until| until.saturating_duration_since(Instant::now()));
        let ready = poll(&watched, wait)?;
        while matches!(bell.read(&mut [0; 64]), Ok(1..)) {}
        for waker in self.take_due(&ready) {
            waker.wake();
        }
        Ok(())
    }

    fn take_due(&self, ready: &[(RawFd, Interest)]) -> Vec<Waker> {
        let mut due = Vec::new();
        let mut waits = self.waits();
        waits.sockets.retain(|&(_, interest), (fd, waker)| {
            let is_ready = ready.contains(&(*fd, interest));
            if is_ready {
                due.push(waker.clone());
            }
            !is_ready
        });
        let now = Instant::now();
        let later = waits.timers.split_off(&(now, u64::MAX));
        due.extend(std::mem::replace(&mut waits.timers, later).into_values());
        due
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }
}

impl Readiness for Watched {
    fn poll_ready(&self, task: &mut Context<'_>, interest: Interest) -> Ready {
        match poll(&[(self.fd, interest)], Some(Duration::ZERO)) {
            Ok(ready) if ready.is_empty() => {
                let wait = (self.fd, task.waker().clone());
                self.reactor.waits().sockets.insert((self.id, interest), wait);
                Ready::Pending
            }
            Ok(_) => Ready::TryAgain,
            Err(_) => Ready::Gone,
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut waits = self.reactor.waits();
        waits.sockets.remove(&(self.id, Interest::Read));
        waits.sockets.remove(&(self.id, Interest::Write));
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        // A full pipe wakes as well.
        let _ = (&self.pipe).write(&[1]);
    }
}
