//! Copies of octets that nobody else changes any more, and that the loader takes.
#![allow(unsafe_code)] // asks for an executable mapping, and gives it back

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl, open};
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::stat::{Mode, fchmod};

use super::fault::LibraryFault;

/// Where a nameless file is made if a service may not have executable memory files.
const FOLDERS: [&str; 2] = ["/run/rais", "/var/lib/rais"];
/// The kernel takes 249 octets; `rais:` are five.
const NAME: usize = 240;

/// Makes a copy of the octets for a file of that name.
type Copier = fn(&OsStr, &[u8]) -> io::Result<OwnedFd>;

/// A library's octets, to be copied for whoever loads them. Nobody changes what he was not given.
#[derive(Debug)]
pub(super) enum Sealed {
    /// One for all: not even its owner can change it.
    Memory(Arc<OwnedFd>),
    /// Of a file its owner can, also where he was given it to read: through /proc/self/fd. So each
    /// who loads it has one of his own, made of these octets, which nobody else has.
    Each { folder: PathBuf, octets: Vec<u8> },
}

impl Sealed {
    /// Of `octets`. Crash reports call them after the file `name`.
    ///
    /// # Errors
    /// Neither memory nor a folder for it.
    pub(super) fn new(name: &OsStr, octets: Vec<u8>) -> Result<Sealed, LibraryFault> {
        Sealed::by(in_memory, &FOLDERS.map(Path::new), name, octets)
    }

    pub(super) fn by(
        memory: Copier,
        folders: &[&Path],
        name: &OsStr,
        octets: Vec<u8>,
    ) -> Result<Sealed, LibraryFault> {
        let tried = |place: String, error: io::Error| format!("{place}: {error}");
        let mut why = match memory(name, &octets) {
            Ok(copy) => return Ok(Sealed::Memory(Arc::new(copy))),
            Err(error) => vec![tried("a sealed memory file".to_owned(), error)],
        };
        for folder in folders {
            match in_folder(folder, &octets) {
                Ok(_) => return Ok(Sealed::Each { folder: (*folder).to_owned(), octets }),
                Err(error) => why.push(tried(format!("a file in {}", folder.display()), error)),
            }
        }
        Err(LibraryFault::NoCopy { why: why.join("; ") })
    }

    /// A copy for one process, which it may know by its descriptor.
    ///
    /// # Errors
    /// No room for it.
    pub(super) fn copy(&self) -> io::Result<Arc<OwnedFd>> {
        match self {
            Sealed::Memory(copy) => Ok(Arc::clone(copy)),
            Sealed::Each { folder, octets } => in_folder(folder, octets).map(Arc::new),
        }
    }
}

/// In memory; sealed, so that not even this process can change it.
fn in_memory(name: &OsStr, octets: &[u8]) -> io::Result<OwnedFd> {
    let name = name.as_bytes();
    let name = [b"rais:", &name[..name.len().min(NAME)]].concat();
    let name = CString::new(name).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    // Being no program does not keep it from being mapped as a library, and it is the one kind that
    // vm.memfd_noexec=2 allows. Kernels before 6.3 do not know it.
    let no_program = MFdFlags::from_bits_retain(libc::MFD_NOEXEC_SEAL);
    let copy = match memfd_create(name.as_c_str(), flags | no_program) {
        Err(Errno::EINVAL) => memfd_create(name.as_c_str(), flags),
        other => other,
    }?;
    let mut copy = File::from(copy);
    copy.write_all(octets)?;
    let seals = SealFlag::F_SEAL_WRITE
        | SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_SEAL;
    fcntl(&copy, FcntlArg::F_ADD_SEALS(seals))?;
    may_be_run(&copy)?;
    Ok(copy.into())
}

/// In a file without a name: nothing is left behind, and who is not its owner can only read it.
fn in_folder(folder: &Path, octets: &[u8]) -> io::Result<OwnedFd> {
    // O_EXCL: it never gets a name.
    let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let mut writer = File::from(open(folder, flags, Mode::S_IRUSR)?);
    writer.write_all(octets)?;
    // A process that tries it may be somebody else's, and opens it once more.
    fchmod(&writer, Mode::S_IRUSR | Mode::S_IRGRP | Mode::S_IROTH)?;
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let copy = File::open(path)?;
    may_be_run(&copy)?;
    Ok(copy.into())
}

/// Whether the kernel maps `file` as a library; policies refuse it here, not when it is opened.
fn may_be_run(file: &impl AsFd) -> io::Result<()> {
    let length = NonZeroUsize::MIN;
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_EXEC;
    // SAFETY: a new mapping at an address of the kernel's choice, which nobody reads or runs.
    let mapped = unsafe { mmap(None, length, protection, MapFlags::MAP_PRIVATE, file, 0) };
    let mapped = mapped.map_err(|error| {
        io::Error::new(io::Error::from(error).kind(), format!("cannot be run from: {error}"))
    })?;
    // SAFETY: the mapping made above, and no reference into it.
    unsafe { munmap(mapped, length.get()) }?;
    Ok(())
}
