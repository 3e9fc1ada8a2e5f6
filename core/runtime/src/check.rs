//! A configuration, found sound or not: what `rais check` says, and what every start and reload
//! goes through first. It binds, writes and sends nothing.

mod libraries;

use std::collections::BTreeSet;
use std::path::Path;

use crate::config::{self, Asked, Config, Fault, Faults, Loaded, Role};
use crate::host::PluginHost;
use crate::plan::Instances;
use crate::plan::trust::Membership;
use crate::privileges;
use crate::status::SecurityStatus;

/// A configuration that can run, and the plugins made of it.
#[derive(Debug)]
pub struct Checked {
    /// What was read.
    pub config: Config,
    /// The roles that a process of it takes.
    pub roles: BTreeSet<Role>,
    /// Doubts.
    pub warnings: Vec<Fault>,
    /// The plugins it can name.
    pub host: PluginHost,
    /// Every plugin it names.
    pub instances: Instances,
    /// Its cluster, keys read.
    pub membership: Membership,
}

/// Reads the configuration at `path` for a process of the roles `asked`, vets its libraries, makes
/// their plugins and reads its keys. Instances of `before` whose tables and code are the same are
/// taken over; a library that `host` uses must not have become worse.
///
/// # Errors
/// Everything that is wrong, each with its place.
pub fn check(
    path: &Path,
    asked: Asked,
    host: &PluginHost,
    before: &Instances,
) -> Result<Checked, Faults> {
    let Loaded { config, mut warnings, .. } = config::load_for(path, asked)?;
    let (host, doubts) = libraries::found(host, &config)?;
    warnings.extend(doubts);
    let mut faults = Vec::new();
    let roles = config.roles_for(asked).map_err(|found| faults.extend(found));
    // A plugin that is missing was said above; a table that its plugin refuses is said here.
    let instances =
        Instances::make(&host, &config, asked, before).map_err(|found| faults.extend(found));
    let taken = roles.as_ref().cloned().unwrap_or_default();
    let membership = Membership::of(&config, &taken).map_err(|found| faults.extend(found));
    faults.extend(privileges::missing(&config));
    if !faults.is_empty() {
        return Err(Faults(faults));
    }
    match (roles, instances, membership) {
        (Ok(roles), Ok((instances, doubts)), Ok(membership)) => {
            warnings.extend(doubts);
            warnings.extend(insecurity(&config, &membership));
            Ok(Checked { config, roles, warnings, host, instances, membership })
        }
        _ => Err(Faults(faults)),
    }
}

/// The instances that `config` names for the roles `asked`, of plugins that `host` has or that are in
/// its libraries.
///
/// # Errors
/// What is wrong with its libraries or its plugins' tables.
pub fn instances(config: &Config, asked: Asked, host: &PluginHost) -> Result<Instances, Faults> {
    let (host, _) = libraries::found(host, config)?;
    let made = Instances::make(&host, config, asked, &Instances::default());
    made.map(|(instances, _)| instances).map_err(Faults)
}

/// Said at every start, where the file asks for it.
fn insecurity(config: &Config, membership: &Membership) -> Option<Fault> {
    let (key, message) = match membership.security {
        SecurityStatus::Insecure => (
            "cluster.insecure",
            "beats are not authenticated: whoever reaches this network can change the answers",
        ),
        SecurityStatus::Permissive => (
            "cluster.accept",
            "unsigned beats are taken too: whoever reaches this network can change the answers \
             until this is \"enforce\"",
        ),
        SecurityStatus::Authenticated | SecurityStatus::Alone => return None,
    };
    Some(Fault::warning(config.places.value(key)?.clone(), key, message))
}

#[cfg(test)]
mod tests;
