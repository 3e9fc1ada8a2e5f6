//! A path in a plugin's table, and the folder that it counts from.
//!
//! Only the host knows in which file a table stands. It says so under a key of its own in the
//! table's JSON, which is taken out before the author's type is read and kept for this thread while
//! that is done: a type's `Deserialize` is given nothing else. A later host may have more to say so:
//! every key of the table that begins with `$` is a host's, and taken out.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::de::{Deserializer, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::Fault;

/// Where a host says the folder.
const FOLDER: &str = "$folder";

/// How keys of the host begin, and no key of a table: authors' keys are names of fields.
const HOSTS: char = '$';

thread_local! {
    /// Of the table that this thread reads now.
    static READING_IN: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// A file's or folder's path in a table; a relative one counts from the folder of the
/// configuration file that the table stands in. Not empty.
///
/// Take it for every path in a plugin's table, at any depth, so that paths mean the same as in the
/// rest of the configuration. Read outside of a host, or by one that names no folder, a relative
/// path is left as it is written.
///
/// ```
/// use rais_sdk::prelude::*;
///
/// #[config]
/// struct Table {
///     key_file: PathText,
/// }
///
/// fn key(table: &Table) -> Result<Vec<u8>, Fault> {
///     Ok(std::fs::read(table.key_file.get())?)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathText(PathBuf);

impl PathText {
    /// The path, with the folder in front where it was written as a relative one.
    #[must_use]
    pub fn get(&self) -> &Path {
        &self.0
    }
}

impl From<PathText> for PathBuf {
    fn from(text: PathText) -> Self {
        text.0
    }
}

impl AsRef<Path> for PathText {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl<'de> Deserialize<'de> for PathText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = PathText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, absolute or from the folder of this file")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<PathText, E> {
                if text.is_empty() {
                    return Err(E::invalid_value(Unexpected::Str(text), &self));
                }
                Ok(PathText(in_folder(Path::new(text))))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl Serialize for PathText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

fn in_folder(path: &Path) -> PathBuf {
    // Destroyed only where a thread ends, and no host reads a table there.
    let joined = READING_IN.try_with(|folder| folder.borrow().as_ref().map(|it| it.join(path)));
    joined.ok().flatten().unwrap_or_else(|| path.to_owned())
}

/// `table` as JSON for [`Declared`](crate::host::Declared), and with it `folder`, from which a
/// [`PathText`] in it counts: that of the configuration file in which the table stands.
///
/// Stands as a string under the key `$folder`, or as a list of octets where it is not UTF-8.
///
/// # Errors
/// [`FaultKind::Config`](crate::FaultKind::Config) where the table has a key that begins with `$`,
/// or is no table.
pub fn table_with_folder(table: &impl Serialize, folder: &Path) -> Result<String, Fault> {
    let table = serde_json::to_value(table).map_err(|error| Fault::config("", error))?;
    let Value::Object(mut table) = table else {
        return Err(Fault::config("", "not a table"));
    };
    let folder = match folder.to_str() {
        Some(text) => Value::from(text),
        None => Value::from(folder.as_os_str().as_bytes()),
    };
    if let Some(key) = table.keys().find(|key| key.starts_with(HOSTS)) {
        return Err(Fault::config(key, format!("unknown field `{key}`")));
    }
    table.insert(FOLDER.to_owned(), folder);
    Ok(Value::Object(table).to_string())
}

/// Takes what is the host's out of `table`, and reads the rest of it in the folder that was told.
pub(crate) fn read_in_folder<T>(
    mut table: Value,
    read: impl FnOnce(Value) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut folder = None;
    if let Some(table) = table.as_object_mut() {
        folder = table.remove(FOLDER);
        // Of a later host: this version does not know what they mean.
        table.retain(|key, _| !key.starts_with(HOSTS));
    }
    let _in_folder = InFolder::start(folder.map(folder_of).transpose()?);
    read(table)
}

fn folder_of(value: Value) -> Result<PathBuf, Fault> {
    let folder = match value {
        Value::String(text) => Ok(PathBuf::from(text)),
        octets => Vec::<u8>::deserialize(octets).map(|octets| OsString::from_vec(octets).into()),
    };
    folder.map_err(|_| Fault::config(FOLDER, "the host must give a string or a list of octets"))
}

/// A table is being read on this thread; when it ends, also by a panic of the author's, that is
/// over.
struct InFolder {
    before: Option<PathBuf>,
}

impl InFolder {
    fn start(folder: Option<PathBuf>) -> Self {
        Self { before: swap(folder) }
    }
}

impl Drop for InFolder {
    fn drop(&mut self) {
        swap(self.before.take());
    }
}

fn swap(folder: Option<PathBuf>) -> Option<PathBuf> {
    READING_IN.try_with(|now| now.replace(folder)).ok().flatten()
}
