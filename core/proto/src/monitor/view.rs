//! What a monitor shows to people.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::heartbeat::{Claim, Reason, State, Weight};
use crate::load::Load;
use crate::name::ServiceName;
use crate::time::Time;

/// One address of one service, for `rais status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// The service.
    pub service: ServiceName,
    /// The address.
    pub address: IpAddr,
    /// Whether it is our own.
    pub claim: Claim,
    /// What it is announced as; none before the first probe has ended.
    pub state: Option<State>,
    /// Since when.
    pub since: Time,
    /// Why.
    pub reason: Reason,
    /// The load that goes with it.
    pub load: Option<Load>,
    /// Its static weight, as far as the server wants it.
    pub weight: Weight,
    /// How long the last success took.
    pub last_took: Option<Duration>,
    /// What the last success told, for people.
    pub detail: Arc<str>,
    /// Probes of it that are running or waiting to start.
    pub in_flight: usize,
}
