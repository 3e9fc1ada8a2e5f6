//! What more is known of why a datagram is refused.

use std::fmt;

use super::breach::Breach;
use super::key::KeyId;
use crate::name::ClusterName;

/// More of why a datagram is refused than [`Refusal`](super::refusal::Refusal) says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Its header names this key, which is not in the ring. Anybody may write that.
    UnknownKey(KeyId),
    /// Its header names this cluster. Anybody may write that, too.
    Cluster(ClusterName),
    /// Its tag is right, and it says what its key may not say.
    Breach(Breach),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::UnknownKey(key) => {
                write!(
                    f,
                    "the heartbeat is signed with the key {key}, which is not in the key ring"
                )
            }
            Cause::Cluster(name) => write!(f, "the heartbeat is of the cluster `{name}`"),
            Cause::Breach(breach) => breach.fmt(f),
        }
    }
}
