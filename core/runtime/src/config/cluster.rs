//! `[cluster]`: whose beats are believed.

use std::path::PathBuf;
use std::time::Duration;

use rais_proto::name::ClusterName;

use super::fault::{Fault, Notes};
use super::path;
use super::place::Place;
use super::section::Section;

/// `[cluster]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Beats of another cluster are refused.
    pub name: ClusterName,
    /// How beats are authenticated; none only where nothing is sent or received.
    pub security: Option<Security>,
    /// What happens to unsigned beats.
    pub accept: Accept,
    /// At first contact and at a new epoch: the beat's wall time against ours.
    pub max_skew: Duration,
}

/// How beats are authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Security {
    /// By the keys of this folder.
    Keys(PathBuf),
    /// Not at all (`insecure = true`): to be said at every start.
    Insecure,
}

/// What happens to unsigned beats where keys are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// Refused.
    Enforce,
    /// Accepted and counted: for the time of a roll-out.
    Permissive,
}

impl Cluster {
    /// `transport` is where the first transport stands: with one, a cluster needs a name and keys.
    pub(super) fn read(
        section: &Section<'_>,
        transport: Option<&Place>,
        notes: &Notes,
    ) -> Option<Cluster> {
        let name = section.get("name", |value| value.parsed("letters, digits, '-', '_' and '.'"));
        let keys = section.get("keys", |value| value.file());
        let insecure = section.get("insecure", |value| value.truth());
        let accept = section.get("accept", |value| {
            value.word(&[("enforce", Accept::Enforce), ("permissive", Accept::Permissive)])
        });
        let max_skew = section.get("max_skew", |value| value.duration());
        if let Some(transport) = transport {
            let need = |key: &str, why: &str| {
                let place = section.place().unwrap_or(transport);
                let message = format!("`{key}` of [cluster] is missing: {why}");
                let fault = Fault::error(place.clone(), &path::join("cluster", key), message);
                notes.add(match section.place() {
                    Some(_) => fault.see(transport, "the transport that needs it"),
                    None => fault,
                });
            };
            if section.value("name").is_none() {
                need("name", "a transport carries beats of one cluster");
            }
            let open = section.value("insecure").is_some() && insecure != Some(false);
            if section.value("keys").is_none() && !open {
                need(
                    "keys",
                    "beats are authenticated by a key ring, or `insecure = true` is written",
                );
            }
        }
        if let (Some(true), Some(keys)) = (insecure, section.value("keys")) {
            let message = "`keys` has no effect: `insecure = true` is written";
            notes.add(Fault::warning(keys.item.place.clone(), &keys.path, message));
        }
        let security = match insecure {
            Some(true) => Some(Security::Insecure),
            _ => keys.map(Security::Keys),
        };
        Some(Cluster {
            name: name?,
            security,
            accept: accept.unwrap_or(Accept::Enforce),
            max_skew: max_skew.unwrap_or(Duration::from_secs(300)),
        })
    }
}
