//! What a binder heard, decided and published, on disk: a line of JSON for each, in two files of
//! bounded size. Whoever asks why an address was not in the answers last night reads it here.
//!
//! Written by a thread of its own. A disk that is slow or full holds nobody up: what waits for it is
//! bounded; what does not fit is lost, counted, and said where it is missing.

mod entry;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::thread;
use std::time::Duration;

use rais_proto::time::WallTime;

use self::entry::At;
pub use self::entry::{Entry, Event, Place};
use self::writer::{HELD, Writer};

/// Entries that wait for the disk; more are lost.
const WAITING: usize = 16_384;
/// Each of the two files is no larger, in octets.
const LARGEST: u64 = 8 << 20;
/// After the first entry the others are waited for so long, and written with it. So soon nobody makes as many as
/// [`WAITING`].
const GATHERING: Duration = Duration::from_millis(3);
/// At the end the disk is waited for so long.
const ENDING: Duration = Duration::from_millis(500);

/// The file that is written, and the one before it.
const FILES: [&str; 2] = ["journal.jsonl", "journal.1.jsonl"];

/// A journal that is written; ended by [`Journal::finish`].
#[derive(Debug)]
pub struct Journal {
    pen: Pen,
}

/// Writes into a journal, or into none.
#[derive(Debug, Clone, Default)]
pub struct Pen {
    queue: Option<SyncSender<Job>>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Job {
    /// The queue has its room from the start: a pointer for each.
    Write(Box<Entry>),
    End(SyncSender<()>),
}

impl Journal {
    /// Goes on with the journal in `folder`, or begins one.
    ///
    /// # Errors
    /// No thread can be had. What the disk refuses is said in the log, and tried again.
    pub fn start(folder: &Path) -> io::Result<Journal> {
        Journal::of(folder, LARGEST, HELD, WAITING)
    }

    fn of(folder: &Path, largest: u64, held: usize, waiting: usize) -> io::Result<Journal> {
        let (queue, jobs) = mpsc::sync_channel(waiting);
        let pen = Pen { queue: Some(queue), lost: Arc::default() };
        let writer = Writer::new(folder, largest, held);
        let lost = Arc::clone(&pen.lost);
        thread::Builder::new().name("journal".to_owned()).spawn(move || {
            serve(writer, &jobs, &lost);
        })?;
        Ok(Journal { pen })
    }

    /// What writes into it.
    pub fn pen(&self) -> Pen {
        self.pen.clone()
    }

    /// Waits, within limits, until everything is written.
    pub fn finish(self) {
        let (done, written) = mpsc::sync_channel(1);
        if let Some(queue) = &self.pen.queue {
            // A queue that stays full is a disk that hangs.
            if queue.try_send(Job::End(done)).is_ok() {
                let _ = written.recv_timeout(ENDING);
            }
        }
    }
}

impl Pen {
    /// Has it written that `event` happened at `at`, without waiting for the disk.
    pub fn note(&self, at: WallTime, event: Event) {
        let Some(queue) = &self.queue else { return };
        if queue.try_send(Job::Write(Box::new(Entry { at: at.into(), event }))).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The files of a journal in `folder`, the older one first.
pub fn files(folder: &Path) -> [PathBuf; 2] {
    let [current, before] = FILES.map(|name| folder.join(name));
    [before, current]
}

fn serve(mut writer: Writer, jobs: &Receiver<Job>, lost: &AtomicU64) {
    let mut last = None;
    while let Some(job) = next(&mut writer, jobs) {
        take(&mut writer, lost, &mut last, job);
    }
    writer.flush_now();
}

fn take(writer: &mut Writer, lost: &AtomicU64, last: &mut Option<At>, job: Job) {
    match job {
        Job::Write(entry) => {
            *last = Some(entry.at);
            // None stands after a gap that is not told.
            if !tell_lost(writer, lost, entry.at) || writer.write(&entry).is_err() {
                lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        Job::End(done) => {
            writer.flush_now();
            if let Some(at) = *last {
                tell_lost(writer, lost, at);
            }
            writer.flush_now();
            // Who has stopped waiting need not hear.
            let _ = done.send(());
        }
    }
}

/// What is to be done next; none at the end. Until then all that can be is written, and tried again.
fn next(writer: &mut Writer, jobs: &Receiver<Job>) -> Option<Job> {
    match jobs.try_recv() {
        Ok(job) => return Some(job),
        Err(TryRecvError::Disconnected) => return None,
        Err(TryRecvError::Empty) => writer.flush(),
    }
    while let Some(pause) = writer.try_again_in() {
        match jobs.recv_timeout(pause) {
            Ok(job) => return Some(job),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => writer.flush(),
        }
    }
    let first = jobs.recv().ok();
    // What was told comes of one event, of which more is told: sooner, the thread would be woken for each,
    // while that event is still being published.
    thread::sleep(GATHERING);
    first
}

/// Writes how many entries are missing, where some are; whether none is untold.
fn tell_lost(writer: &mut Writer, lost: &AtomicU64, at: At) -> bool {
    let entries = lost.swap(0, Ordering::Relaxed);
    let told = entries == 0 || writer.write(&Entry { at, event: Event::Lost { entries } }).is_ok();
    if !told {
        lost.fetch_add(entries, Ordering::Relaxed);
    }
    told
}

#[cfg(test)]
mod tests;
