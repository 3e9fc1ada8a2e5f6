//! Hosts made of files, for tests.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::System;

/// A tree of files that stands for a host's `/`, for as long as it is kept.
///
/// Every call panics where the file system fails.
#[derive(Debug)]
pub struct Tree(TempDir);

impl Tree {
    /// Without a file.
    #[must_use]
    #[allow(clippy::new_without_default)] // it makes a folder
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With the files of `folder`, such as a fixture.
    #[must_use]
    pub fn copy_of(folder: impl AsRef<Path>) -> Self {
        let tree = Self::new();
        copy(folder.as_ref(), tree.0.path());
        tree
    }

    /// The same with `text` in the file at `path`, which begins with `/`.
    #[must_use]
    pub fn with(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    /// Puts `text` into the file at `path`, as [`with`](Self::with).
    pub fn write(&self, path: &str, text: &str) {
        let place = self.system().place(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    /// Removes the folder at `path` with all that is in it.
    pub fn remove(&self, path: &str) {
        fs::remove_dir_all(self.system().place(path)).unwrap();
    }

    /// The host.
    #[must_use]
    pub fn system(&self) -> System {
        System::at(self.0.path())
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
