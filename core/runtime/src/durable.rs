//! Files that are whole after a crash: the old content or the new, never a mixture.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What a temporary file's name starts with: hidden, and no folder reader's concern.
const PREFIX: &str = ".rais-";
/// What it ends with.
const SUFFIX: &str = ".tmp";

/// Replaces `path` by a file of `bytes` with `mode`, or leaves what was there.
///
/// When this returns, the new content survives a power cut.
///
/// # Errors
/// Whatever the file system says; the temporary file is then gone again.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temp = temporary(path)?;
    let written = fill(&temp, bytes, mode).and_then(|()| fs::rename(&temp, path));
    if let Err(error) = written {
        // What matters is why it could not be written; a leftover is swept at the next start.
        let _ = fs::remove_file(&temp);
        return Err(error);
    }
    sync_folder(folder_of(path))
}

/// Makes the file `path` of `bytes` with `mode`; an existing one is left as it is.
///
/// When this returns, the file survives a power cut.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where there is one; others as the file system says.
pub fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temp = temporary(path)?;
    // Unlike a rename, a link never replaces.
    let linked = fill(&temp, bytes, mode).and_then(|()| fs::hard_link(&temp, path));
    let _ = fs::remove_file(&temp);
    linked?;
    sync_folder(folder_of(path))
}

/// Removes what a crash left in `folder` of files being written, and says which.
///
/// Only for a folder that no other process writes to now.
///
/// # Errors
/// Whatever the file system says.
pub fn sweep(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut swept = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_temporary) && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
            swept.push(entry.path());
        }
    }
    Ok(swept)
}

/// Makes the names in `folder` survive a power cut.
///
/// # Errors
/// Whatever the file system says.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn fill(temp: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(temp)?;
    // The mode given to open is narrowed by the umask.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn temporary(path: &Path) -> io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "the path does not end in a file name")
    })?;
    let unique = COUNT.fetch_add(1, Ordering::Relaxed);
    let pid = std::process::id();
    Ok(folder_of(path).join(format!("{PREFIX}{name}.{pid}.{unique}{SUFFIX}")))
}

fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_whole_with_the_mode_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        write(&path, b"a longer first content", 0o600).unwrap();
        write(&path, b"second", 0o640).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(names(folder.path()), ["state"]);
    }

    #[test]
    fn what_cannot_be_replaced_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        write(&path, b"x", 0o600).unwrap_err();
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[test]
    fn creates_but_never_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("once");
        create(&path, b"first", 0o600).unwrap();
        let error = create(&path, b"second", 0o600).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["once"]);
    }

    #[test]
    fn sweeps_what_a_crash_left_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let stray = temporary(&folder.path().join("state")).unwrap();
        for path in [&stray, &folder.path().join("state"), &folder.path().join(".other.tmp")] {
            fs::write(path, b"").unwrap();
        }
        assert_eq!(sweep(folder.path()).unwrap(), [stray]);
        assert_eq!(names(folder.path()), [".other.tmp", "state"]);
    }
}
