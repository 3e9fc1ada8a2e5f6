//! The paper's site, end to end: Figs. 7 to 9 imported in one command, then run at a hundredth
//! of their intervals on real networks, with real servers and real name servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use rais_tests::dns::{check_zone, dig};
use rais_tests::host::Host;
use rais_tests::named::{Named, Order, ZoneFile};
use rais_tests::netns::add_address;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::site::{self, NEWS, Site, WWW, addresses, grow};
use rais_tests::{binary, status, wait};

/// Where a name server keeps its zones, and the imported file with them.
const FOLDER: &str = "/var/lib/bind";
const IMPORTED: &str = "/var/lib/bind/rais.toml";
const RUNNING: &str = "/var/lib/bind/hundredth.toml";

const ZONES: [ZoneFile<'static>; 2] = [
    ZoneFile { zone: WWW, file: "www.isg.sun.com.cache" },
    ZoneFile { zone: NEWS, file: "news.isg.sun.com.cache" },
];

/// The floor that the header gives the zone's serial.
const FLOOR: u32 = 1_997_060_101;

/// Writes the paper's files and imports them, on the host itself.
fn import(host: &Host) -> String {
    for (name, text) in site::paper_files() {
        host.write(&format!("{FOLDER}/{name}"), text);
    }
    for zone in [WWW, NEWS] {
        host.write(&format!("{FOLDER}/{zone}.header"), &site::header(zone, FLOOR));
    }
    host.rais(&[
        "import",
        "--monitor",
        "monitor.conf",
        "--binder",
        "binder.conf",
        "--dns",
        "named.boot",
        "-o",
        IMPORTED,
    ])
    .expect_code(0);
    host.rais(&["check", "-c", IMPORTED]).expect_code(0);
    host.read(IMPORTED)
}

/// The same file with every interval divided by 100.
fn hundredth(text: &str) -> String {
    let mut intervals = 0;
    let lines = text.lines().map(|line| {
        let divided = line.split_once('=').and_then(|(key, value)| {
            let value = value.trim().strip_prefix('"')?.strip_suffix("s\"")?;
            let seconds: u32 = value.parse().ok()?;
            Some(format!("{key}= \"{}ms\"", seconds * 10))
        });
        intervals += usize::from(divided.is_some());
        divided.unwrap_or_else(|| line.to_owned())
    });
    let divided: Vec<String> = lines.collect();
    // Two services' and the sample in Fig. 7, two in Fig. 8.
    assert_eq!(intervals, 5, "{text}");
    divided.join("\n")
}

/// A host with its two servers and its monitor.
struct WebHost {
    host: Host,
    monitor: Process,
    www: Option<Server>,
    _news: Server,
}

impl WebHost {
    fn start(site: &Site, number: u8, config: &str) -> Self {
        let host = site.host(&format!("web{number}"), number);
        host.write(RUNNING, config);
        // `[::]` takes IPv4 too, and every address that comes later.
        let (www, news) = (Server::start(&host, "[::]:80"), Server::start(&host, "[::]:119"));
        let monitor = host.start("monitor", RUNNING);
        Self { host, monitor, www: Some(www), _news: news }
    }
}

/// A name server: `named` with a binder beside it.
struct NameServer {
    host: Host,
    address: IpAddr,
    _named: Named,
    _binder: Process,
}

impl NameServer {
    fn start(host: Host, number: u8, config: &str) -> Self {
        host.write(RUNNING, config);
        let named = Named::start(&host, &ZONES, Order::Cyclic);
        let binder = host.start("binder", RUNNING);
        Self { host, address: site::address(number), _named: named, _binder: binder }
    }
}

/// Waits until `dig` has got exactly `wanted` from every name server, and each address has stood
/// first in an answer. No answer ever holds an excluded address.
#[track_caller]
fn until_answered(from: &Host, servers: &[NameServer], zone: &str, wanted: &BTreeSet<IpAddr>) {
    for server in servers {
        let mut firsts = BTreeSet::new();
        wait::until(&format!("{} to serve {zone} as {wanted:?}", server.host.name()), || {
            let mut seen = BTreeSet::new();
            for rtype in ["A", "AAAA"] {
                let answer = dig(from, server.address, zone, rtype)?;
                assert!(!answer.iter().any(is_excluded), "excluded, and served: {answer:?}");
                firsts.extend(answer.first().copied());
                seen.extend(answer);
            }
            if seen != *wanted {
                firsts.clear();
                return Err(format!("dig got {seen:?}"));
            }
            if firsts == seen { Ok(()) } else { Err(format!("only {firsts:?} came first")) }
        });
    }
}

fn is_excluded(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.octets()[..3] == [192, 0, 2])
}

#[test]
fn the_papers_site_runs() {
    let site = Site::new();
    let [ns1, ns2] = [site.host("ns1", 53), site.host("ns2", 54)];
    let imported = import(&ns1);
    assert_eq!(imported, import(&ns2), "one import, one file");
    let config = hundredth(&imported);

    let servers = [NameServer::start(ns1, 53, &config), NameServer::start(ns2, 54, &config)];
    let mut hosts: Vec<WebHost> =
        (1..=3).map(|number| WebHost::start(&site, number, &config)).collect();
    let client = site.host("client", 200);

    // Both zones, each address first in its turn.
    until_answered(&client, &servers, WWW, &addresses([1, 2, 3]));
    until_answered(&client, &servers, NEWS, &addresses([1, 2, 3]));

    // A killed server is gone, a returned one is back; its neighbour on the host stays.
    hosts[1].www.take().unwrap().kill();
    until_answered(&client, &servers, WWW, &addresses([1, 3]));
    until_answered(&client, &servers, NEWS, &addresses([1, 2, 3]));
    hosts[1].www = Some(Server::start(&hosts[1].host, "[::]:80"));
    until_answered(&client, &servers, WWW, &addresses([1, 2, 3]));

    // A new host, which at first has only one of the services.
    let without_news = {
        let mut table: toml::Table = config.parse().unwrap();
        let services = table["monitor"]["service"].as_table_mut().unwrap();
        services.remove("news").unwrap();
        toml::to_string(&table).unwrap()
    };
    hosts.push(WebHost::start(&site, 4, &without_news));
    until_answered(&client, &servers, WWW, &addresses([1, 2, 3, 4]));
    until_answered(&client, &servers, NEWS, &addresses([1, 2, 3]));

    // A new service on a running host, after a reload.
    hosts[3].host.write(RUNNING, &config);
    hosts[3].host.rais(&["reload", "--socket", "/run/rais/monitor.sock"]).expect_code(0);
    until_answered(&client, &servers, NEWS, &addresses([1, 2, 3, 4]));
    assert!(hosts[3].monitor.is_running());

    // New addresses on a running host, of both families; and one that is excluded.
    add_address(hosts[0].host.net(), "eth1", "192.0.2.77/24");
    grow(&hosts[0].host, 11);
    add_address(hosts[0].host.net(), "eth0", "2001:db8:168::1/64");
    let mut grown = addresses([1, 2, 3, 4, 11]);
    grown.insert("2001:db8:168::1".parse().unwrap());
    until_answered(&client, &servers, WWW, &grown);
    until_answered(&client, &servers, NEWS, &grown);

    // What is served is what lies in the file, above the header's serial; both binders agree.
    for server in &servers {
        for ZoneFile { zone, file } in ZONES {
            let checked = check_zone(zone, &server.host.path(&format!("{FOLDER}/{file}"))).unwrap();
            assert_eq!(checked.addresses, grown, "{zone}");
            assert!(checked.serial > FLOOR, "{zone}: {}", checked.serial);
        }
        let status = status::until_set(&server.host, "http", &grown);
        assert_eq!(status.security, "insecure", "the paper's beats are not authenticated");
        assert!(status.zones.iter().all(|z| z.sinks.iter().all(|s| s.error.is_none())));
    }
}

#[test]
fn the_import_is_accepted_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in site::paper_files() {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    for zone in [WWW, NEWS] {
        std::fs::write(folder.path().join(format!("{zone}.header")), site::header(zone, 1))
            .unwrap();
    }
    let arguments =
        ["import", "--monitor", "monitor.conf", "--binder", "binder.conf", "--dns", "named.boot"];
    let out = binary::run_in(folder.path(), &arguments).expect_code(0);
    std::fs::write(folder.path().join("rais.toml"), &out.stdout).unwrap();
    binary::run_in(folder.path(), &["check", "-c", "rais.toml"]).expect_code(0);

    // Every value of the three files is in its place.
    let imported: toml::Value = toml::Value::Table(out.stdout.parse().unwrap());
    let text = |path: &[&str]| {
        let found = path.iter().try_fold(&imported, |at, key| at.get(key));
        found.unwrap_or_else(|| panic!("{path:?} is missing in\n{}", out.stdout)).to_string()
    };
    assert_eq!(text(&["monitor", "service", "http", "interval"]), "\"60s\"");
    assert_eq!(text(&["monitor", "service", "news", "interval"]), "\"120s\"");
    assert_eq!(text(&["monitor", "service", "http", "probe", "port"]), "80");
    assert_eq!(text(&["monitor", "service", "news", "probe", "port"]), "119");
    assert_eq!(text(&["monitor", "sample"]), "\"120s\"");
    assert_eq!(text(&["monitor", "exclude"]), "[\"192.0.2.0/24\"]");
    assert_eq!(text(&["cluster", "insecure"]), "true");
    for (service, zone, interval, min) in [("http", WWW, "120s", "1"), ("news", NEWS, "240s", "2")]
    {
        let of = |key| text(&["binder", "service", service, key]);
        assert_eq!(of("zone"), format!("\"{zone}\""));
        assert_eq!(of("interval"), format!("\"{interval}\""));
        assert_eq!(of("react"), "\"on-timer\"");
        assert_eq!(of("min_servers"), min);
        assert_eq!(of("max_load"), "60");
        assert_eq!(text(&["zone", zone, "file"]), format!("\"{zone}.cache\""));
        assert_eq!(text(&["zone", zone, "header"]), format!("\"{zone}.header\""));
    }
    assert!(text(&["sink", "bind", "reload", "argv"]).contains("rndc"));

    // How to make each make of name server rotate: BIND 9.18's own order is random.
    let said = format!("{}{}", out.stdout, out.stderr);
    for make in ["rrset-order", "answer-rotation", "round-robin"] {
        assert!(said.contains(make), "{make} in\n{said}");
    }
}
