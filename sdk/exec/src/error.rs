//! What is wrong with a check's table, and why a check gave no answer.

use std::io;
use std::time::Duration;

use crate::argv::Placeholder;

/// A table that no check can be run from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {text}")]
#[non_exhaustive]
pub struct TableError {
    /// The key's path in the table: `argv[2]`.
    pub at: String,
    /// What is wrong there, and what is allowed.
    pub text: String,
}

/// Why a check gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// An argument asks for what is not known here.
    #[error("`{0}` stands in `argv`, and there is none")]
    Missing(Placeholder),
    /// It cannot be found, or not be started.
    #[error("{program} cannot be run: {why}")]
    Start {
        /// As it is written in the table.
        program: String,
        /// What the system says.
        why: io::Error,
    },
    /// It cannot be seen how it goes on.
    #[error("{program} was killed, as it cannot be watched: {why}")]
    Watch {
        /// As it is written in the table.
        program: String,
        /// What the system says.
        why: io::Error,
    },
    /// It took too long.
    #[error("{program} was killed after {limit:?}{}", saying(text))]
    Timeout {
        /// As it is written in the table.
        program: String,
        /// How long it was given.
        limit: Duration,
        /// What it had said by then; may be empty.
        text: String,
    },
    /// Earlier ones were killed and are still there.
    #[error(
        "{program} is not run: {count} of its earlier runs were killed and have not ended; \
         mostly a file system hangs"
    )]
    Undead {
        /// As it is written in the table.
        program: String,
        /// How many.
        count: usize,
    },
}

impl TableError {
    pub(crate) fn new(at: impl Into<String>, text: impl Into<String>) -> TableError {
        TableError { at: at.into(), text: text.into() }
    }
}

fn saying(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(", having said: {text}") }
}
