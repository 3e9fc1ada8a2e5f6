//! A library's octets, as they were found and as they stay.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::digest::Digest;
use super::fault::LibraryFault;

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

impl Image {
    /// The library in the file `path`, if it may be used and is one.
    ///
    /// # Errors
    /// What is wrong with the file, or that no sealed copy is to be had.
    pub fn read(path: &Path) -> Result<Image, LibraryFault> {
        let _ = path;
        Err(LibraryFault::NotTried { why: "libraries are not read yet".into() })
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

    /// What a loader opens, for as long as this image lives.
    ///
    /// For a process that loads this image alone: the C library knows what it has loaded by this
    /// name, so once another image has taken the descriptor's number it would give the old one.
    pub fn loadable(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.sealed.as_raw_fd()))
    }
}
