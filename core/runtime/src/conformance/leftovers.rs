//! What a process has: its threads and its open files.

use std::collections::BTreeSet;
use std::fs;
use std::io;

/// The threads and open files of some processes at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Holds {
    threads: BTreeSet<u32>,
    /// None where the system shows them to root alone.
    files: Option<BTreeSet<String>>,
}

/// Whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// This process's.
    Own,
    /// The processes' that this one has started.
    Children,
}

/// What one moment has and another had not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct More {
    pub(super) threads: usize,
    pub(super) files: Option<usize>,
}

impl Whose {
    /// Counts.
    ///
    /// # Errors
    /// /proc does not tell.
    pub(super) fn holds(self) -> io::Result<Holds> {
        match self {
            Whose::Own => holds(std::process::id()),
            Whose::Children => {
                let mut all = Holds { files: Some(BTreeSet::new()), ..Holds::default() };
                for child in children()? {
                    let one = match holds(child) {
                        // It has ended.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                        one => one?,
                    };
                    all.threads.extend(one.threads);
                    all.files = all.files.zip(one.files).map(|(all, one)| &all | &one);
                }
                Ok(all)
            }
        }
    }
}

impl Holds {
    /// What is here and not in `before`. Number by number: where one thing went and another came,
    /// the sum says nothing.
    pub(super) fn more_than(&self, before: &Holds) -> More {
        let files = self.files.as_ref().zip(before.files.as_ref());
        More {
            threads: self.threads.difference(&before.threads).count(),
            files: files.map(|(now, before)| now.difference(before).count()),
        }
    }
}

fn holds(process: u32) -> io::Result<Holds> {
    let folder = format!("/proc/{process}");
    let mut threads = BTreeSet::new();
    for thread in fs::read_dir(format!("{folder}/task"))? {
        threads.extend(thread?.file_name().to_str().and_then(|id| id.parse::<u32>().ok()));
    }
    let files = match files(&format!("{folder}/fd")) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
        files => Some(files?),
    };
    Ok(Holds { threads, files })
}

fn files(folder: &str) -> io::Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        // One that was closed meanwhile, for one this folder itself.
        let Ok(what) = fs::read_link(file.path()) else { continue };
        if what.to_str() != Some(folder) {
            files.insert(format!("{} {}", file.file_name().to_string_lossy(), what.display()));
        }
    }
    Ok(files)
}

/// Those of this process that have not ended.
pub(super) fn children() -> io::Result<Vec<u32>> {
    let own = std::process::id();
    let mut children = Vec::new();
    for process in fs::read_dir("/proc")? {
        let Some(id) = process?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may end at any moment.
        let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
        if parent(&stat) == Some(own) {
            children.push(id);
        }
    }
    Ok(children)
}

/// Of a process that lives, as its `stat` says: `ID (NAME) STATE PARENT …`.
fn parent(stat: &str) -> Option<u32> {
    // A name may have any characters.
    let mut rest = stat.rsplit_once(") ")?.1.split(' ');
    let state = rest.next()?;
    let parent = rest.next()?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_told_from_what_went() {
        let holds = |threads: &[u32], files: Option<&[&str]>| Holds {
            threads: threads.iter().copied().collect(),
            files: files.map(|files| files.iter().map(|file| (*file).to_owned()).collect()),
        };
        let before = holds(&[1, 2, 3], Some(&["3 socket:[7]", "4 pipe:[8]"]));
        let after = holds(&[1, 4], Some(&["3 socket:[9]"]));
        assert_eq!(after.more_than(&before), More { threads: 1, files: Some(1) });
        let unseen = holds(&[1, 2], None);
        assert_eq!(unseen.more_than(&before), More { threads: 0, files: None });
    }

    #[test]
    fn own_files_and_threads_are_seen() {
        let file = fs::File::open("/proc/self/stat").unwrap();
        let with = Whose::Own.holds().unwrap();
        let files = with.files.as_ref().unwrap();
        assert!(files.iter().any(|file| file.ends_with("/stat")), "{files:?}");
        assert!(!with.threads.is_empty());
        drop(file);
    }

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent("17 (a) S 9) R 5 1 1"), Some(5));
        assert_eq!(parent("17 (rais) Z 5 1 1"), None);
        assert_eq!(parent("17"), None);
    }
}
