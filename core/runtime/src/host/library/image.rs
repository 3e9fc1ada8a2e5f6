//! A library's octets, as they were found and as they stay.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rais_sdk::host::Manifest;

use super::digest::Digest;
use super::elf;
use super::fault::LibraryFault;
use super::place::Found;
use super::seal::Sealed;

/// Where every library says what it is, and in how many octets: parts of the ABI of every version.
const MANIFEST: &str = "rais_plugin_manifest";
const MANIFEST_ROOM: usize = 512;

/// A library's octets as they were found, sealed: what is vetted is what is loaded, whatever
/// happens to the file meanwhile.
///
/// Clones share the octets.
#[derive(Debug, Clone)]
pub struct Image {
    path: PathBuf,
    digest: Digest,
    manifest: Result<Manifest, String>,
    sealed: Arc<Sealed>,
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
        let digest = Digest::of(&octets);
        let manifest = manifest(&octets);
        let sealed = Arc::new(Sealed::new(name, octets)?);
        Ok(Image { path, digest, manifest, sealed })
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

    /// What the file says of itself, read without running anything of it.
    pub(super) fn manifest(&self) -> Result<&Manifest, String> {
        self.manifest.as_ref().map_err(Clone::clone)
    }

    /// The file's name, without its folder.
    pub fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or(self.path.as_os_str())
    }

    /// A copy to be handed to one other process.
    ///
    /// # Errors
    /// No room for it.
    pub(in crate::host) fn copy(&self) -> io::Result<Arc<OwnedFd>> {
        self.sealed.copy()
    }

    /// What this process's loader opens; the octets stay in memory as long as the process lives.
    ///
    /// The C library tells what it has loaded by this name alone. Were the descriptor closed, and
    /// its number another image's, it would give the old library for the new. So equal octets have
    /// one name here, and other octets never have the same.
    ///
    /// # Errors
    /// No room for a copy.
    pub fn loadable(&self) -> io::Result<PathBuf> {
        let mut for_good = FOR_GOOD.lock().unwrap_or_else(PoisonError::into_inner);
        let copy = match for_good.entry(self.digest) {
            Entry::Occupied(copy) => copy.into_mut(),
            Entry::Vacant(room) => room.insert(self.sealed.copy()?),
        };
        Ok(loadable(copy))
    }
}

fn manifest(octets: &[u8]) -> Result<Manifest, String> {
    let bad = |why: &dyn fmt::Display| format!("has a manifest that cannot be read: {why}");
    let found = elf::symbol(octets, MANIFEST).map_err(|fault| bad(&fault))?;
    let found = found.ok_or_else(|| bad(&"its file has none"))?;
    Manifest::read(&found[..found.len().min(MANIFEST_ROOM)]).map_err(|why| bad(&why))
}

/// What a loader opens for `descriptor`.
pub(in crate::host) fn loadable(descriptor: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()))
}
