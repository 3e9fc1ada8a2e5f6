//! Puts the lines of a journal on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tracing::{error, info};

use super::{Entry, files};

/// The format's version; a later one adds events, a greater one means others by the same names.
pub(super) const VERSION: u32 = 1;

/// Between two tries of a disk that refuses.
const PAUSE: Duration = Duration::from_secs(1);
/// What waits in memory is handed over from so many octets on.
const CHUNK: usize = 64 << 10;
/// Before a disk that refuses no more than so many octets wait in memory.
pub(super) const HELD: usize = 1 << 20;

/// The first line of a file.
#[derive(Serialize, Deserialize)]
struct Head {
    journal: u32,
}

/// Two files and what is not in them yet.
pub(super) struct Writer {
    before: PathBuf,
    current: PathBuf,
    largest: u64,
    held: usize,
    open: Option<Open>,
    /// Whole lines.
    waiting: Vec<u8>,
    /// When a disk that refuses last did.
    refused: Option<Instant>,
}

/// An entry that is in no file and will be in none: as much waits for the disk as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

struct Open {
    file: File,
    size: u64,
}

impl Writer {
    /// Two files in `folder`, each no larger than `largest` octets; while the disk refuses, `held`
    /// octets wait.
    pub(super) fn new(folder: &Path, largest: u64, held: usize) -> Writer {
        let [before, current] = files(folder);
        Writer { before, current, largest, held, open: None, waiting: Vec::new(), refused: None }
    }

    /// Has `entry` written with the next [`Writer::flush`].
    ///
    /// # Errors
    /// [`Full`]: the disk has refused too long.
    pub(super) fn write(&mut self, entry: &Entry) -> Result<(), Full> {
        if self.waiting.len() >= CHUNK {
            self.flush();
        }
        let before = self.waiting.len();
        // Into memory, of text and numbers.
        let whole = serde_json::to_writer(&mut self.waiting, entry).is_ok();
        self.waiting.push(b'\n');
        if !whole || self.refused.is_some() && self.waiting.len() > self.held {
            self.waiting.truncate(before);
            return Err(Full);
        }
        Ok(())
    }

    /// Hands over to the system what waits, unless the disk has just refused.
    pub(super) fn flush(&mut self) {
        if self.try_again_in().is_none_or(|pause| pause.is_zero()) {
            self.flush_now();
        }
    }

    /// When [`Writer::flush`] is worth it again, where the disk refuses.
    pub(super) fn try_again_in(&self) -> Option<Duration> {
        self.refused.map(|at| PAUSE.saturating_sub(at.elapsed()))
    }

    /// Hands over to the system what waits.
    pub(super) fn flush_now(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        match (self.put(), self.refused.take()) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => info!("{}: the journal is written again", self.current.display()),
            (Err(why), before) => {
                if before.is_none() {
                    error!("{}: the journal is not written: {why}", self.current.display());
                }
                // Opened anew, what is there is looked at again.
                self.open = None;
                self.refused = Some(Instant::now());
            }
        }
    }

    fn put(&mut self) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        if open.size > 0 && open.size + self.waiting.len() as u64 > self.largest {
            fs::rename(&self.current, &self.before)?;
            open = self.open()?;
        }
        open.size += self.waiting.len() as u64;
        put_lines(&mut open.file, &mut self.waiting)?;
        self.open = Some(open);
        Ok(())
    }

    /// The current file, begun where it is missing or of another version.
    fn open(&self) -> io::Result<Open> {
        let open = || {
            OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(&self.current)
        };
        let mut file = open()?;
        let mut size = file.metadata()?.len();
        if size > 0 && version_of(&file)? != Some(VERSION) {
            fs::rename(&self.current, &self.before)?;
            (file, size) = (open()?, 0);
        }
        let mut first = Vec::new();
        if size == 0 {
            serde_json::to_writer(&mut first, &Head { journal: VERSION })?;
            first.push(b'\n');
        } else if !ends_a_line(&mut file)? {
            // A crash cut the last one short; readers skip it.
            first.push(b'\n');
        }
        if let Err(why) = file.write_all(&first) {
            if size == 0 {
                // A first line that is cut short would make it one of another version.
                let _ = file.set_len(0);
            }
            return Err(why);
        }
        Ok(Open { file, size: size + first.len() as u64 })
    }
}

/// Writes `lines`, which are then those that are left: of a line that was cut short, all.
fn put_lines(to: &mut impl Write, lines: &mut Vec<u8>) -> io::Result<()> {
    let mut written = 0;
    let outcome = loop {
        let left = lines.get(written..).unwrap_or_default();
        if left.is_empty() {
            break Ok(());
        }
        match to.write(left) {
            Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    let there = lines.get(..written).unwrap_or_default();
    let whole = there.iter().rposition(|&octet| octet == b'\n').map_or(0, |at| at + 1);
    lines.drain(..whole);
    outcome
}

fn version_of(mut file: &File) -> io::Result<Option<u32>> {
    file.seek(SeekFrom::Start(0))?;
    let mut line = String::new();
    match BufReader::new(file.take(4096)).read_line(&mut line) {
        Ok(_) => Ok(serde_json::from_str::<Head>(&line).ok().map(|head| head.journal)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(error),
    }
}

fn ends_a_line(file: &mut File) -> io::Result<bool> {
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for so many octets.
    struct Room(usize, Vec<u8>);

    impl Write for Room {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            // Little by little.
            let fits = self.0.min(octets.len()).min(4);
            self.0 -= fits;
            self.1.extend_from_slice(&octets[..fits]);
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_written_whole_is_not_written_again_and_what_was_not_is() {
        let all = b"first\nsecond\nthird\n";
        for (room, left) in [
            (0, "first\nsecond\nthird\n"),
            (5, "first\nsecond\nthird\n"),
            (6, "second\nthird\n"),
            (12, "second\nthird\n"),
            (13, "third\n"),
            (18, "third\n"),
        ] {
            let (mut disk, mut lines) = (Room(room, Vec::new()), all.to_vec());
            put_lines(&mut disk, &mut lines).unwrap_err();
            assert_eq!(String::from_utf8(lines).unwrap(), left, "room for {room}");
            assert_eq!(disk.1, all[..room]);
        }
        let (mut disk, mut lines) = (Room(19, Vec::new()), all.to_vec());
        put_lines(&mut disk, &mut lines).unwrap();
        assert!(lines.is_empty());
        assert_eq!(disk.1, all);
    }
}
