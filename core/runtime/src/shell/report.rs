//! A binder's status, put together from what its machine and its publishers show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use rais_proto::binder::drains::DrainView;
use rais_proto::binder::peers::Stranger;
use rais_proto::binder::view::{
    Alarm, BinderView, HostView, MemberView, OlderKeys, ServiceView, WatcherView,
};
use rais_proto::binder::{DrainTarget, RefusedView, ZoneView};
use rais_proto::heartbeat::State;
use rais_proto::heartbeat::breach::Breach;
use rais_proto::heartbeat::cause::Cause;
use rais_proto::heartbeat::key::KeyId;
use rais_proto::heartbeat::refusal::Refusal;
use rais_proto::load::Load;
use rais_proto::name::{HostId, ServiceName, ZoneName};
use rais_proto::policy::React;
use rais_proto::policy::drained::Force;
use rais_proto::table::Watch;

use super::Facts;
use super::monitor::{claim_word, millis};
use super::publisher::PublishCounters;
use crate::clock::rfc3339;
use crate::plan::binder::BinderPlan;
use crate::status::{
    AlarmStatus, BinderCounters, BinderStatus, DrainStatus, HeardHost, MemberStatus, RefusedStatus,
    ServiceStatus, SinkState, SinkStatus, UNSIGNED, WatcherStatus, ZoneStatus,
};

/// Why a zone is nowhere, and what is to be done.
pub(super) const UNPUBLISHED: &str = "nothing of it is published, its header neither: nobody is up \
    for it, and a server that has addresses of it is not emptied unasked. Start one of its servers, or \
    write `when_none = \"empty\"` in its [binder.service]; beats that are refused are told of here, and a transport that is not \
    connected";

/// What a status is told from.
pub(super) struct Told<'a> {
    pub(super) facts: &'a Facts,
    pub(super) plan: &'a BinderPlan,
    pub(super) view: &'a BinderView,
    pub(super) counters: &'a PublishCounters,
    /// Why the binder's memory could not be stored.
    pub(super) store_error: Option<&'a str>,
}

impl Told<'_> {
    /// The whole; `sinks_of` tells how far a zone's sinks are.
    pub(super) fn status(&self, sinks_of: impl Fn(&ZoneName) -> Vec<SinkStatus>) -> BinderStatus {
        let zones = self.zones(sinks_of);
        BinderStatus {
            version: self.facts.version.clone(),
            host: self.facts.host_status(),
            uptime_ms: self.facts.uptime_ms(),
            security: self.plan.security,
            alarms: self.alarms(&zones),
            zones,
            services: self.view.services.iter().map(|service| self.service(service)).collect(),
            hosts: hosts(self.view),
            drains: drains(self.view),
            plugins: Vec::new(),
            counters: self.counted(),
            refused: self.view.refused.iter().map(refused).collect(),
        }
    }

    fn counted(&self) -> BinderCounters {
        let heard = &self.view.counters;
        let refused = Refusal::ALL
            .iter()
            .map(|refusal| (refusal.as_str().to_owned(), heard.refused[refusal.index()]));
        BinderCounters {
            accepted: heard.accepted,
            unsigned: heard.unsigned,
            refused: refused.collect(),
            published: self.counters.published.load(Ordering::Relaxed),
            failed: self.counters.failed.load(Ordering::Relaxed),
        }
    }

    fn zones(&self, sinks_of: impl Fn(&ZoneName) -> Vec<SinkStatus>) -> Vec<ZoneStatus> {
        let of = |zone: &ZoneView| {
            let mut sinks = sinks_of(&zone.name);
            // What waits for its gap is not published, whatever the sinks have confirmed.
            for sink in sinks.iter_mut().filter(|sink| zone.due && sink.state == SinkState::Ok) {
                sink.state = SinkState::Pending;
            }
            sinks
        };
        let zones = self.view.zones.iter();
        zones
            .map(|zone| ZoneStatus {
                zone: zone.name.to_string(),
                serial: zone.serial.map(|serial| serial.0),
                sinks: of(zone),
            })
            .collect()
    }

    fn service(&self, view: &ServiceView) -> ServiceStatus {
        let plan = self.plan.zones.get(&view.zone);
        let owners = plan.into_iter().flat_map(|plan| plan.owners_of(&view.name));
        ServiceStatus {
            service: view.name.to_string(),
            zone: view.zone.to_string(),
            owners: owners.map(|owner| owner.name.clone()).collect(),
            react: match view.react {
                React::AtOnce => "at-once".to_owned(),
                React::OnTimer => "on-timer".to_owned(),
            },
            watch: match view.watch {
                Watch::Any => "any".to_owned(),
                Watch::Majority => "majority".to_owned(),
            },
            phase: view.phase.as_str().to_owned(),
            set: view.set.iter().copied().collect(),
            members: view
                .members
                .iter()
                .map(|member| member_status(member, view.set.contains(&member.address)))
                .collect(),
        }
    }

    fn alarms(&self, zones: &[ZoneStatus]) -> Vec<AlarmStatus> {
        let mut alarms: Vec<AlarmStatus> = self.view.alarms.iter().filter_map(alarm).collect();
        for zone in zones {
            let failed = zone.sinks.iter().filter(|sink| sink.state == SinkState::Failed);
            alarms.extend(failed.map(|sink| AlarmStatus {
                kind: "publish-failed".to_owned(),
                service: None,
                zone: Some(zone.zone.clone()),
                text: format!("{}: {}", sink.sink, sink.error.as_deref().unwrap_or("failed")),
            }));
        }
        alarms.extend(self.store_error.map(|why| AlarmStatus {
            kind: "state".to_owned(),
            service: None,
            zone: None,
            text: format!("what this binder remembers is not stored: {why}"),
        }));
        alarms
    }
}

fn refused(view: &RefusedView) -> RefusedStatus {
    let (key, cluster, host) = match &view.cause {
        Some(Cause::UnknownKey(key)) => (Some(key), None, None),
        Some(Cause::Cluster(name)) => (None, Some(name), None),
        Some(Cause::Breach(breach)) => (Some(&breach.key), None, Some(&breach.host)),
        None => (None, None, None),
    };
    RefusedStatus {
        reason: view.refusal.as_str().to_owned(),
        source: view.source,
        ms_ago: millis(view.ago),
        key: key.map(ToString::to_string),
        cluster: cluster.map(ToString::to_string),
        host: host.map(ToString::to_string),
    }
}

fn member_status(member: &MemberView, in_set: bool) -> MemberStatus {
    let known = member.known.as_ref();
    MemberStatus {
        address: member.address,
        in_set,
        state: known.map_or(State::Unknown, |known| known.state).to_string(),
        verdict: member.verdict.to_string(),
        reason: known.map(|known| known.reason.clone()).unwrap_or_default(),
        load: known.and_then(|known| known.load).map(Load::as_percent),
        host: known.map(|known| {
            known.host_name.as_ref().map_or_else(|| known.host.to_string(), ToString::to_string)
        }),
        claim: known.map(|known| claim_word(known.claim).to_owned()),
        heard_ms_ago: known.map(|known| millis(known.heard_ago)),
        expire_ms: known.map(|known| millis(known.expire)),
        watchers: member.watchers.iter().map(watcher).collect(),
        share: member.share,
    }
}

fn watcher(view: &WatcherView) -> WatcherStatus {
    WatcherStatus {
        host: view.host_name.as_ref().map_or_else(|| view.host.to_string(), ToString::to_string),
        state: view.state.to_string(),
        reason: view.reason.clone(),
        vote: view.vote.as_str().to_owned(),
        heard_ms_ago: millis(view.heard_ago),
    }
}

fn hosts(view: &BinderView) -> Vec<HeardHost> {
    let mut hosts: Vec<&HostView> = view.hosts.iter().collect();
    hosts.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
    hosts
        .into_iter()
        .map(|host| HeardHost {
            name: host.name.to_string(),
            id: host.id.to_string(),
            epoch: host.epoch.0,
            sequence: host.sequence.0,
            heard_ms_ago: millis(host.heard_ago),
            // What comes from this very process has no port, and no network in between.
            source: host.source.filter(|source| source.port() != 0),
            key: host.key.map(|key| key.to_string()),
            older_keys: host.older_keys.keys().map(|key| id_or_unsigned(*key)).collect(),
            older_services: older_services(&host.older_keys),
        })
        .collect()
}

fn older_services(older: &OlderKeys) -> BTreeMap<String, Vec<String>> {
    let names =
        |services: &BTreeSet<ServiceName>| services.iter().map(ToString::to_string).collect();
    older.iter().map(|(key, services)| (id_or_unsigned(*key), names(services))).collect()
}

fn id_or_unsigned(key: Option<KeyId>) -> String {
    key.map_or_else(|| UNSIGNED.to_owned(), |key| key.to_string())
}

fn drains(view: &BinderView) -> Vec<DrainStatus> {
    let name_of = |id: &HostId| {
        let host = view.hosts.iter().find(|host| host.id == *id);
        host.map_or_else(|| id.to_string(), |host| host.name.to_string())
    };
    let drain = |drain: &DrainView| {
        let (kind, target) = match &drain.target {
            DrainTarget::Host(id) => ("host", name_of(id)),
            DrainTarget::Service(name) => ("service", name.to_string()),
            DrainTarget::Address(address) => ("address", address.to_string()),
        };
        DrainStatus {
            kind: kind.to_owned(),
            target,
            reason: drain.reason.clone(),
            stood_ms: millis(drain.stood),
            left_ms: millis(drain.left),
            force: drain.force == Force::Given,
        }
    };
    view.drains.iter().map(drain).collect()
}

fn alarm(alarm: &Alarm) -> Option<AlarmStatus> {
    let (kind, service, text) = match alarm {
        Alarm::Unpublished { zone } => {
            return Some(AlarmStatus {
                kind: "unpublished".to_owned(),
                service: None,
                zone: Some(zone.to_string()),
                text: UNPUBLISHED.to_owned(),
            });
        }
        Alarm::Deaf { silent_for } => {
            let secs = silent_for.as_secs_f64();
            ("deaf", None, format!("no other host was heard for {secs:.1} s: every set is frozen"))
        }
        Alarm::NobodyHeard { service } => {
            let text = "nobody said that it is up in the last period";
            ("nobody-heard", Some(service), text.to_owned())
        }
        Alarm::Held { service, members } => {
            let list: Vec<_> = members.iter().map(ToString::to_string).collect();
            let list = list.join(", ");
            ("held", Some(service), format!("too many went silent at once: {list} held"))
        }
        Alarm::Panic { service } => {
            let text = "fewer are live than `panic` asks for: all that are known are in";
            ("panic", Some(service), text.to_owned())
        }
        Alarm::Loaded { service, load, max_load } => {
            let text = format!("those in carry {load} on average; `max_load` is {max_load}");
            ("loaded", Some(service), text)
        }
        Alarm::LastResort { service } => {
            ("last-resort", Some(service), "nobody is left: `when_none` decides".to_owned())
        }
        Alarm::Owned { service, address, owner, claimant } => {
            let text = format!("{owner} and {claimant} both claim {address}");
            ("owner-conflict", Some(service), format!("{text}: the first is believed"))
        }
        Alarm::Refused { stranger, .. } => ("refused-host", None, refused_host(stranger)),
        _ => return None,
    };
    let service = service.map(ToString::to_string);
    Some(AlarmStatus { kind: kind.to_owned(), service, zone: None, text })
}

fn refused_host(stranger: &Stranger) -> String {
    let (name, source, why) = (&stranger.name, stranger.source, stranger.refusal);
    let from = match source.ip().is_unspecified() {
        true => String::new(), // over a message bus
        false => format!(" ({source})"),
    };
    match &stranger.breach {
        Some(Breach { key, limit, .. }) => {
            let why = why.as_str();
            format!("{name}{from}: it signs with the key {key}, {limit}; beats are refused ({why})")
        }
        None => {
            let (its, ours) = (rfc3339(stranger.its_wall), rfc3339(stranger.our_wall));
            format!("{name}{from}: {why}; its clock {its}, ours {ours}")
        }
    }
}

#[cfg(test)]
mod tests {
    use rais_proto::binder::Counters;
    use rais_proto::name::{Epoch, Sequence};
    use rais_proto::time::Time;

    use super::*;

    #[test]
    fn hosts_stand_by_their_names() {
        let host = |id: u8, name: &str| HostView {
            id: HostId([id; 16]),
            name: name.parse().unwrap(),
            epoch: Epoch(1),
            sequence: Sequence(1),
            heard_ago: Time::ZERO.since(Time::ZERO),
            source: None,
            key: None,
            older_keys: [].into(),
        };
        let view = BinderView {
            services: Vec::new(),
            zones: Vec::new(),
            hosts: vec![host(1, "web2"), host(2, "web3"), host(3, "web1")],
            drains: Vec::new(),
            alarms: Vec::new(),
            counters: Counters::default(),
            refused: Vec::new(),
        };
        let names: Vec<_> = hosts(&view).into_iter().map(|host| host.name).collect();
        assert_eq!(names, ["web1", "web2", "web3"]);
    }
}
