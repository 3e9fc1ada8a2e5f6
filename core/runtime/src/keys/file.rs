//! One key's file.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::unistd::geteuid;
use rais_proto::heartbeat::key::{Key, KeyId, KeyLimits, Secret};
use rais_proto::name::HostName;
use rais_proto::time::WallTime;
use toml::Spanned;
use zeroize::Zeroizing;

use super::written::{Written, parse};
use super::{KeyError, KeyUse, io_error};
use crate::clock::rfc3339;
use crate::durable;

/// No key file is longer, in octets.
const LONGEST: u64 = 64 * 1024;

/// A key file, but for its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// Where it is.
    pub path: PathBuf,
    /// What people call it.
    pub name: String,
    /// As it stands on the wire.
    pub id: KeyId,
    /// What it is for: of two that want to sign, the one that follows the other signs.
    pub usage: KeyUse,
    /// The key in whose place it is.
    pub follows: Option<KeyId>,
    /// When it was made, as the file says.
    pub created: Option<String>,
    /// What it may speak of.
    pub limits: KeyLimits,
}

/// A key file; `credentials` is the folder that systemd has made for this service, if any.
pub(super) fn read(path: PathBuf, credentials: Option<&Path>) -> Result<(KeyFile, Key), KeyError> {
    let text = read_private(&path, credentials)?;
    let wrong = |why: String| KeyError::Content { path: path.clone(), why };
    let Written { secret, usage, follows, created, name, limits } = parse(&text).map_err(wrong)?;
    let key = Key::new(secret, limits.clone());
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let file = KeyFile {
        name: name.unwrap_or(stem),
        id: key.id(),
        usage: usage.into_inner(),
        follows: follows.map(Spanned::into_inner),
        created,
        limits,
        path,
    };
    Ok((file, key))
}

/// Has the key at `path` be for `usage` from now on, in the place of the key `follows` where one is
/// given. All else of the file, its mode and its comments stay; a file that says so already stays
/// as it is. Whether it is another than before.
pub(super) fn rewrite(
    path: &Path,
    usage: KeyUse,
    follows: Option<KeyId>,
) -> Result<bool, KeyError> {
    let text = read_private(path, None)?;
    let wrong = |why| KeyError::Content { path: path.to_owned(), why };
    let written = parse(&text).map_err(wrong)?;
    let mut changes = Vec::new();
    if *written.usage.get_ref() != usage {
        changes.push((written.usage.span(), format!("\"{usage}\"")));
    }
    match (&written.follows, follows) {
        (Some(old), Some(new)) => changes.push((old.span(), format!("\"{new}\""))),
        // There are no tables in it: a line at its end is one of its keys.
        (None, Some(new)) => {
            let line_feed = if text.ends_with('\n') { "" } else { "\n" };
            let line = format!("{line_feed}follows = \"{new}\"\n");
            changes.push((text.len()..text.len(), line));
        }
        (_, None) => {}
    }
    if changes.is_empty() {
        return Ok(false);
    }
    // From the back: what is changed moves nothing that is still to be changed.
    changes.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut new = Zeroizing::new(String::with_capacity(text.len() + 256));
    new.push_str(&text);
    changes.into_iter().for_each(|(span, value)| new.replace_range(span, &value));
    let mode = path.metadata().map_err(|source| io_error("read", path, source))?.mode() & 0o7777;
    durable::write(path, new.as_bytes(), mode).map_err(|source| io_error("write", path, source))?;
    Ok(true)
}

/// Reads a file that nobody else can.
fn read_private(path: &Path, credentials: Option<&Path>) -> Result<Zeroizing<String>, KeyError> {
    // A pipe named like a key must not make us wait for a writer.
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(|source| io_error("read", path, source))?;
    // Asked of the open file: a name can change its file in between.
    let about = file.metadata().map_err(|source| io_error("read", path, source))?;
    let wrong = |why: &str| KeyError::Content { path: path.to_owned(), why: why.to_owned() };
    if !about.is_file() {
        return Err(wrong("not a regular file"));
    }
    let mode = about.mode() & 0o7777;
    let credential = || credentials.is_some_and(|folder| is_credential(path, &about, folder));
    if !matches!(mode, 0o600 | 0o400) && !credential() {
        return Err(KeyError::Mode { path: path.to_owned(), mode });
    }
    let wanted = geteuid().as_raw();
    if about.uid() != wanted && about.uid() != 0 {
        return Err(KeyError::Owner { path: path.to_owned(), owner: about.uid(), wanted });
    }
    if about.len() > LONGEST {
        return Err(wrong("far too long for a key"));
    }
    // Grown while reading, a string would leave copies behind.
    let room = usize::try_from(about.len()).unwrap_or_default() + 1;
    let mut text = Zeroizing::new(String::with_capacity(room));
    file.take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|source| io_error("read", path, source))?;
    Ok(text)
}

/// Whether this is one of a service's credentials as systemd leaves them: root's own, and the group
/// bit is the mask of an access list that lets this service's user read and nobody else.
fn is_credential(path: &Path, about: &Metadata, folder: &Path) -> bool {
    let inside = || Some(path.canonicalize().ok()?.starts_with(folder.canonicalize().ok()?));
    about.uid() == 0 && about.mode() & 0o7777 == 0o440 && inside() == Some(true)
}

/// What a new key's file says beside its secret.
pub(super) struct About<'a> {
    pub(super) name: &'a HostName,
    pub(super) usage: KeyUse,
    pub(super) follows: Option<KeyId>,
    pub(super) limits: &'a KeyLimits,
    pub(super) now: WallTime,
}

pub(super) fn render(octets: &[u8; Secret::LEN], about: &About<'_>) -> Zeroizing<String> {
    let About { name, usage, follows, limits, now } = about;
    let secret = Zeroizing::new(STANDARD.encode(octets));
    let mut text = Zeroizing::new(String::with_capacity(4096));
    let mut line = |key: &str, value: &str| {
        for piece in [key, " = ", value, "\n"] {
            text.push_str(piece);
        }
    };
    line("name", &format!("\"{name}\""));
    line("use", &format!("\"{usage}\""));
    if let Some(follows) = follows {
        line("follows", &format!("\"{follows}\""));
    }
    line("created", &format!("\"{}\"", rfc3339(*now)));
    let lists = [
        ("hosts", limits.hosts.as_deref().map(list)),
        ("services", limits.services.as_deref().map(list)),
        ("addresses", limits.addresses.as_deref().map(list)),
    ];
    for (key, items) in lists {
        if let Some(items) = items {
            line(key, &items);
        }
    }
    let quoted = Zeroizing::new(["\"", &secret, "\""].concat());
    line("secret", &quoted);
    text
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
    format!("[{}]", quoted.join(", "))
}
