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
    open: Option<Open>,
    waiting: Vec<u8>,
    refused: Option<Refused>,
}

struct Open {
    file: File,
    size: u64,
}

/// A disk that refuses.
struct Refused {
    since: Instant,
    lines: u64,
}

impl Writer {
    pub(super) fn new(folder: &Path, largest: u64) -> Writer {
        let [before, current] = files(folder);
        Writer { before, current, largest, open: None, waiting: Vec::new(), refused: None }
    }

    pub(super) fn write(&mut self, entry: &Entry) {
        if let Some(refused) = &mut self.refused {
            if refused.since.elapsed() < PAUSE {
                refused.lines += 1;
                return;
            }
            refused.since = Instant::now();
        }
        let before = self.waiting.len();
        // Into memory, of text and numbers.
        if serde_json::to_writer(&mut self.waiting, entry).is_err() {
            self.waiting.truncate(before);
            return;
        }
        self.waiting.push(b'\n');
        if self.waiting.len() >= CHUNK {
            self.flush();
        }
    }

    /// Hands over to the system what waits.
    pub(super) fn flush(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let lines = std::mem::take(&mut self.waiting);
        match (self.put(&lines), self.refused.take()) {
            (Ok(()), None) => {}
            (Ok(()), Some(refused)) => {
                let (path, lost) = (self.current.display(), refused.lines);
                info!("{path}: the journal is written again; {lost} entries are missing");
            }
            (Err(why), refused) => {
                if refused.is_none() {
                    error!("{}: the journal is not written: {why}", self.current.display());
                }
                // Opened anew, what is there is looked at again.
                self.open = None;
                let count = lines.iter().filter(|&&octet| octet == b'\n').count() as u64;
                let lost = refused.map_or(0, |refused| refused.lines);
                self.refused = Some(Refused { since: Instant::now(), lines: lost + count });
            }
        }
    }

    fn put(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        if open.size > 0 && open.size + lines.len() as u64 > self.largest {
            fs::rename(&self.current, &self.before)?;
            open = self.open()?;
        }
        open.file.write_all(lines)?;
        open.size += lines.len() as u64;
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
        file.write_all(&first)?;
        Ok(Open { file, size: size + first.len() as u64 })
    }
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
