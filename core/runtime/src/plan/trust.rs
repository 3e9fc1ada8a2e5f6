//! Whose beats a binder believes, and with which key a monitor signs.

use rais_proto::heartbeat::key::Key;
use rais_proto::heartbeat::trust::{Policy, Trust};
use rais_proto::name::ClusterName;

use crate::config::{Accept, Cluster, Config, Fault, Role, Security};
use crate::keys;
use crate::status::SecurityStatus;

/// The cluster of a process that needs none: both roles, and no transport.
const ALONE: &str = "alone";

/// How a process takes part in its cluster.
#[derive(Debug, Clone)]
pub struct Membership {
    /// Whose beats it believes.
    pub trust: Trust,
    /// Whether anybody who reaches it is believed, which is said at every start.
    pub security: SecurityStatus,
}

impl Membership {
    /// As `config` says, its keys read.
    ///
    /// # Errors
    /// A key folder that cannot be used; no signing key where a monitor needs one.
    pub fn of(config: &Config) -> Result<Membership, Vec<Fault>> {
        let Some(cluster) = &config.cluster else { return Ok(Membership::alone()) };
        let policy = policy_of(config, cluster)?;
        let security = match cluster.security {
            Some(Security::Keys(_)) => SecurityStatus::Authenticated,
            Some(Security::Insecure) | None => SecurityStatus::Insecure,
        };
        Ok(Membership { trust: Trust { cluster: cluster.name.clone(), policy }, security })
    }

    /// The key that this process signs with.
    pub fn signing(&self) -> Option<&Key> {
        self.trust.policy.ring()?.signing()
    }

    /// The cluster's name.
    pub fn cluster(&self) -> &ClusterName {
        &self.trust.cluster
    }

    fn alone() -> Membership {
        // A constant that is a name: the fallback is never taken.
        let cluster = ALONE.parse().unwrap_or_else(|_| unreachable!("{ALONE:?} is a name"));
        // Nobody else reaches it: nothing to authenticate, and nothing to warn of.
        let security = SecurityStatus::Authenticated;
        Membership { trust: Trust { cluster, policy: Policy::Insecure }, security }
    }
}

fn policy_of(config: &Config, cluster: &Cluster) -> Result<Policy, Vec<Fault>> {
    let Some(Security::Keys(folder)) = &cluster.security else { return Ok(Policy::Insecure) };
    let at_keys = |message: String| vec![config.fault("cluster.keys", message)];
    let keys = keys::load(folder).map_err(|error| at_keys(error.to_string()))?;
    let signs = config.roles().contains(&Role::Monitor) && !config.transports.is_empty();
    if signs && keys.ring.signing().is_none() {
        let folder = folder.display();
        return Err(at_keys(format!(
            "{folder}: no key there says `use = \"sign\"`, and a monitor signs its beats"
        )));
    }
    Ok(match cluster.accept {
        Accept::Enforce => Policy::Enforce(keys.ring),
        Accept::Permissive => Policy::Permissive(keys.ring),
    })
}
