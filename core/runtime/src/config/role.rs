//! Which roles a configuration has, and what each needs.

use std::fmt;

/// A half of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Probes and announces.
    Monitor,
    /// Hears and publishes.
    Binder,
}

impl Role {
    /// As in paths, commands and status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Monitor => "monitor",
            Role::Binder => "binder",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
