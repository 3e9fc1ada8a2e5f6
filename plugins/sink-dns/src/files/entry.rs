//! What stands in a folder.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, io};

use rais_zone::ZoneName;

const EXTENSION: &str = "zone";

/// What a name in the folder stands for.
pub(super) enum Entry {
    /// An editor's, or one that is being written.
    Hidden,
    Other,
    Unknown,
    File(Look),
}

/// By what a file is known to have changed. One that takes another's place may be as long and as old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    inode: (u64, u64),
    pub(super) octets: u64,
    /// Seconds and nanoseconds.
    written: (i64, i64),
    changed: (i64, i64),
}

impl Entry {
    pub(super) fn of(path: &Path) -> Entry {
        if is_hidden(path) {
            return Entry::Hidden;
        }
        if path.extension() != Some(OsStr::new(EXTENSION)) {
            return Entry::Other;
        }
        match fs::metadata(path) {
            Ok(about) if about.is_file() => Entry::File(Look::of(&about)),
            Ok(_) => Entry::Other,
            // It is gone again, or a link that leads nowhere.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Entry::Other,
            Err(_) => Entry::Unknown,
        }
    }
}

impl Look {
    fn of(about: &fs::Metadata) -> Look {
        Look {
            inode: (about.dev(), about.ino()),
            octets: about.len(),
            written: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        }
    }
}

/// Whether a name is a zone file's.
pub(super) fn is_named_so(path: &Path) -> bool {
    !is_hidden(path) && path.extension() == Some(OsStr::new(EXTENSION))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

pub(super) fn zone_name(path: &Path) -> Result<ZoneName, String> {
    let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    ZoneName::parse(stem).map_err(|error| error.to_string())
}
