//! A folder that is there whole, or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

/// A folder beside the one that it becomes. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct NewFolder {
    path: PathBuf,
    becomes: PathBuf,
}

impl NewFolder {
    /// One that becomes `path`, of which no more is there than an empty folder.
    ///
    /// # Errors
    /// Something is there; no folder can be made.
    pub(super) fn beside(path: &Path) -> anyhow::Result<NewFolder> {
        let becomes = free(path).with_context(|| path.display().to_string())?;
        let name = becomes.file_name().ok_or_else(|| anyhow!("{}: no name", path.display()))?;
        let name = format!(".{}.new-{}", name.to_string_lossy(), std::process::id());
        let path = becomes.with_file_name(name);
        if let Some(above) = path.parent().filter(|above| *above != Path::new("")) {
            fs::create_dir_all(above).with_context(|| above.display().to_string())?;
        }
        fs::create_dir(&path).with_context(|| path.display().to_string())?;
        Ok(NewFolder { path, becomes })
    }

    /// Writes the file `path` of it, and the folders that it needs.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn write(&self, path: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path.join(path);
        let above = path.parent().unwrap_or(&self.path);
        let written = fs::create_dir_all(above).and_then(|()| fs::write(&path, text));
        written.with_context(|| path.display().to_string())
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// Something has come there meanwhile.
    pub(super) fn keep(self) -> anyhow::Result<()> {
        // An empty folder gives way to a folder that is renamed to it.
        fs::rename(&self.path, &self.becomes)
            .with_context(|| format!("{} as {}", self.path.display(), self.becomes.display()))
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        // Once kept it is no longer there.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// `path`, without links where it is there.
fn free(path: &Path) -> anyhow::Result<PathBuf> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path.to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(anyhow!("is there already, and is no folder"));
        }
        entries => entries?,
    };
    if entries.into_iter().next().is_some() {
        return Err(anyhow!("is there already, and is not empty"));
    }
    let path = path.canonicalize()?;
    // It would be taken away from below whoever is in it.
    if std::env::current_dir().is_ok_and(|here| here.starts_with(&path)) {
        return Err(anyhow!("is the folder that you are in: name it from the one above"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn it_is_there_when_it_is_kept() {
        let temp = tempfile::tempdir().unwrap();
        let empty = temp.path().join("empty");
        fs::create_dir(&empty).unwrap();
        for path in [temp.path().join("above/below"), empty] {
            let folder = NewFolder::beside(&path).unwrap();
            folder.write("a", "1").unwrap();
            folder.write("b/c/d", "2").unwrap();
            assert!(!path.join("a").exists());
            folder.keep().unwrap();
            assert_eq!(names(&path), ["a", "b"]);
            assert_eq!(fs::read_to_string(path.join("b/c/d")).unwrap(), "2");
            assert!(!names(path.parent().unwrap()).iter().any(|name| name.starts_with('.')));
        }
    }

    #[test]
    fn what_is_not_kept_leaves_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let folder = NewFolder::beside(&temp.path().join("redis")).unwrap();
        folder.write("a", "1").unwrap();
        drop(folder);
        assert_eq!(names(temp.path()), [""; 0]);
    }

    #[test]
    fn what_is_there_stays() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("file"), "mine").unwrap();
        for (path, why) in [
            (temp.path().to_owned(), "is there already, and is not empty"),
            (temp.path().join("file"), "is there already, and is no folder"),
        ] {
            let error = NewFolder::beside(&path).unwrap_err();
            assert_eq!(format!("{error:#}"), format!("{}: {why}", path.display()));
        }
        let late = NewFolder::beside(&temp.path().join("late")).unwrap();
        late.write("a", "1").unwrap();
        fs::create_dir_all(temp.path().join("late/mine")).unwrap();
        assert!(late.keep().is_err());
        assert_eq!(names(&temp.path().join("late")), ["mine"]);
        assert_eq!(names(temp.path()), ["file", "late"]);
    }
}
