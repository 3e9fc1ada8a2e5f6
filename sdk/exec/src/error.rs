//! What is wrong with a command's table, and why a command gave no answer or did not its work.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use crate::argv::Placeholder;

/// A table that no command can be run from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {text}")]
#[non_exhaustive]
pub struct TableError {
    /// The key's path in the table: `argv[2]`.
    pub at: String,
    /// What is wrong there, and what is allowed.
    pub text: String,
}

/// Why a command gave no answer, or did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// An argument asks for what is not known here.
    #[error("`{0}` stands in `argv`, and there is none")]
    Missing(Placeholder),
    /// A value that would be read as one of the command's options.
    #[error("`{0}` is `{1}` here, which the command would take for an option")]
    TakenForOption(Placeholder, String),
    /// It cannot be found, or not be started.
    #[error("{program} cannot be run: {}", plain(why))]
    Start {
        /// Its file's name.
        program: String,
        /// What the system says.
        why: io::Error,
    },
    /// It cannot be seen how it goes on.
    #[error("{program} was killed, as it cannot be watched: {}", plain(why))]
    Watch {
        /// Its file's name.
        program: String,
        /// What the system says.
        why: io::Error,
    },
    /// It took too long.
    #[error("{program} was killed, it took longer than {:?}{}", rounded(*limit), saying(text))]
    Timeout {
        /// Its file's name.
        program: String,
        /// How long it was given.
        limit: Duration,
        /// What it had said by then; may be empty.
        text: String,
    },
    /// It ended otherwise than with exit code 0.
    #[error("{program} ended with {}{}", ending(*status), saying(words))]
    Failed {
        /// Its file's name.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said, in one line: all of it, or its first words and its last ones.
        words: String,
    },
    /// It was ended together with others.
    #[error("{program} was not run to its end: it is no longer wanted")]
    Unwanted {
        /// Its file's name.
        program: String,
    },
    /// Earlier ones were killed and are still there.
    #[error(
        "{program} is not run: {count} of its earlier runs were killed and have not ended; \
         mostly a file system hangs"
    )]
    Undead {
        /// Its file's name.
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

/// In words alone, without the number that std puts behind them.
pub(crate) fn plain(why: &io::Error) -> String {
    let text = why.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// To milliseconds: what is given is often what is left of a round time.
fn rounded(limit: Duration) -> Duration {
    let millis = limit.saturating_add(Duration::from_micros(500)).as_millis();
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

fn saying(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(", saying: {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_tells_a_round_time_and_what_was_said() {
        let told = |limit, text: &str| {
            let (program, text) = ("check_x".to_owned(), text.to_owned());
            RunError::Timeout { program, limit, text }.to_string()
        };
        let limit = Duration::from_nanos(399_987_654);
        assert_eq!(told(limit, ""), "check_x was killed, it took longer than 400ms");
        let limit = Duration::from_secs(2);
        assert_eq!(told(limit, "hm"), "check_x was killed, it took longer than 2s, saying: hm");
    }
}
