//! The sink `bind` beside each name server that it is for: what is decided is served.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::base::Rtype;
use rais_tests::dns::Client;
use rais_tests::host::Host;
use rais_tests::named::ZoneFile;
use rais_tests::nameserver::{Make, NameServer};
use rais_tests::status;

const ZONE: &str = "www.example";
const CONFIG: &str = "/var/lib/bind/rais.toml";

fn config(reload: &str, verify: &str) -> String {
    format!(
        r#"
[monitor.service.www]
targets = ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
interval = "100ms"
timeout = "90ms"
flapping = "ignore"
probe = {{ type = "exec", argv = ["sh", "-c", "test -e $0 || exit 2", "/run/up/{{address}}"] }}
[zone."{ZONE}"]
header = "www.header"
sinks = ["files"]
[binder.service.www]
zone = "{ZONE}"
[sink.files]
type = "bind"
directory = "/var/lib/bind"
reload = {reload}
{verify}
retry = "200ms"
"#
    )
}

fn set(host: &Host, up: &[&str]) -> BTreeSet<IpAddr> {
    for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
        let path = host.path(&format!("/run/up/{address}"));
        if up.contains(&address) {
            host.write(&format!("/run/up/{address}"), "");
        } else {
            let _ = std::fs::remove_file(path);
        }
    }
    up.iter().map(|address| address.parse().unwrap()).collect()
}

/// A question that is lost is asked again.
fn answered(client: &Client) -> BTreeSet<IpAddr> {
    let of = |rtype| (0..3).find_map(|_| client.addresses(ZONE, rtype).ok()).unwrap_or_default();
    of(Rtype::A).into_iter().chain(of(Rtype::AAAA)).collect()
}

/// Whether anybody asks while zones change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Resolvers {
    Ask,
    AreSilent,
}

fn play(make: Make, reload: &str, resolvers: Resolvers) {
    let host = make.host("ns1");
    host.write("/var/lib/bind/www.header", &rais_tests::site::header(ZONE, 1));
    host.write("/var/lib/bind/www.example.zone", &rais_tests::site::header(ZONE, 1));
    host.write(CONFIG, &config(reload, "verify = \"127.0.0.1:53\""));
    let zones = [ZoneFile { zone: ZONE, file: "www.example.zone" }];
    let _server = NameServer::start(make, &host, &zones);
    let wanted = set(&host, &["192.0.2.1", "2001:db8::1"]);
    let _rais = host.start("run", CONFIG);
    let client = || Client::new(host.net(), "127.0.0.1:53".parse().unwrap());
    status::until_published(&host, "www", &wanted);
    assert_eq!(answered(&client()), wanted);
    // As resolvers do, so that whatever caches the server has are in use.
    let done = AtomicBool::new(false);
    let asking = client().impatient(Duration::from_millis(50));
    std::thread::scope(|scope| {
        let _done = Done(&done);
        let done = &done;
        if resolvers == Resolvers::Ask {
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    answered(&asking);
                }
            });
        }
        let sets = [&["192.0.2.2"][..], &["192.0.2.1", "192.0.2.2"], &["192.0.2.1", "2001:db8::1"]];
        for up in sets.iter().cycle().take(rais_tests::count(6, 60)) {
            let wanted = set(&host, up);
            status::until_published(&host, "www", &wanted);
            // Confirmed means served.
            assert_eq!(answered(&client()), wanted, "{}", make.name());
        }
    });
}

/// A panic must not leave the scope waiting for its thread.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn each_by_its_own_command() {
    for make in Make::ALL {
        play(make, make.reload(), Resolvers::Ask);
    }
}

#[test]
fn knot_by_its_command() {
    play(Make::Knot, "{ type = \"knotc\" }", Resolvers::Ask);
}

#[test]
fn each_by_a_command_of_the_operators() {
    for make in Make::ALL {
        // PowerDNS's cache is the command's business then.
        let silent = make == Make::PowerDns;
        play(make, make.exec(), if silent { Resolvers::AreSilent } else { Resolvers::Ask });
    }
}
