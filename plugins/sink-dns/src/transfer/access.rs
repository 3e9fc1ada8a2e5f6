//! Who may transfer zones.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use domain::tsig::{self, Algorithm, KeyName};
use ipnet::IpNet;

/// Keys by what a message names.
pub(crate) type Keys = HashMap<(KeyName, Algorithm), Arc<tsig::Key>>;

/// Who may transfer zones; nobody, where nothing is said.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// From where; anywhere, where there is a key and no range.
    pub(crate) ranges: Vec<IpNet>,
    /// By which requests must be signed; none or one.
    pub(crate) keys: Keys,
}

/// Whether a request was signed with the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    /// The signature was checked, and an answer's takes so many octets.
    Yes {
        octets: u16,
    },
    No,
}

impl Access {
    pub(crate) fn allows(&self, client: IpAddr, signed: Signed) -> bool {
        let client = client.to_canonical();
        let from = self.ranges.iter().any(|range| range.contains(&client));
        match (self.keys.is_empty(), signed) {
            (true, _) => from,
            (false, Signed::Yes { .. }) => from || self.ranges.is_empty(),
            (false, Signed::No) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::tsig::Key;

    use super::*;

    #[test]
    fn nobody_may_unless_it_is_said_and_a_key_must_be_used() {
        let keys = || {
            let name: KeyName = "k".parse().unwrap();
            let key = Key::new(Algorithm::Sha256, b"secret", name.clone(), None, None).unwrap();
            Keys::from([((name, Algorithm::Sha256), Arc::new(key))])
        };
        let ranges = || vec!["192.0.2.0/24".parse().unwrap()];
        let (near, far) = ("192.0.2.1", "::ffff:198.51.100.1");
        let yes = Signed::Yes { octets: 100 };
        for (access, allowed) in [
            (Access::default(), [false, false, false, false]),
            (Access { ranges: ranges(), ..Access::default() }, [true, true, false, false]),
            (Access { keys: keys(), ..Access::default() }, [false, true, false, true]),
            (Access { ranges: ranges(), keys: keys() }, [false, true, false, false]),
        ] {
            let asked = [(near, Signed::No), (near, yes), (far, Signed::No), (far, yes)];
            let got = asked.map(|(client, signed)| access.allows(client.parse().unwrap(), signed));
            assert_eq!(got, allowed, "{access:?}");
        }
    }
}
