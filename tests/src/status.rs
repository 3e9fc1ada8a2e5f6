//! `rais status --output json`, typed: what the tests look at, and a check of the contract.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Deserialize;

use crate::host::Host;
use crate::wait;

/// A binder's status.
#[derive(Debug, Clone, Deserialize)]
pub struct Binder {
    /// Always `binder`.
    pub role: String,
    /// Of the product.
    pub version: String,
    /// `authenticated` or `insecure`.
    pub security: String,
    /// What wants a person's eye.
    pub alarms: Vec<Alarm>,
    /// Zones with their sinks.
    pub zones: Vec<Zone>,
    /// Services with their members.
    pub services: Vec<BoundService>,
    /// Hosts that were heard.
    pub hosts: Vec<HeardHost>,
    /// Since the start.
    pub counters: BinderCounters,
}

/// An alarm.
#[derive(Debug, Clone, Deserialize)]
pub struct Alarm {
    /// `deaf`, `nobody-heard`, `held`, …
    pub kind: String,
    /// Where it is one service's.
    pub service: Option<String>,
    /// Where it is one zone's.
    pub zone: Option<String>,
    /// In words.
    pub text: String,
}

/// A zone and what became of its last publication.
#[derive(Debug, Clone, Deserialize)]
pub struct Zone {
    /// Its name.
    pub zone: String,
    /// Of the last publication; none before the first.
    pub serial: Option<u32>,
    /// One a sink.
    pub sinks: Vec<SinkState>,
}

/// A sink's state for one zone.
#[derive(Debug, Clone, Deserialize)]
pub struct SinkState {
    /// Name of the sink.
    pub sink: String,
    /// `ok`, `failed` or `pending`.
    pub state: String,
    /// Served now, as far as is known.
    pub serial: Option<u32>,
    /// Of the last attempt.
    pub error: Option<String>,
}

/// A service as the binder sees it.
#[derive(Debug, Clone, Deserialize)]
pub struct BoundService {
    /// Its name.
    pub service: String,
    /// Where its addresses go.
    pub zone: String,
    /// Owner names in that zone.
    pub owners: Vec<String>,
    /// `on-timer` or `at-once`.
    pub react: String,
    /// `listening`, `ready` or `deaf`.
    pub phase: String,
    /// The addresses in the zone.
    pub set: BTreeSet<IpAddr>,
    /// Everyone known.
    pub members: Vec<Member>,
}

/// An address of a service.
#[derive(Debug, Clone, Deserialize)]
pub struct Member {
    /// The address.
    pub address: IpAddr,
    /// Whether the zone has it.
    pub in_set: bool,
    /// As its monitor said last.
    pub state: String,
    /// What the binder makes of it.
    pub verdict: String,
    /// In words.
    pub reason: String,
    /// Percent; none where unknown.
    pub load: Option<f64>,
    /// Name of the host that speaks for it.
    pub host: String,
    /// `own` or `watched`.
    pub claim: String,
    /// What each who watches it says.
    pub watchers: Vec<Watcher>,
}

/// One who watches an address.
#[derive(Debug, Clone, Deserialize)]
pub struct Watcher {
    /// Who.
    pub host: String,
    /// What it last said.
    pub state: String,
    /// Whether that counts.
    pub vote: String,
}

/// A host that was heard.
#[derive(Debug, Clone, Deserialize)]
pub struct HeardHost {
    /// Its name.
    pub name: String,
    /// Its id, hexadecimal.
    pub id: String,
    /// Number of its starts.
    pub epoch: u64,
    /// Highest number heard.
    pub sequence: u64,
    /// How long ago, in milliseconds.
    pub heard_ms_ago: u64,
    /// Where from.
    pub source: Option<String>,
    /// Id of the key that signed its newest beat.
    pub key: Option<String>,
}

/// A binder's counters.
#[derive(Debug, Clone, Deserialize)]
pub struct BinderCounters {
    /// Beats taken.
    pub accepted: u64,
    /// Of these, such as nobody signed, while keys are rolled out.
    pub unsigned: u64,
    /// Datagrams refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Publications that every sink confirmed.
    pub published: u64,
    /// Publications that a sink refused.
    pub failed: u64,
}

/// A monitor's status.
#[derive(Debug, Clone, Deserialize)]
pub struct Monitor {
    /// Always `monitor`.
    pub role: String,
    /// `authenticated` or `insecure`.
    pub security: String,
    /// One a service and address.
    pub services: Vec<ProbedService>,
    /// Since the start.
    pub counters: MonitorCounters,
}

/// A service on an address as its monitor sees it.
#[derive(Debug, Clone, Deserialize)]
pub struct ProbedService {
    /// Its name.
    pub service: String,
    /// Where.
    pub address: IpAddr,
    /// `own` or `watched`.
    pub claim: String,
    /// `up`, `down`, `unknown`, …
    pub state: String,
    /// In words.
    pub reason: String,
    /// Percent; none where unknown.
    pub load: Option<f64>,
}

/// A monitor's counters.
#[derive(Debug, Clone, Deserialize)]
pub struct MonitorCounters {
    /// Beats handed to a transport.
    pub beats_sent: u64,
    /// Beats that a transport refused.
    pub send_failed: u64,
    /// Probes begun.
    pub probes_started: u64,
}

impl Binder {
    /// The service of that name.
    ///
    /// # Errors
    /// In words, for [`crate::wait::until`].
    pub fn service(&self, name: &str) -> Result<&BoundService, String> {
        self.services
            .iter()
            .find(|s| s.service == name)
            .ok_or_else(|| format!("status knows no service {name}"))
    }

    /// All datagrams refused so far.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.counters.refused.values().sum()
    }

    /// Whether an alarm of that kind stands for the service (or for all).
    #[must_use]
    pub fn alarmed(&self, kind: &str, service: &str) -> bool {
        self.alarms
            .iter()
            .any(|a| a.kind == kind && a.service.as_deref().is_none_or(|of| of == service))
    }
}

/// The status of the binder on `host`.
///
/// # Errors
/// What `rais status` says, or where its output breaks the contract.
pub fn binder(host: &Host) -> Result<Binder, String> {
    of(host, "binder")
}

/// The status of the monitor on `host`.
///
/// # Errors
/// What `rais status` says, or where its output breaks the contract.
pub fn monitor(host: &Host) -> Result<Monitor, String> {
    of(host, "monitor")
}

fn of<T: for<'de> Deserialize<'de>>(host: &Host, role: &str) -> Result<T, String> {
    let socket = format!("/run/rais/{role}.sock");
    let out = host.rais(&["status", "--socket", &socket, "--output", "json"]);
    if out.code != 0 {
        return Err(out.stderr);
    }
    let mut roles: Vec<T> =
        serde_json::from_str(&out.stdout).map_err(|e| format!("{e} in {}", out.stdout))?;
    roles.pop().ok_or_else(|| "status names no role".to_owned())
}

/// Waits until the binder on `host` has exactly `wanted` as a service's set; gives its status.
#[track_caller]
pub fn until_set(host: &Host, service: &str, wanted: &BTreeSet<IpAddr>) -> Binder {
    until_binder(host, &format!("{service} to be {wanted:?}"), |status| {
        let set = &status.service(service)?.set;
        if set == wanted { Ok(()) } else { Err(format!("it is {set:?}")) }
    })
}

/// As [`until_set`], and until every sink of the service's zone has confirmed it.
#[track_caller]
pub fn until_published(host: &Host, service: &str, wanted: &BTreeSet<IpAddr>) -> Binder {
    until_binder(host, &format!("{service} to be published as {wanted:?}"), |status| {
        let service = status.service(service)?;
        let zone = status.zones.iter().find(|zone| zone.zone == service.zone);
        let sinks = zone.map(|zone| &zone.sinks[..]).unwrap_or_default();
        let confirmed = !sinks.is_empty() && sinks.iter().all(|sink| sink.state == "ok");
        if &service.set == wanted && confirmed {
            Ok(())
        } else {
            Err(format!("it is {:?}, its sinks {sinks:?}", service.set))
        }
    })
}

/// Waits until the binder on `host` is as `look` wants it; gives that status.
#[track_caller]
pub fn until_binder(
    host: &Host,
    what: &str,
    mut look: impl FnMut(&Binder) -> Result<(), String>,
) -> Binder {
    let mut last = None;
    let seen = wait::try_until(|| {
        let status = binder(host)?;
        let looked = look(&status);
        last = Some(status.clone());
        looked.map(|()| status)
    });
    seen.unwrap_or_else(|reason| {
        panic!("waited in vain on {} for {what}: {reason}\n{last:#?}", host.name())
    })
}
