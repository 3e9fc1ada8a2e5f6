//! Keys change while beats come in and queries go out: no beat is refused, no set changes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use domain::base::Rtype;
use rais_tests::dns::Client;
use rais_tests::host::Host;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::site::{Site, addresses};
use rais_tests::{count, keys, status, wait};

const CONFIG: &str = "/var/lib/bind/rais.toml";
const RING: &str = "/var/lib/keys";
const MONITOR: &str = "/run/rais/monitor.sock";
const BINDER: &str = "/run/rais/binder.sock";
const WEB: [u8; 3] = [1, 2, 3];
const KEYS: &str = "keys = \"/var/lib/keys\"";

/// Of a monitor and of a binder alike. Nobody is to be taken for dead on a machine that is busy: what
/// is looked at is what is refused.
fn config(security: &str) -> String {
    format!(
        r#"
[cluster]
name = "site"
{security}
[transport.lan]
type = "udp"
mode = "unicast"
listen = "0.0.0.0:5369"
peers = ["129.144.168.51:5369", "129.144.168.52:5369"]
[monitor]
exclude = ["192.0.2.0/24"]
[monitor.service.www]
interval = "100ms"
timeout = "80ms"
fast_interval = "20ms"
fall = 20
expire = "4s"
probe = {{ type = "tcp", port = 80 }}
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[zone."www.example"]
sinks = ["dns"]
[binder.service.www]
zone = "www.example"
balance = "none"
[sink.dns]
type = "dns"
listen = ["127.0.0.1:53"]
"#
    )
}

/// Three servers with a monitor each, two binders that answer, and somebody who asks all the time.
struct Fleet {
    web: Vec<Host>,
    ns: Vec<Host>,
    asking: Vec<Asking>,
    before: Vec<status::Binder>,
    _running: (Vec<Server>, Vec<Process>),
    _site: Site,
}

impl Fleet {
    /// Of hosts that `prepare` has given their keys.
    fn start(security: &str, prepare: impl FnOnce(&[Host], &[Host])) -> Fleet {
        let site = Site::new();
        let hosts = |name: &str, numbers: &[u8]| -> Vec<Host> {
            let host =
                |(at, &number): (usize, &u8)| site.host(&format!("{name}{}", at + 1), number);
            numbers.iter().enumerate().map(host).collect()
        };
        let (web, ns) = (hosts("web", &WEB), hosts("ns", &[51, 52]));
        prepare(&web, &ns);
        web.iter().chain(&ns).for_each(|host| host.write(CONFIG, &config(security)));
        let servers = web.iter().map(|host| Server::start(host, "0.0.0.0:80")).collect();
        let binders = ns.iter().map(|host| host.start("binder", CONFIG));
        let mut processes: Vec<Process> = binders.collect();
        processes.extend(web.iter().map(|host| host.start("monitor", CONFIG)));
        let before =
            ns.iter().map(|host| status::until_published(host, "www", &addresses(WEB))).collect();
        let asking = ns.iter().map(Asking::start).collect();
        Fleet { web, ns, asking, before, _running: (servers, processes), _site: site }
    }

    fn reload(&self, host: &Host) {
        let role = if host.name().starts_with("ns") { "binder" } else { "monitor" };
        let socket = format!("/run/rais/{role}.sock");
        host.rais(&["reload", "--socket", &socket]).expect_code(0);
    }

    fn reload_all(&self) {
        self.web.iter().chain(&self.ns).for_each(|host| self.reload(host));
    }

    /// Waits until both binders have heard more of each server, signed with the key of that id.
    fn until_heard_with(&self, keys: &[Option<&str>]) {
        for ns in &self.ns {
            let sequence = |status: &status::Binder, web: &Host| {
                let found = status.hosts.iter().find(|host| host.name == web.name());
                found.map(|host| (host.sequence, host.key.clone()))
            };
            let before = status::binder(ns).unwrap();
            status::until_binder(ns, &format!("beats signed with {keys:?}"), |status| {
                assert_eq!(status.refused(), 0, "{:?}", status.counters);
                for (web, key) in self.web.iter().zip(keys) {
                    let (was, _) = sequence(&before, web).ok_or("a host was never heard")?;
                    let (is, with) = sequence(status, web).ok_or("a host is forgotten")?;
                    if is < was + 5 || with.as_deref() != *key {
                        return Err(format!("{}: {was}, then {is} with {with:?}", web.name()));
                    }
                }
                Ok(())
            });
        }
    }

    /// Not one beat was refused, nothing was published, and every answer had all servers.
    fn nothing_happened(self) {
        for (ns, before) in self.ns.iter().zip(&self.before) {
            let after = status::binder(ns).unwrap();
            assert_eq!(after.refused(), 0, "{:?}", after.counters);
            assert_eq!(after.zones[0].serial, before.zones[0].serial, "{after:#?}");
            assert_eq!(after.counters.published, before.counters.published);
            assert_eq!(after.service("www").unwrap().set, addresses(WEB));
        }
        for asking in self.asking {
            let found = asking.stop();
            let all: Vec<IpAddr> = addresses(WEB).into_iter().collect();
            assert!(found.get(&Ok(all)).is_some_and(|&times| times > 50), "{found:?}");
            assert_eq!(found.len(), 1, "{found:?}");
        }
    }
}

/// Asks without a pause, and counts what comes.
struct Asking {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<BTreeMap<Result<Vec<IpAddr>, String>, usize>>,
}

impl Asking {
    fn start(host: &Host) -> Asking {
        let server: SocketAddr = "127.0.0.1:53".parse().unwrap();
        let client = Client::new(host.net(), server);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut found = BTreeMap::new();
            while !stopped.load(Ordering::Relaxed) {
                let answer = client.addresses("www.example", Rtype::A).map(|mut addresses| {
                    addresses.sort_unstable();
                    addresses
                });
                *found.entry(answer).or_default() += 1;
            }
            found
        });
        Asking { stop, thread }
    }

    fn stop(self) -> BTreeMap<Result<Vec<IpAddr>, String>, usize> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// A step of `rais key rotate`, as JSON.
#[track_caller]
fn rotate(host: &Host, words: &[&str]) -> serde_json::Value {
    let common = ["--keys", RING, "--output", "json"];
    host.rais(&[&["key", "rotate"], words, &common].concat()).expect_code(0).json()
}

/// The ids of a host's keys, by name.
fn ids(host: &Host) -> BTreeMap<String, String> {
    let rows = host.rais(&["key", "list", "--keys", RING, "--output", "json"]).expect_code(0);
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
    let rows = rows.json();
    rows.as_array().unwrap().iter().map(|row| (text(row, "name"), text(row, "id"))).collect()
}

/// The mode goes with it.
fn copy(from: &Host, to: &Host, key: &str) {
    let file = format!("{RING}/{key}.key");
    let there = to.path(&file);
    std::fs::create_dir_all(there.parent().unwrap()).unwrap();
    std::fs::copy(from.path(&file), there).unwrap();
}

#[test]
fn one_key_for_all_is_rotated_under_load() {
    let fleet = Fleet::start(KEYS, |web, ns| {
        let all: Vec<&Host> = web.iter().chain(ns).collect();
        keys::share(&all, RING);
    });
    let first = &fleet.web[0];
    let mut old = ids(first)["cluster"].clone();
    fleet.until_heard_with(&[Some(&*old); 3]);

    for _ in 0..count(1, 5) {
        let made = rotate(first, &["begin"]);
        let [name, new] = ["name", "id"].map(|key| made["key"][key].as_str().unwrap().to_owned());
        fleet.web[1..].iter().chain(&fleet.ns).for_each(|host| copy(first, host, &name));
        fleet.reload_all();
        fleet.until_heard_with(&[Some(&*old); 3]);

        // Nothing is signed there, and the folder says the same as everybody's.
        for host in &fleet.ns {
            assert_eq!(rotate(host, &["switch"])["key"]["id"], *new);
        }
        for switched in 1..=fleet.web.len() {
            let host = &fleet.web[switched - 1];
            assert_eq!(rotate(host, &["switch"])["key"]["id"], *new);
            fleet.reload(host);
            let mut with = [Some(&*old); 3];
            with[..switched].fill(Some(&new));
            fleet.until_heard_with(&with);
            let end = ["key", "rotate", "end", "--keys", RING];
            if switched < fleet.web.len() {
                // Somebody has not switched, and a binder knows who.
                let out = fleet.ns[0].rais(&end).expect_code(1).stderr;
                assert!(out.contains(&format!("web{}", switched + 1)), "{out}");
                assert!(!out.contains(&format!("web{switched}:")), "{out}");
            }
        }
        let end = ["key", "rotate", "end", "--keys", RING, "--socket", MONITOR];
        let told = first.rais(&end).expect_code(1).stderr;
        assert!(told.contains("a monitor answers there"), "{told}");
        assert_eq!(ids(first).len(), 2);
        for host in fleet.ns.iter().chain(&fleet.web) {
            let done = rotate(host, &["end"]);
            assert_eq!(done["removed"][0]["id"], *old);
            assert_eq!(done["asked"], host.name().starts_with("ns"));
            assert_eq!(ids(host).into_values().collect::<Vec<_>>(), std::slice::from_ref(&new));
            fleet.reload(host);
        }
        fleet.until_heard_with(&[Some(&*new); 3]);
        old = new;
    }
    fleet.nothing_happened();
}

#[test]
fn keys_are_rolled_out_a_host_at_a_time_and_one_hosts_is_rotated() {
    let fleet = Fleet::start("insecure = true", |_, _| {});
    fleet.until_heard_with(&[None; 3]);

    // The binders have all keys, none of which signs there; each host has its own.
    let ns = &fleet.ns[0];
    for (web, number) in fleet.web.iter().zip(WEB) {
        let allow = format!("129.144.168.{number}");
        let new = ["key", "new", "--keys", RING, "--use", "accept", "--host", web.name()];
        ns.rais(&[&new[..], &["--allow", &allow]].concat()).expect_code(0);
        copy(ns, &fleet.ns[1], web.name());
        copy(ns, web, web.name());
    }
    let ids = ids(ns);
    for ns in &fleet.ns {
        ns.write(CONFIG, &config(&format!("{KEYS}\naccept = \"permissive\"")));
        fleet.reload(ns);
    }
    fleet.until_heard_with(&[None; 3]);
    for ns in &fleet.ns {
        let status = rais_tests::status::binder(ns).unwrap();
        assert_eq!(status.security, "permissive");
        assert!(status.counters.unsigned > 0, "{:?}", status.counters);
    }
    let mut with = [None; 3];
    for (at, web) in fleet.web.iter().enumerate() {
        rotate(web, &["switch", web.name()]);
        web.write(CONFIG, &config(KEYS));
        fleet.reload(web);
        with[at] = Some(&*ids[web.name()]);
        fleet.until_heard_with(&with);
    }
    for ns in &fleet.ns {
        ns.write(CONFIG, &config(KEYS));
        fleet.reload(ns);
    }
    fleet.until_heard_with(&with);

    // And web2's is rotated: it concerns web2 and the binders, and nobody else.
    let web2 = &fleet.web[1];
    let made = rotate(web2, &["begin"]);
    assert_eq!(made["key"]["hosts"], serde_json::json!(["web2"]));
    assert_eq!(made["key"]["addresses"], serde_json::json!(["129.144.168.2/32"]));
    for ns in &fleet.ns {
        copy(web2, ns, "web2-2");
        fleet.reload(ns);
    }
    rotate(web2, &["switch"]);
    fleet.reload(web2);
    let new = made["key"]["id"].as_str().unwrap();
    with[1] = Some(new);
    fleet.until_heard_with(&with);
    for host in fleet.ns.iter().chain([web2]) {
        assert_eq!(rotate(host, &["end"])["removed"][0]["name"], "web2");
        fleet.reload(host);
    }
    fleet.until_heard_with(&with);
    fleet.nothing_happened();
}

/// A key that has leaked goes at once, whoever still signs with it.
#[test]
fn a_leaked_key_is_believed_no_more() {
    let fleet = Fleet::start(KEYS, |web, ns| {
        let all: Vec<&Host> = web.iter().chain(ns).collect();
        keys::share(&all, RING);
    });
    let ns = &fleet.ns[0];
    rotate(ns, &["begin"]);
    rotate(ns, &["switch"]);
    ns.rais(&["key", "rotate", "end", "--keys", RING]).expect_code(1);
    assert_eq!(ids(ns).len(), 2, "nothing is removed that is refused");
    let leaked = rotate(ns, &["end", "--force"])["removed"][0]["id"].as_str().unwrap().to_owned();
    let told = ns.rais(&["reload", "--socket", BINDER]).expect_code(0).stderr;
    assert!(told.contains("a key that is gone are refused from now on"), "{told}");
    for web in &fleet.web {
        assert!(told.contains(&format!("{} (key {leaked}, heard ", web.name())), "{told}");
    }
    let why = format!("last said with the key {leaked}, which is accepted no more");
    for member in &status::binder(ns).unwrap().service("www").unwrap().members {
        assert_eq!(member.reason, why);
    }
    wait::until("beats to be refused", || {
        let refused = status::binder(ns)?.counters.refused;
        let unknown = refused.get("unknown_key").copied().unwrap_or_default();
        if unknown > 0 { Ok(()) } else { Err(format!("{refused:?}")) }
    });
    let status = ns.rais(&["status", "--socket", BINDER, "--output", "json"]).expect_code(0).json();
    let refused = status[0]["refused"].as_array().unwrap();
    let of_key = refused.iter().find(|one| one["reason"] == "unknown_key").unwrap();
    assert_eq!(of_key["key"], leaked);
}

#[test]
fn a_reload_that_refuses_unsigned_beats_names_who_sends_them() {
    let fleet = Fleet::start("insecure = true", |_, _| {});
    fleet.until_heard_with(&[None; 3]);
    let ns = &fleet.ns[0];
    ns.rais(&["key", "new", "--keys", RING, "--use", "accept"]).expect_code(0);
    let reload = |security: &str| {
        ns.write(CONFIG, &config(security));
        ns.rais(&["reload", "--socket", BINDER]).expect_code(0).stderr
    };
    let permissive = format!("{KEYS}\naccept = \"permissive\"");
    for (before, known) in [
        (&*permissive, "heard whose last beat was not signed: "),
        ("insecure = true", "heard of which nobody has looked whether they sign: "),
    ] {
        let told = reload(before);
        assert!(!told.contains("refused from now on"), "{told}");
        let told = reload(KEYS);
        assert!(told.contains("unsigned beats are refused from now on"), "{told}");
        assert!(told.contains(known), "{told}");
        for web in &fleet.web {
            assert!(told.contains(&format!("{} (heard ", web.name())), "{told}");
        }
        assert!(!reload(KEYS).contains("refused from now on"), "they are refused already");
    }
}
