//! The files that a plugin's table names, as they are at a moment: the table may stay the same while
//! a key or a certificate that its plugin has read does not.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// Which files a table names, and what tells each from an earlier state of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct NamedFiles(Vec<(PathBuf, Mark)>);

/// What changes whenever a file is written, replaced, or given to others: the time of the last
/// change of its inode is no program's to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl NamedFiles {
    /// Those of `table`: every text in it that is the path of a file, whatever its key, as a plugin
    /// need not say which of its keys are paths. Relative ones count from `folder`.
    pub(super) fn of(table: &Map<String, Value>, folder: &Path) -> NamedFiles {
        let mut files = NamedFiles::default();
        table.values().for_each(|value| files.look(value, folder));
        files
    }

    fn look(&mut self, value: &Value, folder: &Path) {
        match value {
            Value::String(text) if !text.is_empty() => {
                let path = folder.join(text);
                // Folders change with each zone file that is put there.
                if let Some(about) = fs::metadata(&path).ok().filter(fs::Metadata::is_file) {
                    self.0.push((path, Mark::of(&about)));
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.look(value, folder)),
            Value::Object(table) => table.values().for_each(|value| self.look(value, folder)),
            _ => {}
        }
    }
}

impl Mark {
    fn of(about: &fs::Metadata) -> Mark {
        Mark {
            device: about.dev(),
            inode: about.ino(),
            size: about.size(),
            modified: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_is_found_at_any_depth_and_told_from_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("www.key");
        let table = json!({ "tsig": { "key": "www.key" }, "argv": ["x", path], "directory": "." });
        let table = table.as_object().unwrap();
        let files = || NamedFiles::of(table, folder.path());
        assert_eq!(files(), NamedFiles::default(), "a folder is no file");
        fs::write(&path, "one").unwrap();
        let one = files();
        assert_eq!(one.0.len(), 2);
        assert_eq!(files(), one);
        fs::write(&path, "other").unwrap();
        let other = files();
        assert_ne!(other, one);
        fs::remove_file(&path).unwrap();
        assert_eq!(files(), NamedFiles::default());
    }
}
