//! A listener beside the binder: what monitors say, and when it came.

use std::collections::BTreeMap;
use std::net::{IpAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::beat;
use crate::host::Host;
use crate::wait::LIMIT;

/// A change of what is said of an address: of its state, or of the reason alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// When the beat arrived.
    pub at: Instant,
    /// Of which service.
    pub service: String,
    /// Of which address.
    pub address: IpAddr,
    /// In one word.
    pub state: &'static str,
    /// Why.
    pub reason: String,
}

/// A socket on which beats are read.
#[derive(Debug)]
pub struct Tap {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    heard: Mutex<Heard>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Heard {
    changes: Vec<Said>,
    now: BTreeMap<(String, IpAddr), (&'static str, String)>,
    beats: usize,
    wall_ms: u64,
    stop: bool,
}

impl Shared {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tap {
    /// Listens at `address` (`198.51.100.53:6000`) of `host`.
    #[track_caller]
    #[must_use]
    pub fn start(host: &Host, address: &str) -> Self {
        let socket = host.net().enter(|| UdpSocket::bind(address).expect("a socket for the tap"));
        // How long its end may take.
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || listen(&socket, &shared)
        });
        Self { shared, thread: Some(thread) }
    }

    /// Waits until `service` at `address` is said to be in `state`, in a beat that came after
    /// `since`; what was said.
    ///
    /// # Panics
    /// When the wait was in vain.
    #[track_caller]
    #[must_use]
    pub fn until(&self, service: &str, address: IpAddr, state: &str, since: Instant) -> Said {
        let what = format!("{service} at {address} to be said to be {state}");
        self.until_said(&what, since, |said| {
            said.state == state && said.address == address && said.service == service
        })
    }

    /// As [`until`](Self::until), and for that reason: the first one told may be another.
    #[track_caller]
    pub fn until_reason(&self, service: &str, address: IpAddr, reason: &str, since: Instant) {
        let what = format!("{service} at {address} to be said to have: {reason}");
        self.until_said(&what, since, |said| {
            said.reason == reason && said.address == address && said.service == service
        });
    }

    #[track_caller]
    fn until_said(&self, what: &str, since: Instant, is_it: impl Fn(&Said) -> bool) -> Said {
        let is_it = |said: &&Said| said.at >= since && is_it(said);
        self.wait_for(what, |heard| heard.changes.iter().find(is_it).cloned())
    }

    /// Waits until `count` addresses of all services together are said to be up.
    #[track_caller]
    pub fn until_up(&self, count: usize) {
        self.wait_for(&format!("{count} to be said to be up"), |heard| {
            let up = heard.now.values().filter(|(state, _)| *state == "up").count();
            (up == count).then_some(())
        });
    }

    /// Waits until so many more beats have come.
    #[track_caller]
    pub fn until_beats(&self, more: usize) {
        let wanted = self.shared.heard().beats + more;
        let mut left = more;
        // Each wait has its own limit: there may be many to come.
        while left > 0 {
            let step = wanted - left.saturating_sub(10);
            self.wait_for(&format!("{step} beats"), |heard| (heard.beats >= step).then_some(()));
            left = left.saturating_sub(10);
        }
    }

    /// The sender's wall clock in the last beat, in ms.
    #[must_use]
    pub fn wall_ms(&self) -> u64 {
        self.shared.heard().wall_ms
    }

    /// Every change since then.
    #[must_use]
    pub fn changes(&self, since: Instant) -> Vec<Said> {
        let heard = self.shared.heard();
        heard.changes.iter().filter(|said| said.at >= since).cloned().collect()
    }

    #[track_caller]
    fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&Heard) -> Option<T>) -> T {
        let limit = Instant::now() + LIMIT;
        let mut heard = self.shared.heard();
        loop {
            if let Some(found) = look(&heard) {
                return found;
            }
            let left = limit.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain for {what}: {:?}", heard.now);
            let waited = self.shared.changed.wait_timeout(heard, left);
            heard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.shared.heard().stop = true;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(socket: &UdpSocket, shared: &Shared) {
    let mut octets = [0; 2048];
    loop {
        let received = socket.recv(&mut octets);
        let at = Instant::now();
        let mut heard = shared.heard();
        if heard.stop {
            return;
        }
        let beat = received.ok().and_then(|len| beat::read(octets.get(..len)?));
        let Some(beat) = beat else { continue };
        heard.beats += 1;
        heard.wall_ms = beat.wall_ms;
        for report in beat.reports {
            for address in report.addresses {
                let of = (report.service.clone(), address);
                let now = (report.state, report.reason.clone());
                if heard.now.insert(of, now.clone()).as_ref() != Some(&now) {
                    heard.changes.push(Said {
                        at,
                        service: report.service.clone(),
                        address,
                        state: report.state,
                        reason: report.reason.clone(),
                    });
                }
            }
        }
        shared.changed.notify_all();
    }
}
