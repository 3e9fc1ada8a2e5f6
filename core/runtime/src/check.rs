//! A configuration, found sound or not: what `rais check` says, and what every start and reload
//! goes through first. It binds, writes and sends nothing.

use std::collections::BTreeSet;
use std::path::Path;

use crate::config::{self, Asked, Config, Fault, Faults, Loaded, Role};
use crate::host::PluginHost;
use crate::plan::Instances;
use crate::plan::trust::Membership;
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
    /// Every plugin it names.
    pub instances: Instances,
    /// Its cluster, keys read.
    pub membership: Membership,
}

/// Reads the configuration at `path` for a process of the roles `asked`, makes their plugins and
/// reads its keys. Plugins of `before` whose tables say the same are taken over.
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
    let mut faults = config::unsupported(&config, &host.registry().known_types());
    // A plugin that is missing was said above; a table that its plugin refuses is said here.
    if !faults.is_empty() {
        return Err(Faults(faults));
    }
    let roles = config.roles_for(asked).map_err(|found| faults.extend(found));
    let instances =
        Instances::make(host, &config, asked, before).map_err(|found| faults.extend(found));
    let taken = roles.as_ref().cloned().unwrap_or_default();
    let membership = Membership::of(&config, &taken).map_err(|found| faults.extend(found));
    match (roles, instances, membership) {
        (Ok(roles), Ok(instances), Ok(membership)) => {
            warnings.extend(insecurity(&config, &membership));
            Ok(Checked { config, roles, warnings, instances, membership })
        }
        _ => Err(Faults(faults)),
    }
}

/// Said at every start, where the file asks for it.
fn insecurity(config: &Config, membership: &Membership) -> Option<Fault> {
    const KEY: &str = "cluster.insecure";
    let place = config.places.value(KEY)?;
    let message =
        "beats are not authenticated: whoever reaches this network can change the answers";
    (membership.security == SecurityStatus::Insecure)
        .then(|| Fault::warning(place.clone(), KEY, message))
}
