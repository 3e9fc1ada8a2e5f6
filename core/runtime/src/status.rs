//! What a running rais says of itself: the contract of `rais status --output json`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// One role of a process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub enum Status {
    /// It probes and announces.
    Monitor(MonitorStatus),
    /// It hears and publishes.
    Binder(BinderStatus),
}

/// Whose beats are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecurityStatus {
    /// Those signed with a key of the ring.
    Authenticated,
    /// Anybody's.
    Insecure,
}

/// Who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStatus {
    /// What people call it.
    pub name: String,
    /// What tells it apart, in hexadecimal.
    pub id: String,
}

/// A monitor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonitorStatus {
    /// Of rais.
    pub version: String,
    /// The host it speaks for.
    pub host: HostStatus,
    /// Since its start, in milliseconds.
    pub uptime_ms: u64,
    /// Whether its beats are signed.
    pub security: SecurityStatus,
    /// What it speaks for, by service and address.
    pub services: Vec<ServiceHealth>,
    /// Since its start.
    pub counters: MonitorCounters,
}

/// One address of one service, as its monitor sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceHealth {
    /// The service.
    pub service: String,
    /// The address.
    pub address: IpAddr,
    /// `own` or `watched`.
    pub claim: String,
    /// `up`, `down`, `unknown`, …; `unknown` before the first verdict too.
    pub state: String,
    /// In that state for so many milliseconds.
    pub since_ms: u64,
    /// Why.
    pub reason: String,
    /// In percent; none where it is unknown.
    pub load: Option<f64>,
    /// Of the last good probe, in milliseconds.
    pub took_ms: Option<f64>,
}

/// What a monitor counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitorCounters {
    /// Beats made.
    pub beats_sent: u64,
    /// Beats that a transport could not send.
    pub send_failed: u64,
    /// Probes started.
    pub probes_started: u64,
    /// Probes that wait for others to end (`concurrency`), at this moment.
    pub probes_waiting: u64,
}

/// A binder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BinderStatus {
    /// Of rais.
    pub version: String,
    /// The host it runs on.
    pub host: HostStatus,
    /// Since its start, in milliseconds.
    pub uptime_ms: u64,
    /// Whose beats it believes.
    pub security: SecurityStatus,
    /// What somebody should look at.
    pub alarms: Vec<AlarmStatus>,
    /// By name.
    pub zones: Vec<ZoneStatus>,
    /// By name.
    pub services: Vec<ServiceStatus>,
    /// By id.
    pub hosts: Vec<HeardHost>,
    /// Since its start.
    pub counters: BinderCounters,
}

/// Something somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmStatus {
    /// `deaf`, `nobody-heard`, `held`, `last-resort`, `refused-host`, `publish-failed`, `state`.
    pub kind: String,
    /// Which service, where it is about one.
    pub service: Option<String>,
    /// Which zone, where it is about one.
    pub zone: Option<String>,
    /// In a sentence.
    pub text: String,
}

/// A zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneStatus {
    /// Its name.
    pub zone: String,
    /// Of its last publication; none before the first.
    pub serial: Option<u32>,
    /// Where it goes.
    pub sinks: Vec<SinkStatus>,
}

/// A zone's sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkStatus {
    /// Its name.
    pub sink: String,
    /// How far it is.
    pub state: SinkState,
    /// What it last confirmed.
    pub serial: Option<u32>,
    /// Why it failed.
    pub error: Option<String>,
}

/// How far a sink is with a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SinkState {
    /// It confirmed the last publication.
    Ok,
    /// Its last try failed; it is tried again.
    Failed,
    /// Nothing was published yet, or it is under way.
    Pending,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// Its name.
    pub service: String,
    /// Where its addresses go.
    pub zone: String,
    /// Under which names, relative to the zone.
    pub owners: Vec<String>,
    /// `at-once` or `on-timer`.
    pub react: String,
    /// `listening`, `ready`, `deaf` or `nobody-heard`.
    pub phase: String,
    /// Who is in the answers.
    pub set: Vec<IpAddr>,
    /// Every address that is known or in the answers.
    pub members: Vec<MemberStatus>,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// The address.
    pub address: IpAddr,
    /// Whether it is in the answers.
    pub in_set: bool,
    /// What was last said of it; `unknown` where it is only remembered.
    pub state: String,
    /// Why it is in the answers, or not.
    pub verdict: String,
    /// What the monitor gave as reason.
    pub reason: String,
    /// In percent; none where it is unknown.
    pub load: Option<f64>,
    /// Who says so.
    pub host: Option<String>,
    /// `own` or `watched`.
    pub claim: Option<String>,
    /// So many milliseconds ago.
    pub heard_ms_ago: Option<u64>,
    /// Silence longer than this is death, in milliseconds.
    pub expire_ms: Option<u64>,
}

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
}

/// What a binder counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinderCounters {
    /// Beats taken in.
    pub accepted: u64,
    /// Datagrams and claims refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Publications that a sink confirmed.
    pub published: u64,
    /// Tries of a sink that failed.
    pub failed: u64,
}
