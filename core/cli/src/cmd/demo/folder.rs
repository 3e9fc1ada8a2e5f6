//! The demo's private folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::unistd::mkdtemp;

/// A path of a socket is no longer than this, in octets (`sun_path` of unix(7) without its end).
const LONGEST_SOCKET: usize = 107;
/// What a socket's name adds to the folder's.
const ROOM: usize = "/rais-demo-XXXXXX/binder.sock".len();

/// A folder that only its owner can enter (mode 0700); removed with all that is in it when dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes one below the system's folder for temporary files.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn new() -> anyhow::Result<Folder> {
        let temporary = std::env::temp_dir();
        let fits = temporary.is_absolute() && temporary.as_os_str().len() + ROOM <= LONGEST_SOCKET;
        let parent = if fits { temporary } else { PathBuf::from("/tmp") };
        let made = mkdtemp(&parent.join("rais-demo-XXXXXX"))
            .map_err(io::Error::from)
            .with_context(|| format!("{}: no folder can be made there", parent.display()))?;
        Ok(Folder(made))
    }

    /// Where it is; absolute.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Puts a file in it.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.0.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Somebody may have removed it before us.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn is_private_and_leaves_nothing() {
        let folder = Folder::new().unwrap();
        let path = folder.path().to_owned();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
        folder.write("web1.toml", "").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
