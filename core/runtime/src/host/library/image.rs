//! A library's octets, as they were found and as they stay.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::digest::Digest;
use super::fault::LibraryFault;
use super::place::Found;
use super::{elf, seal};

/// A library's octets as they were found, sealed: what is vetted is what is loaded, whatever
/// happens to the file meanwhile.
///
/// Clones share the octets.
#[derive(Debug, Clone)]
pub struct Image {
    path: PathBuf,
    digest: Digest,
    sealed: Arc<OwnedFd>,
}

/// What the loader of this process may have loaded.
static FOR_GOOD: Mutex<BTreeMap<Digest, Arc<OwnedFd>>> = Mutex::new(BTreeMap::new());

impl Image {
    /// The library in the file `path`, if it may be used and is one.
    ///
    /// # Errors
    /// What is wrong with the file, or that no sealed copy is to be had.
    pub fn read(path: &Path) -> Result<Image, LibraryFault> {
        Image::of(Found::at(path)?, path)
    }

    /// What was found at `path`.
    pub(super) fn of(found: Found, path: &Path) -> Result<Image, LibraryFault> {
        let octets = found.read()?;
        elf::judge(&octets)?;
        if !Path::new("/proc/self/fd").exists() {
            return Err(LibraryFault::NoProc);
        }
        let path = path.to_owned();
        let name = path.file_name().unwrap_or(path.as_os_str());
        let sealed = Arc::new(seal::seal(name, &octets)?);
        Ok(Image { path, digest: Digest::of(&octets), sealed })
    }

    /// The same octets, found at `path`.
    pub(super) fn found_at(&self, path: &Path) -> Image {
        Image { path: path.to_owned(), ..self.clone() }
    }

    /// Where it was found.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What tells it from others.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The file's name, without its folder.
    pub fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or(self.path.as_os_str())
    }

    /// The sealed copy, to be handed to another process.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.sealed.as_fd()
    }

    /// What this process's loader opens; the octets stay in memory as long as the process lives.
    ///
    /// The C library tells what it has loaded by this name alone. Were the descriptor closed, and
    /// its number another image's, it would give the old library for the new. So equal octets have
    /// one name here, and other octets never have the same.
    pub fn loadable(&self) -> PathBuf {
        let mut for_good = FOR_GOOD.lock().unwrap_or_else(PoisonError::into_inner);
        let sealed = for_good.entry(self.digest).or_insert_with(|| Arc::clone(&self.sealed));
        loadable(sealed)
    }
}

/// What a loader opens for `descriptor`.
pub(in crate::host) fn loadable(descriptor: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()))
}
