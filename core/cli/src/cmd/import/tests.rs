//! The paper's figures, imported.

use rais_runtime::config::{self, Config, React, Security};

use super::*;

const FIG_7: &str = "service 60 http 80\nservice 120 news 119\nsample 120\nexclude 192.0.2.0/24\n";
const FIG_8: &str = "dns-update 120 http www.isg.sun.com.header www.isg.sun.com.cache 1 60\n\
                     dns-update 240 news news.isg.sun.com.header news.isg.sun.com.cache 2 60\n";
const FIG_9: &str = "www.isg.sun.com www.isg.sun.com.cache RR\n\
                     news.isg.sun.com news.isg.sun.com.cache RR\n";

fn names() -> Names<'static> {
    Names { monitor: "monitor.conf", binder: "binder.conf", dns: "named.boot" }
}

fn text(texts: [&str; 3]) -> String {
    let imported = import(names(), texts, &Start::Beside).unwrap();
    assert_eq!(imported.doubts, [""; 0]);
    imported.text
}

/// What the text means, its headers laid beside it.
fn meant(text: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    for zone in ["www.isg.sun.com", "news.isg.sun.com"] {
        let header = "$TTL 10\n@ IN SOA ns1 host 1 2 3 4 5\n@ IN NS ns1\nns1 IN A 192.0.2.53\n";
        std::fs::write(folder.path().join(format!("{zone}.header")), header).unwrap();
    }
    let loaded = config::parse(&folder.path().join("rais.toml"), text);
    loaded.unwrap_or_else(|faults| panic!("{faults}\n{text}")).config
}

#[test]
fn the_figures_become_one_sound_configuration() {
    let config = meant(&text([FIG_7, FIG_8, FIG_9]));
    let cluster = config.cluster.unwrap();
    assert_eq!(cluster.name.as_str(), "isg.sun.com");
    assert_eq!(cluster.security, Some(Security::Insecure));
    assert_eq!(config.transports["lan"].table.type_name, "udp");
    assert_eq!(config.monitor.sample.as_secs(), 120);
    assert_eq!(config.monitor.exclude[0].to_string(), "192.0.2.0/24");
    let services = config.monitor.services.iter().map(|(name, service)| {
        let call = service.probe.calls()[0];
        let address = call.address.unwrap().to_string();
        (name.as_str(), service.interval.as_secs(), call.port.unwrap(), address)
    });
    let local = || "127.0.0.1".to_owned();
    let wanted = [("http", 60, 80, local()), ("news", 120, 119, local())];
    assert_eq!(services.collect::<Vec<_>>(), wanted);
    let bound = config.binder.services.iter().map(|(name, service)| {
        assert_eq!(service.react, React::OnTimer);
        let max = service.prune_above().unwrap().as_percent();
        (name.as_str(), service.zone.as_str(), service.interval.as_secs(), max)
    });
    let wanted = [("http", "www.isg.sun.com", 120, 60.0), ("news", "news.isg.sun.com", 240, 60.0)];
    assert_eq!(bound.collect::<Vec<_>>(), wanted);
    for zone in config.zones.values() {
        assert_eq!(zone.file, format!("{}.cache", zone.name));
        assert_eq!(zone.sinks, ["bind"]);
    }
    let argv = &config.sinks["bind"].table.rest["reload"]["argv"];
    assert_eq!(argv, &serde_json::json!(["rndc", "reload", "{zone}"]));
}

#[test]
fn comments_carry_over() {
    let monitor =
        format!("# the web\n{FIG_7}# management\nexclude 198.51.100.0/24 # backup net\n# bye\n");
    let dns = format!("; the web\n{FIG_9}").replace("RR\nnews", "RR\n; usenet\nnews");
    let text = text([&monitor, FIG_8, &dns]);
    for wanted in [
        "# the web\n[monitor.service.http]\n",
        "# management\n# backup net\nexclude = [\"192.0.2.0/24\", \"198.51.100.0/24\"]\n",
        "# usenet\n[zone.\"news.isg.sun.com\"]\n",
        "# From the end of monitor.conf:\n# bye\n",
    ] {
        assert!(text.contains(wanted), "{wanted} in\n{text}");
    }
    meant(&text);
}

#[test]
fn a_scheme_of_its_own_is_said_and_not_set() {
    let dns = FIG_9.replacen("RR", "other", 1);
    let text = text([FIG_7, FIG_8, &dns]);
    assert!(text.contains("# named.boot:1 asks for the balancing scheme `other`."), "{text}");
    assert!(text.contains("# ; rais: scheme="), "{text}");
    assert!(meant(&text).zones.values().all(|zone| zone.scheme.is_none()));
}

#[test]
fn fractions_of_seconds_become_milliseconds() {
    let config = meant(&text([&FIG_7.replace("service 60", "service 0.6"), FIG_8, FIG_9]));
    let http = config.monitor.services.values().next().unwrap();
    assert_eq!(http.interval.as_millis(), 600);
}

#[test]
fn every_file_that_is_at_fault_is_told_at_once() {
    let faults = import(names(), ["servise\n", "dns\n", "zone\n"], &Start::Beside).unwrap_err();
    let places: Vec<String> =
        faults.iter().map(|f| f.to_string().split(": ").next().unwrap().to_owned()).collect();
    assert_eq!(places, ["monitor.conf:1", "binder.conf:1", "named.boot:1"]);
}

#[test]
fn names_stay_as_written_beside_the_inputs_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let binder = folder.path().join("binder.conf");
    let beside = folder.path().join("rais.toml");
    let elsewhere = other.path().join("rais.toml");
    assert_eq!(Start::of(&binder, Some(&beside)).unwrap(), Start::Beside);
    let within = Start::Within(folder.path().canonicalize().unwrap());
    assert_eq!(Start::of(&binder, Some(&elsewhere)).unwrap(), within);
    Start::of(&binder, Some(&folder.path().join("missing/rais.toml"))).unwrap_err();
}
