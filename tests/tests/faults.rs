//! Faults: of a configuration, each with its place, exit 2 and nothing started; of servers, down
//! with the reason; of datagrams, counted and without effect.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use rais_tests::host::Host;
use rais_tests::netns::Lan;
use rais_tests::server::Server;
use rais_tests::site::header;
use rais_tests::{binary, status, wait};

/// Where the fault is, in the configurations below.
const HERE: char = '¶';

/// A configuration without fault, of one host with both roles; everything it touches lies beside
/// it.
const SOUND: &str = r#"[host]
state = "state"
[control]
socket = "run/{role}.sock"
[monitor]
advertise = ["127.0.0.1"]
[monitor.service.www]
interval = "60s"
rise = 2
probe = { type = "tcp", port = 80 }
load = { type = "cpu" }
[zone."www.example"]
header = "www.header"
sinks = ["files"]
[binder.service.www]
zone = "www.example"
react = "on-timer"
interval = "120s"
max_load = 60
[sink.files]
type = "bind"
directory = "zones"
reload = { type = "none" }
"#;

/// A change to [`SOUND`] that breaks it.
struct Broken {
    what: &'static str,
    replace: &'static str,
    with: &'static str,
    /// What the message must say.
    says: &'static [&'static str],
}

const BROKEN: &[Broken] = &[
    Broken {
        what: "unknown key", replace: "rise = 2", with: "¶ryse = 2", says: &["ryse", "rise"]
    },
    Broken {
        what: "unknown section",
        replace: "[sink.files]",
        with: "[¶snik.files]",
        says: &["snik", "sink"],
    },
    Broken {
        what: "unknown key of a plugin",
        replace: "{ type = \"tcp\", port = 80 }",
        with: "{ type = \"tcp\", port = 80, ¶flavour = 1 }",
        says: &["flavour"],
    },
    Broken { what: "wrong type", replace: "rise = 2", with: "rise = ¶\"two\"", says: &["rise"] },
    Broken {
        what: "unit missing",
        replace: "interval = \"60s\"",
        with: "interval = ¶\"60\"",
        says: &["interval", "unit"],
    },
    Broken {
        what: "a number for a duration",
        replace: "interval = \"60s\"",
        with: "interval = ¶60",
        says: &["interval"],
    },
    Broken {
        what: "negative duration",
        replace: "interval = \"60s\"",
        with: "interval = ¶\"-60s\"",
        says: &["interval"],
    },
    Broken {
        what: "zero duration",
        replace: "interval = \"60s\"",
        with: "interval = ¶\"0s\"",
        says: &["interval"],
    },
    Broken {
        what: "port out of range",
        replace: "port = 80 }",
        with: "port = ¶70000 }",
        says: &["port", "65535"],
    },
    Broken {
        what: "port zero",
        replace: "port = 80 }",
        with: "port = ¶0 }",
        says: &["port", "65535"],
    },
    Broken {
        what: "a URL that is none",
        replace: "{ type = \"tcp\", port = 80 }",
        with: "{ type = \"http\", url = ¶\"http://[::1\" }",
        says: &["URL", "http://host/path"],
    },
    Broken {
        what: "port zero in a URL",
        replace: "{ type = \"tcp\", port = 80 }",
        with: "{ type = \"http\", url = ¶\"http://www.example:0/\" }",
        says: &["port", "65535"],
    },
    Broken {
        what: "a range of statuses that runs backwards",
        replace: "{ type = \"tcp\", port = 80 }",
        with: "{ type = \"http\", status = [¶\"300-200\"] }",
        says: &["300-200", "200-299"],
    },
    Broken {
        what: "a bad regular expression for a page",
        replace: "{ type = \"tcp\", port = 80 }",
        with: "{ type = \"http\", body_matches = ¶\"(\" }",
        says: &["unclosed group"],
    },
    Broken {
        what: "a bad regular expression, deep in a combination",
        replace: "{ type = \"tcp\", port = 80 }",
        with: "{ any = [{ type = \"http\" }, { type = \"tcp\", port = 25, expect = ¶\"(\" }] }",
        says: &["unclosed group"],
    },
    Broken {
        what: "authorities that are not there",
        replace: "{ type = \"tcp\", port = 80 }",
        with: "{ type = \"http\", scheme = \"https\", tls = { ca = ¶\"nowhere.pem\" } }",
        says: &["nowhere.pem"],
    },
    Broken {
        what: "authorities that are none",
        replace: "{ type = \"tcp\", port = 80 }",
        with: "{ type = \"tcp\", port = 443, tls = { ca = ¶\"www.header\" } }",
        says: &["www.header", "certificate"],
    },
    Broken {
        what: "unknown plugin",
        replace: "type = \"tcp\"",
        with: "type = ¶\"tpc\"",
        says: &["tpc", "tcp"],
    },
    Broken {
        what: "unknown sink",
        replace: "sinks = [\"files\"]",
        with: "sinks = [¶\"flies\"]",
        says: &["flies", "files"],
    },
    Broken {
        what: "unknown zone",
        replace: "zone = \"www.example\"",
        with: "zone = ¶\"www.exmaple\"",
        says: &["www.exmaple", "www.example"],
    },
    Broken {
        what: "header missing",
        replace: "header = \"www.header\"",
        with: "header = ¶\"nowhere.header\"",
        says: &["nowhere.header"],
    },
    Broken {
        what: "header broken",
        replace: "header = \"www.header\"",
        with: "header = ¶\"broken.header\"",
        says: &["broken.header:3"],
    },
    Broken {
        what: "header with $GENERATE",
        replace: "header = \"www.header\"",
        with: "header = ¶\"generate.header\"",
        says: &["generate.header:5", "$GENERATE"],
    },
    Broken {
        what: "bad zone name",
        replace: "[zone.\"www.example\"]",
        with: "[zone.¶\"www..example\"]",
        says: &["www..example"],
    },
    Broken {
        what: "owner given twice",
        replace: "[sink.files]",
        with: "[binder.service.¶again]\nzone = \"www.example\"\n[sink.files]",
        says: &["again", "www"],
    },
    Broken {
        what: "a key that does not act on the timer",
        replace: "max_load = 60",
        with: "max_load = 60\n¶hold = \"5m\"",
        says: &["hold", "on-timer"],
    },
    Broken {
        what: "a transport without a cluster",
        replace: "[sink.files]",
        with: "[transport.¶lan]\ntype = \"udp\"\n[sink.files]",
        says: &["cluster"],
    },
    Broken {
        what: "a key given twice",
        replace: "rise = 2",
        with: "rise = 2\n¶rise = 3",
        says: &["rise"],
    },
    Broken {
        what: "file cut off in a value",
        replace: "directory = \"zones\"\nreload = { type = \"none\" }\n",
        with: "directory = \"zo¶",
        says: &[],
    },
    Broken {
        what: "file cut off in a heading",
        replace: "[sink.files]\ntype = \"bind\"\ndirectory = \"zones\"\nreload = { type = \"none\" }\n",
        with: "[sink.fil¶",
        says: &[],
    },
];

/// Line and column of the mark in a text, from 1, and the text without it.
fn marked(text: &str) -> (String, usize, usize) {
    let (before, after) = text.split_once(HERE).expect("a mark");
    let line = before.lines().count().max(1) + usize::from(before.ends_with('\n'));
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (format!("{before}{after}"), line, column)
}

fn lay_out(folder: &Path, config: &str) {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("rais.toml", config);
    write("www.header", &header("www.example", 1));
    write("broken.header", "$TTL 10\n@ IN SOA ns1 mailbox 1 2 3 4 5\n@ IN NX nothing\n");
    write("generate.header", &(header("www.example", 1) + "$GENERATE 1-2 h$ A 192.0.2.$\n"));
    if !folder.join("zones").exists() {
        std::fs::create_dir(folder.join("zones")).unwrap();
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn the_sound_configuration_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    lay_out(folder.path(), SOUND);
    let out = binary::run_in(folder.path(), &["check", "-c", "rais.toml"]).expect_code(0);
    assert!(!out.stderr.contains("error"), "{}", out.stderr);
    // A check leaves nothing behind.
    assert!(!folder.path().join("state").exists());
    assert!(!folder.path().join("run").exists());
    assert!(names(&folder.path().join("zones")).is_empty());
}

#[test]
fn a_faulty_configuration_is_refused_with_its_place() {
    for Broken { what, replace, with, says } in BROKEN {
        let (config, line, column) = marked(&SOUND.replacen(replace, with, 1));
        let folder = tempfile::tempdir().unwrap();
        lay_out(folder.path(), &config);
        let before = names(folder.path());
        for command in ["check", "run"] {
            let out = binary::run_in(folder.path(), &[command, "-c", "rais.toml"]);
            let shown = format!("{what}: rais {command}:\n{}{}", out.stdout, out.stderr);
            assert_eq!(out.code, 2, "{shown}");
            let place = format!("rais.toml:{line}:{column}");
            assert!(out.stderr.contains(&place), "{place} is not named by {shown}");
            for word in *says {
                assert!(out.stderr.contains(word), "{word} is not said by {shown}");
            }
        }
        assert_eq!(names(folder.path()), before, "{what}: something was started");
    }
}

#[test]
fn every_fault_is_named_at_once() {
    let config = SOUND.replace("rise = 2", "ryse = 2").replace("port = 80", "port = 70000");
    let folder = tempfile::tempdir().unwrap();
    lay_out(folder.path(), &config);
    let out = binary::run_in(folder.path(), &["check", "-c", "rais.toml"]).expect_code(2);
    for word in ["ryse", "70000"] {
        assert!(out.stderr.contains(word), "{word} in\n{}", out.stderr);
    }
}

#[test]
fn the_second_file_is_named_too() {
    let folder = tempfile::tempdir().unwrap();
    lay_out(folder.path(), SOUND);
    std::fs::create_dir(folder.path().join("conf.d")).unwrap();
    let more = "[monitor.service.www]\nrise = 3\n";
    std::fs::write(folder.path().join("conf.d/more.toml"), more).unwrap();
    let out = binary::run_in(folder.path(), &["check", "-c", "rais.toml"]).expect_code(2);
    for place in ["rais.toml:9:", "more.toml:2:"] {
        assert!(out.stderr.contains(place), "{place} in\n{}", out.stderr);
    }
}

#[test]
fn a_short_binder_interval_is_a_warning_and_twice_is_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let check = |interval: &str| {
        let config = SOUND.replace("interval = \"120s\"", &format!("interval = \"{interval}\""));
        lay_out(folder.path(), &config);
        binary::run_in(folder.path(), &["check", "-c", "rais.toml"]).expect_code(0).stderr
    };
    let warned = check("119s");
    assert!(warned.contains("warning"), "{warned}");
    assert!(warned.contains("rais.toml:18:"), "{warned}");
    let quiet = check("120s");
    assert!(!quiet.contains("rais.toml:18:"), "{quiet}");
}

/// On a host: two services of port 443 and two of port 8080, and nobody to hear of them.
const SERVERS: &str = r#"[cluster]
name = "faults"
insecure = true
[transport.it]
type = "udp"
mode = "unicast"
peers = ["127.0.0.1:5369"]
[monitor]
advertise = ["127.0.0.1"]
[monitor.service.https]
probe = { type = "http", scheme = "https", port = 443, host = "www.example", tls = { ca = "ca.pem" } }
[monitor.service.tls]
probe = { type = "tcp", port = 443, tls = { ca = "ca.pem", name = "www.example" } }
[monitor.service.full-http]
probe = { type = "http", port = 8080 }
[monitor.service.full-tcp]
probe = { type = "tcp", port = 8080 }
"#;

/// An authority, and a certificate of it for `other.example`.
const CERTIFICATES: &str = "
set -e
new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \"$@\"; }
new -x509 -days 30 -subj /CN=authority -keyout ca.key -out ca.pem
new -subj /CN=other.example -keyout server.key -out server.csr
echo subjectAltName=DNS:other.example >names
openssl x509 -req -days 30 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial \\
    -extfile names -out server.pem
";

/// Bad servers, which no service may take for good ones: each is down, with its reason.
#[test]
fn a_certificate_for_another_name_and_a_full_queue_are_never_up() {
    let host = Host::new("web1");
    host.write("/var/lib/bind/rais.toml", SERVERS);
    binary::finish(host.command("sh").args(["-c", CERTIFICATES])).expect_code(0);
    let serve = ["s_server", "-quiet", "-www", "-accept", "443", "-cert", "server.pem"];
    let mut other =
        host.spawn("openssl", host.command("openssl").args(serve).args(["-key", "server.key"]));
    host.net().enter(|| {
        wait::until("the server of another name", || {
            assert!(other.is_running(), "{}", other.stderr());
            TcpStream::connect("127.0.0.1:443").map(drop).map_err(|error| error.to_string())
        });
    });
    let (_listener, _queued) = host.net().enter(full_queue);

    let why = [
        ("https", "certificate is for another name"),
        ("tls", "certificate is for another name"),
        ("full-http", "timeout at connecting"),
        ("full-tcp", "timeout at connecting"),
    ];
    let rows = host.rais(&["probe", "-c", "rais.toml", "--output", "json"]).expect_code(1).json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), why.len(), "{rows:#?}");
    for (service, reason) in why {
        let row = rows.iter().find(|row| row["service"] == service).unwrap();
        assert!(row["outcome"] == "down" || row["outcome"] == "timeout", "{row:#}");
        // A timeout is told in more words here, and by the same phase.
        let words = reason.trim_start_matches("timeout at ");
        assert!(row["reason"].as_str().unwrap().contains(words), "{row:#}");
    }

    let monitor = host.start("monitor", "rais.toml");
    let seen = wait::until("each to be probed again and again", || {
        let seen = status::monitor(&host)?;
        if seen.counters.probes_started >= 20 { Ok(seen) } else { Err("not yet".to_owned()) }
    });
    for (service, reason) in why {
        let it = seen.services.iter().find(|it| it.service == service).unwrap();
        assert_eq!((&*it.state, it.reason.contains(reason)), ("down", true), "{it:?}");
    }
    assert!(!monitor.stderr().contains("-> up"), "{}", monitor.stderr());
}

/// A listener whose queue is full, so that its kernel lets a connect wait.
fn full_queue() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
    let address = listener.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok();
    let queued = std::iter::from_fn(connect).take(10_000).collect();
    (listener, queued)
}

/// The binder hears every kind of nonsense and is not moved.
#[test]
fn nonsense_datagrams_are_counted_and_change_nothing() {
    let lan = Lan::new();
    let (ns, web) = (Host::new("ns1"), Host::new("web1"));
    lan.attach(ns.net(), "eth0", &["198.51.100.53/24"]);
    lan.attach(web.net(), "eth0", &["198.51.100.1/24"]);
    let config = r#"
[cluster]
name = "nonsense"
keys = "keys"
[transport.it]
type = "udp"
mode = "unicast"
listen = "198.51.100.53:5369"
peers = ["198.51.100.53:5369", "198.51.100.53:6000"]
[monitor.service.www]
interval = "100ms"
timeout = "80ms"
expire = "1h"
probe = { type = "tcp", port = 80 }
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[zone."www.example"]
sinks = ["files"]
[binder.service.www]
zone = "www.example"
[sink.files]
type = "bind"
directory = "/var/lib/bind"
reload = { type = "none" }
"#;
    for host in [&ns, &web] {
        host.write("/var/lib/bind/rais.toml", config);
    }
    rais_tests::keys::share(&[&ns, &web], "/var/lib/bind/keys");

    // A tap beside the binder hears what it hears.
    let tap = ns.net().enter(|| UdpSocket::bind("198.51.100.53:6000").unwrap());
    tap.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let _binder = ns.start("binder", "/var/lib/bind/rais.toml");
    let _server = Server::start(&web, "0.0.0.0:80");
    let mut monitor = web.start("monitor", "/var/lib/bind/rais.toml");
    let wanted = BTreeSet::from(["198.51.100.1".parse().unwrap()]);
    status::until_set(&ns, "www", &wanted);
    let mut beat = [0; 2048];
    let len = wait::until("a beat at the tap", || tap.recv(&mut beat).map_err(|e| e.to_string()));
    let beat = &beat[..len];
    monitor.kill();

    // From here on nobody speaks but us, in the dead host's name and from its address. What was
    // under way has arrived when many looks in a row, over several intervals, are alike.
    let attacker = web.net().enter(|| UdpSocket::bind("198.51.100.1:0").unwrap());
    let mut before = status::binder(&ns).unwrap();
    let (mut alike, mut since) = (0, Instant::now());
    wait::until("the last true beat", || {
        let now = status::binder(&ns)?;
        if now.counters.accepted != before.counters.accepted {
            (alike, since) = (0, Instant::now());
        }
        before = now;
        alike += 1;
        if alike >= 10 && since.elapsed() > Duration::from_millis(500) {
            Ok(())
        } else {
            Err("still beats".to_owned())
        }
    });

    let mut random = fastrand::Rng::with_seed(1119);
    let mut datagrams: Vec<Vec<u8>> = Vec::new();
    datagrams.push(Vec::new());
    for len in [1, 2, 3, 4, 16, 64, 256, 1200, 1201, 1400, 9000] {
        datagrams.extend((0..8).map(|_| (0..len).map(|_| random.u8(..)).collect::<Vec<u8>>()));
    }
    // Every truncation, one bit wrong in every octet, octets behind the end, and a replay.
    datagrams.extend((0..beat.len()).map(|end| beat[..end].to_vec()));
    datagrams.extend((0..beat.len()).map(|at| {
        let mut forged = beat.to_vec();
        forged[at] ^= 1 << random.u8(..8);
        forged
    }));
    datagrams.push([beat, b"and more"].concat());
    datagrams.push(beat.to_vec());
    // Sent in small lots, each awaited: none is lost for want of room, so each must be counted.
    let mut sent = before.refused();
    for lot in datagrams.chunks(16) {
        for datagram in lot {
            attacker.send_to(datagram, "198.51.100.53:5369").unwrap();
        }
        sent += lot.len() as u64;
        status::until_binder(&ns, &format!("{sent} refusals"), |status| {
            let refused = status.refused();
            if refused >= sent { Ok(()) } else { Err(format!("{refused} are counted")) }
        });
    }

    let after = status::binder(&ns).unwrap();
    assert_eq!(after.refused(), sent);
    assert_eq!(after.counters.accepted, before.counters.accepted);
    assert_eq!(after.counters.published, before.counters.published);
    assert_eq!(after.service("www").unwrap().set, wanted);
    let hosts = |status: &status::Binder| {
        let hosts = status.hosts.iter();
        hosts.map(|h| (h.id.clone(), h.epoch, h.sequence, h.source.clone())).collect::<Vec<_>>()
    };
    assert_eq!(hosts(&after), hosts(&before));
    // The replay is one or the other by how soon it came.
    for reasons in
        [&["bad_tag"][..], &["not_a_beat"], &["truncated"], &["duplicate", "replay"], &["too_long"]]
    {
        let counted = |reason: &&str| after.counters.refused.get(*reason).copied();
        let count: u64 = reasons.iter().filter_map(counted).sum();
        assert!(count > 0, "no {reasons:?} in {:?}", after.counters.refused);
    }
}
