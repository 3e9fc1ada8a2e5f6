//! The file that a key stands in.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use zeroize::Zeroizing;

use crate::key::{Key, KeyError};

/// No key's file is longer, in octets.
const LONGEST: u64 = 1 << 20;
/// Where systemd puts a service's credentials, by this variable's word.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Why a key's file is not taken; none of these texts names the file, and none holds the secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A folder, a pipe or the like.
    #[error("not a regular file")]
    NoFile,
    /// Longer than any key.
    #[error("far too long for a key")]
    Long,
    /// Its permissions.
    #[error(
        "mode {mode:04o} lets others at the key; it must be 0600 or 0400: `chmod 600 {}`, and make a new key if others may have read it", .path.display()
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It is somebody else's.
    #[error(
        "it belongs to user {owner}, who can read and change it: it must belong to root or to user {wanted}, who rais runs as"
    )]
    Owner {
        /// Whose it is.
        owner: u32,
        /// Who we are.
        wanted: u32,
    },
    /// What it says.
    #[error("{0}")]
    Key(#[from] KeyError),
}

/// Who may be able to read a key's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Root and we: the key is ours.
    Ours,
    /// Others, too: the key is the server's, and we are let at it.
    Shared,
}

/// A key's file, and the key that was last read from it.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    access: Access,
    mode: u32,
    key: Mutex<Arc<Key>>,
}

impl KeyFile {
    /// Reads it; the text is wiped.
    ///
    /// # Errors
    /// What is wrong with the file, its permissions among it, or with the text.
    pub fn open(path: &Path, access: Access) -> Result<KeyFile, KeyFileError> {
        let (key, mode) = read_key(path, access)?;
        let key = Mutex::new(Arc::new(key));
        Ok(KeyFile { path: path.to_owned(), access, mode, key })
    }

    /// Its permissions when it was opened.
    #[must_use]
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// The key that was last read.
    #[must_use]
    pub fn key(&self) -> Arc<Key> {
        Arc::clone(&self.held())
    }

    /// Another key than `refused`, where the file has one by now: it may have been changed with
    /// the server's.
    #[must_use]
    pub fn other_than(&self, refused: &Key) -> Option<Arc<Key>> {
        let mut held = self.held();
        // Another call may have read it meanwhile.
        if **held == *refused {
            // Half a file, or none: the refusal is what is told.
            let (key, _) =
                read_key(&self.path, self.access).ok().filter(|(key, _)| key != refused)?;
            *held = Arc::new(key);
        }
        Some(Arc::clone(&held))
    }

    fn held(&self) -> MutexGuard<'_, Arc<Key>> {
        self.key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// With the file's permissions.
fn read_key(path: &Path, access: Access) -> Result<(Key, u32), KeyFileError> {
    // A pipe named like a key must not make us wait for a writer.
    let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    // Asked of the open file: a name can change its file in between.
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(KeyFileError::NoFile);
    }
    if access == Access::Ours {
        refuse_others(path, &about)?;
    }
    if about.len() > LONGEST {
        return Err(KeyFileError::Long);
    }
    // Grown while reading, a string would leave copies behind.
    let room = usize::try_from(about.len()).unwrap_or_default() + 1;
    let mut text = Zeroizing::new(String::with_capacity(room));
    file.take(about.len()).read_to_string(&mut text)?;
    Ok((Key::parse(&text)?, about.mode() & 0o7777))
}

/// A file that others can read or change.
fn refuse_others(path: &Path, about: &Metadata) -> Result<(), KeyFileError> {
    let mode = about.mode() & 0o7777;
    if !matches!(mode, 0o600 | 0o400) && !is_credential(path, about) {
        return Err(KeyFileError::Mode { path: path.to_owned(), mode });
    }
    let wanted = geteuid().as_raw();
    if about.uid() != wanted && about.uid() != 0 {
        return Err(KeyFileError::Owner { owner: about.uid(), wanted });
    }
    Ok(())
}

/// Whether this is one of a service's credentials as systemd leaves them: root's own, and the group
/// bit is the mask of an access list that lets this service's user read and nobody else.
fn is_credential(path: &Path, about: &Metadata) -> bool {
    let Some(folder) = std::env::var_os(CREDENTIALS) else { return false };
    let folder = Path::new(&folder);
    let inside = || Some(path.canonicalize().ok()?.starts_with(folder.canonicalize().ok()?));
    about.uid() == 0 && about.mode() & 0o7777 == 0o440 && inside() == Some(true)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const TEXT: &str = "key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n";

    #[test]
    fn a_file_is_taken_that_is_ours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tsig.key");
        fs::write(&path, TEXT).unwrap();
        for (mode, taken) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let (shared, told) = read_key(&path, Access::Shared).unwrap();
            assert_eq!((shared.secret(), told), (&b"secret"[..], mode));
            match (read_key(&path, Access::Ours), taken) {
                (Ok((key, _)), true) => assert_eq!(key.secret(), b"secret"),
                (Err(error), false) => {
                    let text = error.to_string();
                    assert!(text.contains(&format!("mode {mode:04o}")), "{text}");
                    assert!(text.contains(&format!("chmod 600 {}", path.display())), "{text}");
                }
                (other, _) => panic!("{mode:o}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_key_that_was_refused_is_looked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tsig.key");
        let write = |text: &str| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        };
        write(TEXT);
        let file = KeyFile::open(&path, Access::Ours).unwrap();
        let first = file.key();
        assert!(file.other_than(&first).is_none());
        for half in ["", "key k {"] {
            write(half);
            assert!(file.other_than(&first).is_none(), "{half:?}");
        }
        write(&TEXT.replace("c2Vj", "bmV3"));
        let second = file.other_than(&first).unwrap();
        assert_eq!(second.secret(), b"newret");
        // Who comes later with the old one is given what is there.
        assert_eq!(file.other_than(&first).unwrap(), second);
        assert!(file.other_than(&second).is_none());
        assert_eq!(file.key(), second);
    }

    #[test]
    fn what_is_no_key_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_key(folder.path(), Access::Ours), Err(KeyFileError::NoFile)));
        let path = folder.path().join("none.key");
        let gone = read_key(&path, Access::Ours).unwrap_err().to_string();
        assert!(gone.contains("No such file"), "{gone}");
        fs::write(&path, "hello").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(read_key(&path, Access::Ours), Err(KeyFileError::Key(KeyError::None))));
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(matches!(read_key(&pipe, Access::Ours), Err(KeyFileError::NoFile)));
    }
}
