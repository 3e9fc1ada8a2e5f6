//! A file with a secret in it.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use rais_sdk::PathText;
use zeroize::Zeroizing;

/// In octets; the longest there is holds a JWT with many permissions.
const LONGEST: u64 = 1 << 18;
/// Where systemd puts a service's credentials, by this variable's word.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// What a file is read for; why it is not that, where it is not.
pub(crate) type Sound = fn(&str) -> Result<(), String>;

/// Read again for every connection, so that a secret can be changed while rais runs.
#[derive(Debug)]
pub(crate) struct SecretFile {
    path: PathText,
    sound: Sound,
    last: Mutex<Arc<Zeroizing<String>>>,
}

impl SecretFile {
    /// Reads it; the fault is told with the file's name, never with what is in it.
    pub(crate) fn open(path: PathText, sound: Sound) -> Result<Self, String> {
        let text =
            read(path.get(), sound).map_err(|why| format!("{}: {why}", path.get().display()))?;
        Ok(Self { path, sound, last: Mutex::new(Arc::new(text)) })
    }

    /// What stands in it, or stood in it when it was sound last: it may be half written.
    pub(crate) fn text(&self) -> Arc<Zeroizing<String>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(text) = read(self.path.get(), self.sound) {
            *last = Arc::new(text);
        }
        Arc::clone(&last)
    }
}

fn read(path: &Path, sound: Sound) -> Result<Zeroizing<String>, String> {
    let unread = |error: std::io::Error| format!("cannot be read: {error}");
    // A pipe of that name must not make us wait for a writer.
    let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
    let file = file.map_err(unread)?;
    // Asked of the open file: a name can change its file in between.
    let about = file.metadata().map_err(unread)?;
    if !about.is_file() {
        return Err("is not a regular file".to_owned());
    }
    refuse_others(path, &about)?;
    if about.len() > LONGEST {
        return Err("is far too long for a secret".to_owned());
    }
    // Grown while reading, a string would leave copies behind.
    let room = usize::try_from(about.len()).unwrap_or_default() + 1;
    let mut text = Zeroizing::new(String::with_capacity(room));
    file.take(about.len()).read_to_string(&mut text).map_err(unread)?;
    sound(&text)?;
    Ok(text)
}

/// A file that others can read or change.
fn refuse_others(path: &Path, about: &Metadata) -> Result<(), String> {
    let mode = about.mode() & 0o7777;
    if !matches!(mode, 0o600 | 0o400) && !is_credential(path, about) {
        return Err(format!(
            "mode {mode:04o} lets others at the secret; it must be 0600 or 0400: `chmod 600 {}`, \
             and have a new one made if others may have read it",
            path.display()
        ));
    }
    let (owner, wanted) = (about.uid(), geteuid().as_raw());
    if owner != wanted && owner != 0 {
        let ours = match wanted {
            0 => "root, as whom rais runs".to_owned(),
            _ => format!("root or to user {wanted}, as whom rais runs"),
        };
        return Err(format!(
            "belongs to user {owner}, who can read and change it: it must belong to {ours}: \
             `chown {wanted} {}`",
            path.display()
        ));
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
