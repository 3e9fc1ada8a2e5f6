//! Which roles a configuration has, and what each needs.

use std::collections::BTreeSet;
use std::fmt;

use super::fault::Fault;
use super::{Config, Sink};

/// A half of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Probes and announces.
    Monitor,
    /// Hears and publishes.
    Binder,
}

/// Which roles a process is asked to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// All that the configuration has.
    All,
    /// This one.
    Only(Role),
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

impl Config {
    /// The roles that have a service; a binder also where a sink serves zones of its own.
    pub fn roles(&self) -> BTreeSet<Role> {
        let monitor = (!self.monitor.services.is_empty()).then_some(Role::Monitor);
        let binds = !self.binder.services.is_empty() || self.sinks.values().any(Sink::serves_alone);
        let binder = binds.then_some(Role::Binder);
        monitor.into_iter().chain(binder).collect()
    }

    /// The roles that a process takes.
    ///
    /// # Errors
    /// What the configuration lacks for them: a service, a transport, a socket for each.
    pub fn roles_for(&self, asked: Asked) -> Result<BTreeSet<Role>, Vec<Fault>> {
        let found = self.roles();
        let lacking = |message: String| vec![Fault::in_file(&self.places.main, message)];
        let roles = match asked {
            Asked::All if found.is_empty() => {
                let tables = "[monitor.service.NAME] or [binder.service.NAME]";
                return Err(lacking(format!("nothing to do: no {tables} is written")));
            }
            Asked::All => found,
            Asked::Only(role) if found.contains(&role) => BTreeSet::from([role]),
            Asked::Only(role) => {
                return Err(lacking(format!(
                    "no [{role}.service.NAME] is written: no {role} here"
                )));
            }
        };
        let mut faults = Vec::new();
        let hears = !self.binder.services.is_empty() || roles.contains(&Role::Monitor);
        if let (1, true, true) = (roles.len(), hears, self.transports.is_empty()) {
            let role = roles.iter().map(|role| role.as_str()).collect::<String>();
            faults.extend(lacking(format!("a {role} alone needs a [transport.NAME]")));
        }
        let pattern = self.control.socket_pattern.to_string_lossy();
        if roles.len() > 1 && !pattern.contains("{role}") {
            let message = format!("both roles would open the socket {pattern:?}");
            faults
                .push(self.fault("control.socket", message).allowed("a path with `{role}` in it"));
        }
        if faults.is_empty() { Ok(roles) } else { Err(faults) }
    }
}
