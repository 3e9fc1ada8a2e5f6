//! A processor whose load the test chooses. All hosts of a test share one machine; each host
//! sees a file of this kind in the place of `/proc/stat`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Of the counters; a reader that looks less often sees the chosen percentage exactly.
const STEP: Duration = Duration::from_millis(20);

/// Jiffies a step, so that a hundredth of a percent is a whole number of them.
const JIFFIES: u64 = 10_000;

/// A `/proc/stat` that moves.
#[derive(Debug)]
pub struct FakeCpu {
    path: PathBuf,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    /// Hundredths of a percent.
    load: AtomicU32,
    stop: AtomicBool,
}

impl FakeCpu {
    /// A processor in the file `path`, `percent` busy.
    #[track_caller]
    #[must_use]
    pub fn new(path: &Path, percent: f64) -> Self {
        let file = File::create(path).expect("a file for the fake processor");
        let shared = Arc::new(Shared {
            load: AtomicU32::new(hundredths(percent)),
            stop: AtomicBool::new(false),
        });
        let mut counters = Counters { busy: JIFFIES, idle: JIFFIES };
        counters.write(&file);
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                while !shared.stop.load(Ordering::Relaxed) {
                    let busy = JIFFIES * u64::from(shared.load.load(Ordering::Relaxed)) / 10_000;
                    counters.busy += busy;
                    counters.idle += JIFFIES - busy;
                    counters.write(&file);
                    std::thread::sleep(STEP);
                }
            }
        });
        Self { path: path.to_owned(), shared, thread: Some(thread) }
    }

    /// The file to be seen as `/proc/stat`.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From now on `percent` busy.
    pub fn set(&self, percent: f64) {
        self.shared.load.store(hundredths(percent), Ordering::Relaxed);
    }
}

impl Drop for FakeCpu {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct Counters {
    busy: u64,
    idle: u64,
}

impl Counters {
    /// In one write and always of one length: a bind mount shows this very file, so it cannot be
    /// replaced, and a reader must never find it short.
    fn write(&self, file: &File) {
        let Self { busy, idle } = self;
        let line = format!("{busy:020} 0 0 {idle:020} 0 0 0 0 0 0");
        let text = format!(
            "cpu  {line}\ncpu0 {line}\nintr 0\nctxt 0\nbtime 1700000000\nprocesses 1\n\
             procs_running 1\nprocs_blocked 0\n"
        );
        file.write_all_at(text.as_bytes(), 0).expect("the fake processor's file");
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what a processor can be"
)]
fn hundredths(percent: f64) -> u32 {
    (percent.clamp(0.0, 100.0) * 100.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> (u64, u64) {
        let text = std::fs::read_to_string(path).unwrap();
        let fields: Vec<u64> = text
            .lines()
            .next()
            .unwrap()
            .split_whitespace()
            .skip(1)
            .map(|n| n.parse().unwrap())
            .collect();
        (fields[0], fields[3])
    }

    #[test]
    fn moves_at_the_chosen_load() {
        let folder = tempfile::tempdir().unwrap();
        let cpu = FakeCpu::new(&folder.path().join("stat"), 65.0);
        let first = read(cpu.path());
        let second = crate::wait::until("the counters to move", || {
            let now = read(cpu.path());
            if now == first { Err("still".to_owned()) } else { Ok(now) }
        });
        let (busy, idle) = (second.0 - first.0, second.1 - first.1);
        assert_eq!(busy * 35, idle * 65);
    }
}
