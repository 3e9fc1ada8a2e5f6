//! Whose beats a receiver believes.

use super::key::{KeyId, KeyLimits, KeyRing};
use crate::name::ClusterName;

/// Whose beats a receiver believes.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Beats of another cluster are refused.
    pub cluster: ClusterName,
    /// What is asked of a beat of this one.
    pub policy: Policy,
}

/// What is asked of a beat.
#[derive(Debug, Clone)]
pub enum Policy {
    /// A tag by a key of the ring.
    Enforce(KeyRing),
    /// The same of a signed beat; an unsigned one is accepted too, while keys are rolled out.
    Permissive(KeyRing),
    /// Nothing: anybody who reaches the receiver is believed. A tag is not looked at.
    Insecure,
}

impl Policy {
    /// The keys, where there are any.
    pub fn ring(&self) -> Option<&KeyRing> {
        match self {
            Policy::Enforce(ring) | Policy::Permissive(ring) => Some(ring),
            Policy::Insecure => None,
        }
    }
}

impl Trust {
    /// Whether there are keys, and `key` is none of them.
    pub fn has_removed(&self, key: KeyId) -> bool {
        self.policy.ring().is_some_and(|ring| ring.get(key).is_none())
    }

    /// The limits of the key that signed a beat ([`Opened::key`](super::codec::Opened)).
    pub fn limits(&self, key: Option<KeyId>) -> Option<&KeyLimits> {
        Some(self.policy.ring()?.get(key?)?.limits())
    }
}
