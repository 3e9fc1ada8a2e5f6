//! The file that holds named's key, read again where named does not know the key any more.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::key::{Key, KeyError};

/// Room that is set aside for a key file; a longer one is read as well.
const LARGEST: usize = 1 << 20;

/// A key file, and the key that was last read from it.
#[derive(Debug)]
pub(crate) struct KeyFile {
    path: PathBuf,
    key: Mutex<Arc<Key>>,
}

/// Why a key file is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl KeyFile {
    /// Reads it; with its permissions.
    pub(crate) fn open(path: &Path) -> Result<(KeyFile, u32), KeyFileError> {
        let (key, mode) = read(path)?;
        let key = Mutex::new(Arc::new(key));
        Ok((KeyFile { path: path.to_owned(), key }, mode))
    }

    /// The key that was last read.
    pub(crate) fn key(&self) -> Arc<Key> {
        Arc::clone(&self.held())
    }

    /// Another key than `refused`, where the file has one by now: it may have been changed with
    /// named's.
    pub(crate) fn other_than(&self, refused: &Key) -> Option<Arc<Key>> {
        let mut held = self.held();
        // Another zone's call may have read it meanwhile.
        if held.differs_from(refused) {
            return Some(Arc::clone(&held));
        }
        // Half a file, or none: the refusal is what is told.
        let (key, _) = read(&self.path).ok()?;
        key.differs_from(refused).then(|| {
            *held = Arc::new(key);
            Arc::clone(&held)
        })
    }

    fn held(&self) -> MutexGuard<'_, Arc<Key>> {
        self.key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Its text is wiped when it was read.
fn read(path: &Path) -> Result<(Key, u32), KeyFileError> {
    let mut file = File::open(path)?;
    let about = file.metadata()?;
    // Room for all of it at once: growing would leave copies behind.
    let room = usize::try_from(about.len()).unwrap_or_default().saturating_add(1);
    let mut text = Zeroizing::new(String::with_capacity(room.min(LARGEST)));
    file.read_to_string(&mut text)?;
    Ok((Key::parse(&text)?, about.permissions().mode()))
}
