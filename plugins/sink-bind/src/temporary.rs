//! Temporary files: where a zone is written before it is put in place, and what crashes left.
//!
//! Each has a name of its own and is locked while it is in use, so that instances of this sink never
//! take another's, and what nobody holds any more is told from what somebody works on.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nix::fcntl::OFlag;

use crate::file::{FileError, at, beside};

/// With what each name ends; they begin with a dot.
pub(crate) const ENDING: &str = ".rais-tmp";
/// So many octets of the zone file's name are kept: with all that is around them they must fit into
/// the 255 of a file's name.
const KEPT: usize = 200;

/// How many were made. Held also while one is made or others are swept: made but not locked yet, it
/// would look left behind.
static MADE: Mutex<u64> = Mutex::new(0);

/// A temporary file, in use until it is dropped; removed then, if it is still there.
#[derive(Debug)]
pub(crate) struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    /// Makes one for the zone file `name`, beside it, with these permissions.
    pub(crate) fn create(directory: &Path, name: &str, mode: u32) -> Result<Temporary, FileError> {
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        let place = directory.join(name);
        let name = &name[..name.floor_char_boundary(KEPT)];
        let process = std::process::id();
        loop {
            *made += 1;
            let path = directory.join(format!(".{name}.{process}.{made}{ENDING}"));
            let opened = OpenOptions::new()
                .read(true)
                .write(true)
                // Never through a link that somebody laid.
                .create_new(true)
                .custom_flags(OFlag::O_NOFOLLOW.bits())
                .mode(mode)
                .open(&path);
            match opened {
                Ok(file) => {
                    // Where a file system knows no locks, another instance's first publication may
                    // sweep this one: it is then found missing, and nothing is put in place.
                    let _ = file.try_lock();
                    return Ok(Temporary { path, file });
                }
                // Left by an earlier process of this number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(beside(&place)(error)),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file the name `to`; what was there is no more.
    pub(crate) fn rename(self, to: &Path) -> Result<(), FileError> {
        if !self.is_there().map_err(beside(to))? {
            let text = "it is no longer the file that was written and checked";
            return Err(beside(to)(io::Error::other(text)));
        }
        fs::rename(&self.path, to).map_err(at(to))
    }

    /// Whether this file, and no other, stands under its name.
    fn is_there(&self) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        match fs::symlink_metadata(&self.path) {
            Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.is_there().unwrap_or(false) {
            // What cannot be removed now is swept later.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the temporary files in `directory` that nobody uses; gives those that cannot be removed.
///
/// # Errors
/// A directory that cannot be listed.
pub(crate) fn sweep(directory: &Path) -> Result<Vec<FileError>, FileError> {
    let _made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut failed = Vec::new();
    for entry in fs::read_dir(directory).map_err(at(directory))? {
        let entry = entry.map_err(at(directory))?;
        if !is_name(&entry.file_name()) {
            continue;
        }
        let path = entry.path();
        match remove_if_unused(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => failed.push(at(&path)(error)),
            _ => {}
        }
    }
    Ok(failed)
}

/// Whether a file of this name is one of ours; earlier versions put in neither process nor number.
fn is_name(name: &OsStr) -> bool {
    let inner = name.as_bytes().strip_prefix(b".");
    inner.and_then(|rest| rest.strip_suffix(ENDING.as_bytes())).is_some_and(|name| !name.is_empty())
}

fn remove_if_unused(path: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(path)?.file_type();
    let foreign = kind.is_dir() || kind.is_block_device() || kind.is_char_device();
    if foreign || (kind.is_file() && is_used(path)) {
        return Ok(());
    }
    fs::remove_file(path)
}

fn is_used(path: &Path) -> bool {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path);
    // Who uses one has made it, and whoever makes one may read it.
    opened.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn create(directory: &Path, name: &str) -> Temporary {
        Temporary::create(directory, name, 0o644).unwrap()
    }

    #[test]
    fn each_has_a_name_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (create(directory.path(), "a.zone"), create(directory.path(), "a.zone"));
        assert_ne!(one.path(), two.path());
        let start = format!(".a.zone.{}.", std::process::id());
        for temporary in [&one, &two] {
            let name = temporary.path().file_name().unwrap();
            assert!(is_name(name) && name.to_str().unwrap().starts_with(&start), "{name:?}");
        }
        drop(one);
        assert!(two.path().exists());
        drop(two);
        assert!(names(directory.path()).is_empty());
        // The longest name that a zone file may have, cut between characters.
        create(directory.path(), &"ü".repeat(127));
    }

    #[test]
    fn what_nobody_uses_is_swept_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let used = create(directory.path(), "a.zone");
        let kept = ["a.zone", ".hidden", ".rais-tmp", "b.rais-tmp", ".a.rais-tmp.x"];
        // Of a process that is gone, of a number that another process may have now, of an earlier
        // version, and a link, which is not followed.
        let swept = [".a.zone.4194304.1.rais-tmp", ".gone.zone.1.7.rais-tmp", ".a.zone.rais-tmp"];
        for name in kept.iter().chain(&swept) {
            fs::write(at(name), "x").unwrap();
        }
        symlink(at("a.zone"), at(".link.1.1.rais-tmp")).unwrap();
        fs::create_dir(at(".folder.rais-tmp")).unwrap();
        assert!(sweep(directory.path()).unwrap().is_empty());

        let mut left: Vec<_> = kept.iter().map(|name| (*name).to_owned()).collect();
        left.push(".folder.rais-tmp".to_owned());
        left.push(used.path().file_name().unwrap().to_str().unwrap().to_owned());
        left.sort();
        assert_eq!(names(directory.path()), left);
    }

    #[test]
    fn a_file_that_another_took_the_place_of_is_not_renamed() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("a.zone");
        let temporary = create(directory.path(), "a.zone");
        let path = temporary.path().to_owned();
        fs::write(directory.path().join("other"), "other").unwrap();
        fs::rename(directory.path().join("other"), &path).unwrap();
        let error = temporary.rename(&place).unwrap_err().to_string();
        assert!(error.contains(place.to_str().unwrap()), "{error}");
        assert!(error.contains("no longer the file that was written"), "{error}");
        // It is not ours to remove either.
        assert_eq!(fs::read_to_string(&path).unwrap(), "other");
        assert!(!place.exists());

        let swept = create(directory.path(), "a.zone");
        fs::remove_file(swept.path()).unwrap();
        swept.rename(&place).unwrap_err();
        create(directory.path(), "a.zone").rename(&place).unwrap();
        assert!(place.exists());
    }
}
