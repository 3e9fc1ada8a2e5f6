//! Two sites over one nats-server: hosts of site A stand in site B's zone, and no restart of NATS takes
//! them out. And `docs/howto/nats.md`, as its reader follows it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;

use rais_tests::host::Host;
use rais_tests::nats::NatsServer;
use rais_tests::netns::Lan;
use rais_tests::process::Process;
use rais_tests::reader::{Builds, Reader};
use rais_tests::server::Server;
use rais_tests::{dns, keys, library, status, wait, workshop};

const CONFIG: &str = "/var/lib/bind/rais.toml";
const KEYS: &str = "/var/lib/bind/keys";
const PLUGINS: &str = "/var/lib/plugins";
const NETS: [&str; 2] = ["198.51.100", "203.0.113"];

/// Two networks with no way between them but a machine with a nats-server, which is in both.
struct Sites {
    _lans: [Lan; 2],
    between: Host,
    binders: [Host; 2],
    /// All at site A.
    webs: [Host; 3],
}

fn config(isolation: &str, net: &str) -> String {
    format!(
        r#"
[cluster]
name = "wan"
keys = "keys/"
[transport.wan]
type = "nats"
servers = ["nats://{net}.4:4222"]
[plugins]
dirs = ["{PLUGINS}"]
[plugins.nats]
isolation = "{isolation}"
[monitor.service.www]
interval = "200ms"
expire = "15s"
timeout = "150ms"
fast_interval = "50ms"
probe = {{ type = "tcp", port = 80 }}
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
reload = {{ type = "none" }}
"#
    )
}

impl Sites {
    fn new(isolation: &str) -> Self {
        let lans = [Lan::new(), Lan::new()];
        let host = |name: &str, site: usize, number: u8| {
            let host = Host::new(name);
            lans[site].attach(host.net(), "eth0", &[&format!("{}.{number}/24", NETS[site])]);
            host.write(CONFIG, &config(isolation, NETS[site]));
            let plugins = host.path(PLUGINS);
            std::fs::create_dir(&plugins).unwrap();
            library::set_mode(&plugins, 0o755);
            library::install(&library::transport_nats(), &plugins.join("libtransport_nats.so"));
            host
        };
        let between = Host::new("nats");
        for (interface, (lan, net)) in ["eth0", "eth1"].into_iter().zip(lans.iter().zip(NETS)) {
            lan.attach(between.net(), interface, &[&format!("{net}.4/24")]);
        }
        let binders = [host("ns-a", 0, 53), host("ns-b", 1, 53)];
        let webs = [1, 2, 3].map(|number| host(&format!("web{number}"), 0, number));
        let all: Vec<&Host> = binders.iter().chain(&webs).collect();
        keys::share(&all, KEYS);
        Self { _lans: lans, between, binders, webs }
    }

    fn start(&self) -> Running {
        let binders = self.binders.each_ref().map(|host| host.start("binder", CONFIG));
        let servers = self.webs.each_ref().map(|host| Server::start(host, "0.0.0.0:80"));
        let monitors = self.webs.each_ref().map(|host| host.start("monitor", CONFIG));
        Running { binders, servers, monitors }
    }

    /// Waits until every binder has `more` beats of every web host after `since`.
    fn until_heard(&self, since: &[Vec<u64>; 2], more: u64) {
        wait::until("every monitor to be heard at both sites", || {
            let now = self.newest();
            let heard = |(now, before): (&Vec<u64>, &Vec<u64>)| {
                now.len() == before.len() && now.iter().zip(before).all(|(n, b)| *n >= b + more)
            };
            let all = now.iter().zip(since).all(heard);
            if all { Ok(()) } else { Err(format!("{since:?}, then {now:?}")) }
        });
    }

    /// The newest beat of each web host, at each site.
    fn newest(&self) -> [Vec<u64>; 2] {
        self.binders.each_ref().map(|host| {
            let mut hosts = status::binder(host).unwrap().hosts;
            hosts.sort_by(|a, b| a.name.cmp(&b.name));
            hosts.iter().map(|host| host.sequence).collect()
        })
    }

    /// What was published so far, at each site: a withdrawal would be one more, and so would another
    /// TTL. Neither is to come of an outage.
    fn published(&self) -> [(u64, Option<u32>); 2] {
        self.binders.each_ref().map(|host| {
            let status = status::binder(host).unwrap();
            (status.counters.published, status.zones[0].serial)
        })
    }

    fn wanted() -> BTreeSet<IpAddr> {
        [1, 2, 3].map(|number| format!("{}.{number}", NETS[0]).parse().unwrap()).into()
    }
}

struct Running {
    binders: [Process; 2],
    servers: [Server; 3],
    monitors: [Process; 3],
}

fn two_sites(isolation: &str) {
    let sites = Sites::new(isolation);
    // Everything starts before NATS does, as it may when the power comes back.
    let mut running = sites.start();
    let mut nats = NatsServer::start(&sites.between, "");
    let wanted = Sites::wanted();
    for binder in &sites.binders {
        status::until_published(binder, "www", &wanted);
        let file = binder.path("/var/lib/bind/www.example.zone");
        assert_eq!(dns::check_zone("www.example", &file).unwrap().addresses, wanted);
    }
    let before = sites.published();

    // As long as a restart takes.
    for _ in 0..3 {
        let newest = sites.newest();
        nats.restart();
        let begun = Instant::now();
        sites.until_heard(&newest, 2);
        println!(
            "{isolation}: two beats of all 3 monitors at both sites {:?} after the restart",
            begun.elapsed()
        );
    }
    assert_eq!(sites.published(), before, "a restart of NATS changed a zone");

    // So long that everybody seems to be dead, to binders that have heard nobody.
    nats.kill();
    for binder in &sites.binders {
        status::until_binder(binder, "nobody to be heard", |status| {
            if status.alarmed("deaf", "www") { Ok(()) } else { Err("not deaf".to_owned()) }
        });
    }
    for (role, host) in
        [("binder", &sites.binders[1]), ("monitor", &sites.webs[0]), ("monitor", &sites.webs[2])]
    {
        wait::until("status to say that NATS is down", || {
            let socket = format!("/run/rais/{role}.sock");
            let told = host.rais(&["status", "--socket", &socket]).expect_code(0).stdout;
            let is_told =
                |line: &str| line.starts_with("warning: transport") && line.contains(" s: ");
            if told.lines().any(is_told) { Ok(()) } else { Err(told) }
        });
    }
    let newest = sites.newest();
    nats.restart();
    let begun = Instant::now();
    sites.until_heard(&newest, 2);
    println!("{isolation}: the same {:?} after a longer outage", begun.elapsed());
    for binder in &sites.binders {
        let status = status::until_binder(binder, "no alarm", |status| {
            if status.alarms.is_empty() { Ok(()) } else { Err(format!("{:?}", status.alarms)) }
        });
        assert_eq!(status.service("www").unwrap().set, wanted);
        assert_eq!(status.refused(), 0, "{:?}", status.counters);
    }
    assert_eq!(sites.published(), before, "an outage of NATS changed a zone");

    // What happens at A is known at B.
    let [first, _second, _third] = running.servers;
    first.kill();
    let rest: BTreeSet<IpAddr> = wanted.iter().copied().skip(1).collect();
    for binder in &sites.binders {
        status::until_published(binder, "www", &rest);
    }
    for process in running.binders.iter_mut().chain(&mut running.monitors) {
        assert!(process.is_running());
        let (log, said) = (process.stderr(), "not connected");
        assert!(log.matches(said).count() > 0, "{log}");
    }
}

#[test]
fn over_nats_in_a_process_of_its_own() {
    two_sites("process");
}

#[test]
fn over_nats_in_the_process_of_rais() {
    two_sites("none");
}

#[test]
fn the_howto_from_a_certificate_to_a_zone() {
    // A machine of its own: the page names a port.
    let mut reader = Reader::new("nats", Builds::AsTyped).at(Host::new("nats"));
    let folder = reader.file("nats");
    for part in ["plugins", "conf.d"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
        library::set_mode(&folder.join(part), 0o755);
    }
    library::install(&library::transport_nats(), &folder.join("plugins/transport_nats.so"));
    workshop::give(&[&folder]);
    reader.follow("howto/nats.md");
}
