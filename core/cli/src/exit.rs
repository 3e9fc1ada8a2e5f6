//! How a command ends that does not end well: what it says, and its exit code.

use std::process::ExitCode;

use rais_runtime::config::{Fault, Faults, Look};

use crate::output;

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The configuration is at fault: exit code 2.
    Configuration(Faults),
    /// Asked for what there is not: exit code 2.
    Usage(String),
    /// It could not be done: exit code 1.
    Failed(anyhow::Error),
    /// It could not be done, and what was printed says so: exit code 1.
    Told,
    /// Somebody else's words and exit code.
    Said {
        /// Ready to be printed.
        text: String,
        /// 1 or 2.
        code: u8,
    },
    /// It has said itself what there was to say.
    Ended(ExitCode),
}

impl Stop {
    /// Says why on standard error, and gives the exit code.
    pub(crate) fn tell(self) -> ExitCode {
        match self {
            Stop::Configuration(faults) => {
                output::error(&faults.render(Look::Styled));
                ExitCode::from(2)
            }
            Stop::Usage(text) => {
                output::error(&output::titled_error(&text));
                ExitCode::from(2)
            }
            Stop::Failed(error) => {
                output::error(&output::titled_error(&format!("{error:#}")));
                ExitCode::from(1)
            }
            Stop::Told => ExitCode::from(1),
            Stop::Said { text, code } => {
                output::error(&text);
                ExitCode::from(code)
            }
            Stop::Ended(code) => code,
        }
    }
}

impl From<Faults> for Stop {
    fn from(faults: Faults) -> Stop {
        Stop::Configuration(faults)
    }
}

impl From<Vec<Fault>> for Stop {
    fn from(faults: Vec<Fault>) -> Stop {
        Stop::Configuration(Faults(faults))
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Stop {
        Stop::Failed(error)
    }
}
