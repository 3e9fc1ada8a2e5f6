//! The sink `bind` beside each name server that it is for: what is decided is served.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;

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

fn answered(client: &Client) -> BTreeSet<IpAddr> {
    let of = |rtype| client.addresses(ZONE, rtype).unwrap_or_default();
    of(Rtype::A).into_iter().chain(of(Rtype::AAAA)).collect()
}

fn play(make: Make, reload: &str) {
    let host = make.host("ns1");
    host.write("/var/lib/bind/www.header", &rais_tests::site::header(ZONE, 1));
    host.write("/var/lib/bind/www.example.zone", &rais_tests::site::header(ZONE, 1));
    host.write(CONFIG, &config(reload, "verify = \"127.0.0.1:53\""));
    let zones = [ZoneFile { zone: ZONE, file: "www.example.zone" }];
    let _server = NameServer::start(make, &host, &zones);
    let wanted = set(&host, &["192.0.2.1", "2001:db8::1"]);
    let _rais = host.start("run", CONFIG);
    let client = Client::new(host.net(), "127.0.0.1:53".parse().unwrap());
    status::until_published(&host, "www", &wanted);
    assert_eq!(answered(&client), wanted);
    for up in [&["192.0.2.2"][..], &["192.0.2.1", "192.0.2.2"], &["2001:db8::1"]] {
        let wanted = set(&host, up);
        status::until_published(&host, "www", &wanted);
        // Confirmed means served.
        assert_eq!(answered(&client), wanted, "{}", make.name());
    }
}

#[test]
fn each_by_its_own_command() {
    for make in Make::ALL {
        play(make, make.reload());
    }
}

#[test]
fn knot_by_its_command() {
    play(Make::Knot, "{ type = \"knotc\" }");
}

#[test]
fn each_by_a_command_of_the_operators() {
    for make in Make::ALL {
        play(make, make.exec());
    }
}
