//! A status, shown.

use std::collections::BTreeMap;

use rais_runtime::status::{
    BinderCounters, HostStatus, MemberStatus, MonitorCounters, PluginStatus, RefusedStatus,
    ServiceHealth, SinkStatus, WatcherStatus,
};

use super::*;

fn shown(status: Status) -> String {
    anstream::adapter::strip_str(&all(&[status])).to_string()
}

fn host() -> HostStatus {
    HostStatus { name: "ns1".into(), id: "ab".into() }
}

#[test]
fn a_binder_says_who_is_out_and_why() {
    let member = |last: u8, in_set: bool, verdict: &str, reason: &str| MemberStatus {
        address: [198, 51, 100, last].into(),
        in_set,
        state: "up".into(),
        verdict: verdict.into(),
        reason: reason.into(),
        load: Some(12.5),
        host: Some(format!("web{last}")),
        claim: Some("own".into()),
        heard_ms_ago: Some(120),
        expire_ms: Some(1650),
        watchers: Vec::new(),
        share: (last == 3).then_some(33.3),
    };
    let service = |name: &str, owner: &str, members: Vec<MemberStatus>| ServiceStatus {
        service: name.into(),
        zone: "www.example".into(),
        owners: vec![owner.into()],
        react: "at-once".into(),
        watch: "any".into(),
        phase: "ready".into(),
        set: Vec::new(),
        members,
    };
    let members = vec![
        member(1, true, "in", ""),
        member(2, false, "down", "refused"),
        member(3, true, "in", ""),
    ];
    let sink = SinkStatus {
        sink: "bind".into(),
        state: SinkState::Failed,
        serial: None,
        error: Some("rndc: no".into()),
    };
    let text = shown(Status::Binder(BinderStatus {
        version: "0".into(),
        host: host(),
        uptime_ms: 318_000,
        security: SecurityStatus::Insecure,
        alarms: vec![AlarmStatus {
            kind: "held".into(),
            service: Some("http".into()),
            zone: None,
            text: "2 of 3 went silent".into(),
        }],
        zones: vec![ZoneStatus { zone: "www.example".into(), serial: Some(7), sinks: vec![sink] }],
        services: vec![service("http", "@", members), service("ftp", "ftp", Vec::new())],
        hosts: Vec::new(),
        drains: vec![DrainStatus {
            kind: "host".into(),
            target: "web2".into(),
            reason: "new disk".into(),
            stood_ms: 61_000,
            left_ms: 1_739_000,
            force: true,
        }],
        plugins: Vec::new(),
        counters: BinderCounters {
            refused: [("bad_tag".to_owned(), 3), ("truncated".to_owned(), 0)].into(),
            ..BinderCounters::default()
        },
        refused: [("bad_tag", 7), ("duplicate", 8)]
            .map(|(reason, last)| RefusedStatus {
                reason: reason.into(),
                source: ([192, 0, 2, last], 4711).into(),
                ms_ago: 3000,
                key: None,
                cluster: None,
                host: None,
            })
            .into(),
    }));
    assert!(!text.contains("duplicate"), "{text}");
    for line in [
        "binder on ns1, up 5m 18s, insecure",
        "0 beats accepted, 3 refused (bad_tag 3); 0 publications confirmed, 0 failed",
        "  bad_tag: the last from 192.0.2.7:4711, 3s ago",
        "warning: held http: 2 of 3 went silent",
        "www.example       7  bind  failed             rndc: no",
        "http     www.example         at-once  ready  198.51.100.1  in              12.5%  web1  120ms   1.65s",
        "http     www.example         at-once  ready  198.51.100.2  out       down  12.5%  web2  120ms   1.65s  refused",
        "http     www.example         at-once  ready  198.51.100.3  in 33.3%        12.5%  web3  120ms   1.65s",
        "ftp      ftp in www.example  at-once  ready  nobody known",
        "web2     host  1m 1s ago  28m 59s  new disk  by force",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line:?} in\n{text}");
    }
}

#[test]
fn of_a_refused_beat_is_told_what_its_header_says() {
    let refused = |key: Option<&str>, cluster: Option<&str>, host: Option<&str>| RefusedStatus {
        reason: "word".into(),
        source: ([192, 0, 2, 7], 4711).into(),
        ms_ago: 3000,
        key: key.map(Into::into),
        cluster: cluster.map(Into::into),
        host: host.map(Into::into),
    };
    for (last, more) in [
        (refused(None, None, None), ""),
        (refused(Some("66687aad"), None, None), ", with the key 66687aad"),
        (refused(None, Some("other"), None), ", of the cluster other"),
        (refused(Some("66687aad"), None, Some("web1")), ", of web1, with the key 66687aad"),
    ] {
        let shown = format!("  word: the last from 192.0.2.7:4711, 3s ago{more}");
        assert_eq!(last_refused(&last), shown);
    }
}

#[test]
fn older_keys_are_shown_with_the_services_that_stand_by_them() {
    let mut host = HeardHost {
        name: "web1".into(),
        id: "01".into(),
        epoch: 1,
        sequence: 1,
        heard_ms_ago: 0,
        source: None,
        key: Some("66687aad".into()),
        older_keys: vec!["f6c35988".into(), "unsigned".into()],
        older_services: BTreeMap::new(),
    };
    assert_eq!(keys(&host), "66687aad (and f6c35988; unsigned)", "as an older rais answers");
    host.older_services = [("unsigned", vec!["news"]), ("f6c35988", vec!["mail", "www"])]
        .map(|(key, names)| (key.to_owned(), names.into_iter().map(str::to_owned).collect()))
        .into();
    assert_eq!(keys(&host), "66687aad (and f6c35988 for mail, www; unsigned for news)");
    host.older_keys.clear();
    assert_eq!(keys(&host), "66687aad");
}

#[test]
fn several_watchers_are_shown_with_what_each_says() {
    let watcher = |host: &str, state: &str, vote: &str| WatcherStatus {
        host: host.into(),
        state: state.into(),
        reason: String::new(),
        vote: vote.into(),
        heard_ms_ago: 120,
    };
    let member = |last: u8, watchers: Vec<WatcherStatus>| MemberStatus {
        address: [198, 51, 100, last].into(),
        in_set: true,
        state: "up".into(),
        verdict: "in".into(),
        reason: String::new(),
        load: None,
        host: Some("mon1".into()),
        claim: Some("watched".into()),
        heard_ms_ago: Some(120),
        expire_ms: Some(1650),
        watchers,
        share: None,
    };
    let both = [watcher("mon1", "up", "counts"), watcher("mon3", "down", "counts")];
    let others = [watcher("mon4", "up", "silent"), watcher("mon2", "up", "counts")];
    let back = [watcher("mon1", "up", "reviving"), watcher("mon2", "down", "silent")];
    let service = |members: Vec<MemberStatus>| ServiceStatus {
        service: "http".into(),
        zone: "www.example".into(),
        owners: vec!["@".into()],
        react: "at-once".into(),
        watch: "majority".into(),
        phase: "ready".into(),
        set: Vec::new(),
        members,
    };
    let text = |members: Vec<MemberStatus>| {
        let votes = watched::votes(&[service(members)]);
        votes.map(|table| anstream::adapter::strip_str(&table.to_string()).to_string())
    };
    assert_eq!(text(vec![member(1, Vec::new()), member(2, both[..1].into())]), None);
    let shown = text(vec![
        member(1, [both.clone(), others].concat()),
        member(2, both[..1].into()),
        member(3, back.into()),
    ]);
    let lines = [
        "watched  address       watch     up      said by",
        "http     198.51.100.1  majority  2 of 3  up mon1 mon2, down mon3, silent mon4",
        "http     198.51.100.3  majority  1 of 1  reviving mon1, silent mon2",
    ];
    assert_eq!(shown.unwrap().lines().collect::<Vec<_>>(), lines);
}

#[test]
fn whoever_has_no_transport_says_so() {
    let text = head("binder", "ns1", 5000, SecurityStatus::Alone);
    let text = anstream::adapter::strip_str(&text).to_string();
    assert_eq!(text, "binder on ns1, up 5s, alone: no transport");
}

#[test]
fn a_monitor_says_what_it_announces() {
    let service = ServiceHealth {
        service: "http".into(),
        address: [198, 51, 100, 1].into(),
        claim: "own".into(),
        state: "down".into(),
        since_ms: 61_000,
        reason: "connection refused".into(),
        load: None,
        took_ms: None,
        detail: String::new(),
        weight: 100,
    };
    let well = ServiceHealth {
        state: "up".into(),
        reason: String::new(),
        detail: "200 OK, certificate ends in 9 days".into(),
        ..service.clone()
    };
    let plugin = |name: &str, state: &str| PluginStatus {
        kind: "probe".into(),
        name: name.into(),
        state: state.into(),
        calls: 4,
        why: None,
        warning: None,
        warning_ms: None,
    };
    let of = |services: Vec<ServiceHealth>| {
        shown(Status::Monitor(MonitorStatus {
            version: "0".into(),
            host: host(),
            uptime_ms: 5,
            security: SecurityStatus::Authenticated,
            alarms: vec![AlarmStatus {
                kind: "key-limit".into(),
                service: None,
                zone: None,
                text: "the key may not".into(),
            }],
            services,
            plugins: vec![plugin("tcp", "ready"), plugin("http", "stuck")],
            counters: MonitorCounters {
                beats_sent: 64,
                send_failed: 52,
                probes_waiting: 4,
                ..MonitorCounters::default()
            },
        }))
    };
    let text = of(vec![service, well]);
    assert!(text.contains("200 OK, certificate ends in 9 days"), "{text}");
    let line = "http     198.51.100.1  own    down   1m 1s     –              connection refused";
    assert!(text.lines().any(|shown| shown == line), "{line:?} in\n{text}");
    assert!(text.contains("64 beats sent, 52 of them failed; 0 probes"), "{text}");
    assert!(text.contains("warning: 4 probes wait"), "{text}");
    assert!(text.lines().any(|shown| shown == "warning: key-limit: the key may not"), "{text}");
    let stuck = "warning: the probe plugin `http` does not return; calls that wait for it: 4";
    assert!(text.lines().any(|shown| shown == stuck), "{text}");
    assert!(!text.contains("`tcp`"), "{text}");
    assert!(of(Vec::new()).contains("no address to announce"));
}
