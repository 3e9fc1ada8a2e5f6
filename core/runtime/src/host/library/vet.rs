//! Trying a library in a process that is thrown away.

use std::process::ExitCode;

use super::fault::LibraryFault;
use super::image::Image;
use super::vetted::Vetted;
use crate::host::Program;

/// What a process that is thrown away finds in `image`. Blocks, for some ten seconds at most.
///
/// # Errors
/// How that process ended, or why it refuses the library.
pub fn vet(image: &Image, program: &Program) -> Result<Vetted, LibraryFault> {
    let _ = (image, program);
    Err(LibraryFault::NotTried { why: "libraries are not tried yet".into() })
}

/// What that process does: `rais plugin-host vet`.
pub fn vet_child() -> ExitCode {
    ExitCode::FAILURE
}
