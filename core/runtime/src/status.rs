//! What a running rais says of itself: the contract of `rais status --output json`.

mod heard_host;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rais_proto::heartbeat::Weight;
use serde::{Deserialize, Serialize};

use crate::config::Kind;
use crate::headers::Troubles;
use crate::host::{Complaint, PluginRow, PluginState};

pub use heard_host::{HeardHost, UNSIGNED};

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
    /// Those, and unsigned ones too, while keys are rolled out.
    Permissive,
    /// Anybody's.
    Insecure,
    /// Its own: no transport carries any, so there is nobody to tell apart.
    Alone,
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
    /// What somebody should look at.
    #[serde(default)]
    pub alarms: Vec<AlarmStatus>,
    /// What it speaks for, by service and address.
    pub services: Vec<ServiceHealth>,
    /// Those in use by its process, by kind and name.
    #[serde(default)]
    pub plugins: Vec<PluginStatus>,
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
    /// What the last good probe told: `200 OK`, `certificate ends in 9 days`; may be empty.
    #[serde(default)]
    pub detail: String,
    /// Percent of the usual share: the configured one, as far as the server wants it.
    #[serde(default = "usual_weight")]
    pub weight: u16,
}

/// An older rais does not tell it.
fn usual_weight() -> u16 {
    Weight::USUAL.as_percent()
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
    /// By name, then by id.
    pub hosts: Vec<HeardHost>,
    /// What an operator has drained.
    #[serde(default)]
    pub drains: Vec<DrainStatus>,
    /// Those in use by its process, by kind and name.
    #[serde(default)]
    pub plugins: Vec<PluginStatus>,
    /// Since its start.
    pub counters: BinderCounters,
    /// The last datagram that was refused, for each reason.
    #[serde(default)]
    pub refused: Vec<RefusedStatus>,
}

/// A datagram that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedStatus {
    /// Why, as among the counters.
    pub reason: String,
    /// Where it came from.
    pub source: SocketAddr,
    /// So many milliseconds ago.
    pub ms_ago: u64,
    /// The id of the key that it names: proved of a `key_limit` and its like, written by anybody of an
    /// `unknown_key`.
    #[serde(default)]
    pub key: Option<String>,
    /// The cluster that it names, where that is another; anybody may write that.
    #[serde(default)]
    pub cluster: Option<String>,
    /// The host that has sent it, where its tag is right.
    #[serde(default)]
    pub host: Option<String>,
}

/// A plugin that a configuration names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginStatus {
    /// `probe`, `load`, `sink` or `transport`.
    pub kind: String,
    /// The `type` in a table.
    pub name: String,
    /// `ready`; `stuck` where calls of it do not return; of one in a process of its own `restarting`
    /// and `down` where that died.
    pub state: String,
    /// Calls that have not ended yet.
    pub calls: u64,
    /// How its process ended, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What it warns of and has not taken back since, of several instances the one that has warned for
    /// longest; known of libraries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// For so many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning_ms: Option<u64>,
}

/// The kind of an alarm about a transport that does not work.
const TRANSPORT_ALARM: &str = "transport";

/// Something somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmStatus {
    /// `deaf`, `nobody-heard`, `held`, `panic`, `loaded`, `last-resort`, `owner-conflict`,
    /// `unpublished`, `refused-host`, `publish-failed`, `header`, `state`, `plugin-stuck`, `plugin-down`;
    /// of a monitor `key-limit`; of both `transport`.
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
    /// What several watchers of an address must say: `any` of them up, or the `majority`.
    #[serde(default)]
    pub watch: String,
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
    /// What each who watches it says; nobody where its own host speaks for it.
    #[serde(default)]
    pub watchers: Vec<WatcherStatus>,
    /// How much of its service's answers it is to have, in percent; none where no weights are made,
    /// and of who is out.
    #[serde(default)]
    pub share: Option<f64>,
}

/// One who watches an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatcherStatus {
    /// Who.
    pub host: String,
    /// What it last said.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Whether that counts: `counts`; `silent` where the watcher is not heard itself, `reviving` where
    /// it was heard once since.
    pub vote: String,
    /// So many milliseconds ago.
    pub heard_ms_ago: u64,
}

/// What an operator has drained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainStatus {
    /// `host`, `service` or `address`.
    pub kind: String,
    /// Its name; of a host that is not known any more its id.
    pub target: String,
    /// Why.
    pub reason: String,
    /// For so many milliseconds.
    pub stood_ms: u64,
    /// And for so many more.
    pub left_ms: u64,
    /// Whether a service may be left without addresses.
    pub force: bool,
}

/// What a binder counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinderCounters {
    /// Beats taken in.
    pub accepted: u64,
    /// Of these, such as nobody signed (`accept = "permissive"`).
    #[serde(default)]
    pub unsigned: u64,
    /// Datagrams and claims refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Publications that a sink confirmed.
    pub published: u64,
    /// Tries of a sink that failed.
    pub failed: u64,
}

impl Status {
    /// With what the process's plugins do.
    pub(crate) fn with_plugins(mut self, rows: &[PluginRow]) -> Status {
        let in_use: Vec<PluginStatus> = rows.iter().filter_map(PluginStatus::of).collect();
        let used = rows.iter().filter(|row| row.state != PluginState::Unused);
        let used = used.filter(|row| row.kind == Kind::Transport);
        let cut_off = used.flat_map(|row| row.complaints.iter().map(move |it| (&*row.name, it)));
        match &mut self {
            Status::Monitor(status) => {
                // What became of its beats says the same, and more.
                let is_told = |complaint: &Complaint| {
                    let name = complaint.transport.as_deref();
                    name.is_some_and(|name| status.alarms.iter().any(|it| it.is_of_transport(name)))
                };
                let untold: Vec<AlarmStatus> = cut_off
                    .filter(|(_, complaint)| !is_told(complaint))
                    .map(|(plugin, complaint)| AlarmStatus::of_warning(plugin, complaint))
                    .collect();
                status.alarms.extend(untold);
                status.plugins = in_use;
            }
            Status::Binder(status) => {
                // First: who hears nobody has other alarms for it, too.
                let transports =
                    cut_off.map(|(plugin, complaint)| AlarmStatus::of_warning(plugin, complaint));
                status.alarms.splice(0..0, transports);
                let broken = in_use.iter().filter(|plugin| plugin.is_broken());
                status.alarms.extend(
                    broken.map(|plugin| AlarmStatus {
                        kind: if plugin.why.is_some() { "plugin-down" } else { "plugin-stuck" }
                            .to_owned(),
                        service: None,
                        zone: None,
                        text: plugin.trouble(),
                    }),
                );
                status.plugins = in_use;
            }
        }
        self
    }
}

impl Status {
    /// With what is wrong with header files on disk.
    pub(crate) fn with_headers(mut self, troubles: &Troubles) -> Status {
        if let Status::Binder(status) = &mut self {
            status.alarms.extend(troubles.iter().map(|(zone, text)| AlarmStatus {
                kind: "header".to_owned(),
                service: None,
                zone: Some(zone.to_string()),
                text: format!("it cannot be used, the one before goes on: {text}"),
            }));
        }
        self
    }
}

impl AlarmStatus {
    /// About no service and no zone.
    pub(crate) fn of(kind: &str, text: impl Into<String>) -> AlarmStatus {
        AlarmStatus { kind: kind.to_owned(), service: None, zone: None, text: text.into() }
    }

    /// About the transport that its table calls `name`.
    pub(crate) fn of_transport(name: &str, what: &str) -> AlarmStatus {
        AlarmStatus::of(TRANSPORT_ALARM, format!("`{name}` {what}"))
    }

    fn is_of_transport(&self, name: &str) -> bool {
        self.kind == TRANSPORT_ALARM && self.text.starts_with(&format!("`{name}` "))
    }

    /// About a transport that says itself that it does not work.
    fn of_warning(plugin: &str, complaint: &Complaint) -> AlarmStatus {
        let what =
            format!("has warned for {}: {}", in_words(complaint.since.elapsed()), complaint.text);
        match &complaint.transport {
            Some(name) => AlarmStatus::of_transport(name, &what),
            None => AlarmStatus::of(TRANSPORT_ALARM, format!("the plugin `{plugin}` {what}")),
        }
    }
}

/// A time that has passed, in whole seconds.
pub(crate) fn in_words(time: Duration) -> String {
    let all = time.as_secs();
    match (all / 3600, all / 60 % 60, all % 60) {
        (0, 0, secs) => format!("{secs} s"),
        (0, mins, secs) => format!("{mins} min {secs} s"),
        (hours, mins, _) => format!("{hours} h {mins} min"),
    }
}

impl PluginStatus {
    /// None where it is not in use.
    fn of(row: &PluginRow) -> Option<PluginStatus> {
        if row.state == PluginState::Unused {
            return None;
        }
        let calls = row.state.calls() as u64;
        let (kind, name) = (row.kind.to_string(), row.name.clone());
        let why = row.state.why().map(str::to_owned);
        // The oldest stands for all: where there are more, the alarms have each.
        let complaint = row.complaints.iter().min_by_key(|complaint| complaint.since);
        let warning = complaint.map(|complaint| complaint.text.clone());
        let since = complaint.map(|complaint| complaint.since.elapsed().as_millis());
        let warning_ms = since.map(|millis| u64::try_from(millis).unwrap_or(u64::MAX));
        let state = row.state.to_string();
        Some(PluginStatus { kind, name, state, calls, why, warning, warning_ms })
    }

    /// Whether it does not do what it is there for.
    pub fn is_broken(&self) -> bool {
        self.state != "ready"
    }

    /// In a sentence, what is wrong with one that is broken.
    pub fn trouble(&self) -> String {
        let PluginStatus { kind, name, state, calls, why, .. } = self;
        match why {
            Some(why) => format!("the {kind} plugin `{name}` is {state}: {why}"),
            None => format!(
                "the {kind} plugin `{name}` does not return; calls that wait for it: {calls}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    use crate::host::Registry;

    #[test]
    fn a_stuck_plugin_is_told_and_alarmed() {
        let registry = Registry::built_in().unwrap();
        let mut rows = registry.list();
        let mut set = |kind, name: &str, state| {
            let row = rows.iter_mut().find(|row| row.kind == kind && row.name == name);
            row.unwrap().state = state;
        };
        set(Kind::Probe, "connect", PluginState::Ready { calls: 2 });
        set(Kind::Sink, "shelf", PluginState::Stuck { calls: 3 });
        let bus = rows.iter().position(|row| row.kind == Kind::Transport).unwrap();
        rows[bus].state = PluginState::Ready { calls: 0 };
        let since = Instant::now().checked_sub(Duration::from_secs(71)).unwrap();
        let text = "not connected: no server".to_owned();
        let of = |name: &str| Some(name.to_owned());
        rows[bus].complaints.push(Complaint { since, text: text.clone(), transport: of("west") });
        rows[bus].complaints.push(Complaint { since, text, transport: of("east") });
        let host = || HostStatus { name: "h".to_owned(), id: "0".to_owned() };
        let binder = BinderStatus {
            version: "0".to_owned(),
            host: host(),
            uptime_ms: 0,
            security: SecurityStatus::Authenticated,
            alarms: Vec::new(),
            zones: Vec::new(),
            services: Vec::new(),
            hosts: Vec::new(),
            drains: Vec::new(),
            plugins: Vec::new(),
            counters: BinderCounters::default(),
            refused: Vec::new(),
        };
        let Status::Binder(told) = Status::Binder(binder).with_plugins(&rows) else {
            panic!("another role")
        };
        let shown: Vec<_> =
            told.plugins.iter().map(|p| (&*p.kind, &*p.name, &*p.state, p.calls)).collect();
        let transport = rows[bus].name.clone();
        assert_eq!(
            shown,
            [
                ("probe", "connect", "ready", 2),
                ("sink", "shelf", "stuck", 3),
                ("transport", &*transport, "ready", 0)
            ]
        );
        assert_eq!(told.alarms.len(), 3);
        assert_eq!(told.alarms[0].kind, "transport");
        assert_eq!(
            told.alarms[0].text,
            "`west` has warned for 1 min 11 s: not connected: no server"
        );
        assert_eq!(
            told.alarms[1].text,
            "`east` has warned for 1 min 11 s: not connected: no server"
        );
        assert_eq!(told.alarms[2].kind, "plugin-stuck");
        assert!(told.alarms[2].text.contains("sink plugin `shelf`"), "{:?}", told.alarms);

        // Of its beats a monitor knows of one what the plugin says, too; of the other it does not.
        let monitor = MonitorStatus {
            version: "0".to_owned(),
            host: host(),
            uptime_ms: 0,
            security: SecurityStatus::Authenticated,
            alarms: vec![AlarmStatus::of_transport("west", "has sent nothing for 9 s: no")],
            services: Vec::new(),
            plugins: Vec::new(),
            counters: MonitorCounters::default(),
        };
        let Status::Monitor(monitor) = Status::Monitor(monitor).with_plugins(&rows) else {
            panic!("another role")
        };
        let shown: Vec<_> = monitor.alarms.iter().map(|alarm| &*alarm.text).collect();
        assert_eq!(shown, ["`west` has sent nothing for 9 s: no", &*told.alarms[1].text]);

        let troubles = Troubles::from([("www.example".parse().unwrap(), "line 1".to_owned())]);
        let Status::Binder(mut told) = Status::Binder(told).with_headers(&troubles) else {
            panic!("another role")
        };
        let header = told.alarms.pop().unwrap();
        assert_eq!(header.text, "it cannot be used, the one before goes on: line 1");

        // As an older rais answers.
        let mut json = serde_json::to_value(Status::Binder(told)).unwrap();
        json.as_object_mut().unwrap().remove("plugins");
        let Status::Binder(read) = serde_json::from_value(json).unwrap() else {
            panic!("another role")
        };
        assert!(read.plugins.is_empty());
    }
}
