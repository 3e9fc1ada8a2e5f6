//! Whether a file stands where only who may run code as us can have put it, and opening it.
//!
//! Symbolic links are followed, one by one, as packages and administrators use them; the folder of
//! each must be as safe as that of the file, so who could place the link could have placed the
//! file. Of the folders above these only that not everybody can write there is asked: with a file
//! and a folder that are safe, who can rename a folder can put nothing there but other code of
//! root's or ours.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::sys::statvfs::{FsFlags, fstatvfs};
use nix::unistd::geteuid;

use super::fault::{LibraryFault, Place};
use super::image::loadable;

/// So many symbolic links are followed.
const LINKS: usize = 8;
/// A file has at most so many octets: 256 MiB.
const LARGEST: u64 = 256 << 20;
/// A file that changed less long ago may change without a new date.
const UNSETTLED: Duration = Duration::from_secs(3);
const BY_OTHERS: u32 = 0o022;
const BY_EVERYBODY: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// A file that may be used, open.
#[derive(Debug)]
pub(super) struct Found {
    file: File,
    stamp: Stamp,
}

/// What changes when a file does, as far as can be told without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Found {
    /// The file `path`, if it may be used.
    ///
    /// # Errors
    /// What is wrong with it or its folder.
    pub(super) fn at(path: &Path) -> Result<Found, LibraryFault> {
        Found::at_as(path, geteuid().as_raw())
    }

    /// The same for a rais that runs as the user `us`.
    pub(super) fn at_as(path: &Path, us: u32) -> Result<Found, LibraryFault> {
        let mut path = path.to_owned();
        for _ in 0..=LINKS {
            let Some(name) = path.file_name() else {
                return Err(LibraryFault::NotAFile { what: "a folder" });
            };
            let above = folder_of(&path);
            let folder = open_folder(above, us)?;
            let found = fstatat(&folder, name, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(unreadable)?;
            match kind_of(&found) {
                SFlag::S_IFLNK => {
                    let target = readlinkat(&folder, name).map_err(unreadable)?;
                    path = above.join(target);
                }
                SFlag::S_IFREG => {
                    // Neither waits for a pipe nor takes a terminal, should it be one by now.
                    let flags = OFlag::O_RDONLY
                        | OFlag::O_NOFOLLOW
                        | OFlag::O_NONBLOCK
                        | OFlag::O_NOCTTY
                        | OFlag::O_CLOEXEC;
                    let file = openat(&folder, name, flags, Mode::empty()).map_err(unreadable)?;
                    return Found::judge(file, us);
                }
                kind => return Err(LibraryFault::NotAFile { what: article(kind) }),
            }
        }
        Err(LibraryFault::Links { limit: LINKS })
    }

    fn judge(file: OwnedFd, us: u32) -> Result<Found, LibraryFault> {
        let found = fstat(&file).map_err(unreadable)?;
        if kind_of(&found) != SFlag::S_IFREG {
            return Err(LibraryFault::Changed);
        }
        permitted(&Place::File, found.st_uid, found.st_mode, us)?;
        let system = fstatvfs(file.as_fd()).map_err(unreadable)?;
        if system.flags().contains(FsFlags::ST_NOEXEC) {
            return Err(LibraryFault::NoExec);
        }
        let file = File::from(file);
        let stamp = Stamp::of(&file)?;
        match stamp.size {
            0 => Err(LibraryFault::Empty),
            size if size > LARGEST => Err(LibraryFault::TooLarge { size, limit: LARGEST }),
            _ => Ok(Found { file, stamp }),
        }
    }

    /// What tells that it is the file of last time.
    pub(super) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// All its octets.
    ///
    /// # Errors
    /// It cannot be read, or changes meanwhile.
    pub(super) fn read(self) -> Result<Vec<u8>, LibraryFault> {
        let mut octets = Vec::with_capacity(usize::try_from(self.stamp.size).unwrap_or_default());
        // One octet more than there may be tells that it grew.
        let mut whole = (&self.file).take(self.stamp.size + 1);
        whole.read_to_end(&mut octets).map_err(told)?;
        if Stamp::of(&self.file)? != self.stamp || octets.len() as u64 != self.stamp.size {
            return Err(LibraryFault::Changed);
        }
        Ok(octets)
    }
}

impl Stamp {
    /// Whether a later change would make it another: a file system's clock is coarse, so one that
    /// changed just now may change again and not show it. By the wall clock, as files are dated.
    pub(super) fn is_settled(&self, now: SystemTime) -> bool {
        let changed = u64::try_from(self.changed.0).map(Duration::from_secs).unwrap_or_default();
        let age = now.duration_since(SystemTime::UNIX_EPOCH + changed);
        age.is_ok_and(|age| age >= UNSETTLED)
    }

    fn of(file: &File) -> Result<Stamp, LibraryFault> {
        let now = file.metadata().map_err(told)?;
        Ok(Stamp {
            device: now.dev(),
            inode: now.ino(),
            size: now.len(),
            modified: (now.mtime(), now.mtime_nsec()),
            changed: (now.ctime(), now.ctime_nsec()),
        })
    }
}

/// The folder `path`, if nobody but root and `us` can put a file there.
fn open_folder(path: &Path, us: u32) -> Result<OwnedFd, LibraryFault> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let folder = open(path, flags, Mode::empty()).map_err(unreadable)?;
    let found = fstat(&folder).map_err(unreadable)?;
    permitted(&Place::Folder(path.to_owned()), found.st_uid, found.st_mode, us)?;
    // Where the folder is that was opened, whatever its path leads to by now.
    let whole = fs::read_link(loadable(&folder)).map_err(told)?;
    for above in whole.ancestors().skip(1) {
        let found = fs::metadata(above).map_err(told)?;
        let (owner, mode) = (found.uid(), found.mode());
        // In /tmp and its like everybody can make a file, and nobody can rename another's.
        if mode & STICKY != 0 {
            continue;
        }
        let place = || Place::Folder(above.to_owned());
        if mode & BY_EVERYBODY != 0 {
            return Err(writable(&place(), mode & !0o020));
        }
        if owner != 0 && owner != us {
            return Err(LibraryFault::Owner { what: place(), owner, us });
        }
    }
    Ok(folder)
}

fn permitted(what: &Place, owner: u32, mode: u32, us: u32) -> Result<(), LibraryFault> {
    if owner != 0 && owner != us {
        return Err(LibraryFault::Owner { what: what.clone(), owner, us });
    }
    if mode & BY_OTHERS != 0 {
        return Err(writable(what, mode));
    }
    Ok(())
}

fn writable(what: &Place, mode: u32) -> LibraryFault {
    LibraryFault::Writable { what: what.clone(), mode: mode & 0o7777 }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn kind_of(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT
}

fn article(kind: SFlag) -> &'static str {
    match kind {
        SFlag::S_IFDIR => "a folder",
        SFlag::S_IFIFO => "a pipe",
        SFlag::S_IFSOCK => "a socket",
        _ => "a device",
    }
}

fn unreadable(error: Errno) -> LibraryFault {
    told(error.into())
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn told(error: std::io::Error) -> LibraryFault {
    LibraryFault::Unreadable { why: error.to_string() }
}
