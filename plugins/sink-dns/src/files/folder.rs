//! A folder of zone files, as it was when it was last looked at.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::entry::{Entry, Look, zone_name};
use super::file::{File, Owner, Standing};
use super::rests::Rests;
use super::tray::Tray;
use crate::name::to_wire;
use crate::zone::Zone;

#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    files: BTreeMap<PathBuf, File>,
    /// Whose zones were somebody else's at the last look that went through; nothing before the first.
    taken: Option<Arc<BTreeSet<Vec<u8>>>>,
}

/// When a changed file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// At once.
    Now,
    /// Once it has not changed since the look before.
    Settled,
}

/// What a look at the folder brought, beside zones.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    /// Zones whose files are gone, by their names.
    pub(crate) gone: Vec<Vec<u8>>,
    /// Every zone that has a file, sound or not.
    pub(crate) named: BTreeSet<Vec<u8>>,
    /// Those of them whose files are yet to be read.
    pub(crate) unread: BTreeSet<Vec<u8>>,
    /// What cannot be used, or not as it may be meant, with file and line.
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

/// The files that are there, but for those that cannot be looked at: these have no look.
type There = BTreeMap<PathBuf, Option<Look>>;

/// A file that is to be read.
struct Changed<'t> {
    path: &'t Path,
    look: Look,
    owner: Owner,
    /// The file that its zone is served from, or will be.
    holder: &'t Path,
}

impl Folder {
    pub(crate) fn new(path: PathBuf) -> Folder {
        Folder { path, files: BTreeMap::new(), taken: None }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what has changed, and gives `serve` zones as their files are now: the short ones first, and
    /// many at a time, since what takes long to read is to keep no other waiting. A zone whose file is gone
    /// is to be served no more, but not one whose file has become unsound: the one before goes on. Zones of
    /// `taken` are somebody else's. Nothing, where all is as it was at the last look, or it was not to go on.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn look(
        &mut self,
        haste: Haste,
        taken: &Arc<BTreeSet<Vec<u8>>>,
        goes_on: &dyn Fn() -> bool,
        serve: &mut dyn FnMut(Vec<Found>),
    ) -> io::Result<Option<Brought>> {
        let mut rests = (haste == Haste::Settled).then(Rests::new);
        let mut rest = || rests.iter_mut().for_each(Rests::after_one);
        let (mut brought, mut there, mut same) = (Brought::default(), There::new(), 0);
        for entry in fs::read_dir(&self.path)? {
            if !goes_on() {
                return Ok(None);
            }
            let path = entry?.path();
            match Entry::of(&path) {
                Entry::Hidden => {}
                Entry::Other => brought.ignored.push(path),
                // That says nothing of the zone.
                Entry::Unknown => {
                    there.insert(path, None);
                }
                Entry::File(look) => {
                    let stands = self.files.get(&path).is_some_and(|old| old.stands(look));
                    same += usize::from(stands);
                    there.insert(path, Some(look));
                }
            }
            rest();
        }
        // What follows takes, of a thousand zones, some milliseconds without a rest, in which a query waits
        // where there is one processor.
        let is_as_before = same == there.len() && same == self.files.len();
        if is_as_before && self.taken.as_ref() == Some(taken) {
            return Ok(None);
        }
        let mut tray = Tray::new(serve);
        for changed in self.changed(&there, taken) {
            if !goes_on() {
                return Ok(None);
            }
            tray.before_reading(changed.look.octets);
            let found = self.look_at(&changed, haste, goes_on, &mut brought.faults);
            found.into_iter().for_each(|found| tray.put(found));
            rest();
        }
        if !goes_on() {
            return Ok(None);
        }
        tray.empty();
        self.miss(&there, &mut brought);
        for file in self.files.values().filter(|file| !file.apex.is_empty()) {
            brought.named.insert(file.apex.clone());
            if file.is_awaited() {
                brought.unread.insert(file.apex.clone());
            }
        }
        self.taken = Some(Arc::clone(taken));
        Ok(Some(brought))
    }

    /// Has the files of zones read again, whether they change or not: what was read of them is served no
    /// more.
    pub(crate) fn read_again(&mut self, apexes: &BTreeSet<Vec<u8>>) {
        if !apexes.is_empty() {
            let files = self.files.values_mut().filter(|file| apexes.contains(&file.apex));
            files.for_each(File::forget);
        }
    }

    /// The files that are others than before, the shortest first.
    fn changed<'t>(&self, there: &'t There, taken: &BTreeSet<Vec<u8>>) -> Vec<Changed<'t>> {
        let apexes = there.keys().map(|path| match self.files.get(path) {
            Some(known) => known.apex.clone(),
            None => apex(path),
        });
        let apexes: Vec<_> = apexes.collect();
        let mut holders: HashMap<&[u8], &Path> = HashMap::new();
        for (path, apex) in there.keys().zip(&apexes) {
            let holds = || self.files.get(path).is_some_and(File::holds_its_zone);
            let holder = holders.entry(apex).or_insert(path);
            // Of two that are both new it is the first, so that a check tells the same.
            if *holder != path && holds() {
                *holder = path;
            }
        }
        let mut changed = Vec::new();
        for ((path, look), apex) in there.iter().zip(&apexes) {
            let Some(look) = *look else { continue };
            // A file without a name is told as what it is.
            let holder = holders.get(&apex[..]).copied().filter(|_| !apex.is_empty());
            let holder = holder.unwrap_or(path);
            let owner = match Owner::of(apex, taken) {
                Owner::File if holder != path => Owner::Twin,
                owner => owner,
            };
            if !self.files.get(path).is_some_and(|old| old.is_as_before(look, owner)) {
                changed.push(Changed { path, look, owner, holder });
            }
        }
        changed.sort_by_key(|changed| changed.look.octets);
        changed
    }

    /// Reads a file that has changed.
    fn look_at(
        &mut self,
        changed: &Changed<'_>,
        haste: Haste,
        goes_on: &dyn Fn() -> bool,
        faults: &mut Vec<String>,
    ) -> Option<Found> {
        let Changed { path, look, owner, holder } = *changed;
        let old = self.files.remove(path);
        let still = haste == Haste::Now || old.as_ref().is_some_and(|old| old.look == look);
        let standing = if still { Standing::Read } else { Standing::Moving };
        // Where it was another's, it is read whatever it says.
        let read = old.filter(|old| old.owner == owner).and_then(|old| old.read);
        let mut file = File { apex: apex(path), owner, look, standing, read };
        let found = match (still, owner) {
            (false, _) => None,
            (true, Owner::Twin) => {
                file.leave_to(holder, path, faults);
                None
            }
            (true, _) => file.read_again(path, zone_name(path), goes_on, faults),
        };
        self.files.insert(path.to_owned(), file);
        found
    }

    /// Forgets files that were not there at two looks.
    fn miss(&mut self, there: &There, brought: &mut Brought) {
        let mut gone = Vec::new();
        self.files.retain(|path, file| {
            if there.contains_key(path) {
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
            if self.files.values().all(|file| file.apex != apex) {
                brought.gone.push(apex);
            }
        }
    }
}

/// A file's zone on the wire; nothing, where its name is none.
fn apex(path: &Path) -> Vec<u8> {
    zone_name(path).map(|name| to_wire(name.as_str())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// The memory of a process cannot be read where nothing is mapped: EIO, from what is a file.
    #[test]
    fn what_cannot_be_read_is_told_once_and_tried_again() {
        let bed = tempfile::tempdir().unwrap();
        let path = bed.path().join("a.example.zone");
        std::os::unix::fs::symlink("/proc/self/mem", &path).unwrap();
        let mut folder = Folder::new(bed.path().to_owned());
        let mut look = || {
            let none = &mut |_| unreachable!();
            folder.look(Haste::Now, &Arc::default(), &|| true, none).unwrap().unwrap()
        };
        let first = look();
        assert!(first.faults.len() == 1 && first.faults[0].contains("os error 5"), "{first:?}");
        for _ in 0..2 {
            let next = look();
            assert_eq!(next.faults, [""; 0]);
            assert_eq!(next.unread, BTreeSet::from([to_wire("a.example")]), "still to be read");
        }
    }

    #[test]
    fn a_look_brings_nothing_where_all_is_as_it_was() {
        let bed = tempfile::tempdir().unwrap();
        let text = "$TTL 60\n@ SOA ns h 1 1 1 1 1\n NS ns.b.\n";
        let path = |name: &str| bed.path().join(format!("{name}.zone"));
        for name in ["a", "b"] {
            fs::write(path(name), text).unwrap();
        }
        let mut folder = Folder::new(bed.path().to_owned());
        let mut taken = Arc::default();
        // How many looks bring something until one does not.
        let mut looks = |taken: &Arc<_>| {
            let mut look = || folder.look(Haste::Settled, taken, &|| true, &mut |_| {}).unwrap();
            std::iter::from_fn(|| look().map(drop)).take(9).count()
        };
        // A new one is looked at twice before it is read.
        assert_eq!((looks(&taken), looks(&taken)), (2, 0));
        fs::write(path("c"), text).unwrap();
        assert_eq!((looks(&taken), looks(&taken)), (2, 0));
        fs::write(path("a"), format!("{text} TXT x\n")).unwrap();
        assert_eq!((looks(&taken), looks(&taken)), (2, 0));
        // What is gone may come back.
        fs::remove_file(path("b")).unwrap();
        assert_eq!((looks(&taken), looks(&taken)), (2, 0));
        fs::write(bed.path().join("no zone"), text).unwrap();
        assert_eq!(looks(&taken), 0);
        Arc::make_mut(&mut taken).insert(to_wire("a"));
        assert_eq!((looks(&taken), looks(&taken)), (1, 0));
    }

    #[test]
    fn a_long_file_keeps_no_short_one_from_being_served() {
        const RECORDS: usize = 20_000;
        let bed = tempfile::tempdir().unwrap();
        let head = "$TTL 60\n@ SOA ns h 1 1 1 1 1\n NS ns.b.\n";
        let shorts = ["a", "b", "d", "e"];
        for short in shorts {
            fs::write(bed.path().join(format!("{short}.zone")), head).unwrap();
        }
        let records: String = (0..RECORDS).map(|i| format!("x{i} A 192.0.2.1\n")).collect();
        fs::write(bed.path().join("c.zone"), format!("{head}{records}")).unwrap();
        let served = RefCell::new(BTreeSet::new());
        let (asked, before) = (Cell::new(0), Cell::new(0));
        // It is asked at each record, so that at last the long file is being read.
        let goes_on = || {
            asked.set(asked.get() + 1);
            if asked.get() == RECORDS / 2 {
                before.set(served.borrow().len());
            }
            true
        };
        let mut serve = |found: Vec<Found>| {
            served.borrow_mut().extend(found.into_iter().map(|found| found.zone.apex().to_vec()));
        };
        let mut folder = Folder::new(bed.path().to_owned());
        folder.look(Haste::Now, &Arc::default(), &goes_on, &mut serve).unwrap().unwrap();
        assert_eq!((before.get(), served.borrow().len()), (shorts.len(), shorts.len() + 1));
    }
}
