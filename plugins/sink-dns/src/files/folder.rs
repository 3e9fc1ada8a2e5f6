//! A folder of zone files, as it was when it was last looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io, thread};

use super::entry::{Entry, Look, zone_name};
use super::file::{File, Owner, Standing};
use crate::name::to_wire;
use crate::zone::Zone;

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

#[cfg(test)]
mod tests {
    use super::*;

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
