//! The key ring on disk: a folder of `*.key` files, each one key and what it may do.
//!
//! What is in one is in `docs/reference/key-file.md`.
//!
//! Nobody but the owner may read one; a credential that systemd hands a service
//! (`LoadCredential=`, in `$CREDENTIALS_DIRECTORY`) is read as systemd leaves it. Secrets never appear in errors, logs or `Debug`.

mod file;
pub mod rotation;
mod survey;
mod written;

use std::env;
use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User, geteuid};
use rais_proto::heartbeat::key::{KeyId, KeyLimits, KeyRing, Secret};
use rais_proto::name::{HostName, NameError};
use rais_proto::time::WallTime;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

pub use self::file::KeyFile;
use self::file::{About, render};
pub use self::survey::{Survey, survey};
use crate::durable;

/// What a key file ends in.
const EXTENSION: &str = "key";

/// Why a folder is no key ring.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The folder is missing.
    #[error("{}: no such folder: `rais key new --keys {}` makes it and a first key", .0.display(), .0.display())]
    Missing(PathBuf),
    /// It is no folder.
    #[error(
        "{}: a file, and the key ring is a folder: name the one that it is in, `{}`",
        .0.display(), parent(.0).display()
    )]
    NotAFolder(PathBuf),
    /// The folder has no key in it.
    #[error(
        "{}: no key here{}: `rais key new --keys {}` makes the first",
        .folder.display(), instead(others), .folder.display()
    )]
    Empty {
        /// The folder.
        folder: PathBuf,
        /// What lies there.
        others: Vec<String>,
    },
    /// Others may read or write a key.
    #[error(
        "{}: mode {mode:04o} lets others at the key; it must be 0600 or 0400: `chmod 600 {}`, and make a new key if others may have read it",
        .path.display(), .path.display()
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A key belongs to somebody else.
    #[error(
        "{}: belongs to {}; a key must belong to {}, as whom this runs{}: `chown {wanted} {}`, or make \
         keys as that user (`sudo -u`)",
        .path.display(), user(*owner), user(*wanted), or_root(*wanted), .path.display()
    )]
    Owner {
        /// The file.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
        /// Our own.
        wanted: u32,
    },
    /// A key file does not say what it should.
    #[error("{}: {why}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, without any of what it says.
        why: String,
    },
    /// Two keys want to sign, or more.
    #[error(
        "{} and {} both have use = \"sign\"{}, and {} follows the other; one key of a folder signs: \
         `rais key accept NAME --keys {}` has the other accepted only",
        .first.display(), .second.display(), as_have(others), if *.circle { "each" } else { "neither" },
        parent(.first).display()
    )]
    TwoSigners {
        /// The one.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// And who else.
        others: Vec<PathBuf>,
        /// Whether each of all follows each.
        circle: bool,
    },
    /// The same secret is in two files.
    #[error("{} and {} hold the same secret; remove one", .first.display(), .second.display())]
    Twice {
        /// The one.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A name that cannot be a file's.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A key of that name is already there.
    #[error("{}: there already; keys are never overwritten", .0.display())]
    Exists(PathBuf),
    /// The file system refused.
    #[error("{}: cannot {doing}{}: {source}", .path.display(), as_whom(source))]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system gave no random octets.
    #[error("the system gave no random octets for a key")]
    Random,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// Our beats are signed with it, others' accepted.
    Sign,
    /// Others' beats are accepted.
    Accept,
}

/// A folder's keys.
#[derive(Debug, Clone)]
pub struct Keys {
    /// For the core.
    pub ring: KeyRing,
    /// For people, by path.
    pub files: Vec<KeyFile>,
}

impl KeyError {
    /// The files that it is about; none where it is about the folder.
    pub fn files(&self) -> Vec<&Path> {
        match self {
            KeyError::TwoSigners { first, second, others, .. } => {
                [first, second].into_iter().chain(others).map(PathBuf::as_path).collect()
            }
            KeyError::Twice { first, second } => vec![first, second],
            KeyError::Mode { path, .. }
            | KeyError::Owner { path, .. }
            | KeyError::Content { path, .. }
            | KeyError::Io { path, .. }
            | KeyError::Exists(path) => vec![path],
            KeyError::Missing(_)
            | KeyError::NotAFolder(_)
            | KeyError::Empty { .. }
            | KeyError::Name(_)
            | KeyError::Random => Vec::new(),
        }
    }

    /// What is wrong, in a word or three.
    pub const fn mark(&self) -> &'static str {
        match self {
            KeyError::TwoSigners { .. } => "another signs too",
            KeyError::Twice { .. } => "secret is there twice",
            KeyError::Mode { .. } => "open to others",
            KeyError::Owner { .. } => "of another user",
            KeyError::Content { .. } => "not a sound key",
            _ => "cannot be read",
        }
    }
}

impl KeyUse {
    /// As in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeyUse::Sign => "sign",
            KeyUse::Accept => "accept",
        }
    }
}

impl fmt::Display for KeyUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Reads the keys of `folder`.
///
/// A ring without a signing key is sound: a binder needs none ([`KeyRing::signing`]).
///
/// # Errors
/// The first file that is at fault; no file at all.
pub fn load(folder: &Path) -> Result<Keys, KeyError> {
    load_as(folder, credentials().as_deref())
}

/// The folder that systemd has made for this service.
fn credentials() -> Option<PathBuf> {
    env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// As [`load`], for a service whose credentials are in a folder.
fn load_as(folder: &Path, credentials: Option<&Path>) -> Result<Keys, KeyError> {
    unchanged(folder, || look(folder, credentials))
}

/// Looks until the folder has not changed meanwhile: one file read before a switch of keys and the
/// next after it were never one ring.
fn unchanged<T>(folder: &Path, mut look: impl FnMut() -> T) -> T {
    let mut looks = 1;
    loop {
        let before = stamps(folder);
        let seen = look();
        if looks == MOST_LOOKS || stamps(folder) == before {
            return seen;
        }
        looks += 1;
    }
}

/// So often a folder is read anew that changes while it is read.
const MOST_LOOKS: u32 = 100;

/// What tells each file of a folder from another of its name, and from itself when it was changed.
fn stamps(folder: &Path) -> Option<Vec<(PathBuf, u64, i64, i64)>> {
    let stamp = |path: PathBuf| {
        let about = path.metadata().ok()?;
        Some((path, about.ino(), about.ctime(), about.ctime_nsec()))
    };
    key_files(folder).ok()?.into_iter().map(stamp).collect()
}

fn look(folder: &Path, credentials: Option<&Path>) -> Result<Keys, KeyError> {
    let Survey { mut files, keys, faults } = Survey::of(folder, credentials)?;
    if let Some(fault) = faults.into_iter().next() {
        return Err(fault);
    }
    let signer = signer(&files)?;
    settle(&mut files, signer);
    let ring = KeyRing::new(keys, signer)
        .map_err(|error| KeyError::Content { path: folder.to_owned(), why: error.to_string() })?;
    Ok(Keys { ring, files })
}

/// Says of each what it is for where this one signs.
fn settle(files: &mut [KeyFile], signer: Option<KeyId>) {
    for file in files {
        file.usage = if signer == Some(file.id) { KeyUse::Sign } else { KeyUse::Accept };
    }
}

/// The key that signs: of those that want to, the one that follows all others.
fn signer(files: &[KeyFile]) -> Result<Option<KeyId>, KeyError> {
    let signers: Vec<&KeyFile> = files.iter().filter(|file| file.usage == KeyUse::Sign).collect();
    let succeeds = |late: &KeyFile, early: &KeyFile| {
        follows(files, late, early) && !follows(files, early, late)
    };
    let is_last = |one: &&KeyFile| !signers.iter().any(|other| succeeds(other, one));
    let last: Vec<&KeyFile> = signers.iter().copied().filter(is_last).collect();
    let Some(&first) = last.first() else { return Ok(None) };
    // A secret that is there twice is no rival of itself.
    let rivals: Vec<&KeyFile> = last.into_iter().filter(|other| other.id != first.id).collect();
    let stranger = rivals.iter().find(|other| !follows(files, first, other));
    let Some(second) = stranger.or(rivals.first()) else { return Ok(Some(first.id)) };
    let named = [&first.path, &second.path];
    let others = signers.iter().filter(|file| !named.contains(&&file.path));
    Err(KeyError::TwoSigners {
        first: first.path.clone(),
        second: second.path.clone(),
        others: others.map(|file| file.path.clone()).collect(),
        circle: stranger.is_none(),
    })
}

/// Whether `late` follows `early`, also with others of `files` between them.
fn follows(files: &[KeyFile], late: &KeyFile, early: &KeyFile) -> bool {
    let mut at = Some(late);
    // A circle ends with the files.
    for _ in files {
        match at.and_then(|file| file.follows) {
            Some(id) if id == early.id => return true,
            Some(id) => at = files.iter().find(|file| file.id == id),
            None => return false,
        }
    }
    false
}

/// Makes a key `name` in `folder`, itself made where missing, and gives its file.
///
/// Without a `usage` the first key of a folder signs and later ones are accepted.
///
/// # Errors
/// A name that is taken or cannot be a file's; whatever the file system says.
pub fn create(
    folder: &Path,
    name: &str,
    usage: Option<KeyUse>,
    limits: &KeyLimits,
    now: WallTime,
) -> Result<PathBuf, KeyError> {
    let name: HostName = name.parse()?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| io_error("make", folder, source))?;
    let _lock = lock(folder)?;
    let usage = match usage {
        Some(usage) => usage,
        None if key_files(folder)?.is_empty() => KeyUse::Sign,
        None => KeyUse::Accept,
    };
    write_new(folder, &About { name: &name, usage, follows: None, limits, now })
}

/// A new secret in a file of its own.
fn write_new(folder: &Path, about: &About<'_>) -> Result<PathBuf, KeyError> {
    let mut octets = Zeroizing::new([0; Secret::LEN]);
    SystemRandom::new().fill(&mut *octets).map_err(|_| KeyError::Random)?;
    let path = folder.join(format!("{}.{EXTENSION}", about.name));
    let text = render(&octets, about);
    match durable::create(&path, text.as_bytes(), 0o600) {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(KeyError::Exists(path)),
        Err(source) => Err(io_error("write", &path, source)),
    }
}

/// Held while a folder is changed, so that two who change it do so one after the other. Whoever
/// only reads it needs none.
fn lock(folder: &Path) -> Result<File, KeyError> {
    let file = File::open(folder).map_err(|source| io_error("open", folder, source))?;
    file.lock().map_err(|source| io_error("lock", folder, source))?;
    Ok(file)
}

fn key_files(folder: &Path) -> Result<Vec<PathBuf>, KeyError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(KeyError::Missing(folder.to_owned()));
        }
        Err(_) if folder.is_file() => return Err(KeyError::NotAFolder(folder.to_owned())),
        entries => entries.map_err(|source| io_error("read", folder, source))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| io_error("read", folder, source))?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// What lies in a folder without keys, by name.
fn others(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Of what lies there, so many are named.
const MOST_NAMED: usize = 5;

/// Why what lies there is no key.
fn instead(others: &[String]) -> String {
    if others.is_empty() {
        return String::new();
    }
    let named: Vec<String> =
        others.iter().take(MOST_NAMED).map(|name| format!("`{}`", name.escape_debug())).collect();
    let more = if others.len() > MOST_NAMED { ", …" } else { "" };
    format!(" (only files named `NAME.{EXTENSION}` count, and not {}{more})", named.join(", "))
}

/// Where a file is.
fn parent(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// And who else has it.
fn as_have(others: &[PathBuf]) -> String {
    match others.len() {
        0 => String::new(),
        1 => ", as has another".to_owned(),
        more => format!(", as have {more} others"),
    }
}

/// A user as people know it.
fn user(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => format!("user {} ({uid})", user.name),
        _ => format!("user {uid}"),
    }
}

/// Root's files are taken from everybody.
fn or_root(wanted: u32) -> &'static str {
    if wanted == 0 { "" } else { ", or to root" }
}

/// Who was refused, where that is the reason.
fn as_whom(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!(" as {}", user(geteuid().as_raw())),
        _ => String::new(),
    }
}

fn io_error(doing: &'static str, path: &Path, source: io::Error) -> KeyError {
    KeyError::Io { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
