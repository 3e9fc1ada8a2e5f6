//! `[host] user`: rais gives root's rights up before it does anything, but for low ports.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};

use rais_tests::host::Host;

/// `nobody` and `nogroup`.
const NOBODY: u32 = 65_534;
/// `CAP_NET_BIND_SERVICE` alone (capability 10).
const LOW_PORTS: &str = "0000000000000400";

const CONFIG: &str = r#"
[host]
state = "/var/lib/rais"
user = "nobody"
[monitor]
agent = "127.0.0.1:53"
[monitor.service.www]
targets = ["127.0.0.1"]
probe = { type = "tcp", port = 8001 }
[zone."www.example"]
header = "header"
sinks = ["files"]
[binder.service.www]
zone = "www.example"
[sink.files]
type = "bind"
directory = "/var/lib/bind"
"#;

const HEADER: &str = "$TTL 1h\n@ IN SOA ns1 hostmaster ( 1 3h 1h 1w 10 )\n@ IN NS ns1\n";

fn host() -> Host {
    let host = Host::new("web1");
    host.write("/var/lib/bind/rais.toml", CONFIG);
    host.write("/var/lib/bind/header", HEADER);
    chown(host.path("/var/lib/bind"), Some(NOBODY), Some(NOBODY)).unwrap();
    host
}

/// Of every thread of a process, one line of its status in `/proc`, each with how many have it.
fn of_threads(pid: u32, line: &str) -> BTreeMap<String, usize> {
    let mut said = BTreeMap::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        let value = status.lines().find_map(|of| of.strip_prefix(line)).unwrap();
        *said.entry(value.split_whitespace().collect::<Vec<_>>().join(" ")).or_default() += 1;
    }
    said
}

#[test]
fn it_runs_as_that_user_with_low_ports_alone_and_its_folders_are_its_own() {
    let host = host();
    let rais = host.start("run", "/var/lib/bind/rais.toml");
    let only = |value: String| BTreeMap::from([(value, 1)]);
    let is = |line: &str, value: String| {
        let said: Vec<_> = of_threads(rais.id(), line).into_keys().collect();
        assert_eq!(said, only(value).into_keys().collect::<Vec<_>>(), "{line}");
    };
    for line in ["Uid:", "Gid:"] {
        is(line, [NOBODY; 4].map(|id| id.to_string()).join(" "));
    }
    is("Groups:", NOBODY.to_string());
    for line in ["CapEff:", "CapPrm:"] {
        is(line, LOW_PORTS.to_owned());
    }
    for line in ["CapInh:", "CapAmb:"] {
        is(line, "0".repeat(16));
    }
    for folder in ["/var/lib/rais", "/run/rais"] {
        assert_eq!(fs::metadata(host.path(folder)).unwrap().uid(), NOBODY, "{folder}");
    }
    // A low port that a reload asks for is opened too.
    host.write("/var/lib/bind/rais.toml", &CONFIG.replace(":53", ":54"));
    host.rais(&["reload", "--socket", "/run/rais/binder.sock"]).expect_code(0);
    // Who it is stays: only a restart can change it.
    host.write("/var/lib/bind/rais.toml", &CONFIG.replace("\"nobody\"", "\"daemon\""));
    let told = host.rais(&["reload", "--socket", "/run/rais/binder.sock"]).expect_code(2).stderr;
    assert!(told.contains("`host.user` is not as at the start"), "{told}");
}

#[test]
fn a_check_by_root_looks_with_the_eyes_of_that_user() {
    let host = host();
    let keys = "[cluster]\nname = \"site\"\nkeys = \"keys\"\n";
    host.write("/var/lib/bind/rais.toml", &format!("{CONFIG}{keys}"));
    host.rais(&["key", "new", "--keys", "/var/lib/bind/keys"]).expect_code(0);
    let check = ["check", "-c", "/var/lib/bind/rais.toml"];
    let told = host.rais(&check).expect_code(2).stderr;
    assert!(told.contains("as user nobody (65534): Permission denied"), "{told}");
    for path in ["/var/lib/bind/keys", "/var/lib/bind/keys/cluster.key"] {
        chown(host.path(path), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    host.rais(&check).expect_code(0);
    chown(host.path("/var/lib/bind/keys/cluster.key"), Some(1), Some(1)).unwrap();
    let told = host.rais(&check).expect_code(2).stderr;
    assert!(told.contains("cannot read as user nobody"), "{told}");
}

#[test]
fn who_is_not_there_is_said_with_its_place() {
    let host = host();
    for (key, value, says) in [
        ("user", "raiss", "there is no user \"raiss\" on this host"),
        ("group", "raisers", "there is no group \"raisers\" on this host"),
    ] {
        let text = CONFIG.replace("user = \"nobody\"", &format!("{key} = \"{value}\""));
        host.write("/var/lib/bind/rais.toml", &text);
        let told = host.rais(&["run", "-c", "/var/lib/bind/rais.toml"]).expect_code(2).stderr;
        assert!(told.contains(says) && told.contains("rais.toml:4:"), "{told}");
    }
    assert!(!host.path("/var/lib/rais").exists(), "nothing was started");
}
