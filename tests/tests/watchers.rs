//! Two monitors that watch the same machines, which have none: what befalls one of them takes nobody out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use nix::sys::signal::Signal;
use rais_tests::host::Host;
use rais_tests::netns::Lan;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::{count, journal, keys, status};

const CONFIG: &str = "/var/lib/bind/rais.toml";
const SERVERS: u8 = 3;

const TEXT: &str = r#"
[cluster]
name = "watchers"
keys = "keys"
[transport.lan]
type = "udp"
[monitor.service.www]
targets = ["198.51.100.1", "198.51.100.2", "198.51.100.3"]
interval = "200ms"
expire = "10s"
timeout = "150ms"
fast_interval = "50ms"
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

struct Net {
    ns: Host,
    watchers: [(Host, Process); 2],
    binder: Process,
    _servers: Vec<(Host, Server)>,
    _lan: Lan,
}

fn address(number: u8) -> IpAddr {
    IpAddr::from([198, 51, 100, number])
}

fn everybody() -> BTreeSet<IpAddr> {
    (1..=SERVERS).map(address).collect()
}

impl Net {
    /// Both watch, and everybody is in.
    fn settled() -> Net {
        let lan = Lan::new();
        let host = |name: &str, number: u8| {
            let host = Host::new(name);
            lan.attach(host.net(), "eth0", &[&format!("{}/24", address(number))]);
            host
        };
        let serve = |number: u8| {
            let web = host(&format!("web{number}"), number);
            let server = Server::start(&web, "0.0.0.0:80");
            (web, server)
        };
        let servers = (1..=SERVERS).map(serve).collect();
        let (ns, one, other) = (host("ns1", 53), host("watch1", 61), host("watch2", 62));
        keys::share(&[&ns, &one, &other], "/var/lib/bind/keys");
        for host in [&ns, &one, &other] {
            host.write(CONFIG, TEXT);
        }
        let binder = ns.start("binder", CONFIG);
        let watchers = [one, other].map(|host| {
            let monitor = host.start("monitor", CONFIG);
            (host, monitor)
        });
        let net = Net { ns, watchers, binder, _servers: servers, _lan: lan };
        status::until_published(&net.ns, "www", &everybody());
        net.until_heard(2);
        net
    }

    /// Until so many watchers have just been heard, and as many have not.
    fn until_heard(&self, watchers: usize) {
        status::until_binder(&self.ns, &format!("{watchers} watchers to be heard"), |status| {
            let ages: Vec<u64> = status.hosts.iter().map(|host| host.heard_ms_ago).collect();
            let fresh = ages.iter().filter(|&&age| age < 5000).count();
            // Silence is death after ten seconds here.
            let silent = ages.iter().filter(|&&age| age > 11_000).count();
            match fresh == watchers && fresh + silent == 2 {
                true => Ok(()),
                false => Err(format!("heard {ages:?} ms ago")),
            }
        });
    }

    fn decided(&self) -> Vec<String> {
        journal::decided(&self.ns)
    }

    fn cut(&self, watcher: usize, what: &str) {
        let rules = format!(
            "table inet cut {{ chain output {{ type filter hook output priority 0; {what} drop; }}; }}"
        );
        self.nft(watcher, &rules);
    }

    fn mend(&self, watcher: usize) {
        self.nft(watcher, "delete table inet cut");
    }

    fn nft(&self, watcher: usize, argument: &str) {
        let output = self.watchers[watcher].0.command("nft").arg(argument).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_watcher_that_the_binder_does_not_hear_takes_nobody_out_nor_does_its_return() {
    let net = Net::settled();
    let before = net.decided();
    for round in 0..count(2, 10) {
        net.cut(round % 2, "udp dport 5369");
        net.until_heard(1);
        net.mend(round % 2);
        net.until_heard(2);
    }
    assert_eq!(net.decided(), before);
}

#[test]
fn a_watcher_that_sees_nobody_takes_nobody_out() {
    let net = Net::settled();
    let before = net.decided();
    for round in 0..count(2, 10) {
        let watcher = round % 2;
        let until = |state: &str| {
            let host = &net.watchers[watcher].0;
            rais_tests::wait::until(&format!("all to be seen {state}"), || {
                let seen = status::monitor(host)?;
                let states: Vec<_> = seen.services.iter().map(|it| it.state.clone()).collect();
                let all = states.len() == usize::from(SERVERS) && states.iter().all(|s| s == state);
                if all { Ok(()) } else { Err(format!("{states:?}")) }
            });
        };
        net.cut(watcher, "tcp dport 80");
        until("down");
        // The other one is heard, and so is this one.
        net.until_heard(2);
        net.mend(watcher);
        until("up");
    }
    assert_eq!(net.decided(), before);
    assert_eq!(status::binder(&net.ns).unwrap().service("www").unwrap().set, everybody());
}

/// The address's watchers, as the binder's status tells it.
fn votes(net: &Net, number: u8) -> Result<Vec<(String, String, String)>, String> {
    let status = status::binder(&net.ns)?;
    let members = &status.service("www")?.members;
    let member = members.iter().find(|member| member.address == address(number));
    let watchers = &member.ok_or("nobody knows it")?.watchers;
    Ok(watchers.iter().map(|w| (w.host.clone(), w.state.clone(), w.vote.clone())).collect())
}

#[test]
fn who_watches_is_seen_and_a_watchers_goodbye_is_told_as_its_own() {
    let mut net = Net::settled();
    let vote = |host: &str| (host.to_owned(), "up".to_owned(), "counts".to_owned());
    let until = |net: &Net, wanted: Vec<(String, String, String)>| {
        rais_tests::wait::until(&format!("{wanted:?} to be seen"), || {
            let mut votes = votes(net, 1)?;
            votes.sort();
            if votes == wanted { Ok(()) } else { Err(format!("{votes:?}")) }
        });
    };
    until(&net, vec![vote("watch1"), vote("watch2")]);
    let shown = net.ns.rais(&["status"]).expect_code(0).stdout;
    let row = |line: &&str| line.contains("198.51.100.1 ") && line.contains("2 of 2");
    let row = shown.lines().find(row).unwrap_or_else(|| panic!("{shown}"));
    assert!(row.ends_with("up watch1 watch2"), "{shown}");

    net.watchers[1].1.signal(Signal::SIGTERM);
    net.watchers[1].1.finished();
    let parting = "up -> leaving: no longer watched: goodbye of the watcher";
    let told = net.watchers[1].1.stderr();
    assert_eq!(told.matches(parting).count(), usize::from(SERVERS), "{told}");
    until(&net, vec![vote("watch1")]);
    let parting = "leaving: no longer watched: goodbye of the watcher";
    assert!(!net.binder.stderr().contains(parting), "the other one still says up");

    net.watchers[0].1.signal(Signal::SIGTERM);
    net.watchers[0].1.finished();
    until(&net, Vec::new());
    // It is written by a thread of its own.
    rais_tests::wait::until("the last watcher's goodbye to be in the journal", || {
        let all = net.ns.read(journal::PATH);
        let mut heard =
            all.lines().filter(|line| line.contains("\"heard\"") && line.contains("watch1"));
        let last = heard.next_back().ok_or("it has nothing of watch1")?;
        let told = last.contains("no longer watched: goodbye of the watcher");
        if told { Ok(()) } else { Err(last.to_owned()) }
    });
}
