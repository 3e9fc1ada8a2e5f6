//! A zone file that is watched: which addresses it had, and since when.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::wait;

/// How late a change is seen.
const STEP: Duration = Duration::from_millis(1);

/// The addresses of a zone's apex, and since when the file has them.
pub type Since = (Instant, BTreeSet<IpAddr>);

/// A zone file and its history.
#[derive(Debug)]
pub struct WatchedFile {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    history: Mutex<Vec<Since>>,
    stop: AtomicBool,
}

impl WatchedFile {
    /// Watches `path`, which need not be there yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || watch(&path, &shared)
        });
        Self { shared, thread: Some(thread) }
    }

    /// Waits until it has, or lacks, an address; since when, but not before `since`.
    #[track_caller]
    #[must_use]
    pub fn until(&self, address: IpAddr, is: Is, since: Instant) -> Instant {
        wait::until(&format!("{address} to be {is:?} the zone file"), || {
            let history = self.shared.history.lock().unwrap_or_else(PoisonError::into_inner);
            let found = history.iter().find(|(at, addresses)| {
                *at >= since && addresses.contains(&address) == (is == Is::In)
            });
            found.map(|(at, _)| *at).ok_or_else(|| format!("{:?}", history.last()))
        })
    }
}

/// Whether an address is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    /// It is.
    In,
    /// It is not.
    OutOf,
}

impl Drop for WatchedFile {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(path: &Path, shared: &Shared) {
    let mut last = None;
    while !shared.stop.load(Ordering::Relaxed) {
        // A new file is moved to its place; it is never written there.
        let now = std::fs::metadata(path).ok().map(|about| (about.ino(), about.mtime_nsec()));
        if now.is_some() && now != last {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let since = (Instant::now(), addresses(&text));
            shared.history.lock().unwrap_or_else(PoisonError::into_inner).push(since);
            last = now;
        }
        std::thread::sleep(STEP);
    }
}

/// Of all A and AAAA records.
fn addresses(text: &str) -> BTreeSet<IpAddr> {
    let of_line = |line: &str| -> Option<IpAddr> {
        let mut words = line.split_whitespace();
        words.find(|&word| word == "A" || word == "AAAA")?;
        words.next()?.parse().ok()
    };
    text.lines().filter_map(of_line).collect()
}
