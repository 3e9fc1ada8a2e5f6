//! The host's own files.

use std::fs;
use std::path::PathBuf;

use crate::SystemError;

/// A host, by its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    root: PathBuf,
}

impl System {
    /// The one that this process runs on.
    #[must_use]
    pub fn here() -> Self {
        Self::at("/")
    }

    /// One whose `/` is the folder `root`.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// What stands in the file at `path`, which begins with `/`.
    ///
    /// # Errors
    /// [`SystemError::Read`] with that path.
    pub fn read(&self, path: &str) -> Result<String, SystemError> {
        fs::read_to_string(self.place(path))
            .map_err(|error| SystemError::read(path.as_ref(), error))
    }

    /// How many CPUs are online: the lines `cpu0`, `cpu1` … of `/proc/stat`. Neither the affinity
    /// nor the quota of this process plays a part.
    ///
    /// # Errors
    /// Where the file cannot be read or has none.
    pub fn cpus(&self) -> Result<u32, SystemError> {
        const STAT: &str = "/proc/stat";
        let text = self.read(STAT)?;
        let cpus = text.lines().filter_map(|line| line.strip_prefix("cpu"));
        let cpus = cpus.filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
        match u32::try_from(cpus.count()) {
            Ok(0) | Err(_) => Err(SystemError::malformed(STAT, "CPU")),
            Ok(count) => Ok(count),
        }
    }

    pub(crate) fn place(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

/// The number behind `key` in a file that has a key and a number on each line, such as cgroup's
/// flat keyed files and `/proc/meminfo` (whose keys end with a colon).
#[must_use]
pub fn field(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        if words.next() != Some(key) {
            return None;
        }
        words.next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn a_field_is_found_by_its_whole_key() {
        let text = "nr_throttled 7\nthrottled_usec 40\nMemTotal:       2048 kB\nbad x\nbare\n";
        assert_eq!(field(text, "throttled_usec"), Some(40));
        assert_eq!(field(text, "MemTotal:"), Some(2048));
        for key in ["throttled", "MemTotal", "bad", "bare", ""] {
            assert_eq!(field(text, key), None, "{key}");
        }
    }

    #[test]
    fn cpus_are_those_that_are_online() {
        let stat = "cpu  1 2 3\ncpu0 1 2 3\ncpu2 1 2 3\ncpu17 0 0 0\nintr 5\ncpus 3\n";
        let tree = Tree::new().with("/proc/stat", stat);
        assert_eq!(tree.system().cpus().unwrap(), 3);

        let tree = Tree::new().with("/proc/stat", "cpu  1 2 3\n");
        let error = tree.system().cpus().unwrap_err();
        assert_eq!(error.to_string(), "/proc/stat: no CPU in it");
        let error = Tree::new().system().cpus().unwrap_err();
        assert!(error.to_string().starts_with("/proc/stat: No such file"), "{error}");
    }
}
