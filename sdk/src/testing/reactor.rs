//! Sockets and timers on the thread that waits for a future.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::fence::Fence;
use super::poll::poll;
use crate::host::{Interest, Readiness, Ready};

/// Who waits for what.
#[derive(Default)]
pub(super) struct Reactor {
    pub(super) clock: Clock,
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
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, ..Self::default() }
    }

    pub(super) fn watch(self: &Arc<Self>, fd: RawFd) -> Box<dyn Readiness> {
        Box::new(Watched { id: self.next_id(), fd, reactor: Arc::clone(self) })
    }

    pub(super) fn timer(
        self: &Arc<Self>,
        after: Duration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.timer_at(self.clock.now() + after)
    }

    pub(super) fn timer_at(
        self: &Arc<Self>,
        until: Instant,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let timer = Timer { until, id: self.next_id(), reactor: Arc::clone(self) };
        Box::pin(poll_fn(move |task| timer.poll(task)))
    }

    /// Calls `turn` on this thread, again whenever something it waits for has happened, until it is
    /// ready.
    pub(super) fn run<T>(
        &self,
        mut turn: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> io::Result<T> {
        let (signal, mut bell) = Signal::new()?;
        let fence = self.clock.is_paused().then(Fence::new);
        loop {
            if let Poll::Ready(outcome) = signal.turn(&mut turn) {
                return Ok(outcome);
            }
            match &fence {
                None => self.wait(&mut bell, self.until_first_timer())?,
                Some(fence) => self.advance(&mut bell, fence)?,
            }
        }
    }

    /// Calls `turn` until nothing more happens by itself; time stands still.
    pub(super) fn settle(&self, mut turn: impl FnMut(&mut Context<'_>)) -> io::Result<()> {
        let (signal, mut bell) = Signal::new()?;
        let fence = Fence::new();
        loop {
            let _: Poll<()> = signal.turn(&mut |task| {
                turn(task);
                Poll::Pending
            });
            fence.pass();
            if !self.look(&mut bell, Some(Duration::ZERO))? {
                return Ok(());
            }
        }
    }

    /// Time goes on only where nothing else can: then to the next timer at once.
    fn advance(&self, bell: &mut UnixStream, fence: &Fence) -> io::Result<()> {
        fence.pass();
        if self.look(bell, Some(Duration::ZERO))? {
            return Ok(());
        }
        let first = self.waits().timers.keys().next().map(|&(until, _)| until);
        match first {
            Some(until) => {
                self.clock.move_to(until);
                self.wake_due(&[]);
                Ok(())
            }
            // Another thread may have something.
            None => self.wait(bell, None),
        }
    }

    fn wait(&self, bell: &mut UnixStream, time: Option<Duration>) -> io::Result<()> {
        self.look(bell, time).map(drop)
    }

    /// Waits for the next event and wakes who waits for it; false if there was none in `time`.
    fn look(&self, bell: &mut UnixStream, time: Option<Duration>) -> io::Result<bool> {
        let mut watched = vec![(bell.as_raw_fd(), Interest::Read)];
        let sockets = self.waits();
        watched.extend(sockets.sockets.iter().map(|(&(_, interest), &(fd, _))| (fd, interest)));
        drop(sockets);
        let ready = poll(&watched, time)?;
        while matches!(bell.read(&mut [0; 64]), Ok(1..)) {}
        self.wake_due(&ready);
        Ok(!ready.is_empty())
    }

    fn until_first_timer(&self) -> Option<Duration> {
        let first = self.waits().timers.keys().next().map(|&(until, _)| until);
        first.map(|until| until.saturating_duration_since(self.clock.now()))
    }

    pub(super) fn wake_due(&self, ready: &[(RawFd, Interest)]) {
        for waker in self.take_due(ready) {
            waker.wake();
        }
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
        let now = self.clock.now();
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

/// One that is dropped no longer moves a paused clock.
struct Timer {
    until: Instant,
    id: u64,
    reactor: Arc<Reactor>,
}

impl Timer {
    fn poll(&self, task: &mut Context<'_>) -> Poll<()> {
        if self.reactor.clock.now() >= self.until {
            return Poll::Ready(());
        }
        self.reactor.waits().timers.insert((self.until, self.id), task.waker().clone());
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let waker = self.reactor.waits().timers.remove(&(self.until, self.id));
        // What a waker does when it goes is not ours to know: not under the lock.
        drop(waker);
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

impl Signal {
    /// It, and what it rings.
    fn new() -> io::Result<(Arc<Self>, UnixStream)> {
        let (bell, pipe) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        pipe.set_nonblocking(true)?;
        Ok((Arc::new(Self { woken: AtomicBool::new(true), pipe }), bell))
    }

    /// Calls `turn` if it has been woken. Where that wakes it again, the pipe says so: sockets and
    /// timers are looked at in between.
    fn turn<T>(self: &Arc<Self>, turn: &mut impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let waker = Waker::from(Arc::clone(self));
        match self.woken.swap(false, Ordering::SeqCst) {
            true => turn(&mut Context::from_waker(&waker)),
            false => Poll::Pending,
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        // A full pipe wakes as well.
        let _ = (&self.pipe).write(&[1]);
    }
}
