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

mod child;
mod digest;
mod elf;
mod ended;
mod fault;
pub(in crate::host) mod handover;
pub(in crate::host) mod image;
mod libraries;
mod place;
mod seal;
mod vet;
mod vetted;
pub(in crate::host) mod words;

use std::path::Path;
use std::sync::Arc;

pub use self::child::vet_child;
pub use self::digest::Digest;
pub use self::ended::Ended;
pub use self::fault::{LibraryFault, Place};
pub use self::image::Image;
pub use self::libraries::{Libraries, Scan};
pub use self::vet::vet;
pub use self::vetted::{PanicStrategy, Vetted, VettedPlugin};
pub(crate) use self::words::Ear;
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

    /// The same, found at `path`.
    fn found_at(self: Arc<Library>, path: &Path) -> Arc<Library> {
        if self.image.path() == path {
            return self;
        }
        let image = self.image.found_at(path);
        Arc::new(Library { image, vetted: self.vetted.clone() })
    }
}

#[cfg(test)]
mod tests;
