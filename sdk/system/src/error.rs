use std::io;
use std::path::{Path, PathBuf};

/// Why something about the system cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SystemError {
    /// A text names no group.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file, as it is called without a test's root.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not say what it says on every kernel.
    #[error("{}: no {what} in it", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// There is no hierarchy of version 2.
    #[error("no cgroup v2 is mounted on this host")]
    NoHierarchy,
    /// This process's own group is not below what is mounted here.
    #[error("the own cgroup, {0}, is outside of what is mounted here")]
    OwnOutside(String),
    /// The group is not there (yet).
    #[error("{}: there is no such cgroup", .0.display())]
    NoCgroup(PathBuf),
    /// The group is there, and the file that its controller would give it is not.
    #[error("{}: not there; its controller is off for this cgroup", .0.display())]
    NoController(PathBuf),
}

/// Why a text is not a [`CgroupName`](crate::CgroupName).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no cgroup; write \"self\", or a path below the cgroup root, as in \
     \"/system.slice/www.service\""
)]
pub struct NameError(pub(crate) String);

impl SystemError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    /// The file at `path` has no `what` in it.
    #[must_use]
    pub fn malformed(path: impl Into<PathBuf>, what: &'static str) -> Self {
        Self::Malformed { path: path.into(), what }
    }
}
