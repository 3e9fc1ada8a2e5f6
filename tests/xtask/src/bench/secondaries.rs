//! Other servers that follow the name server.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use domain::base::Rtype;
use rais_tests::detection::Spread;
use rais_tests::dns::Client;
use rais_tests::host::Host;
use rais_tests::nameserver::Make;
use rais_tests::process::Process;
use rais_tests::wait;

use super::beats::{self, Talker, whole};
use super::product;

/// Measures how soon BIND, Knot and NSD have a change of a zone that they transfer from the sink `dns`.
///
/// Each in its turn is the secondary of a running rais: it is told by NOTIFY, and takes what has changed
/// by IXFR, both signed by TSIG. A change is a beat that gives the zone's own name other addresses; they
/// come at random, up to two seconds apart. What is measured is the time from the beat's leaving to the
/// first answer with them, of the secondary and of rais itself. "octets" is what one change took by TCP,
/// of IP and all above it. Needs root.
///
/// The goal: 1 s.
#[derive(Args)]
pub(crate) struct Secondaries {
    /// Changes for each
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    changes: u16,
    /// Other names of the zone
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u16).range(1..))]
    names: u16,
    /// What pauses are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

const CONFIG: &str = "/var/lib/bind/rais.toml";
const KEY: &str = "/var/lib/bind/key";
const SECRET: &str = "vTR1IiazC0fyKwdsD9dzYR4fvFdW+zG+Pe7d9C804VY=";
const ZONE: &str = "www.example";
const PRIMARY: &str = "127.0.0.1:53";
const SECONDARY: &str = "127.0.0.2:53";
/// Where the binder listens.
const BINDER: &str = "127.0.0.1:5369";
/// Counts what rais sends by TCP from its port.
const COUNT: [&str; 3] = [
    "add table inet bench",
    "add chain inet bench out { type filter hook output priority 0 ; }",
    "add rule inet bench out ip saddr 127.0.0.1 tcp sport 53 counter",
];

/// Of the changes of one zone.
struct Followed {
    own: Spread,
    theirs: Spread,
    octets: u64,
}

impl Secondaries {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        product::build()?;
        println!(
            "a zone of {} names, {} changes for each; ms from the beat, median/maximum",
            self.names, self.changes
        );
        println!("  {:<8}{:>16}{:>16}{:>10}{:>10}", "", "rais", "secondary", "goal", "octets");
        for make in [Make::Bind, Make::Knot, Make::Nsd] {
            let Followed { own, theirs, octets } = self.follow(make)?;
            println!(
                "  {:<8}{:>16}{:>16}{:>10}{octets:>10}",
                make.name(),
                shown(own),
                shown(theirs),
                "1000"
            );
        }
        Ok(())
    }

    fn follow(&self, make: Make) -> anyhow::Result<Followed> {
        let host = make.host("ns1");
        // named listens on addresses of interfaces alone.
        host.net().ip("addr add 127.0.0.2/8 dev lo");
        host.write("/var/lib/bind/header", &self.header());
        let key = format!("key \"k\" {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n");
        host.write(KEY, &key);
        std::fs::set_permissions(host.path(KEY), std::fs::Permissions::from_mode(0o600))?;
        host.write(CONFIG, &config());
        let _rais = host.start("binder", CONFIG);
        let mut talker = Talker::new(host.net(), BINDER.parse()?)?;
        let service = "s0".parse()?;
        let set = |round: u16| {
            let [high, low] = round.to_be_bytes();
            [10, 11].map(|first| [first, 0, high, low].into()).to_vec()
        };
        let [own, theirs] =
            [PRIMARY.parse()?, SECONDARY.parse()?].map(|at| Client::new(host.net(), at));
        let theirs = theirs.impatient(Duration::from_millis(50));
        let answers = |client: &Client, round| {
            client.addresses(ZONE, Rtype::A).is_ok_and(|mut found| {
                found.sort_unstable();
                found == set(round)
            })
        };
        wait::until("the first set", || {
            talker.say(vec![whole(&service, set(0))]).map_err(|error| error.to_string())?;
            answers(&own, 0).then_some(()).ok_or_else(|| "not yet".to_owned())
        });
        let mut secondary = start(make, &host);
        wait::until("the whole zone at the secondary", || {
            assert!(secondary.is_running(), "it ended:\n{}", secondary.stderr());
            answers(&theirs, 0).then_some(()).ok_or_else(|| "not yet".to_owned())
        });
        for rule in COUNT {
            host.net().nft(rule);
        }

        let mut random = fastrand::Rng::with_seed(self.seed);
        let mut times = (Vec::new(), Vec::new());
        for round in 1..=self.changes {
            std::thread::sleep(Duration::from_millis(random.u64(..2000)));
            let begun = Instant::now();
            talker.say(vec![whole(&service, set(round))])?;
            let until = |client: &Client| {
                while !answers(client, round) {
                    ensure!(begun.elapsed() < wait::LIMIT, "change {round} is not answered");
                    std::thread::sleep(Duration::from_micros(100));
                }
                Ok(begun.elapsed())
            };
            times.0.push(until(&own)?);
            times.1.push(until(&theirs).with_context(|| secondary.stderr())?);
        }
        let octets = sent(&host)? / u64::from(self.changes);
        Ok(Followed { own: Spread::of(times.0), theirs: Spread::of(times.1), octets })
    }

    fn header(&self) -> String {
        let names = (0..self.names).map(|name| format!("n{name} A 192.0.2.1\n"));
        format!(
            "$TTL 1h\n@ SOA ns1 hostmaster ( 1 3h 1h 1w 10 )\n  NS ns1\nns1 A 127.0.0.1\n{}",
            names.collect::<String>()
        )
    }
}

fn shown(spread: Spread) -> String {
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    format!("{:.1}/{:.0}", millis(spread.median), millis(spread.max))
}

/// Octets that rais has sent by TCP.
fn sent(host: &Host) -> anyhow::Result<u64> {
    let rules = host.net().nft("list chain inet bench out");
    let (_, rest) = rules.split_once("bytes ").with_context(|| rules.clone())?;
    Ok(rest.split_whitespace().next().context("octets")?.parse()?)
}

fn config() -> String {
    format!(
        "[cluster]\nname = \"{}\"\ninsecure = true\n\
         [transport.it]\ntype = \"udp\"\nmode = \"unicast\"\nlisten = \"{BINDER}\"\npeers = [\"{BINDER}\"]\n\
         [sink.own]\ntype = \"dns\"\nlisten = [\"{PRIMARY}\"]\ntransfer_key = \"{KEY}\"\nnotify = [\"{SECONDARY}\"]\n\
         [zone.\"{ZONE}\"]\nheader = \"header\"\nsinks = [\"own\"]\n\
         [binder.service.s0]\nzone = \"{ZONE}\"\nbalance = \"none\"\n",
        beats::CLUSTER
    )
}

/// One that transfers the zone; it ends with the value.
fn start(make: Make, host: &Host) -> Process {
    let mut command = match make {
        Make::Knot => {
            for folder in ["/run/knot", "/var/lib/knot"] {
                host.write(&format!("{folder}/placeholder"), "");
            }
            host.write("/etc/knot/knot.conf", &knot());
            host.command("knotd")
        }
        Make::Nsd => {
            for folder in ["/run/nsd", "/var/lib/nsd"] {
                host.write(&format!("{folder}/placeholder"), "");
            }
            host.write("/etc/nsd/nsd.conf", &nsd());
            let mut command = host.command("nsd");
            command.args(["-d", "-c", "/etc/nsd/nsd.conf"]);
            command
        }
        Make::Bind | Make::PowerDns => {
            host.write("/etc/bind/named.conf", &named());
            let mut command = host.command("named");
            command.args(["-g", "-c", "/etc/bind/named.conf"]);
            command
        }
    };
    host.spawn(make.name(), &mut command)
}

fn named() -> String {
    format!(
        "key k {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\ncontrols {{ }};\n\
         options {{ directory \"/var/lib/bind\"; pid-file none; recursion no; dnssec-validation no; \
         listen-on {{ 127.0.0.2; }}; listen-on-v6 {{ none; }}; notify no; }};\n\
         server 127.0.0.1 {{ keys k; }};\n\
         zone \"{ZONE}\" {{ type secondary; file \"{ZONE}\"; primaries {{ 127.0.0.1 key k; }}; }};\n"
    )
}

fn knot() -> String {
    format!(
        "server:\n    rundir: /run/knot\n    listen: 127.0.0.2@53\n\
         log:\n  - target: stderr\n    any: info\n\
         database:\n    storage: /var/lib/knot\n\
         key:\n  - id: k\n    algorithm: hmac-sha256\n    secret: {SECRET}\n\
         remote:\n  - id: primary\n    address: 127.0.0.1@53\n    key: k\n\
         acl:\n  - id: news\n    address: 127.0.0.1\n    key: k\n    action: notify\n\
         zone:\n  - domain: {ZONE}\n    storage: /var/lib/knot\n    master: primary\n    acl: news\n    zonefile-sync: -1\n"
    )
}

/// By itself NSD takes up no more than one transfer a second.
fn nsd() -> String {
    format!(
        "server:\n\tip-address: 127.0.0.2\n\trrl-ratelimit: 0\n\tusername: \"\"\n\tdatabase: \"\"\n\
         \txfrd-reload-timeout: 0\n\tzonesdir: /var/lib/nsd\n\tpidfile: \"\"\n\tlogfile: \"\"\n\
         \txfrdfile: /var/lib/nsd/xfrd.state\n\tzonelistfile: /var/lib/nsd/zone.list\n\txfrdir: /var/lib/nsd\n\
         remote-control:\n\tcontrol-enable: no\n\
         key:\n\tname: k\n\talgorithm: hmac-sha256\n\tsecret: \"{SECRET}\"\n\
         zone:\n\tname: {ZONE}\n\tzonefile: {ZONE}\n\trequest-xfr: 127.0.0.1@53 k\n\tallow-notify: 127.0.0.1 k\n"
    )
}
