//! Whom another configuration leaves out: hosts that the binder hears, and that it would refuse.

use std::time::Duration;

use rais_proto::heartbeat::key::KeyId;
use rais_proto::heartbeat::trust::Policy;

use super::Daemon;
use crate::check::Checked;
use crate::config::{Fault, Role};
use crate::status::{HeardHost, Status, UNSIGNED, in_words};

impl Daemon {
    /// Whom `checked` would leave out, in doubts.
    pub(super) async fn who_is_left_out(&self, checked: &Checked) -> Vec<Fault> {
        let Some(before) = self.roles.believed() else { return Vec::new() };
        let after = &checked.membership.trust.policy;
        let Some(Status::Binder(binder)) = self.roles.voices().status(Role::Binder).await else {
            return Vec::new();
        };
        let accept = match checked.config.places.value("cluster.accept") {
            Some(_) => "cluster.accept",
            None => "cluster.keys",
        };
        let hosts = &binder.hosts;
        let told = [
            (accept, unsigned(before, after, hosts)),
            (accept, unsigned_services(before, after, hosts)),
            ("cluster.keys", with_a_key_that_is_gone(before, after, hosts)),
        ];
        let told = told.into_iter().filter_map(|(key, message)| Some((key, message?)));
        told.map(|(key, message)| checked.config.fault(key, message).as_doubt()).collect()
    }
}

/// Whether unsigned beats are refused after, and were taken before.
fn asks_for_tags(before: &Policy, after: &Policy) -> bool {
    matches!(after, Policy::Enforce(_)) && !matches!(before, Policy::Enforce(_))
}

/// Hosts that do not sign, or of which that is not known.
fn unsigned(before: &Policy, after: &Policy, hosts: &[HeardHost]) -> Option<String> {
    let unsigned = hosts.iter().filter(|host| host.key.is_none());
    let unsigned = unsigned.filter(|_| asks_for_tags(before, after));
    let names = first_of(unsigned.map(|host| format!("{} (heard {})", host.name, ago(host))))?;
    let known = match before {
        Policy::Insecure => "of which nobody has looked whether they sign",
        _ => "whose last beat was not signed",
    };
    Some(format!(
        "unsigned beats are refused from now on, and hosts are heard {known}: {names}; a key there, and \
         `rais reload`, has one sign; `accept = \"permissive\"` takes both until all do"
    ))
}

/// Hosts that sign by now, and have services that have not beaten since.
fn unsigned_services(before: &Policy, after: &Policy, hosts: &[HeardHost]) -> Option<String> {
    let signing = hosts.iter().filter(|host| host.key.is_some());
    let late = signing.filter_map(|host| of_services(host, UNSIGNED));
    let names = first_of(late.filter(|_| asks_for_tags(before, after)))?;
    Some(format!(
        "what was last said in an unsigned beat counts no longer, of services that beat seldom also where \
         the host signs by now: {names}; it counts again from their next beats. On other binders wait \
         until no host has `unsigned` among its `older_keys`, an `interval` of the slowest service, before \
         `accept = \"permissive\"` goes"
    ))
}

/// Hosts that were last heard with a key that was in the ring before, or whose services were.
fn with_a_key_that_is_gone(before: &Policy, after: &Policy, hosts: &[HeardHost]) -> Option<String> {
    let (before, after) = (before.ring()?, after.ring()?);
    let is_gone = |id: &&String| {
        let id = id.parse::<KeyId>();
        id.is_ok_and(|id| before.get(id).is_some() && after.get(id).is_none())
    };
    let newest = |host: &HeardHost| {
        let key = host.key.as_ref().filter(is_gone)?;
        Some(format!("{} (key {key}, heard {})", host.name, ago(host)))
    };
    let older = |host: &HeardHost| {
        let keys = host.older_keys.iter().filter(is_gone);
        first_of(keys.filter_map(|key| Some(format!("{} with key {key}", of_services(host, key)?))))
    };
    let names = first_of(hosts.iter().filter_map(|host| newest(host).or_else(|| older(host))))?;
    Some(format!(
        "beats that are signed with a key that is gone are refused from now on, and what was last said \
         with it counts no longer; hosts were last heard with such a key: {names}; they are heard again \
         when they sign with one that is here"
    ))
}

/// A host, and its services that stand by an older key, where there are any.
fn of_services(host: &HeardHost, key: &str) -> Option<String> {
    host.older_keys.iter().any(|older| older == key).then(|| {
        let services = host.older_services.get(key).into_iter().flatten();
        format!("{} ({})", host.name, first_of(services.cloned()).unwrap_or_default())
    })
}

fn ago(host: &HeardHost) -> String {
    format!("{} ago", in_words(Duration::from_millis(host.heard_ms_ago)))
}

/// Of hosts in one message, and of the services of each, so many are named: there may be any number, and the message is one line.
const MOST_NAMED: usize = 20;

/// The first names, and how many more there are; none where there are none at all.
fn first_of(mut names: impl Iterator<Item = String>) -> Option<String> {
    let told: Vec<String> = names.by_ref().take(MOST_NAMED).collect();
    let told = Some(told.join(", ")).filter(|told| !told.is_empty())?;
    Some(match names.count() {
        0 => told,
        more => format!("{told}, and {more} more"),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rais_proto::heartbeat::key::{Key, KeyLimits, KeyRing};

    use super::*;

    fn key(octet: u8) -> Key {
        Key::new([octet; 32], KeyLimits::default())
    }

    fn ring(octets: &[u8]) -> KeyRing {
        KeyRing::new(octets.iter().map(|&octet| key(octet)), None).unwrap()
    }

    fn host(name: &str, newest: Option<u8>, older: &[(Option<u8>, &str)]) -> HeardHost {
        let id = |octet: u8| key(octet).id().to_string();
        let of = |octet: Option<u8>| octet.map_or_else(|| UNSIGNED.to_owned(), id);
        let services: BTreeMap<String, Vec<String>> =
            older.iter().map(|&(key, service)| (of(key), vec![service.to_owned()])).collect();
        HeardHost {
            name: name.to_owned(),
            id: "01".to_owned(),
            epoch: 1,
            sequence: 1,
            heard_ms_ago: 2_000,
            source: None,
            key: newest.map(id),
            older_keys: services.keys().cloned().collect(),
            older_services: services,
        }
    }

    #[test]
    fn who_signs_by_now_is_not_told_to_sign() {
        let hosts = [
            host("web1", Some(1), &[(None, "news")]),
            host("web2", None, &[]),
            host("web3", Some(1), &[]),
        ];
        let (before, after) = (Policy::Permissive(ring(&[1])), Policy::Enforce(ring(&[1])));
        let told = unsigned(&before, &after, &hosts).unwrap();
        assert!(
            told.contains("whose last beat was not signed: web2 (heard 2 s ago); a key"),
            "{told}"
        );
        let told = unsigned_services(&before, &after, &hosts).unwrap();
        assert!(told.contains("the host signs by now: web1 (news); it counts again"), "{told}");
        for (before, after) in [(&after, &after), (&before, &before), (&after, &before)] {
            assert_eq!(unsigned(before, after, &hosts), None);
            assert_eq!(unsigned_services(before, after, &hosts), None);
        }
        let told = unsigned(&Policy::Insecure, &after, &hosts).unwrap();
        assert!(told.contains("of which nobody has looked whether they sign: web2"), "{told}");
    }

    #[test]
    fn who_was_last_heard_with_a_key_that_is_gone_is_named() {
        let hosts = [
            host("web1", Some(1), &[]),
            host("web2", Some(2), &[(Some(1), "news"), (None, "mail")]),
            host("web3", Some(2), &[]),
            host("web4", None, &[]),
            host("web5", Some(3), &[]),
        ];
        let permissive = |octets: &[u8]| Policy::Permissive(ring(octets));
        let told =
            with_a_key_that_is_gone(&permissive(&[1, 2]), &permissive(&[2]), &hosts).unwrap();
        let id = key(1).id();
        let names =
            format!("such a key: web1 (key {id}, heard 2 s ago), web2 (news) with key {id}; they");
        assert!(told.contains(&names), "{told}");
        for (before, after) in [
            (permissive(&[1, 2]), permissive(&[1, 2])),
            (permissive(&[2]), permissive(&[2])),
            (permissive(&[1, 2]), Policy::Insecure),
            (Policy::Insecure, permissive(&[2])),
        ] {
            assert_eq!(with_a_key_that_is_gone(&before, &after, &hosts), None);
        }
    }

    #[test]
    fn each_key_that_is_gone_is_named_and_of_very_many_services_the_first() {
        let mut web = host("web1", Some(3), &[(Some(1), "news"), (Some(2), "mail")]);
        let (one, two) = (key(1).id().to_string(), key(2).id().to_string());
        let many = (0..1000).map(|service| format!("s{service}"));
        web.older_services.insert(one.clone(), many.collect());
        let (before, after) = (Policy::Enforce(ring(&[1, 2, 3])), Policy::Enforce(ring(&[3])));
        let told = with_a_key_that_is_gone(&before, &after, std::slice::from_ref(&web)).unwrap();
        assert!(told.contains(&format!(", s19, and 980 more) with key {one}")), "{told}");
        assert!(told.contains(&format!("web1 (mail) with key {two}")), "{told}");
        assert!(!told.contains("s20"), "{told}");
    }

    #[test]
    fn of_very_many_hosts_the_first_are_named() {
        let named = |hosts: std::ops::Range<u32>| first_of(hosts.map(|host| format!("web{host}")));
        assert_eq!(named(0..0), None);
        assert_eq!(named(0..2).as_deref(), Some("web0, web1"));
        assert_eq!(named(0..20).as_deref().map(|told| told.ends_with(", web19")), Some(true));
        let told = named(0..100_000).unwrap();
        assert!(told.ends_with(", web19, and 99980 more"), "{told}");
    }
}
