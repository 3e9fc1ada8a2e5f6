//! Zones that stand in files: every `NAME.zone` of a folder, served as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use rais_zone::{ZoneName, contents};

use crate::engine::Engine;
use crate::name::to_wire;
use crate::zone::{Builder, Zone};

const EXTENSION: &str = "zone";

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

/// By what a file is known to have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    written: Option<SystemTime>,
    octets: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Somebody may be writing it.
    Moving,
    /// Read, whether it could be used or not.
    Read,
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
    /// else's.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn look(
        &mut self,
        haste: Haste,
        taken: &BTreeSet<Vec<u8>>,
        engine: &Engine,
    ) -> io::Result<News> {
        let mut news = News::default();
        let mut there = BTreeSet::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if path.extension() != Some(OsStr::new(EXTENSION)) || is_hidden(&path) {
                continue;
            }
            // It may be gone again.
            let Ok(about) = fs::metadata(&path) else { continue };
            if !about.is_file() {
                continue;
            }
            let look = Look { written: about.modified().ok(), octets: about.len() };
            there.insert(path.clone());
            self.look_at(path, look, haste, taken, engine, &mut news);
        }
        self.files.retain(|path, file| {
            let stays = there.contains(path);
            if !stays && !taken.contains(&file.apex) {
                engine.withdraw(&file.apex);
            }
            stays
        });
        Ok(news)
    }

    fn look_at(
        &mut self,
        path: PathBuf,
        look: Look,
        haste: Haste,
        taken: &BTreeSet<Vec<u8>>,
        engine: &Engine,
        news: &mut News,
    ) {
        let old = self.files.get(&path);
        let same = |old: &File| {
            let whose = Owner::of(&old.apex, taken);
            old.look == look && old.standing == Standing::Read && old.owner == whose
        };
        if old.is_some_and(same) {
            return;
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
                return;
            }
        };
        let apex = to_wire(name.as_str());
        if still {
            match read(&path, &name) {
                Ok(_) if taken.contains(&apex) => {
                    let text = "is not used: a binder publishes the zone of that name";
                    news.faults.push(format!("{} {text}", path.display()));
                }
                Ok(zone) => {
                    engine.serve(zone);
                    news.read.push(apex.clone());
                }
                Err(error) => news.faults.push(format!("{}: {error}", path.display())),
            }
        }
        let standing = if still { Standing::Read } else { Standing::Moving };
        let owner = Owner::of(&apex, taken);
        self.files.insert(path, File { apex, owner, look, standing });
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
