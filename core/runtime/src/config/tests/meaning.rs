//! What sound configurations mean: defaults, units, references, what equals what.

use std::time::Duration;

use rais_proto::heartbeat::codec::{MAX_EXPIRE, MAX_INTERVAL};
use rais_proto::heartbeat::{Capacity, Weight};
use rais_proto::load::Load;

use super::{SOUND, faulty, read, sound, with};
use crate::config::{
    Advertise, Balance, Config, Head, Http, LoadRule, Look, MinServers, Probe, React, Role, Scheme,
    Security, Selector, WhenNone,
};

const MONITOR: &str = "[monitor.service.www]";
const BINDER: &str = "[binder.service.www]";

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn monitor(config: &Config) -> &crate::config::MonitorService {
    &config.monitor.services[&"www".parse().unwrap()]
}

fn binder(config: &Config) -> &crate::config::BinderService {
    &config.binder.services[&"www".parse().unwrap()]
}

#[test]
fn defaults() {
    let config = sound(SOUND);
    let service = monitor(&config);
    assert_eq!((service.interval, service.timeout), (millis(500), millis(400)));
    assert_eq!((service.fast_interval, service.expire), (millis(100), millis(1650)));
    assert_eq!((service.rise, service.fall, service.jitter), (2, 2, 10));
    assert_eq!((service.weight, service.capacity, &service.load), (Weight::USUAL, None, &None));
    assert_eq!(service.addresses, Advertise::Auto);
    assert_eq!(service.targets, []);
    let bound = binder(&config);
    assert_eq!((bound.react, bound.balance), (React::AtOnce, Balance::None));
    assert_eq!((bound.interval, bound.hold), (millis(10_000), millis(300_000)));
    assert_eq!((bound.min_servers, bound.when_none), (MinServers::Count(1), WhenNone::Hold));
    assert_eq!((bound.max_load, bound.panic, bound.max_servers), (None, None, None));
    assert_eq!((bound.scheme, bound.ttl.as_secs()), (Scheme::RoundRobin, 10));
    assert_eq!(bound.owners[0].as_str(), "www.example");
    let zone = &config.zones[&"www.example".parse().unwrap()];
    assert_eq!((zone.file.as_str(), zone.max_addresses.a), ("www.example.zone", 28));
    assert!(matches!(zone.head, Head::Synthesised(_)));
    let sink = &config.sinks["bind"];
    assert_eq!((sink.retry, sink.verify_interval), (millis(1000), millis(60_000)));
    assert_eq!(config.monitor.sample, millis(10_000));
    assert_eq!(config.monitor.concurrency, 10_000);
    assert_eq!(config.binder.gap, millis(100));
    assert_eq!(config.host.state.to_str(), Some("/var/lib/rais"));
    assert_eq!(config.control.socket(Role::Binder).to_str(), Some("/run/rais/binder.sock"));
    assert_eq!((config.control.http, config.control.log.as_str()), (Http::Off, "info"));
    let cluster = config.cluster.unwrap();
    assert_eq!((cluster.security, cluster.max_skew), (Some(Security::Insecure), millis(300_000)));
}

#[test]
fn a_short_interval_shortens_what_hangs_on_it() {
    let config = sound(&with(MONITOR, "interval = \"100ms\""));
    let service = monitor(&config);
    assert_eq!((service.timeout, service.fast_interval), (millis(80), millis(20)));
    assert_eq!(service.expire, millis(1500));
    let config = sound(&with(MONITOR, "interval = \"60s\""));
    let service = monitor(&config);
    assert_eq!((service.timeout, service.fast_interval), (millis(400), millis(100)));
    assert_eq!(service.expire, millis(198_000));
}

#[test]
fn an_interval_is_no_longer_than_a_beat_can_say() {
    for line in ["interval = \"1d\"", "interval = \"24h\"\nexpire = \"7d\""] {
        let config = sound(&with(MONITOR, line));
        let service = monitor(&config);
        assert_eq!(service.interval, MAX_INTERVAL);
        assert!(service.expire <= MAX_EXPIRE, "{line}: {:?}", service.expire);
    }
    let too_long = "`interval` (1441m) is longer than a beat can say (1d)";
    let cases = [
        ("interval = \"1441m\"", &[(7, 12, too_long)][..]),
        // Its default is by the interval.
        (
            "interval = \"3d\"",
            &[
                (7, 12, "`interval` (3d) is longer than a beat can say (1d)"),
                (7, 12, "`expire` (14256m) is longer than a beat can say (7d)"),
            ],
        ),
        ("expire = \"8d\"", &[(7, 10, "longer than seven days")]),
    ];
    for (line, expected) in cases {
        let faults = faulty(&with(MONITOR, line));
        assert_eq!(faults.len(), expected.len(), "{line}: {faults:?}");
        for (fault, &(row, column, says)) in faults.iter().zip(expected) {
            let place = fault.place().unwrap();
            assert_eq!((place.line(), place.column()), (row, column), "{line}: {fault}");
            assert!(fault.to_string().contains(says), "{line}: {fault}");
        }
    }
}

#[test]
fn a_service_takes_what_the_monitor_says_and_a_target_what_the_service_says() {
    let text =
        "[monitor]\ncapacity = 8\nadvertise = [\"eth0\", \"192.0.2.0/24\", \"2001:db8::1\"]\n";
    let text = text.to_owned()
        + &with(
            MONITOR,
            "weight = 50\ntargets = [\"192.0.2.9\", { address = \"::2\", weight = 5 }]",
        );
    let config = sound(&text);
    let service = monitor(&config);
    assert_eq!(service.capacity, Capacity::from_units(8.0));
    let Advertise::List(list) = &service.addresses else { panic!("{service:?}") };
    assert_eq!(list[0], Selector::Interface("eth0".to_owned()));
    assert!(matches!(list[1], Selector::Net(_)) && matches!(list[2], Selector::Address(_)));
    let weights: Vec<_> = service.targets.iter().map(|target| target.weight.as_percent()).collect();
    assert_eq!(weights, [50, 5]);
}

#[test]
fn the_core_takes_its_keys_out_of_a_plugins_table() {
    let config = sound(&SOUND.replace(
        "{ type = \"tcp\", port = 80 }",
        "{ type = \"tcp\", port = 80, address = \"::1\", timeout = \"9ms\", expect = \"^220\", tls = { on = true, v = [1, 2.5] } }\nload = { type = \"cpu\", every = \"2s\" }",
    ));
    let Some(LoadRule::One(load)) = &monitor(&config).load else { panic!("one") };
    assert_eq!(load.every, Some(millis(2000)));
    let Probe::One(call) = &monitor(&config).probe else { panic!("one") };
    assert_eq!((call.port, call.address), (Some(80), Some("::1".parse().unwrap())));
    assert_eq!((call.timeout, call.every), (Some(millis(9)), None));
    let rest = serde_json::Value::Object(call.table.rest.clone());
    let expected = serde_json::json!({"expect": "^220", "tls": {"on": true, "v": [1, 2.5]}});
    assert_eq!(rest, expected);
}

#[test]
fn a_plugins_fault_is_told_at_its_key() {
    let config = sound(&SOUND.replace(
        "{ type = \"tcp\", port = 80 }",
        "{ type = \"tcp\", port = 80, tls = { v = [1, 2] }, adress = 1, token = \"x\" }",
    ));
    let Probe::One(call) = &monitor(&config).probe else { panic!("one") };
    let at = |at: &str, text: &str| call.table.fault(at, text).to_string();
    let told = at("tls.v[1]", "must be 1");
    assert_eq!(told, "rais.toml:7:52: probe `tcp`: must be 1");
    assert!(at("tls.v[7]", "missing").starts_with("rais.toml:7:48:"));
    assert!(at("tls.w", "missing").starts_with("rais.toml:7:42:"), "{}", at("tls.w", "x"));
    assert!(at("", "missing field `host`").starts_with("rais.toml:7:9:"));
    let told = at("adress", "unknown field `adress`, expected `expect` or `tls`");
    assert!(told.starts_with("rais.toml:7:58:"), "{told}");
    assert!(told.contains("did you mean `address`?"), "{told}");
    let told = at("token", "invalid type: string \"hunter2\", expected u16");
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn what_a_plugin_says_of_a_secret_is_not_shown() {
    let config = sound(&SOUND.replace(
        "{ type = \"tcp\", port = 80 }",
        "{ type = \"tcp\", port = 80, token = \"hunter2\", secret = \"ab\", password = \"abc\", \
         tokens = [\"one\\ttwo\", \"swordfish\"], password_file = \"/etc/p\" }",
    ));
    let Probe::One(call) = &monitor(&config).probe else { panic!("one") };
    let at = |at: &str, text: &str| call.table.fault(at, text);
    let message = |path: &str, text: &str| at(path, text).message().to_owned();
    let hidden =
        "this value is wrong; what the plugin says of it is not shown, since it is a secret";
    for (path, text, told) in [
        ("token", "string \"hunter2\", expected u16", hidden),
        // A part of it, and what it is decoded.
        ("token", "begins with `hunt`", hidden),
        ("token", "as octets it is 86 e9 ed", hidden),
        ("token.part", "hunt", hidden),
        ("token", "unknown field `hunter2`", hidden),
        ("tokens[1]", "swordfish is wrong", hidden),
        ("tokens[7].name", "swordfish is wrong", hidden),
        ("password_file", "/etc/p: mode 0644", "/etc/p: mode 0644"),
        ("token_file", "is missing", "is missing"),
        // Nothing stands there.
        ("user_token", "is missing beside `user`", "is missing beside `user`"),
    ] {
        assert_eq!(message(path, text), format!("probe `tcp`: {told}"));
    }
    let unknown = at("password", "unknown field `password`, expected `user` or `password_file`");
    assert!(unknown.message().contains("unknown field `password`"), "{unknown}");
    assert_eq!(unknown.suggestion(), Some("`password_file`"));
    assert!(unknown.place().is_some_and(|place| place.line() == 7), "{unknown}");
    let shown = unknown.render(Look::Plain);
    assert!(!shown.contains("abc") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn combinations() {
    let config = sound(&SOUND.replace(
        "{ type = \"tcp\", port = 80 }",
        "{ of = 1, in = [{ type = \"exec\" }, { any = [{ type = \"tcp\", port = 1 }] }] }",
    ));
    let probe = &monitor(&config).probe;
    assert!(matches!(probe, Probe::Of(1, parts) if parts.len() == 2));
    let types: Vec<_> = probe.calls().iter().map(|call| call.table.type_name.as_str()).collect();
    assert_eq!(types, ["exec", "tcp"]);
}

#[test]
fn balance_by_sink_by_scheme_and_by_reaction() {
    let of = |text: &str| {
        let config = sound(text);
        let bound = binder(&config);
        (bound.balance, bound.scheme, bound.return_load.map(Load::as_percent))
    };
    let dns = SOUND.replace("type = \"bind\"", "type = \"dns\"");
    let max = |text: &str| text.replace(BINDER, &format!("{BINDER}\nmax_load = 60"));
    let scheme = |text: &str| text.replace(BINDER, &format!("{BINDER}\nscheme = \"random\""));
    let timer = |text: &str| text.replace(BINDER, &format!("{BINDER}\nreact = \"on-timer\""));
    assert_eq!(of(&max(SOUND)), (Balance::Prune, Scheme::RoundRobin, Some(54.0)));
    assert_eq!(of(&dns), (Balance::Weights, Scheme::Weighted, None));
    assert_eq!(of(&max(&dns)).0, Balance::Weights);
    assert_eq!(of(&scheme(&dns)), (Balance::None, Scheme::Random, None));
    assert_eq!(of(&scheme(&max(&dns))).0, Balance::Prune);
    assert_eq!(of(&timer(&dns)).0, Balance::Prune);
}

#[test]
fn owners_are_absolute() {
    let config = sound(&with(BINDER, "owner = [\"@\", \"API\", \"*.x\", \"b.www.example.\"]"));
    let owners: Vec<_> = binder(&config).owners.iter().map(|owner| owner.as_str()).collect();
    assert_eq!(owners, ["www.example", "api.www.example", "*.x.www.example", "b.www.example"]);
}

#[test]
fn the_papers_rule_of_intervals_is_a_warning() {
    let text = |binder: &str, react: &str| {
        let lines = format!("react = \"{react}\"\ninterval = \"{binder}\"");
        with(BINDER, &lines).replacen(MONITOR, &format!("{MONITOR}\ninterval = \"60s\""), 1)
    };
    let short = read(&text("119s", "on-timer")).unwrap().warnings;
    assert_eq!(short.len(), 1, "{short:?}");
    let told = short[0].to_string();
    assert!(told.starts_with("rais.toml:16:12: ") && told.ends_with(": rais.toml:7:12"), "{told}");
    for (binder, react) in [("120s", "on-timer"), ("119s", "at-once")] {
        assert_eq!(read(&text(binder, react)).unwrap().warnings, [], "{binder} {react}");
    }
}

#[test]
fn doubts_do_not_stop_a_start() {
    let cases = [
        (MONITOR, "timeout = \"600ms\"", 11, "probes of one address overlap"),
        (MONITOR, "targets = [\"::1\"]\naddresses = \"auto\"", 13, "no effect beside `targets`"),
        ("[cluster]", "keys = \"keys/\"", 8, "`keys` has no effect"),
        ("[zone.\"www.example\"]", "scheme = \"fixed\"", 1, "`scheme` does nothing"),
        ("[zone.\"www.example\"]", "max_addresses = { a = 4 }", 1, "`max_addresses` does nothing"),
        (BINDER, "scheme = \"random\"", 1, "`scheme` does nothing"),
    ];
    for (below, line, column, says) in cases {
        let warnings = read(&with(below, line)).unwrap().warnings;
        assert_eq!(warnings.len(), 1, "{line}: {warnings:?}");
        assert_eq!(warnings[0].place().unwrap().column(), column, "{line}: {warnings:?}");
        assert!(warnings[0].message().contains(says), "{line}: {warnings:?}");
    }
}

#[test]
fn only_what_changed_differs() {
    let before = sound(SOUND);
    let moved = sound(&format!("# a comment\n\n{SOUND}"));
    assert_eq!(before, moved);
    let other = sound(&with("[sink.bind]", "directory = \"x\""));
    assert_ne!(before.sinks, other.sinks);
    assert_eq!((before.monitor, before.zones), (other.monitor, other.zones));
}

#[test]
fn roles() {
    use crate::config::Asked;
    let both = sound(SOUND);
    assert_eq!(both.roles_for(Asked::All).unwrap().len(), 2);
    assert_eq!(both.roles_for(Asked::Only(Role::Binder)).unwrap().len(), 1);
    let alone = sound("[monitor.service.a]\nprobe = { type = \"exec\" }\n");
    let told = alone.roles_for(Asked::All).unwrap_err()[0].to_string();
    assert_eq!(told, "rais.toml: a monitor alone needs a [transport.NAME]");
    let told = alone.roles_for(Asked::Only(Role::Binder)).unwrap_err()[0].to_string();
    assert!(told.contains("no [binder.service.NAME] is written"), "{told}");
    let server = sound("[sink.own]\ntype = \"dns\"\nzones = \"zones\"\n");
    assert_eq!(server.roles_for(Asked::All).unwrap(), [Role::Binder].into());
    let told = sound("").roles_for(Asked::All).unwrap_err()[0].to_string();
    assert!(told.contains("nothing to do"), "{told}");
    let one = sound(&with("[cluster]", "[control]\nsocket = \"one.sock\""));
    let told = one.roles_for(Asked::All).unwrap_err()[0].to_string();
    assert!(told.starts_with("rais.toml:18:10: both roles"), "{told}");
    assert!(one.roles_for(Asked::Only(Role::Monitor)).is_ok());
}
