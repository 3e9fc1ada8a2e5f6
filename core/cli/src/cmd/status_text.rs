//! A status for people.

mod watched;

use std::time::Duration;

use rais_runtime::status::{
    AlarmStatus, BinderStatus, DrainStatus, HeardHost, MonitorStatus, RefusedStatus,
    SecurityStatus, ServiceStatus, SinkState, Status, ZoneStatus,
};

use crate::output::{self, Side, Table, Tone};

/// Every role, one after the other.
pub(super) fn all(status: &[Status]) -> String {
    let texts: Vec<String> = status
        .iter()
        .map(|status| match status {
            Status::Monitor(status) => monitor(status),
            Status::Binder(status) => binder(status),
        })
        .collect();
    texts.join("\n\n")
}

fn monitor(status: &MonitorStatus) -> String {
    let counters = &status.counters;
    let mut parts = vec![
        head("monitor", &status.host.name, status.uptime_ms, status.security),
        format!(
            "{} beats sent, {} of them failed; {} probes",
            counters.beats_sent, counters.send_failed, counters.probes_started
        ),
    ];
    if counters.probes_waiting > 0 {
        parts.push(output::titled_warning(&format!(
            "{} probes wait for others to end: `[monitor] concurrency`",
            counters.probes_waiting
        )));
    }
    parts.extend(status.alarms.iter().map(alarm));
    // A binder's are among its alarms.
    for plugin in status.plugins.iter().filter(|plugin| plugin.is_broken()) {
        parts.push(output::titled_warning(&plugin.trouble()));
    }
    let mut table = Table::new(&[
        ("service", Side::Left),
        ("address", Side::Left),
        ("claim", Side::Left),
        ("state", Side::Left),
        ("for", Side::Right),
        ("load", Side::Right),
        ("probe took", Side::Right),
        ("reason", Side::Left),
    ]);
    for service in &status.services {
        table.row([
            plain(&service.service),
            plain(&service.address.to_string()),
            (service.claim.clone(), Tone::Faint),
            (service.state.clone(), tone_of_state(&service.state)),
            ago(Some(service.since_ms)),
            load(service.load),
            plain(&service.took_ms.map(took).unwrap_or_default()),
            // Of one that is up there is no reason to tell, but what its probe found.
            match service.reason.as_str() {
                "" => (service.detail.clone(), Tone::Faint),
                reason => plain(reason),
            },
        ]);
    }
    let services = match status.services.is_empty() {
        true => "no address to announce: see `advertise`, `addresses` and `exclude`".to_owned(),
        false => table.to_string(),
    };
    format!("{}\n\n{services}", parts.join("\n"))
}

fn binder(status: &BinderStatus) -> String {
    let counters = &status.counters;
    let refused: u64 = counters.refused.values().sum();
    let reasons = counters.refused.iter().filter(|(_, count)| **count > 0);
    let reasons: Vec<String> = reasons.map(|(why, count)| format!("{why} {count}")).collect();
    let reasons =
        if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    let unsigned = match counters.unsigned {
        0 => String::new(),
        count => format!(" ({count} of them unsigned)"),
    };
    let mut parts = vec![
        head("binder", &status.host.name, status.uptime_ms, status.security),
        format!(
            "{} beats accepted{unsigned}, {refused} refused{reasons}; {} publications confirmed, {} failed",
            counters.accepted, counters.published, counters.failed
        ),
    ];
    let of_note = |refused: &&RefusedStatus| refused.reason != "duplicate";
    parts.extend(status.refused.iter().filter(of_note).map(last_refused));
    parts.extend(status.alarms.iter().map(alarm));
    let mut text = parts.join("\n");
    let drains = (!status.drains.is_empty()).then(|| drains(&status.drains));
    let tables = [zones(&status.zones), services(&status.services)].into_iter();
    let tables = tables.chain(watched::votes(&status.services)).chain([hosts(&status.hosts)]);
    for table in tables.chain(drains) {
        text.push_str("\n\n");
        text.push_str(&table.to_string());
    }
    text
}

fn last_refused(last: &RefusedStatus) -> String {
    let RefusedStatus { reason, source, ms_ago, key, cluster, host } = last;
    let since = output::duration(Duration::from_millis(*ms_ago));
    let mut text = format!("  {reason}: the last from {source}, {since} ago");
    for (what, which) in [(", of the cluster", cluster), (", of", host), (", with the key", key)] {
        text.extend(which.iter().map(|which| format!("{what} {which}")));
    }
    text
}

fn alarm(alarm: &AlarmStatus) -> String {
    let about = alarm.service.as_deref().or(alarm.zone.as_deref());
    let about = about.map(|about| format!(" {about}")).unwrap_or_default();
    output::titled_warning(&format!("{}{about}: {}", alarm.kind, alarm.text))
}

fn zones(zones: &[ZoneStatus]) -> Table {
    let mut table = Table::new(&[
        ("zone", Side::Left),
        ("serial", Side::Right),
        ("sink", Side::Left),
        ("state", Side::Left),
        ("confirmed", Side::Right),
        ("error", Side::Left),
    ]);
    for zone in zones {
        for sink in &zone.sinks {
            let (state, tone) = match sink.state {
                SinkState::Ok => ("ok", Tone::Good),
                SinkState::Failed => ("failed", Tone::Bad),
                SinkState::Pending => ("pending", Tone::Doubtful),
            };
            table.row([
                plain(&zone.zone),
                plain(&number(zone.serial)),
                plain(&sink.sink),
                (state.to_owned(), tone),
                plain(&number(sink.serial)),
                plain(sink.error.as_deref().unwrap_or_default()),
            ]);
        }
    }
    table
}

fn services(services: &[ServiceStatus]) -> Table {
    let mut table = Table::new(&[
        ("service", Side::Left),
        ("zone", Side::Left),
        ("react", Side::Left),
        ("phase", Side::Left),
        ("address", Side::Left),
        ("answer", Side::Left),
        ("why", Side::Left),
        ("load", Side::Right),
        ("host", Side::Left),
        ("heard", Side::Right),
        ("expire", Side::Right),
        ("reason", Side::Left),
    ]);
    for service in services {
        let phase = match service.phase.as_str() {
            "ready" => Tone::Plain,
            _ => Tone::Doubtful,
        };
        let owners = service.owners.join(" ");
        let zone = match owners.as_str() {
            "@" => service.zone.clone(),
            owners => format!("{owners} in {}", service.zone),
        };
        let head = || {
            [
                plain(&service.service),
                plain(&zone),
                plain(&service.react),
                (service.phase.clone(), phase),
            ]
        };
        if service.members.is_empty() {
            let [name, zone, react, phase] = head();
            let nobody = ("nobody known".to_owned(), Tone::Doubtful);
            let none = || plain("");
            table.row([
                name,
                zone,
                react,
                phase,
                nobody,
                none(),
                none(),
                none(),
                none(),
                none(),
                none(),
                none(),
            ]);
        }
        for member in &service.members {
            let [name, zone, react, phase] = head();
            let (answer, tone) = match (member.in_set, member.share) {
                (true, Some(share)) => (format!("in {}", output::percent(share)), Tone::Good),
                (true, None) => ("in".to_owned(), Tone::Good),
                (false, _) => ("out".to_owned(), Tone::Bad),
            };
            let why = match member.verdict.as_str() {
                "in" => plain(""),
                verdict => (verdict.to_owned(), Tone::Doubtful),
            };
            table.row([
                name,
                zone,
                react,
                phase,
                plain(&member.address.to_string()),
                (answer, tone),
                why,
                load(member.load),
                plain(member.host.as_deref().unwrap_or_default()),
                ago(member.heard_ms_ago),
                ago(member.expire_ms),
                plain(&member.reason),
            ]);
        }
    }
    table
}

fn hosts(hosts: &[HeardHost]) -> Table {
    let mut table = Table::new(&[
        ("host", Side::Left),
        ("id", Side::Left),
        ("epoch", Side::Right),
        ("beat", Side::Right),
        ("heard", Side::Right),
        ("from", Side::Left),
        ("key", Side::Left),
    ]);
    for host in hosts {
        let source = host.source.map_or_else(String::new, |source| source.to_string());
        table.row([
            plain(&host.name),
            (host.id.clone(), Tone::Faint),
            plain(&host.epoch.to_string()),
            plain(&host.sequence.to_string()),
            ago(Some(host.heard_ms_ago)),
            plain(&source),
            (keys(host), Tone::Faint),
        ]);
    }
    table
}

/// That of its newest beat, and older ones that still count.
fn keys(host: &HeardHost) -> String {
    let newest = host.key.clone().unwrap_or_default();
    let older = host.older_keys.iter().map(|key| match host.older_services.get(key) {
        Some(services) => format!("{key} for {}", services.join(", ")),
        None => key.clone(), // an older rais does not tell
    });
    match older.collect::<Vec<_>>() {
        older if older.is_empty() => newest,
        older => format!("{newest} (and {})", older.join("; ")).trim_start().to_owned(),
    }
}

fn drains(drains: &[DrainStatus]) -> Table {
    let mut table = Table::new(&[
        ("drained", Side::Left),
        ("", Side::Left),
        ("since", Side::Right),
        ("left", Side::Right),
        ("reason", Side::Left),
        ("", Side::Left),
    ]);
    for drain in drains {
        table.row([
            plain(&drain.target),
            (drain.kind.clone(), Tone::Faint),
            plain(&format!("{} ago", output::duration(Duration::from_millis(drain.stood_ms)))),
            ago(Some(drain.left_ms)),
            plain(&drain.reason),
            plain(if drain.force { "by force" } else { "" }),
        ]);
    }
    table
}

fn head(role: &str, host: &str, uptime_ms: u64, security: SecurityStatus) -> String {
    let uptime = output::duration(Duration::from_millis(uptime_ms));
    let security = match security {
        SecurityStatus::Authenticated => "authenticated",
        SecurityStatus::Permissive => "permissive: unsigned beats are taken too",
        SecurityStatus::Insecure => "insecure",
        SecurityStatus::Alone => "alone: no transport",
    };
    format!("{} on {host}, up {uptime}, {security}", output::bold(role))
}

fn tone_of_state(state: &str) -> Tone {
    match state {
        "up" => Tone::Good,
        "down" => Tone::Bad,
        _ => Tone::Doubtful,
    }
}

fn plain(text: &str) -> (String, Tone) {
    (text.to_owned(), Tone::Plain)
}

fn number(number: Option<u32>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

fn load(load: Option<f64>) -> (String, Tone) {
    match load {
        Some(load) => (output::percent(load), Tone::Plain),
        None => ("–".to_owned(), Tone::Faint),
    }
}

fn ago(millis: Option<u64>) -> (String, Tone) {
    match millis {
        Some(millis) => (output::duration(Duration::from_millis(millis)), Tone::Plain),
        None => ("–".to_owned(), Tone::Faint),
    }
}

fn took(millis: f64) -> String {
    Duration::try_from_secs_f64(millis / 1000.0).map_or_else(|_| String::new(), output::duration)
}

#[cfg(test)]
mod tests;
