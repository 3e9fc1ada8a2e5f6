//! How a process ended, for people.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::sys::signal::Signal;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Ended {
        match (status.signal(), status.code()) {
            (Some(signal), _) => Ended::Killed(signal),
            (None, code) => Ended::Exited(code.unwrap_or_default()),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Exited(code) => write!(f, "exited with {code}"),
            Ended::Killed(signal) => match Signal::try_from(*signal) {
                Ok(name) => write!(f, "died by {name} (signal {signal})"),
                Err(_) => write!(f, "died by signal {signal}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_signals_and_codes() {
        let text = |raw| Ended::from(ExitStatus::from_raw(raw)).to_string();
        assert_eq!(text(6), "died by SIGABRT (signal 6)");
        assert_eq!(text(40), "died by signal 40");
        assert_eq!(text(7 << 8), "exited with 7");
    }
}
