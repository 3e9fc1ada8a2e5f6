//! Whose beats a binder believes, and with which key a monitor signs.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rais_proto::heartbeat::key::Key;
use rais_proto::heartbeat::trust::{Policy, Trust};
use rais_proto::name::ClusterName;

use crate::config::{Accept, Cluster, Config, Fault, Role, Security};
use crate::keys::{self, KeyFile, KeyUse};
use crate::plan::signer;
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
    /// The file of the key that it signs with.
    pub signer: Option<KeyFile>,
}

impl Membership {
    /// As `config` says for a process that takes `roles`, its keys read.
    ///
    /// # Errors
    /// A key folder that cannot be used; no signing key where a monitor needs one, or one that may not
    /// say what this monitor has to say.
    pub fn of(config: &Config, roles: &BTreeSet<Role>) -> Result<Membership, Vec<Fault>> {
        let Some(cluster) = &config.cluster else { return Ok(Membership::alone()) };
        let (policy, signer) = policy_of(config, cluster, roles)?;
        let security = match cluster.security {
            _ if config.transports.is_empty() => SecurityStatus::Alone,
            Some(Security::Keys(_)) => match cluster.accept {
                Accept::Permissive if roles.contains(&Role::Binder) => SecurityStatus::Permissive,
                _ => SecurityStatus::Authenticated,
            },
            Some(Security::Insecure) | None => SecurityStatus::Insecure,
        };
        let trust = Trust { cluster: cluster.name.clone(), policy };
        Ok(Membership { trust, security, signer })
    }

    /// Those of `addresses` that the key that it signs with may not speak of, and its file.
    pub fn beyond(&self, addresses: &[IpAddr]) -> Option<(Vec<IpAddr>, &KeyFile)> {
        let key = self.signer.as_ref().filter(|key| key.limits.addresses.is_some())?;
        let beyond: Vec<IpAddr> =
            addresses.iter().copied().filter(|&address| !key.limits.names(address)).collect();
        (!beyond.is_empty()).then_some((beyond, key))
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
        let trust = Trust { cluster, policy: Policy::Insecure };
        Membership { trust, security, signer: None }
    }
}

fn policy_of(
    config: &Config,
    cluster: &Cluster,
    roles: &BTreeSet<Role>,
) -> Result<(Policy, Option<KeyFile>), Vec<Fault>> {
    let Some(Security::Keys(folder)) = &cluster.security else {
        return Ok((Policy::Insecure, None));
    };
    let at_keys = |message: String| vec![config.fault("cluster.keys", message)];
    let keys = keys::load(folder).map_err(|error| at_keys(error.to_string()))?;
    // Its own binder is told in this very process, and nobody else reaches it.
    if config.transports.is_empty() {
        return Ok((Policy::Insecure, None));
    }
    if roles.contains(&Role::Monitor) && keys.ring.signing().is_none() {
        let names: Vec<&str> = keys.files.iter().map(|file| &*file.name).collect();
        let (folder, only) = (folder.display(), names.first().filter(|_| names.len() == 1));
        return Err(at_keys(format!(
            "{folder}: no key there says `use = \"sign\"`, and a monitor signs its beats: `rais key rotate \
             switch {} --keys {folder}` has one sign; there are: {}",
            only.unwrap_or(&"NAME"),
            names.join(", ")
        )));
    }
    let signer = keys.files.into_iter().find(|file| file.usage == KeyUse::Sign);
    let signer = signer.filter(|_| roles.contains(&Role::Monitor));
    let beyond = signer.as_ref().map_or_else(Vec::new, |key| signer::faults(config, key));
    if !beyond.is_empty() {
        return Err(beyond);
    }
    let policy = match cluster.accept {
        Accept::Enforce => Policy::Enforce(keys.ring),
        Accept::Permissive => Policy::Permissive(keys.ring),
    };
    Ok((policy, signer))
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
            assert!(refused.contains("rais.toml:4:8: "), "{refused}");
            assert!(refused.contains("`rais key rotate switch web1 --keys /"), "{refused}");
        }
        // Nor does one that its own binder alone hears, which believes it unsigned.
        let alone = SITE.replace(LAN, "");
        let alone = judged(folder.path(), &alone, &[Role::Monitor, Role::Binder]).unwrap();
        assert!(matches!(alone.trust.policy, Policy::Insecure), "{alone:?}");
        assert_eq!(alone.security, SecurityStatus::Alone);

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

    /// A monitor `web1` with `lines` in its table and a key of these limits.
    fn site_with_key(limits: &KeyLimits, lines: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let now = WallTime::from_unix_millis(1_795_444_440_000);
        keys::create(&folder.path().join("keys"), "web1", None, limits, now).unwrap();
        let lines = format!("[host]\nname = \"web1\"\n{SITE}[monitor]\n{lines}");
        (folder, lines.replace("type = \"udp\"", "type = \"nats\""))
    }

    /// What is said of it.
    fn with_key(limits: &KeyLimits, lines: &str) -> Result<Membership, String> {
        let (folder, text) = site_with_key(limits, lines);
        let own = folder.path().display().to_string();
        judged(folder.path(), &text, &[Role::Monitor]).map_err(|told| told.replace(&own, ""))
    }

    fn limits(hosts: &[&str], services: &[&str], ranges: &[&str]) -> KeyLimits {
        fn some<T: std::str::FromStr>(texts: &[&str]) -> Option<Vec<T>> {
            let all = texts.iter().filter_map(|text| text.parse().ok()).collect();
            (!texts.is_empty()).then_some(all)
        }
        KeyLimits { hosts: some(hosts), services: some(services), addresses: some(ranges) }
    }

    #[test]
    fn a_key_that_may_not_say_what_its_monitor_says_is_refused() {
        let range = ["192.0.2.0/28"];
        let targets = "[monitor.service.mail]\nprobe = { type = \"tcp\", port = 25 }\ntargets = ";
        let watched = |address: &str| format!("{targets}[\"{address}\"]");
        for (limits, lines, told) in [
            (
                limits(&["web2"], &[], &[]),
                "",
                Some("speak of the hosts web2 alone, and this host is `web1`"),
            ),
            (limits(&["web2", "web1"], &[], &[]), "", None),
            (
                limits(&[], &["news"], &[]),
                "",
                Some("services news alone, and `www` is none of them"),
            ),
            (limits(&[], &["news", "www"], &[]), "", None),
            (limits(&[], &[], &range), "", None),
            (
                limits(&[], &[], &range),
                "advertise = [\"192.0.2.16\"]",
                Some("nothing here is in them"),
            ),
            (
                limits(&[], &[], &range),
                "advertise = [\"192.0.3.0/24\"]",
                Some("addresses 192.0.2.0/28 alone"),
            ),
            (limits(&[], &[], &range), "advertise = [\"192.0.2.0/24\"]", None),
            // One file for several hosts.
            (limits(&[], &[], &range), "advertise = [\"192.0.2.1\", \"192.0.2.16\"]", None),
            (limits(&[], &[], &range), "advertise = [\"eth0\"]", None),
            (limits(&[], &[], &range), &watched("192.0.2.99"), Some("192.0.2.99 is in none")),
            (limits(&[], &[], &range), &watched("192.0.2.9"), None),
            (
                limits(&["web1"], &[], &[]),
                &watched("192.0.2.9"),
                Some("to no addresses (`--allow`)"),
            ),
        ] {
            match (with_key(&limits, lines), told) {
                (Ok(_), None) => {}
                (Err(said), Some(told)) => {
                    assert!(said.contains(told), "{lines}: {said}");
                    assert!(said.contains("/keys/web1.key"), "{said}");
                    assert!(said.starts_with("/rais.toml:"), "{said}");
                }
                (said, told) => panic!("{limits:?} {lines}: {said:?} and not {told:?}"),
            }
        }
    }

    #[test]
    fn addresses_that_only_the_interfaces_tell_are_judged_as_they_are_found() {
        let member = with_key(&limits(&[], &[], &["192.0.2.0/28"]), "").unwrap();
        let of = |last: u8| IpAddr::from([192, 0, 2, last]);
        let (beyond, key) = member.beyond(&[of(1), of(99)]).unwrap();
        assert_eq!((beyond, &*key.name), (vec![of(99)], "web1"));
        assert!(member.beyond(&[of(1)]).is_none());
        assert!(with_key(&limits(&[], &[], &[]), "").unwrap().beyond(&[of(99)]).is_none());
    }
}
