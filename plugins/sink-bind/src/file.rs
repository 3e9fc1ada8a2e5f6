//! The zone file in its directory, replaced whole or not at all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rais_sdk::Fault;

use crate::temporary::{ENDING, Temporary};

/// The kernel stamps files with a clock that moves in steps of up to so much.
const CLOCK_STEP: Duration = Duration::from_millis(10);
/// A file stamped further ahead than this was stamped before the clock was set back.
const CLOCK_SET_BACK: Duration = Duration::from_secs(1);
/// A name server reads as anybody; we alone write.
const MODE: u32 = 0o644;

/// Held between a last look at the file in place and its replacement, as a reload has two instances
/// of this sink for a moment.
static COMMITTING: Mutex<()> = Mutex::new(());

/// A place for a zone file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ZoneFile {
    directory: PathBuf,
    name: String,
    path: PathBuf,
}

/// A name that is not one of a file in the directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the name of a zone file: allowed is a name inside the sink's directory, without \"/\""
)]
pub(crate) struct FileNameError(String);

/// A file operation that failed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
pub(crate) struct FileError {
    path: PathBuf,
    error: io::Error,
}

impl ZoneFile {
    pub(crate) fn new(directory: &Path, name: &str) -> Result<ZoneFile, FileNameError> {
        let bad = name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']);
        if bad || name.ends_with(ENDING) {
            return Err(FileNameError(name.to_owned()));
        }
        Ok(ZoneFile {
            directory: directory.to_owned(),
            name: name.to_owned(),
            path: directory.join(name),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What the file in place holds, if there is one.
    pub(crate) fn read(&self) -> Result<Option<Vec<u8>>, FileError> {
        match fs::read(&self.path) {
            Ok(octets) => Ok(Some(octets)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&self.path)(error)),
        }
    }

    /// Writes a temporary file beside the file in place.
    pub(crate) fn stage(&self, text: &str) -> Result<Staged<'_>, FileError> {
        let temporary = Temporary::create(&self.directory, &self.name, MODE)?;
        let mut file = temporary.file();
        let written = file
            .write_all(text.as_bytes())
            // The process's umask may have taken more away.
            .and_then(|()| file.set_permissions(Permissions::from_mode(MODE)));
        written.map_err(beside(&self.path))?;
        Ok(Staged { place: self, temporary })
    }

    /// Makes the file in place look new, for servers that read only what is newer than their last
    /// load.
    pub(crate) fn touch(&self, reloaded: Option<SystemTime>) -> Result<(), FileError> {
        let place = at(&self.path);
        let file = OpenOptions::new().write(true).open(&self.path).map_err(&place)?;
        let old = file.metadata().and_then(|about| about.modified()).ok();
        file.set_modified(SystemTime::now()).map_err(&place)?;
        stamp_file(&file, old, reloaded).map_err(&place)
    }
}

/// A zone in a temporary file, removed again unless it is put in place.
#[derive(Debug)]
pub(crate) struct Staged<'a> {
    place: &'a ZoneFile,
    temporary: Temporary,
}

impl Staged<'_> {
    /// Where it stands until it is put in place.
    pub(crate) fn temporary(&self) -> &Path {
        self.temporary.path()
    }

    /// What really stands in the file.
    pub(crate) fn read_back(&self) -> Result<Vec<u8>, FileError> {
        let (mut file, mut octets) = (self.temporary.file(), Vec::new());
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut octets));
        read.map_err(beside(&self.place.path))?;
        Ok(octets)
    }

    /// Puts the file in place, so that after a crash of the machine either the old or the new one
    /// is there, whole. `reloaded` is when a server was last told to load this zone; `may` looks at
    /// what is in place for the last time.
    pub(crate) fn commit(
        self,
        reloaded: Option<SystemTime>,
        may: impl FnOnce() -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Staged { place, temporary } = self;
        let old = fs::metadata(&place.path).and_then(|about| about.modified()).ok();
        stamp_file(temporary.file(), old, reloaded).map_err(beside(&place.path))?;
        temporary.file().sync_all().map_err(beside(&place.path))?;
        {
            let _one = COMMITTING.lock().unwrap_or_else(PoisonError::into_inner);
            may()?;
            temporary.rename(&place.path)?;
        }
        let directory = &place.directory;
        let synced = File::open(directory).and_then(|folder| folder.sync_all());
        Ok(synced.map_err(at(directory))?)
    }
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Fault {
        Fault::io(error)
    }
}

/// Of the temporary file for `path`: each has another name, which is nobody's business, and one
/// trouble should have one text.
pub(crate) fn beside(path: &Path) -> impl Fn(io::Error) -> FileError {
    move |error| {
        let text = format!("writing a new one beside it: {error}");
        FileError { path: path.to_owned(), error: io::Error::new(error.kind(), text) }
    }
}

pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> FileError {
    move |error| FileError { path: path.to_owned(), error }
}

fn stamp_file(
    file: &File,
    old: Option<SystemTime>,
    reloaded: Option<SystemTime>,
) -> io::Result<()> {
    let written = file.metadata()?.modified()?;
    file.set_modified(stamp(written, old, reloaded))
}

/// The modification time that makes every name server see a change.
///
/// named compares it with the moment of its last load, in nanoseconds, and passes over a file that
/// is not newer. The kernel's stamp lags behind that clock, so a file written right after a load
/// may look older than the load; and after the clock was set back everything looks old for a time.
fn stamp(written: SystemTime, old: Option<SystemTime>, reloaded: Option<SystemTime>) -> SystemTime {
    let mut stamp = written + CLOCK_STEP;
    if let Some(reloaded) = reloaded {
        stamp = stamp.max(reloaded + Duration::from_millis(1));
    }
    if let Some(old) = old.filter(|old| *old > written + CLOCK_SET_BACK) {
        stamp = stamp.max(old + CLOCK_SET_BACK);
    }
    stamp
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn only_names_inside_the_directory() {
        let directory = Path::new("/d");
        for bad in ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\0b", ".a.rais-tmp"] {
            assert!(ZoneFile::new(directory, bad).is_err(), "{bad:?}");
        }
        assert_eq!(ZoneFile::new(directory, "..a").unwrap().path(), Path::new("/d/..a"));
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let directory = tempfile::tempdir().unwrap();
        let file = ZoneFile::new(directory.path(), "a.zone").unwrap();
        assert_eq!(file.read().unwrap(), None);
        let staged = file.stage("one").unwrap();
        assert_eq!(staged.read_back().unwrap(), b"one");
        assert_eq!(names(directory.path()).len(), 1);
        staged.commit(None, || Ok(())).unwrap();
        assert_eq!(names(directory.path()), ["a.zone"]);
        file.stage("two").unwrap().commit(None, || Ok(())).unwrap();
        assert_eq!(file.read().unwrap().unwrap(), b"two");
        let mode = fs::metadata(file.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, MODE);
    }

    #[test]
    fn what_is_not_committed_vanishes() {
        let directory = tempfile::tempdir().unwrap();
        let file = ZoneFile::new(directory.path(), "a.zone").unwrap();
        drop(file.stage("one").unwrap());
        assert!(names(directory.path()).is_empty());
        let fault = file.stage("two").unwrap().commit(None, || Err(Fault::refused("no")));
        assert_eq!(fault.unwrap_err(), Fault::refused("no"));
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn faults_name_their_path() {
        let directory = tempfile::tempdir().unwrap();
        let file = ZoneFile::new(&directory.path().join("gone"), "a.zone").unwrap();
        let error = file.stage("x").unwrap_err().to_string();
        let path = directory.path().join("gone/a.zone");
        let wanted = format!("{}: writing a new one beside it: No such file", path.display());
        assert!(error.starts_with(&wanted), "{error}");
    }

    #[test]
    fn stamps_are_newer_than_any_load() {
        let second = Duration::from_secs(1);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        assert_eq!(stamp(now, None, None), now + CLOCK_STEP);
        assert_eq!(stamp(now, Some(now - second), Some(now - second)), now + CLOCK_STEP);
        // Reloaded later than the kernel thinks that it wrote.
        let reloaded = now + 4 * CLOCK_STEP;
        assert!(stamp(now, None, Some(reloaded)) > reloaded);
        // The clock was set back by an hour since.
        let before = now + 3600 * second;
        assert!(stamp(now, Some(before), None) > before);
        assert!(stamp(now, None, Some(before)) > before);
    }

    #[test]
    fn touching_makes_newer_each_time() {
        let directory = tempfile::tempdir().unwrap();
        let file = ZoneFile::new(directory.path(), "a.zone").unwrap();
        file.stage("one").unwrap().commit(None, || Ok(())).unwrap();
        let modified = || fs::metadata(file.path()).unwrap().modified().unwrap();
        let ahead = SystemTime::now() + Duration::from_secs(3600);
        let open = OpenOptions::new().write(true).open(file.path()).unwrap();
        open.set_modified(ahead).unwrap();
        file.touch(None).unwrap();
        assert!(modified() > ahead);
        assert_eq!(file.read().unwrap().unwrap(), b"one");
    }
}
