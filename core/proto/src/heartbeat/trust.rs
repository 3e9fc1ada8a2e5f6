//! Whose beats a receiver believes.

use std::net::IpAddr;

use super::Claim;
use super::key::{Key, KeyId, KeyLimits, KeyRing};
use super::refusal::Refusal;
use crate::name::{ClusterName, HostName, ServiceName};

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

/// What a beat said of one address, and with which key.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The key that signed it; none where none did, or no tag was asked for.
    pub key: Option<KeyId>,
    /// What people call the host; none where that is not known.
    pub host: Option<&'a HostName>,
    /// The service.
    pub service: &'a ServiceName,
    /// Of itself, or of a machine it watches.
    pub claim: Claim,
    /// The address.
    pub address: IpAddr,
}

impl Policy {
    /// The keys, where there are any.
    pub fn ring(&self) -> Option<&KeyRing> {
        match self {
            Policy::Enforce(ring) | Policy::Permissive(ring) => Some(ring),
            Policy::Insecure => None,
        }
    }

    /// The key that is to vouch for a beat that is signed with `id`, or with none; none where nobody
    /// need.
    ///
    /// # Errors
    /// [`Refusal::Unsigned`] and [`Refusal::UnknownKey`].
    pub fn voucher(&self, id: Option<KeyId>) -> Result<Option<&Key>, Refusal> {
        match (self, id) {
            (Policy::Insecure, _) | (Policy::Permissive(_), None) => Ok(None),
            (Policy::Enforce(_), None) => Err(Refusal::Unsigned),
            (Policy::Enforce(ring) | Policy::Permissive(ring), Some(id)) => {
                ring.get(id).map(Some).ok_or(Refusal::UnknownKey)
            }
        }
    }
}

impl Trust {
    /// Whether it would take now what was said then. From where it came is asked of a beat alone: of
    /// what is known that is not kept.
    pub fn believes(&self, said: &Said<'_>) -> bool {
        match self.policy.voucher(said.key) {
            Err(_) => false,
            Ok(None) => true,
            Ok(Some(key)) => {
                let limits = key.limits();
                let names_host =
                    limits.hosts.is_none() || said.host.is_some_and(|name| limits.allow_host(name));
                names_host
                    && limits.allow_service(said.service)
                    && limits.allow_address(said.address)
                    && limits.allow_claim(said.claim)
            }
        }
    }

    /// The limits of the key that signed a beat ([`Opened::key`](super::codec::Opened)).
    pub fn limits(&self, key: Option<KeyId>) -> Option<&KeyLimits> {
        Some(self.policy.ring()?.get(key?)?.limits())
    }
}
