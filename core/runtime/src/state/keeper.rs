//! Stores values on a thread of its own, so that a slow disk holds nobody up.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use serde::Serialize;
use tokio::sync::oneshot;

use super::{StateError, StateFile};

/// Stores the newest of the values it is given; those that a newer one overtook are skipped, and
/// forgotten at once: a disk that hangs has one value waiting, however long. Dropped, it leaves its
/// thread to itself: such a disk must not keep the process.
#[derive(Debug)]
pub struct Keeper<T> {
    shared: Arc<Shared<T>>,
    thread: Option<JoinHandle<()>>,
}

/// Resolves once the value, or a newer one, is on disk.
///
/// An error means that this attempt failed; the next value is tried anew.
#[derive(Debug)]
pub struct Stored(oneshot::Receiver<Outcome>);

const GONE: &str = "the thread that stores the state is gone";

type Outcome = Result<(), String>;

/// What the thread and its keeper have in common.
#[derive(Debug)]
struct Shared<T> {
    next: Mutex<Next<T>>,
    wake: Condvar,
}

/// What is to be stored next.
#[derive(Debug)]
struct Next<T> {
    newest: Option<T>,
    /// Who is told what became of it.
    waiting: Vec<oneshot::Sender<Outcome>>,
    phase: Phase,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// What is there is stored, and no more.
    Ending,
    /// Nobody stores anything.
    Gone,
}

/// The thread's side; the keeper knows when it is gone.
struct Writing<T>(Arc<Shared<T>>);

impl<T: Serialize + Send + 'static> Keeper<T> {
    /// Starts the thread that writes `file`.
    ///
    /// # Errors
    /// [`StateError::Io`] where no thread can be had.
    pub fn start(file: StateFile<T>) -> Result<Keeper<T>, StateError> {
        let path = file.path().to_owned();
        Keeper::by(path, move |value| file.store(&value).map_err(|error| error.to_string()))
    }
}

impl<T: Send + 'static> Keeper<T> {
    /// The same with values that are put into the file's words on the thread.
    ///
    /// # Errors
    /// As [`Keeper::start`].
    pub fn as_stored<S: Serialize + From<T> + 'static>(
        file: StateFile<S>,
    ) -> Result<Keeper<T>, StateError> {
        let path = file.path().to_owned();
        let store = move |value| file.store(&S::from(value)).map_err(|error| error.to_string());
        Keeper::by(path, store)
    }

    /// The same with values that seldom change: the one that is there is not written again.
    ///
    /// # Errors
    /// As [`Keeper::start`].
    pub fn as_stored_once<S: Serialize + PartialEq + From<T> + Send + 'static>(
        file: StateFile<S>,
    ) -> Result<Keeper<T>, StateError> {
        let (path, mut there) = (file.path().to_owned(), None);
        Keeper::by(path, move |value| {
            let value = Some(S::from(value));
            if there != value {
                there = None;
                let stored = value.iter().try_for_each(|value| file.store(value));
                stored.map_err(|error| error.to_string())?;
                there = value;
            }
            Ok(())
        })
    }

    /// One that stores by `store`, which may block; `path` is for people.
    pub(crate) fn by(
        path: PathBuf,
        store: impl FnMut(T) -> Outcome + Send + 'static,
    ) -> Result<Keeper<T>, StateError> {
        let next = Next { newest: None, waiting: Vec::new(), phase: Phase::Open };
        let shared = Arc::new(Shared { next: Mutex::new(next), wake: Condvar::new() });
        let writing = Writing(Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || writing.run(store))
            .map_err(|source| StateError::Io { doing: "start the writer of", path, source })?;
        Ok(Keeper { shared, thread: Some(thread) })
    }

    /// Has `value` stored, without waiting for the disk.
    pub fn store(&self, value: T) -> Stored {
        let (done, stored) = oneshot::channel();
        let mut next = self.shared.next();
        // Where the thread is gone, dropping `done` tells the caller.
        if next.phase != Phase::Gone {
            next.waiting.retain(|waits| !waits.is_closed());
            next.waiting.push(done);
            let overtaken = next.newest.replace(value);
            drop(next);
            self.shared.wake.notify_one();
            // It may be large, and the thread need not wait for it.
            drop(overtaken);
        }
        Stored(stored)
    }

    /// Waits until everything given so far is on disk.
    pub fn finish(mut self) {
        let thread = self.thread.take();
        drop(self);
        if let Some(thread) = thread {
            // It never panics; were it to, there is nothing left to store.
            let _ = thread.join();
        }
    }
}

impl<T> Drop for Keeper<T> {
    fn drop(&mut self) {
        let mut next = self.shared.next();
        if next.phase == Phase::Open {
            next.phase = Phase::Ending;
        }
        drop(next);
        self.shared.wake.notify_one();
    }
}

impl Stored {
    /// Whether the value is on disk, once that is known; told once.
    pub fn outcome(&mut self) -> Option<Result<(), String>> {
        match self.0.try_recv() {
            Ok(result) => Some(result),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(Err(GONE.to_owned())),
        }
    }

    /// Whether the value is on disk. Dropped before it is known, it has missed nothing.
    ///
    /// # Errors
    /// What kept it from there, path included.
    pub async fn wait(&mut self) -> Result<(), io::Error> {
        match (&mut self.0).await {
            Ok(result) => result.map_err(io::Error::other),
            Err(_) => Err(io::Error::other(GONE)),
        }
    }
}

impl<T> Shared<T> {
    fn next(&self) -> MutexGuard<'_, Next<T>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Writing<T> {
    fn run(self, mut store: impl FnMut(T) -> Outcome) {
        while let Some((value, waiting)) = self.take() {
            // Many may wait for one error: they share its text.
            let result = store(value);
            for done in waiting {
                // Who has stopped waiting need not hear.
                let _ = done.send(result.clone());
            }
        }
    }

    /// The newest value and who waits for it, as soon as there is one; none at the end.
    fn take(&self) -> Option<(T, Vec<oneshot::Sender<Outcome>>)> {
        let idle = |next: &mut Next<T>| next.newest.is_none() && next.phase == Phase::Open;
        let waited = self.0.wake.wait_while(self.0.next(), idle);
        let mut next = waited.unwrap_or_else(PoisonError::into_inner);
        Some((next.newest.take()?, std::mem::take(&mut next.waiting)))
    }
}

impl<T> Drop for Writing<T> {
    fn drop(&mut self) {
        let mut next = self.0.next();
        next.phase = Phase::Gone;
        next.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn the_newest_is_on_disk_when_any_of_them_is_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n.json");
        let keeper = Keeper::start(StateFile::new(path.clone(), 1)).unwrap();
        let stored: Vec<Stored> = (1..=50u32).map(|n| keeper.store(n)).collect();
        for (n, mut stored) in (1u32..).zip(stored) {
            stored.wait().await.unwrap();
            let on_disk = StateFile::<u32>::new(path.clone(), 1).load().unwrap();
            assert!(on_disk >= Some(n), "{on_disk:?} after {n} was acknowledged");
        }
    }

    #[test]
    fn finishing_waits_for_the_last_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n.json");
        let keeper = Keeper::start(StateFile::new(path.clone(), 1)).unwrap();
        let _unread = keeper.store(7u32);
        keeper.finish();
        assert_eq!(StateFile::<u32>::new(path, 1).load().unwrap(), Some(7));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_failure_names_the_file_and_ends_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/n.json");
        let keeper = Keeper::start(StateFile::new(path.clone(), 1)).unwrap();
        let error = keeper.store(1u32).wait().await.unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        std::fs::create_dir(folder.path().join("missing")).unwrap();
        keeper.store(2u32).wait().await.unwrap();
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_is_there_is_not_written_again_unless_something_else_failed_since() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("n.json");
        let file = || StateFile::<u64>::new(path.clone(), 1);
        let keeper: Keeper<u32> = Keeper::as_stored_once(file()).unwrap();
        assert!(keeper.store(1).wait().await.is_err());
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        keeper.store(1).wait().await.unwrap();
        assert_eq!(file().load().unwrap(), Some(1));
        std::fs::remove_file(&path).unwrap();
        keeper.store(1).wait().await.unwrap();
        assert_eq!(file().load().unwrap(), None, "nobody else writes it");
        keeper.store(2).wait().await.unwrap();
        assert_eq!(file().load().unwrap(), Some(2));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_disk_that_hangs_has_one_value_waiting_and_all_who_wait_hear_of_it() {
        let (begin, begun) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel();
        let keeper = Keeper::by(PathBuf::new(), move |value: Arc<u32>| {
            begin.send(*value).unwrap();
            // Whoever tests is gone where this fails.
            let _ = may_go_on.recv();
            Ok(())
        });
        let keeper = keeper.unwrap();
        let counted = Arc::new(0);
        let mut first = keeper.store(Arc::clone(&counted));
        assert_eq!(begun.recv().unwrap(), 0);

        let mut waiting: Vec<Stored> = Vec::new();
        for _ in 0..1000 {
            waiting.push(keeper.store(Arc::clone(&counted)));
            // Ours, the one that is being written, and the newest.
            assert_eq!(Arc::strong_count(&counted), 3);
        }
        waiting.truncate(2);
        waiting.push(keeper.store(Arc::new(7)));
        assert_eq!(keeper.shared.next().waiting.len(), 3, "who has left is not kept");
        assert!(waiting.iter_mut().all(|stored| stored.outcome().is_none()));

        go_on.send(()).unwrap();
        first.wait().await.unwrap();
        assert_eq!(begun.recv().unwrap(), 7, "those that were overtaken are skipped");
        go_on.send(()).unwrap();
        for mut stored in waiting {
            stored.wait().await.unwrap();
        }
        keeper.finish();
    }

    #[tokio::test(flavor = "current_thread")]
    async fn who_waits_for_a_thread_that_is_gone_is_told() {
        let keeper = Keeper::by(PathBuf::new(), |_: u32| panic!("out of luck")).unwrap();
        let mut stored = keeper.store(1);
        assert_eq!(stored.wait().await.unwrap_err().to_string(), GONE);
        while keeper.shared.next().phase != Phase::Gone {
            thread::yield_now();
        }
        assert_eq!(keeper.store(2).outcome(), Some(Err(GONE.to_owned())));
    }
}
