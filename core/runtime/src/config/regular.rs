//! Reads a file that is one: what is named in a configuration must not make its reader wait.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What the regular file at `path` holds.
///
/// # Errors
/// Whatever the file system says; [`io::ErrorKind::InvalidInput`] for a pipe, a device, a folder.
pub fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe must not make us wait for a writer, a terminal not become ours.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let mut file = File::options().read(true).custom_flags(flags).open(path)?;
    // Asked of the open file: a name can change its file in between.
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut octets = Vec::new();
    file.read_to_end(&mut octets)?;
    Ok(octets)
}
