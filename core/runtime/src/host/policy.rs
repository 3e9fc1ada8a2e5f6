//! How a plugin is held: `[plugins.NAME]`, its defaults filled in.

use std::time::Duration;

use crate::config::{Isolation, OnStartupError, PluginOptions, Restart};

/// What holds for one plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Where it runs.
    pub isolation: Isolation,
    /// The longest any one call may take, where that is less than its caller allows.
    pub timeout: Option<Duration>,
    /// Whether its process is started again after it died.
    pub restart: Restart,
    /// What its failure at the start means; a table that it refuses is a fault all the same.
    pub on_startup_error: OnStartupError,
    /// Address space of its process, in octets.
    pub memory: Option<u64>,
    /// Files that its process may have open.
    pub open_files: Option<u32>,
}

impl Policy {
    /// What `written` says, and for the rest what is usual for a plugin that runs in `isolation`
    /// where nothing is said.
    pub fn of(written: Option<&PluginOptions>, isolation: Isolation) -> Policy {
        let written = written.cloned().unwrap_or_default();
        Policy {
            isolation: written.isolation.unwrap_or(isolation),
            timeout: written.timeout,
            restart: written.restart.unwrap_or(Restart::Again),
            on_startup_error: written.on_startup_error.unwrap_or(OnStartupError::Fail),
            memory: written.memory,
            open_files: written.open_files,
        }
    }

    /// The limit of a call whose caller allows `asked`.
    pub fn limit(&self, asked: Duration) -> Duration {
        self.timeout.map_or(asked, |timeout| timeout.min(asked))
    }
}
