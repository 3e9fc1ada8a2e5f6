//! Why a file is not used as a library of plugins.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::ended::Ended;
use super::words::LastWords;

/// Why a library is refused. Who prints it says first which file it speaks of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryFault {
    /// The file system gives it to nobody, or not to us.
    #[error("cannot be read: {why}")]
    Unreadable {
        /// The system's word.
        why: String,
    },
    /// A folder, a pipe or the like.
    #[error("is {what}; a library is a regular file")]
    NotAFile {
        /// With its article.
        what: &'static str,
    },
    /// Symbolic links in a circle, or a long chain of them.
    #[error("stands behind more than {limit} symbolic links")]
    Links {
        /// So many are followed.
        limit: usize,
    },
    /// Somebody could put other code there than who runs rais.
    #[error("{what} belongs to user {owner}; it must belong to {}", Allowed(*us))]
    Owner {
        /// The file or its folder.
        what: Place,
        /// User id of its owner.
        owner: u32,
        /// User id that rais runs as.
        us: u32,
    },
    /// Others than its owner could put other code there.
    #[error("{what} can be written by {} (mode {mode:04o}); {}", Writers(*mode), Cure(*mode))]
    Writable {
        /// The file, its folder or one above.
        what: Place,
        /// Its permissions.
        mode: u32,
    },
    /// Its file system runs nothing, and a copy in memory must not get round that.
    #[error("its file system is mounted noexec; a library must be where programs may run from")]
    NoExec,
    /// Nothing in it.
    #[error("is empty")]
    Empty,
    /// More than a library has.
    #[error("has {size} octets; at most {limit} are allowed")]
    TooLarge {
        /// What it has.
        size: u64,
        /// What it may have.
        limit: u64,
    },
    /// Somebody wrote to it meanwhile.
    #[error(
        "changed while it was read; put a new library beside it and rename it over the old one"
    )]
    Changed,
    /// Some other sort of file.
    #[error("is {what}, not a shared library")]
    NotALibrary {
        /// With its article.
        what: String,
    },
    /// Built for other machines.
    #[error("is for {theirs}; this is {ours}")]
    OtherMachine {
        /// Its architecture.
        theirs: String,
        /// This one.
        ours: String,
    },
    /// The end is missing; loading it would kill who does.
    #[error("is cut short: it has {size} octets and speaks of {needs}")]
    Truncated {
        /// What it has.
        size: u64,
        /// What its headers need.
        needs: u64,
    },
    /// Its headers make no sense.
    #[error("is damaged: {why}")]
    Damaged {
        /// Which part of it.
        why: String,
    },
    /// It would bring code from where it was not judged.
    #[error("asks for libraries from {from} ({by}); link them in")]
    Elsewhere {
        /// A folder, or a file.
        from: String,
        /// What in it asks.
        by: &'static str,
    },
    /// There is no way to load exactly what was judged.
    #[error("cannot be copied to where nobody can change it: {why}")]
    NoCopy {
        /// What was tried, and what was said to it.
        why: String,
    },
    /// The loader needs a name for a copy in memory.
    #[error("needs /proc, which is not mounted here")]
    NoProc,
    /// The process that would have tried it is not to be had.
    #[error("cannot be tried: {why}")]
    NotTried {
        /// The system's word.
        why: String,
    },
    /// Whoever loads it dies.
    #[error("its constructors or the loader {ended}{words}")]
    Died {
        /// How the trial ended.
        ended: Ended,
        /// What was printed before.
        words: LastWords,
    },
    /// Whoever loads it hangs.
    #[error("did not finish loading within {limit:?}{words}")]
    Late {
        /// What it was given.
        limit: Duration,
        /// What was printed before.
        words: LastWords,
    },
    /// It loads, and is no library of plugins that this host can use.
    #[error("{why}{words}")]
    Refused {
        /// What it lacks, and what is allowed.
        why: String,
        /// What was printed before.
        words: LastWords,
    },
}

/// What a permission is wrong of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The library's file.
    File,
    /// The folder that it stands in, or one that leads there.
    Folder(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File => f.write_str("the file"),
            Place::Folder(path) => write!(f, "its folder {}", path.display()),
        }
    }
}

/// Who may own code.
struct Allowed(u32);

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("root"),
            us => write!(f, "root or to user {us}, as whom rais runs"),
        }
    }
}

struct Writers(u32);

impl fmt::Display for Writers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.0 & 0o020 != 0, self.0 & 0o002 != 0) {
            (true, true) => "its group or an ACL and everybody",
            (_, true) => "everybody",
            // With an ACL, the group's part of the mode is what that may give at most.
            _ => "its group or an ACL",
        })
    }
}

struct Cure(u32);

impl fmt::Display for Cure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.0 & 0o020 != 0, self.0 & 0o002 != 0) {
            (true, true) => "chmod go-w",
            (_, true) => "chmod o-w",
            _ => "chmod g-w",
        })
    }
}
