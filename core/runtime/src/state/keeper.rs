//! Stores values on a thread of its own, so that a slow disk holds nobody up.

use std::io;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use serde::Serialize;
use tokio::sync::oneshot;

use super::{StateError, StateFile};

/// Stores the newest of the values it is given; those that a newer one overtook are skipped.
#[derive(Debug)]
pub struct Keeper<T> {
    queue: Option<mpsc::Sender<Job<T>>>,
    thread: Option<JoinHandle<()>>,
}

/// Resolves once the value, or a newer one, is on disk.
///
/// An error means that this attempt failed; the next value is tried anew.
#[derive(Debug)]
pub struct Stored(oneshot::Receiver<Result<(), String>>);

const GONE: &str = "the thread that stores the state is gone";

type Job<T> = (T, oneshot::Sender<Result<(), String>>);

impl<T: Serialize + Send + 'static> Keeper<T> {
    /// Starts the thread that writes `file`.
    ///
    /// # Errors
    /// [`StateError::Io`] where no thread can be had.
    pub fn start(file: StateFile<T>) -> Result<Keeper<T>, StateError> {
        let (queue, jobs) = mpsc::channel();
        let path = file.path().to_owned();
        let thread = thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || write_newest(&file, &jobs))
            .map_err(|source| StateError::Io { doing: "start the writer of", path, source })?;
        Ok(Keeper { queue: Some(queue), thread: Some(thread) })
    }

    /// Has `value` stored, without waiting for the disk.
    pub fn store(&self, value: T) -> Stored {
        let (done, stored) = oneshot::channel();
        if let Some(queue) = &self.queue {
            // Where the thread is gone, dropping `done` tells the caller.
            let _ = queue.send((value, done));
        }
        Stored(stored)
    }

    /// Leaves the thread to itself: a disk that hangs must not keep the process.
    pub fn abandon(mut self) {
        drop(self.queue.take());
        drop(self.thread.take());
    }

    /// Waits until everything given so far is on disk.
    pub fn finish(self) {
        drop(self);
    }
}

impl<T> Drop for Keeper<T> {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // It never panics; were it to, there is nothing left to store.
            let _ = thread.join();
        }
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

    /// Whether the value is on disk.
    ///
    /// # Errors
    /// What kept it from there, path included.
    pub async fn wait(self) -> Result<(), io::Error> {
        match self.0.await {
            Ok(result) => result.map_err(io::Error::other),
            Err(_) => Err(io::Error::other(GONE)),
        }
    }
}

fn write_newest<T: Serialize>(file: &StateFile<T>, jobs: &mpsc::Receiver<Job<T>>) {
    while let Ok((mut value, done)) = jobs.recv() {
        let mut waiting = vec![done];
        for (newer, done) in jobs.try_iter() {
            value = newer;
            waiting.push(done);
        }
        // Many may wait for one error: they share its text.
        let result = file.store(&value).map_err(|error| error.to_string());
        for done in waiting {
            // Who has stopped waiting need not hear.
            let _ = done.send(result.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn the_newest_is_on_disk_when_any_of_them_is_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n.json");
        let keeper = Keeper::start(StateFile::new(path.clone(), 1)).unwrap();
        let stored: Vec<Stored> = (1..=50u32).map(|n| keeper.store(n)).collect();
        for (n, stored) in (1u32..).zip(stored) {
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
}
