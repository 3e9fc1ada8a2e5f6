//! One value in one file, written so that a crash leaves the old one or the new one.

use std::fs;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{At, StateError};
use crate::durable;

/// A file that holds a `T` in JSON beside the version of its format.
#[derive(Debug)]
pub struct StateFile<T> {
    path: PathBuf,
    version: u32,
    holds: PhantomData<fn(T) -> T>,
}

#[derive(Serialize)]
struct Written<'a, T> {
    version: u32,
    data: &'a T,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

impl<T> StateFile<T> {
    /// The file `path`, written in format `version`; older formats are read if `T` reads them.
    pub fn new(path: PathBuf, version: u32) -> StateFile<T> {
        StateFile { path, version, holds: PhantomData }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl<T: DeserializeOwned> StateFile<T> {
    /// What was stored last; `None` where nothing ever was.
    ///
    /// # Errors
    /// [`StateError::Corrupt`]: the file was moved aside, so the next call returns `None`.
    /// [`StateError::Newer`] and [`StateError::Io`] leave it where it is.
    pub fn load(&self) -> Result<Option<T>, StateError> {
        let bytes = match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.at("read", &self.path)?,
        };
        let version = match serde_json::from_slice::<Version>(&bytes) {
            Ok(Version { version }) => version,
            Err(error) => return Err(self.move_aside(&error)),
        };
        if version > self.version {
            return Err(StateError::Newer {
                path: self.path.clone(),
                found: version,
                known: self.version,
            });
        }
        match serde_json::from_slice::<Data<T>>(&bytes) {
            Ok(Data { data }) => Ok(Some(data)),
            Err(error) => Err(self.move_aside(&error)),
        }
    }

    fn move_aside(&self, why: &serde_json::Error) -> StateError {
        let free = |name: &PathBuf| !name.exists();
        let mut name = self.path.clone().into_os_string();
        name.push(".corrupt");
        let first = PathBuf::from(&name);
        let numbered = (2..100).map(|number| {
            let mut name = name.clone();
            name.push(format!("-{number}"));
            PathBuf::from(name)
        });
        // A hundred of them tell no more than ninety-nine: the first gives way.
        let aside = std::iter::once(first.clone()).chain(numbered).find(free).unwrap_or(first);
        match fs::rename(&self.path, &aside) {
            Ok(()) => StateError::Corrupt { path: self.path.clone(), why: why.to_string(), aside },
            Err(source) => StateError::Io {
                doing: "move the unreadable file aside",
                path: self.path.clone(),
                source,
            },
        }
    }
}

impl<T: Serialize> StateFile<T> {
    /// Stores `value`; when this returns it survives a power cut. Blocks on the disk.
    ///
    /// # Errors
    /// [`StateError::Io`]; what was stored before then stands.
    pub fn store(&self, value: &T) -> Result<(), StateError> {
        serde_json::to_vec(&Written { version: self.version, data: value })
            .map_err(io::Error::from)
            .and_then(|bytes| durable::write(&self.path, &bytes, 0o640))
            .at("write", &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path) -> StateFile<Vec<u32>> {
        StateFile::new(folder.join("numbers.json"), 2)
    }

    #[test]
    fn gives_back_what_was_stored_last() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path());
        assert_eq!(file.load().unwrap(), None);
        file.store(&vec![1, 2, 3]).unwrap();
        file.store(&vec![4]).unwrap();
        assert_eq!(file.load().unwrap(), Some(vec![4]));
    }

    #[test]
    fn what_cannot_be_read_is_kept_aside_under_a_name_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path());
        for (content, aside) in [
            (r#"{"version":2,"data":[1,"#, "numbers.json.corrupt"),
            (r#"{"version":2,"data":"no list"}"#, "numbers.json.corrupt-2"),
            ("", "numbers.json.corrupt-3"),
        ] {
            fs::write(file.path(), content).unwrap();
            let error = file.load().unwrap_err();
            assert!(matches!(&error, StateError::Corrupt { .. }), "{error}");
            assert!(error.to_string().contains(file.path().to_str().unwrap()), "{error}");
            assert_eq!(fs::read_to_string(folder.path().join(aside)).unwrap(), content);
            assert_eq!(file.load().unwrap(), None);
        }
    }

    #[test]
    fn a_later_format_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path());
        fs::write(file.path(), r#"{"version":3,"data":{}}"#).unwrap();
        assert!(matches!(file.load(), Err(StateError::Newer { found: 3, known: 2, .. })));
        assert!(file.path().exists());
    }
}
