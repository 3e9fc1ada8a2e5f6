//! Zones that stand in files: every `NAME.zone` of a folder, served as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io, thread};

use rais_zone::{ZoneName, contents_while};

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
    read: Option<Reading>,
}

/// What came of the last time that a file was read.
#[derive(Debug)]
struct Reading {
    /// Of its contents: a file that is written anew, as it was, is no news. Nothing, where it could not be
    /// read.
    hash: Option<u64>,
    fault: Option<String>,
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
    /// Somebody may be writing it, or it could not be read just now.
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
#[derive(Debug, Default)]
pub(crate) struct Brought {
    /// Zones as their files are now.
    pub(crate) found: Vec<Found>,
    /// Zones whose files are gone, by their names.
    pub(crate) gone: Vec<Vec<u8>>,
    /// Every zone that has a file, sound or not.
    pub(crate) named: BTreeSet<Vec<u8>>,
    /// Those of them whose files are yet to be read.
    pub(crate) unread: BTreeSet<Vec<u8>>,
    /// What cannot be used, with file and line.
    pub(crate) faults: Vec<String>,
    /// What is in the folder and no zone file.
    pub(crate) ignored: Vec<PathBuf>,
}

/// A zone and its file.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) zone: Zone,
}

impl Folder {
    pub(crate) fn new(path: PathBuf) -> Folder {
        Folder { path, files: BTreeMap::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what has changed. A zone whose file is gone is to be served no more, but not one whose file
    /// has become unsound: the one before goes on. Zones of `taken` are somebody else's. Nothing, where
    /// it was not to go on.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn look(
        &mut self,
        haste: Haste,
        taken: &BTreeSet<Vec<u8>>,
        goes_on: &dyn Fn() -> bool,
    ) -> io::Result<Option<Brought>> {
        let (mut brought, mut there) = (Brought::default(), BTreeSet::new());
        for (number, entry) in fs::read_dir(&self.path)?.enumerate() {
            if haste == Haste::Settled && number % AT_ONCE == AT_ONCE - 1 {
                thread::sleep(REST);
            }
            if !goes_on() {
                return Ok(None);
            }
            let path = entry?.path();
            match Entry::of(&path) {
                Entry::Hidden => {}
                Entry::Other => brought.ignored.push(path),
                // It cannot be looked at: that says nothing of the zone.
                Entry::Unknown => {
                    there.insert(path);
                }
                Entry::File(look) => {
                    there.insert(path.clone());
                    self.look_at(path, look, haste, taken, goes_on, &mut brought);
                }
            }
        }
        if !goes_on() {
            return Ok(None);
        }
        self.miss(&there, &mut brought);
        for file in self.files.values().filter(|file| !file.apex.is_empty()) {
            brought.named.insert(file.apex.clone());
            if file.standing == Standing::Moving {
                brought.unread.insert(file.apex.clone());
            }
        }
        Ok(Some(brought))
    }

    /// Forgets files that were not there at two looks.
    fn miss(&mut self, there: &BTreeSet<PathBuf>, brought: &mut Brought) {
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
        for apex in gone.into_iter().filter(|apex| !apex.is_empty()) {
            // Another file may have the name in other letters.
            let others = self.files.values_mut().filter(|file| file.apex == apex);
            let left = others.map(File::begin_anew).count();
            if left == 0 {
                brought.gone.push(apex);
            }
        }
    }

    /// Reads a file that has changed.
    fn look_at(
        &mut self,
        path: PathBuf,
        look: Look,
        haste: Haste,
        taken: &BTreeSet<Vec<u8>>,
        goes_on: &dyn Fn() -> bool,
        brought: &mut Brought,
    ) {
        if self.files.get(&path).is_some_and(|old| old.is_as_before(look, taken)) {
            return;
        }
        let old = self.files.remove(&path);
        let still = haste == Haste::Now || old.as_ref().is_some_and(|old| old.look == look);
        let name = zone_name(&path);
        let apex = name.as_ref().map(|name| to_wire(name.as_str())).unwrap_or_default();
        let owner = Owner::of(&apex, taken);
        let standing = if still { Standing::Read } else { Standing::Moving };
        // Where it was another's, it is read whatever it says.
        let read = old.filter(|old| old.owner == owner).and_then(|old| old.read);
        let mut file = File { apex, owner, look, standing, read };
        if still {
            file.read_again(&path, name, goes_on, brought);
        }
        self.files.insert(path, file);
    }
}

/// What a name in the folder stands for.
enum Entry {
    /// An editor's, or one that is being written.
    Hidden,
    Other,
    Unknown,
    File(Look),
}

impl Entry {
    fn of(path: &Path) -> Entry {
        if is_hidden(path) {
            return Entry::Hidden;
        }
        if path.extension() != Some(OsStr::new(EXTENSION)) {
            return Entry::Other;
        }
        match fs::metadata(path) {
            Ok(about) if about.is_file() => Entry::File(Look::of(&about)),
            Ok(_) => Entry::Other,
            // It is gone again, or a link that leads nowhere.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Entry::Other,
            Err(_) => Entry::Unknown,
        }
    }
}

impl File {
    fn is_as_before(&self, look: Look, taken: &BTreeSet<Vec<u8>>) -> bool {
        let whose = Owner::of(&self.apex, taken);
        self.look == look && self.standing == Standing::Read && self.owner == whose
    }

    /// Has it read at the next look.
    fn begin_anew(&mut self) {
        self.standing = Standing::Moving;
        self.read = None;
    }

    fn read_again(
        &mut self,
        path: &Path,
        name: Result<ZoneName, String>,
        goes_on: &dyn Fn() -> bool,
        brought: &mut Brought,
    ) {
        let before = self.read.take();
        let octets = match fs::read(path) {
            Ok(octets) => octets,
            Err(error) => {
                // That says nothing of the zone: it is tried again at each look, and told once.
                self.standing = Standing::Moving;
                // Or it is gone, which is another matter.
                let fault = (error.kind() != io::ErrorKind::NotFound).then(|| error.to_string());
                if let Some(why) = &fault
                    && before.is_none_or(|before| before.fault != fault)
                {
                    brought.faults.push(told(path, why));
                }
                self.read = Some(Reading { hash: None, fault });
                return;
            }
        };
        let mut hasher = DefaultHasher::new();
        octets.hash(&mut hasher);
        let hash = Some(hasher.finish());
        if let Some(same) = before.filter(|before| before.hash == hash) {
            self.read = Some(same);
            return;
        }
        let zone = name.and_then(|name| zone(octets, &name, goes_on));
        let fault = match zone {
            Ok(_) if self.owner == Owner::Binder => {
                Some("not used: a binder publishes the zone of that name".to_owned())
            }
            Ok(zone) => {
                let path = path.to_owned();
                brought.found.extend(zone.map(|zone| Found { path, zone }));
                None
            }
            Err(why) => Some(why),
        };
        brought.faults.extend(fault.as_ref().map(|why| told(path, why)));
        self.read = Some(Reading { hash, fault });
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

/// The zones that a folder has files for, sound or not.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn named(folder: &Path) -> io::Result<BTreeSet<Vec<u8>>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !is_hidden(&path)
            && path.extension() == Some(OsStr::new(EXTENSION))
            && let Ok(name) = zone_name(&path)
        {
            names.insert(to_wire(name.as_str()));
        }
    }
    Ok(names)
}

/// What of a folder's zone files is unsound, with file and line; none is served. As long as it `goes_on`.
pub(crate) fn unsound(folder: &Path, goes_on: &dyn Fn() -> bool) -> Vec<String> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return vec![told(folder, &error.to_string())],
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<_> =
        paths.filter(|path| matches!(Entry::of(path), Entry::File(_) | Entry::Unknown)).collect();
    paths.sort();
    let mut faults = Vec::new();
    for (number, path) in paths.iter().enumerate() {
        let octets = fs::read(path).map_err(|error| error.to_string());
        match octets.and_then(|octets| zone(octets, &zone_name(path)?, goes_on)) {
            Ok(Some(_)) => {}
            Ok(None) => {
                let left = paths.len() - number;
                let text = format!("{left} zone files are not judged before the start: too long");
                faults.push(told(folder, &text));
                break;
            }
            Err(why) => faults.push(told(path, &why)),
        }
    }
    faults
}

fn told(path: &Path, why: &str) -> String {
    format!("{}: {why}", path.display())
}

fn zone_name(path: &Path) -> Result<ZoneName, String> {
    let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    ZoneName::parse(stem).map_err(|error| error.to_string())
}

/// Nothing, where it was not to go on: of a long file not even to its end.
fn zone(
    octets: Vec<u8>,
    name: &ZoneName,
    goes_on: &dyn Fn() -> bool,
) -> Result<Option<Zone>, String> {
    let text = String::from_utf8(octets).map_err(|error| {
        let sound = error.utf8_error().valid_up_to();
        let lines = error.as_bytes().iter().take(sound).filter(|octet| **octet == b'\n').count();
        format!("line {}: not UTF-8: write other octets as \\DDD", lines + 1)
    })?;
    let mut builder = Builder::new(to_wire(name.as_str()));
    let read = contents_while(&text, name, |record| {
        builder.take(&record);
        if goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    match read.map_err(|error| error.to_string())? {
        ControlFlow::Break(()) => Ok(None),
        ControlFlow::Continue(()) => builder.build().map(Some).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_known_by_their_names_before_they_are_read() {
        let bed = tempfile::tempdir().unwrap();
        for name in
            ["A.example.zone", "b.example.zone", "c.example.db", ".d.example.zone", "-..zone"]
        {
            fs::write(bed.path().join(name), "whatever it is").unwrap();
        }
        let names = BTreeSet::from(["a.example", "b.example"].map(to_wire));
        assert_eq!(named(bed.path()).unwrap(), names);
        assert!(named(&bed.path().join("nowhere")).is_err());
    }

    #[test]
    fn what_is_judged_ends_in_the_midst_of_a_file() {
        let bed = tempfile::tempdir().unwrap();
        let sound = "$TTL 60\n@ SOA ns h 1 1 1 1 1\n NS ns\nns A 192.0.2.53\n";
        for (name, text) in [("a.zone", sound), ("b.zone", "@ A x\n"), ("c.zone", sound)] {
            fs::write(bed.path().join(name), text).unwrap();
        }
        let told = |most: usize| {
            let asked = std::cell::Cell::new(0);
            let goes_on = || {
                asked.set(asked.get() + 1);
                asked.get() <= most
            };
            unsound(bed.path(), &goes_on)
        };
        let [broken] = &told(100)[..] else { panic!() };
        assert!(broken.starts_with(&format!("{}: line 1", bed.path().join("b.zone").display())));
        let [same, left] = &told(4)[..] else { panic!() };
        assert!(same == broken && left.contains(": 1 zone files are not judged"), "{left}");
        assert!(told(1).concat().contains(": 3 zone files are not judged"));
    }

    /// The memory of a process cannot be read where nothing is mapped: EIO, from what is a file.
    #[test]
    fn what_cannot_be_read_is_told_once_and_tried_again() {
        let bed = tempfile::tempdir().unwrap();
        let path = bed.path().join("a.example.zone");
        std::os::unix::fs::symlink("/proc/self/mem", &path).unwrap();
        let mut folder = Folder::new(bed.path().to_owned());
        let mut look = || folder.look(Haste::Now, &BTreeSet::new(), &|| true).unwrap().unwrap();
        let first = look();
        assert!(first.faults.len() == 1 && first.faults[0].contains("os error 5"), "{first:?}");
        for _ in 0..2 {
            let next = look();
            assert_eq!(next.faults, [""; 0]);
            assert_eq!(next.unread, BTreeSet::from([to_wire("a.example")]), "still to be read");
        }
    }
}
