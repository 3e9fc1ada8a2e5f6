//! Libraries of plugins: judged, read once, sealed and tried before anything of them runs here.
//!
//! ```text
//! FILE ─► place    owner, modes, folder, noexec
//!      ─► elf      a whole shared library for this machine
//!      ─► Image    its octets in a sealed memfd: what is vetted is what is loaded
//!      ─► vet      a process that is thrown away loads it and says what it found
//!      ─► Library  both together
//! ```
//! Nothing here runs foreign code in this process.

mod digest;
mod ended;
mod fault;
mod image;
mod libraries;
mod vet;
mod vetted;
mod words;

use std::path::Path;

pub use self::digest::Digest;
pub use self::ended::Ended;
pub use self::fault::{LibraryFault, Place};
pub use self::image::Image;
pub use self::libraries::{Libraries, Scan};
pub use self::vet::{vet, vet_child};
pub use self::vetted::{PanicStrategy, Vetted, VettedPlugin};
pub use self::words::LastWords;

use super::Program;

/// A library that was tried.
#[derive(Debug, Clone)]
pub struct Library {
    /// Its octets.
    pub image: Image,
    /// What is in it.
    pub vetted: Vetted,
}

impl Library {
    /// Reads and vets the file `path`. Blocks, for some ten seconds at most.
    ///
    /// # Errors
    /// Why it is not used.
    pub fn open(path: &Path, program: &Program) -> Result<Library, LibraryFault> {
        let image = Image::read(path)?;
        let vetted = vet(&image, program)?;
        Ok(Library { image, vetted })
    }
}
