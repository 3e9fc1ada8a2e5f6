//! Whose beats a binder believes, and with which key a monitor signs.

use std::collections::BTreeSet;

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
    /// As `config` says for a process that takes `roles`, its keys read.
    ///
    /// # Errors
    /// A key folder that cannot be used; no signing key where a monitor needs one.
    pub fn of(config: &Config, roles: &BTreeSet<Role>) -> Result<Membership, Vec<Fault>> {
        let Some(cluster) = &config.cluster else { return Ok(Membership::alone()) };
        let policy = policy_of(config, cluster, roles)?;
        let security = match cluster.security {
            Some(Security::Keys(_)) => match cluster.accept {
                Accept::Permissive if roles.contains(&Role::Binder) => SecurityStatus::Permissive,
                _ => SecurityStatus::Authenticated,
            },
            Some(Security::Insecure) | None if config.transports.is_empty() => {
                SecurityStatus::Alone
            }
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
        let security = SecurityStatus::Alone;
        Membership { trust: Trust { cluster, policy: Policy::Insecure }, security }
    }
}

fn policy_of(
    config: &Config,
    cluster: &Cluster,
    roles: &BTreeSet<Role>,
) -> Result<Policy, Vec<Fault>> {
    let Some(Security::Keys(folder)) = &cluster.security else { return Ok(Policy::Insecure) };
    let at_keys = |message: String| vec![config.fault("cluster.keys", message)];
    let keys = keys::load(folder).map_err(|error| at_keys(error.to_string()))?;
    let signs = roles.contains(&Role::Monitor) && !config.transports.is_empty();
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rais_proto::heartbeat::key::KeyLimits;
    use rais_proto::time::WallTime;

    use super::*;
    use crate::config;
    use crate::keys::KeyUse;

    /// A whole site, as one file for all of its hosts.
    const SITE: &str = r#"
[cluster]
name = "site"
keys = "keys"
[transport.lan]
type = "udp"
[monitor.service.www]
probe = { type = "tcp", port = 80 }
[zone."www.example"]
sinks = ["bind"]
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[binder.service.www]
zone = "www.example"
[sink.bind]
type = "bind"
"#;

    const LAN: &str = "[transport.lan]\ntype = \"udp\"\n";

    fn judged(folder: &Path, text: &str, roles: &[Role]) -> Result<Membership, String> {
        let config = config::parse(&folder.join("rais.toml"), text).unwrap().config;
        let roles = roles.iter().copied().collect();
        Membership::of(&config, &roles).map_err(|faults| faults[0].to_string())
    }

    #[test]
    fn only_a_monitor_needs_a_key_that_signs() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        let limits = KeyLimits::default();
        let now = WallTime::from_unix_millis(1_795_444_440_000);
        keys::create(&keys, "web1", Some(KeyUse::Accept), &limits, now).unwrap();

        let binder = judged(folder.path(), SITE, &[Role::Binder]).unwrap();
        assert!(binder.signing().is_none());
        assert_eq!(binder.security, SecurityStatus::Authenticated);
        for roles in [&[Role::Monitor][..], &[Role::Monitor, Role::Binder]] {
            let refused = judged(folder.path(), SITE, roles).unwrap_err();
            assert!(refused.contains("rais.toml:4:8: ") && refused.contains("sign"), "{refused}");
        }
        // Its own binder is told in this very process: nobody asks for a signature.
        let alone = SITE.replace(LAN, "");
        judged(folder.path(), &alone, &[Role::Monitor, Role::Binder]).unwrap();

        keys::create(&keys, "site", Some(KeyUse::Sign), &limits, now).unwrap();
        let monitor = judged(folder.path(), SITE, &[Role::Monitor]).unwrap();
        assert!(monitor.signing().is_some());
    }

    #[test]
    fn whoever_has_no_transport_is_neither_authenticated_nor_insecure() {
        let both = [Role::Monitor, Role::Binder];
        let security = |text: &str| judged(Path::new("/nowhere"), text, &both).unwrap().security;
        let insecure = SITE.replace("keys = \"keys\"", "insecure = true");
        assert_eq!(security(&insecure), SecurityStatus::Insecure);
        assert_eq!(security(&insecure.replace(LAN, "")), SecurityStatus::Alone);
        let nameless = insecure.replace("[cluster]\nname = \"site\"\ninsecure = true\n", "");
        assert_eq!(security(&nameless.replace(LAN, "")), SecurityStatus::Alone);
    }
}
