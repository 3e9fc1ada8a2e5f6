//! `[cluster]`: whose beats are believed.

use std::path::PathBuf;
use std::time::Duration;

use rais_proto::name::ClusterName;

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
