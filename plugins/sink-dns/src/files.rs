//! Zones that stand in files: every `NAME.zone` of a folder, served as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io, thread};

use rais_zone::{ZoneName, contents};

use crate::engine::Engine;
use crate::name::to_wire;
use crate::zone::{Builder, Zone};

const EXTENSION: &str = "zone";
/// So many files are looked at before a rest. Each is a call of some microseconds, and a query that comes
/// to a processor at it waits for the rest: of a thousand files looked at once a second by 32, the slowest
/// answers in a hundred did.
const AT_ONCE: usize = 4;
const REST: Duration = Duration::from_millis(1);

/// A folder of zone files, as it was when it was last looked at.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    files: BTreeMap<PathBuf, File>,
}

/// A file, as it was when it was last looked at.
#[derive(Debug)]
struct File {
    /// The zone's name on the wire.
    apex: Vec<u8>,
    owner: Owner,
    look: Look,
    standing: Standing,
}

/// Whose the zone of a file's name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    File,
    /// It publishes the zone; the file is not used.
    Binder,
}

/// By what a file is known to have changed. One that takes another's place may be as long and as old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    inode: (u64, u64),
    octets: u64,
    /// Seconds and nanoseconds.
    written: (i64, i64),
    changed: (i64, i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Somebody may be writing it.
    Moving,
    /// Read, whether it could be used or not.
    Read,
    /// It was not there at the last look: somebody may be about to put another in its place.
    Missing,
}

/// When a changed file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// At once.
    Now,
    /// Once it has not changed since the look before.
    Settled,
}

/// What a look at the folder brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Zones that are served as their files are now, by their names.
    pub(crate) read: Vec<Vec<u8>>,
    /// What cannot be used, with file and line.
    pub(crate) faults: Vec<String>,
}

impl Folder {
    pub(crate) fn new(path: PathBuf) -> Folder {
        Folder { path, files: BTreeMap::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what has changed and serves it; a zone whose file is gone is served no more, but not
    /// one whose file has become unsound: the one before goes on. Zones of `taken` are somebody
    /// else's. Once `goes_on` is false, it ends without having served anything.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn look(
        &mut self,
        haste: Haste,
        taken: &BTreeSet<Vec<u8>>,
        engine: &Engine,
        goes_on: &dyn Fn() -> bool,
    ) -> io::Result<News> {
        let mut news = News::default();
        let (mut there, mut found) = (BTreeSet::new(), Vec::new());
        for (number, entry) in fs::read_dir(&self.path)?.enumerate() {
            if haste == Haste::Settled && number % AT_ONCE == AT_ONCE - 1 {
                thread::sleep(REST);
            }
            if !goes_on() {
                return Ok(News::default());
            }
            let path = entry?.path();
            if path.extension() != Some(OsStr::new(EXTENSION)) || is_hidden(&path) {
                continue;
            }
            let about = match fs::metadata(&path) {
                Ok(about) => about,
                // It is gone again.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                // It cannot be looked at: that says nothing of the zone.
                Err(_) => {
                    there.insert(path);
                    continue;
                }
            };
            if !about.is_file() {
                continue;
            }
            let look = Look::of(&about);
            there.insert(path.clone());
            found.extend(self.look_at(path, look, haste, taken, &mut news));
        }
        engine.serve_all(found);
        self.miss(&there, taken, engine);
        Ok(news)
    }

    /// Forgets files that were not there at two looks, and has their zones served no more.
    fn miss(&mut self, there: &BTreeSet<PathBuf>, taken: &BTreeSet<Vec<u8>>, engine: &Engine) {
        let mut gone = Vec::new();
        self.files.retain(|path, file| {
            if there.contains(path) {
                return true;
            }
            let is_over = file.standing == Standing::Missing;
            file.standing = Standing::Missing;
            if is_over {
                gone.push(std::mem::take(&mut file.apex));
            }
            !is_over
        });
        for apex in gone {
            // Another file may have the name in other letters.
            let others = self.files.values_mut().filter(|file| file.apex == apex);
            let left = others.map(|file| file.standing = Standing::Moving).count();
            if left == 0 && !taken.contains(&apex) {
                engine.withdraw(&apex);
            }
        }
    }

    /// The zone of a file that has changed, where it can be served.
    fn look_at(
        &mut self,
        path: PathBuf,
        look: Look,
        haste: Haste,
        taken: &BTreeSet<Vec<u8>>,
        news: &mut News,
    ) -> Option<Zone> {
        let old = self.files.get(&path);
        let same = |old: &File| {
            let whose = Owner::of(&old.apex, taken);
            old.look == look && old.standing == Standing::Read && old.owner == whose
        };
        if old.is_some_and(same) {
            return None;
        }
        let still = haste == Haste::Now || old.is_some_and(|old| old.look == look);
        let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        let name = match ZoneName::parse(stem) {
            Ok(name) => name,
            Err(error) => {
                if still {
                    news.faults.push(format!("{}: {error}", path.display()));
                }
                let standing = if still { Standing::Read } else { Standing::Moving };
                self.files
                    .insert(path, File { apex: Vec::new(), owner: Owner::File, look, standing });
                return None;
            }
        };
        let apex = to_wire(name.as_str());
        let mut found = None;
        if still {
            match read(&path, &name) {
                Ok(_) if taken.contains(&apex) => {
                    let text = "is not used: a binder publishes the zone of that name";
                    news.faults.push(format!("{} {text}", path.display()));
                }
                Ok(zone) => {
                    found = Some(zone);
                    news.read.push(apex.clone());
                }
                Err(error) => news.faults.push(format!("{}: {error}", path.display())),
            }
        }
        let standing = if still { Standing::Read } else { Standing::Moving };
        let owner = Owner::of(&apex, taken);
        self.files.insert(path, File { apex, owner, look, standing });
        found
    }
}

impl Look {
    fn of(about: &fs::Metadata) -> Look {
        Look {
            inode: (about.dev(), about.ino()),
            octets: about.len(),
            written: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        }
    }
}

impl Owner {
    fn of(apex: &[u8], taken: &BTreeSet<Vec<u8>>) -> Owner {
        if taken.contains(apex) { Owner::Binder } else { Owner::File }
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn read(path: &Path, name: &ZoneName) -> Result<Zone, Box<dyn std::error::Error>> {
    let octets = fs::read(path)?;
    let text = String::from_utf8(octets).map_err(|error| {
        let sound = error.utf8_error().valid_up_to();
        let lines = error.as_bytes().iter().take(sound).filter(|octet| **octet == b'\n').count();
        format!("line {}: not UTF-8: write other octets as \\DDD", lines + 1)
    })?;
    let mut builder = Builder::new(to_wire(name.as_str()));
    contents(&text, name, |record| builder.take(&record))?;
    Ok(builder.build()?)
}
