//! A host as a binder has heard it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// A host that was heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardHost {
    /// What people call it.
    pub name: String,
    /// What tells it apart, in hexadecimal.
    pub id: String,
    /// Which life of its monitor.
    pub epoch: u64,
    /// Its newest beat.
    pub sequence: u64,
    /// So many milliseconds ago.
    pub heard_ms_ago: u64,
    /// Where from; none where it is only remembered.
    pub source: Option<SocketAddr>,
    /// The id of the key that signed its newest beat; none where none did.
    #[serde(default)]
    pub key: Option<String>,
    /// Ids of other keys that what it said of services which beat seldom still stands by; [`UNSIGNED`]
    /// for none.
    #[serde(default)]
    pub older_keys: Vec<String>,
    /// By each of them the names of those services.
    #[serde(default)]
    pub older_services: BTreeMap<String, Vec<String>>,
}

/// In the place of a key's id, where nobody signed.
pub const UNSIGNED: &str = "unsigned";

impl HeardHost {
    /// Whether its newest beat, or one that a claim of it still stands by, was signed with the key of that
    /// id; with none, whether it was not signed.
    pub fn stands_by(&self, key: Option<&str>) -> bool {
        let older = key.unwrap_or(UNSIGNED);
        self.key.as_deref() == key || self.older_keys.iter().any(|key| key == older)
    }
}
