//! One probe three times: built in, as a library in the daemon, as a library in a process of its
//! own. Nobody can tell them apart but by `rais plugins list`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use nix::sys::signal::Signal;
use rais_tests::binary::finish;
use rais_tests::host::Host;
use rais_tests::netns::Lan;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::{library, status, wait};
use serde_json::Value;

const CONFIG: &str = "/var/lib/bind/rais.toml";
const LIBRARY: &str = "/var/lib/plugins/tcp.so";

/// How the probe is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    BuiltIn,
    Loaded,
    Isolated,
}

const EACH: [Held; 3] = [Held::BuiltIn, Held::Loaded, Held::Isolated];

impl Held {
    fn policy(self) -> &'static str {
        match self {
            Held::BuiltIn => "",
            Held::Loaded => {
                "[plugins]\ndirs = [\"/var/lib/plugins\"]\nprefer = [\"tcp\"]\n\
                 [plugins.tcp]\nisolation = \"none\"\n"
            }
            // Nothing said: so a library is held.
            Held::Isolated => "[plugins]\ndirs = [\"/var/lib/plugins\"]\nprefer = [\"tcp\"]\n",
        }
    }

    /// Origin and isolation in `rais plugins list`.
    fn row(self) -> [&'static str; 2] {
        match self {
            Held::BuiltIn => ["built-in", "none"],
            Held::Loaded => [LIBRARY, "none"],
            Held::Isolated => [LIBRARY, "process"],
        }
    }
}

/// The paper's site at a six-hundredth: both services on two hosts, a name server beside them.
fn config(held: Held, table: &str) -> String {
    let mut text = format!(
        r#"{}
[cluster]
name = "parity"
insecure = true
[transport.lan]
type = "udp"
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[sink.files]
type = "bind"
directory = "/var/lib/bind"
reload = {{ type = "none" }}
"#,
        held.policy()
    );
    for (name, port) in [("http", 80), ("news", 119)] {
        text += &format!(
            r#"[monitor.service.{name}]
interval = "100ms"
timeout = "80ms"
probe = {{ type = "tcp", port = {port}{table} }}
[zone."{name}.example"]
sinks = ["files"]
[binder.service.{name}]
zone = "{name}.example"
"#
        );
    }
    text
}

struct Web {
    host: Host,
    monitor: Process,
}

struct Net {
    _lan: Lan,
    ns: Host,
    webs: [Web; 2],
    _binder: Process,
}

fn address(number: u8) -> IpAddr {
    IpAddr::from([198, 51, 100, number])
}

fn host(lan: &Lan, name: &str, number: u8, config: &str) -> Host {
    let host = Host::new(name);
    lan.attach(host.net(), "eth0", &[&format!("{}/24", address(number))]);
    let path = host.path(LIBRARY);
    let folder = path.parent().unwrap();
    std::fs::create_dir(folder).unwrap();
    library::set_mode(folder, 0o755);
    library::install(&library::probe_tcp(), &path);
    host.write(CONFIG, config);
    host
}

impl Net {
    fn start(held: Held) -> Self {
        let (lan, config) = (Lan::new(), config(held, ""));
        let ns = host(&lan, "ns1", 53, &config);
        let binder = ns.start("binder", CONFIG);
        let webs = [1, 2].map(|number| {
            let host = host(&lan, &format!("web{number}"), number, &config);
            // So short that a server that accepts nothing soon lets nobody in.
            let mut shorten = host.command("sh");
            finish(shorten.args(["-c", "echo 1 >/proc/sys/net/core/somaxconn"])).expect_code(0);
            let monitor = host.start("monitor", CONFIG);
            Web { host, monitor }
        });
        Self { _lan: lan, ns, webs, _binder: binder }
    }

    /// Waits until the first host's http is as said, and the name server has drawn the conclusion.
    fn until(&self, state: &str, numbers: &[u8], seen: &mut Vec<String>) {
        let probed = wait::until(&format!("http on web1 to be {state}"), || {
            let services = status::monitor(&self.webs[0].host)?.services;
            let http = services.into_iter().find(|it| it.service == "http").ok_or("no http")?;
            if http.state == state { Ok(http) } else { Err(format!("{http:?}")) }
        });
        seen.push(format!("{}: {}", probed.state, probed.reason));
        let set: BTreeSet<IpAddr> = numbers.iter().map(|number| address(*number)).collect();
        let binder = status::until_set(&self.ns, "http", &set);
        let http = binder.service("http").unwrap();
        let member = http.members.iter().find(|it| it.address == address(1)).unwrap();
        seen.push(format!("{} {} {}", member.state, member.verdict, member.reason));
        // The neighbour on the same host is not concerned.
        status::until_set(&self.ns, "news", &[1, 2].map(address).into());
    }
}

/// The site from its first day to a server's death and return, and what was told of it.
fn scenario(held: Held) -> Vec<String> {
    let mut net = Net::start(held);
    let mut seen = Vec::new();
    let servers = net
        .webs
        .each_ref()
        .map(|web| [80, 119].map(|port| Server::start(&web.host, &format!("0.0.0.0:{port}"))));
    let [[http, _news], _web2] = servers;
    net.until("up", &[1, 2], &mut seen);
    http.kill();
    net.until("down", &[2], &mut seen);
    let http = Server::start(&net.webs[0].host, "0.0.0.0:80");
    net.until("up", &[1, 2], &mut seen);
    http.process.signal(Signal::SIGSTOP);
    net.until("down", &[2], &mut seen);
    http.process.signal(Signal::SIGCONT);
    net.until("up", &[1, 2], &mut seen);
    drop(http);

    let out = net.webs[0].host.rais(&["plugins", "list", "--running", "-c", CONFIG]);
    println!("{held:?}\n{}", out.expect_code(0).stdout);
    let row = row(&net.webs[0].host, &["--running"]);
    assert_eq!(["origin", "isolation"].map(|key| row[key].as_str().unwrap()), held.row());
    assert_eq!(row["state"], "ready", "{row}");
    for web in &mut net.webs {
        assert!(web.monitor.is_running(), "{}", web.monitor.stderr());
    }
    seen
}

/// Of the probe `tcp`.
fn row(host: &Host, words: &[&str]) -> Value {
    let mut all = vec!["plugins", "list", "--output", "json", "-c", CONFIG];
    all.extend(words);
    let out = host.rais(&all).expect_code(0);
    let rows = out.json().as_array().unwrap().clone();
    let mut tcp = rows.into_iter().filter(|row| row["kind"] == "probe" && row["name"] == "tcp");
    let row = tcp.next().unwrap();
    assert_eq!(tcp.next(), None, "{}", out.stdout);
    row
}

/// What `work` gives for each way, all at once.
fn at_once<T: Send>(work: impl Fn(Held) -> T + Sync) -> [T; 3] {
    std::thread::scope(|threads| {
        let work = &work;
        let running = EACH.map(|held| threads.spawn(move || work(held)));
        running.map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

#[test]
fn the_site_is_the_same_with_each() {
    let [built_in, loaded, isolated] = at_once(scenario);
    println!("{built_in:#?}");
    assert_eq!(loaded, built_in);
    assert_eq!(isolated, built_in);
    let reasons: Vec<&str> = built_in.iter().step_by(2).map(String::as_str).collect();
    assert_eq!(
        reasons,
        ["up: ", "down: connection refused", "up: ", "down: timeout at connecting", "up: "]
    );
}

#[test]
fn what_is_told_is_the_same_with_each() {
    let lan = Lan::new();
    let host = host(&lan, "web1", 1, "");
    let _server = Server::start(&host, "0.0.0.0:80");
    let [built_in, loaded, isolated] = EACH.map(|held| {
        let mut told = Vec::new();
        let said = |arguments: &[&str]| {
            let out = host.rais(arguments);
            format!("{}\n{}{}", out.code, out.stdout, out.stderr)
        };
        // A table that it refuses, and one that it takes.
        for table in [", flavour = 1", ""] {
            host.write(CONFIG, &config(held, table));
            told.push(said(&["check", "--role", "monitor", "-c", CONFIG]));
        }
        let row = row(&host, &[]);
        assert_eq!(["origin", "isolation"].map(|key| row[key].as_str().unwrap()), held.row());
        told.push(format!("{} {}", row["version"], row["abi"]));
        for service in ["http", "news"] {
            let out = host.rais(&["probe", "--output", "json", "-c", CONFIG, service]);
            told.push(format!("{}\n{}", out.code, without_times(&out.stdout)));
        }
        // Of the library by its path, as whoever has just been handed it would ask.
        let name = if held == Held::BuiltIn { "tcp" } else { LIBRARY };
        host.write(CONFIG, "");
        told.push(said(&["plugins", "sample", name]));
        told
    });
    let lines = |told: &[String]| -> Vec<String> {
        // The places in the files differ by what is said of the library above.
        let lines = told.iter().flat_map(|text| text.lines());
        lines
            .filter(|line| !line.contains("-->") && !line.contains(" | "))
            .map(str::to_owned)
            .collect()
    };
    println!("{built_in:#?}");
    assert_eq!(lines(&loaded), lines(&built_in));
    assert_eq!(lines(&isolated), lines(&built_in));
}

/// JSON without what no two runs have alike.
fn without_times(text: &str) -> Value {
    let mut json: Value = serde_json::from_str(text).unwrap();
    forget(&mut json);
    json
}

fn forget(json: &mut Value) {
    match json {
        Value::Object(table) => {
            table.retain(|key, _| !key.contains("took") && !key.ends_with("_ms"));
            table.values_mut().for_each(forget);
        }
        Value::Array(list) => list.iter_mut().for_each(forget),
        _ => {}
    }
}
