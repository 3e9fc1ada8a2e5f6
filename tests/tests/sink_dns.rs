//! The sink `dns` in a running rais: its sockets from the start, its zones in files, and no query lost
//! while a reload puts another in its place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use domain::base::Rtype;
use rais_tests::dns::Client;
use rais_tests::host::Host;
use rais_tests::server::Server;
use rais_tests::wait;

const CONFIG: &str = "/var/lib/bind/rais.toml";
const HEADER: &str =
    "$TTL 1h\n@ IN SOA ns1 hostmaster ( 1 3h 1h 1w 10 )\n@ IN NS ns1\nns1 IN A 127.0.0.1\n";

/// Two servers on loopback, and the zone that follows them.
fn config(sink: &str) -> String {
    format!(
        r#"
[monitor.service.www]
targets = ["127.0.0.20", "127.0.0.21"]
interval = "100ms"
timeout = "80ms"
fast_interval = "20ms"
probe = {{ type = "tcp", port = 8001 }}
[zone."www.example"]
header = "header"
sinks = ["own"]
[binder.service.www]
zone = "www.example"
[sink.own]
type = "dns"
listen = ["127.0.0.1:53", "127.0.0.2:53"]
{sink}
"#
    )
}

fn client(host: &Host) -> Client {
    Client::new(host.net(), "127.0.0.1:53".parse().unwrap())
}

fn sorted(client: &Client, zone: &str) -> Result<Vec<IpAddr>, String> {
    let mut addresses = client.addresses(zone, Rtype::A)?;
    addresses.sort();
    Ok(addresses)
}

fn addresses(hosts: &[u8]) -> Vec<IpAddr> {
    hosts.iter().map(|&host| IpAddr::from([127, 0, 0, host])).collect()
}

#[track_caller]
fn until_served(host: &Host, hosts: &[u8]) {
    let (client, wanted) = (client(host), addresses(hosts));
    wait::until_equal("the answers", &wanted, || {
        sorted(&client, "www.example").unwrap_or_default()
    });
}

/// Asks without a pause, and counts what comes.
struct Asking {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    thread: JoinHandle<BTreeMap<Result<Vec<IpAddr>, String>, usize>>,
}

impl Asking {
    fn start(host: &Host, zone: &'static str) -> Asking {
        let client = client(host);
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&count));
        let thread = thread::spawn(move || {
            let mut found = BTreeMap::new();
            while !stopped.load(Ordering::Relaxed) {
                *found.entry(sorted(&client, zone)).or_default() += 1;
                counted.fetch_add(1, Ordering::Relaxed);
            }
            found
        });
        Asking { stop, count, thread }
    }

    fn until_more(&self) {
        let before = self.count.load(Ordering::Relaxed);
        wait::until("more answers", || match self.count.load(Ordering::Relaxed) {
            count if count > before + 50 => Ok(()),
            count => Err(count.to_string()),
        });
    }

    fn stop(self) -> BTreeMap<Result<Vec<IpAddr>, String>, usize> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

#[test]
fn another_in_its_place_loses_no_query_and_answers_nothing_else() {
    let host = Host::new("ns1");
    host.write("/var/lib/bind/header", HEADER);
    let _first = Server::start(&host, "127.0.0.20:8001");
    let second = Server::start(&host, "127.0.0.21:8001");
    host.write(CONFIG, &config("workers = 2"));
    let _rais = host.start("run", CONFIG);
    until_served(&host, &[20, 21]);

    let asking = Asking::start(&host, "www.example");
    for (round, workers) in [1, 2, 3, 2, 1, 2].into_iter().enumerate() {
        asking.until_more();
        host.write(CONFIG, &config(&format!("workers = {workers}\nnsid = \"round {round}\"")));
        host.rais(&["reload", "-c", CONFIG]).expect_code(0);
        asking.until_more();
    }
    let found = asking.stop();
    assert_eq!(found.keys().collect::<Vec<_>>(), [&Ok(addresses(&[20, 21]))], "{found:#?}");
    second.kill();
    until_served(&host, &[20]);
}

#[test]
fn files_are_served_where_no_service_names_the_sink_and_a_zone_that_leaves_is_not() {
    let host = Host::new("ns1");
    host.write("/var/lib/bind/header", HEADER);
    host.write("/var/lib/zones/static.example.zone", &format!("{HEADER}@ IN A 192.0.2.7\n"));
    let alone =
        "[sink.own]\ntype = \"dns\"\nlisten = [\"127.0.0.1:53\"]\nzones = \"/var/lib/zones\"\n";
    host.write(CONFIG, alone);
    host.rais(&["check", "-c", CONFIG]).expect_code(0);
    let _rais = host.start("binder", CONFIG);
    let client = client(&host);
    let of = |zone: &str| sorted(&client, zone);
    assert_eq!(of("static.example"), Ok(vec![[192, 0, 2, 7].into()]));
    assert!(client.ask("www.example", Rtype::A).unwrap().rcode == "REFUSED");

    // A zone comes with a reload, and goes with another.
    let with_zone = format!(
        "{alone}[cluster]\nname = \"x\"\ninsecure = true\n[transport.it]\ntype = \"udp\"\nmode = \"unicast\"\n\
         listen = \"127.0.0.1:5369\"\n[zone.\"www.example\"]\nheader = \"header\"\nsinks = [\"own\"]\n\
         [binder.service.www]\nzone = \"www.example\"\nwhen_none = \"empty\"\n"
    );
    for (text, rcode) in [(&*with_zone, "NOERROR"), (alone, "REFUSED")] {
        host.write(CONFIG, text);
        host.rais(&["reload", "--socket", "/run/rais/binder.sock"]).expect_code(0);
        wait::until_equal("the zone", &rcode.to_owned(), || {
            client.ask("www.example", Rtype::SOA).map(|answer| answer.rcode).unwrap_or_default()
        });
        assert_eq!(of("static.example"), Ok(vec![[192, 0, 2, 7].into()]));
    }
}

#[test]
fn a_file_that_is_unsound_at_a_reload_costs_no_answer() {
    let host = Host::new("ns1");
    let file = "/var/lib/zones/static.example.zone";
    let zone = |last: u8| format!("{HEADER}@ IN A 127.0.0.{last}\n");
    let table = |round: u8| {
        format!(
            "[sink.own]\ntype = \"dns\"\nlisten = [\"127.0.0.1:53\"]\nzones = \"/var/lib/zones\"\nnsid = \
             \"round {round}\"\n"
        )
    };
    host.write(file, &zone(7));
    host.write(CONFIG, &table(0));
    let rais = host.start("binder", CONFIG);
    let asking = Asking::start(&host, "static.example");
    asking.until_more();
    host.write(file, &format!("{}oops IN A 127.0.0.300\n", zone(8)));
    // The second comes in the place of one that has not read the zone itself.
    for round in 1..=2 {
        host.write(CONFIG, &table(round));
        host.rais(&["reload", "--socket", "/run/rais/binder.sock"]).expect_code(0);
        wait::until_equal("the unsound file to be told of", &usize::from(round), || {
            rais.stderr().matches("static.example.zone: line 6").count()
        });
        asking.until_more();
    }
    let found = asking.stop();
    assert_eq!(found.keys().collect::<Vec<_>>(), [&Ok(addresses(&[7]))], "{found:#?}");
    host.write(file, &zone(9));
    let client = client(&host);
    wait::until_equal("the file put right", &Ok(addresses(&[9])), || {
        sorted(&client, "static.example")
    });
}

#[test]
fn an_address_that_somebody_has_keeps_it_from_starting_and_a_reload_from_being_taken() {
    let host = Host::new("ns1");
    host.write("/var/lib/bind/header", HEADER);
    let _server = Server::start(&host, "127.0.0.20:8001");
    let taken = host.net().enter(|| std::net::UdpSocket::bind("127.0.0.2:53").unwrap());
    host.write(CONFIG, &config(""));
    let told = host.rais(&["run", "-c", CONFIG]).expect_code(1).stderr;
    assert!(told.contains("sink `own` does not start"), "{told}");
    assert!(told.contains("cannot listen on 127.0.0.2:53 (UDP)"), "{told}");

    let one = config("").replace(", \"127.0.0.2:53\"", "");
    host.write(CONFIG, &one);
    let _rais = host.start("run", CONFIG);
    until_served(&host, &[20]);
    host.write(CONFIG, &config(""));
    let told = host.rais(&["reload", "-c", CONFIG]).expect_code(2).stderr;
    assert!(told.contains("rais.toml:13:1") && told.contains("127.0.0.2:53 (UDP)"), "{told}");
    until_served(&host, &[20]);
    drop(taken);
    host.rais(&["reload", "-c", CONFIG]).expect_code(0);
    until_served(&host, &[20]);
}
