//! Zones transferred to BIND, Knot and NSD, and followed by them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use domain::base::Message;
use domain::base::name::Name;
use domain::rdata::{AllRecordData, Soa};
use rais_plugin_sink_dns::Dns;
use rais_sdk::host::SinkObject;
use rais_sdk::testing::Bench;
use rais_sdk::{Owner, Record, Zone, ZoneHead};

use support::{Daemon, free_address};

const SECRET: &str = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MDE=";
const HEADER: &str = "\
$TTL 1h
@ SOA ns1 h ( 7 3h 1h 1w 300 )
  NS ns1
  MX 10 mail.example.net.
ns1 A 192.0.2.53
*.wild TXT \"any\" \"thing\"
sub NS ns.sub
ns.sub A 192.0.2.54
alias CNAME www.example.
srv SRV 0 1 80 ns1
unknown TYPE65280 \\# 3 010203
";

fn publish(sink: &SinkObject, addresses: &[&str], serial: u32) {
    let mut records: Vec<_> =
        addresses.iter().map(|ip| Record::new(0, ip.parse().unwrap())).collect();
    // Enough for several messages.
    records.extend((0..4000_u32).map(|n| Record::new(1, (0x0A00_0000 + n).to_be_bytes().into())));
    let owners = vec![Owner::new("@", 10), Owner::new("many", 10)];
    let mut head = ZoneHead::new(owners, serial);
    head.header = Some(HEADER.to_owned());
    sink.publish(&Zone::new("www.example", head, &records, &records, &[])).unwrap();
}

fn question(name: &str, rtype: u8) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    query.extend_from_slice(name.parse::<Name<Vec<u8>>>().unwrap().as_slice());
    query.extend_from_slice(&[0, rtype, 0, 1]);
    query
}

fn serial(message: &Message<Vec<u8>>) -> Option<u32> {
    let mut records = message.answer().ok()?.limit_to::<Soa<_>>();
    Some(records.next()?.ok()?.data().serial().into_int())
}

fn addresses(message: &Message<Vec<u8>>) -> Vec<String> {
    let records = message.answer().unwrap().limit_to::<AllRecordData<_, _>>();
    let mut found: Vec<_> = records.map(|record| record.unwrap().data().to_string()).collect();
    found.sort();
    found
}

/// BIND, Knot and NSD as secondaries of `primary`.
fn secondaries(at: &[SocketAddr], primary: SocketAddr) -> Vec<Daemon> {
    let port = primary.port();
    let folder = || tempfile::tempdir().unwrap();
    let named = format!(
        "key k {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\nserver 127.0.0.1 {{ keys k; }};\n\
         zone \"www.example\" {{ type secondary; file \"www.example\"; max-records-per-type 0; \
         primaries {{ 127.0.0.1 port {port} key k; }}; }};\n"
    );
    let knot = format!(
        "key:\n  - id: k\n    algorithm: hmac-sha256\n    secret: {SECRET}\nremote:\n  - id: primary\n    \
         address: 127.0.0.1@{port}\n    key: k\nacl:\n  - id: news\n    address: 127.0.0.1\n    key: k\n    \
         action: notify\nzone:\n  - domain: www.example\n    master: primary\n    acl: news\n    \
         zonefile-sync: -1\n"
    );
    let nsd = format!(
        "key:\n  name: k\n  algorithm: hmac-sha256\n  secret: \"{SECRET}\"\nzone:\n  name: www.example\n  \
         zonefile: www.example\n  request-xfr: 127.0.0.1@{port} k\n  allow-notify: 127.0.0.1 k\n"
    );
    vec![
        Daemon::named(at[0], folder(), &named),
        Daemon::knotd(at[1], folder(), &knot),
        Daemon::nsd(at[2], folder(), &nsd),
    ]
}

#[test]
fn secondaries_of_every_make_take_the_zone_and_follow_its_changes() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let text = format!("key \"k\" {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n");
    fs::write(&key, text).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let at = [free_address(), free_address(), free_address()];
    let bench = Bench::new();
    let table = format!(
        "listen = ['127.0.0.1:0']\ntransfer_key = '{}'\nnotify = {:?}",
        key.display(),
        at.map(|address| address.to_string())
    );
    let sink = bench.sink::<Dns>(&table).unwrap();
    publish(&sink, &["192.0.2.1", "2001:db8::1"], 8);
    let lines = bench.lines();
    let told = lines.iter().find_map(|(_, line)| line.strip_prefix("answering at "));
    let primary: SocketAddr = told.unwrap().parse().unwrap();

    let secondaries = secondaries(&at, primary);
    for secondary in &secondaries {
        secondary.answers(&question("www.example", 6), |answer| serial(answer) == Some(8));
        secondary.answers(&question("www.example", 1), |a| addresses(a) == ["192.0.2.1"]);
        secondary.answers(&question("x.wild.www.example", 16), |answer| {
            addresses(answer) == ["\"any\" \"thing\""]
        });
    }
    for (serial_now, wanted) in [
        (9, vec!["192.0.2.1", "192.0.2.2"]),
        (10, vec!["192.0.2.3"]),
        (11, vec![]),
        (12, vec!["192.0.2.1", "192.0.2.4"]),
    ] {
        publish(&sink, &wanted, serial_now);
        for secondary in &secondaries {
            secondary.answers(&question("www.example", 6), |a| serial(a) == Some(serial_now));
            secondary.answers(&question("www.example", 1), |answer| addresses(answer) == wanted);
        }
    }
    // By what has changed: the whole, told of at its start and its end, once.
    let knot = secondaries[1].log();
    assert_eq!(knot.matches("] AXFR, incoming").count(), 2, "{knot}");
    assert!(knot.matches("] IXFR, incoming").count() >= 2, "{knot}");

    // BIND keeps a journal of what comes by IXFR, and of nothing else.
    assert!(secondaries[0].keeps("www.example.jnl"), "{}", secondaries[0].log());

    let another = "hmac-sha256:k:bm90IHRoZSBzZWNyZXQgdGhhdCBpdCBoYXMgdG8gYmU=";
    for asked in [&["AXFR"][..], &["IXFR=8"], &["AXFR", "-y", another], &["IXFR=8", "-y", another]]
    {
        let mut stranger = Command::new("dig");
        stranger.args(["@127.0.0.1", "-p", &primary.port().to_string(), "www.example"]).args(asked);
        let said = String::from_utf8_lossy(&stranger.output().unwrap().stdout).into_owned();
        let failed = said.contains("Transfer failed") || said.contains("BADSIG");
        assert!(failed && !said.contains("ns1.www.example"), "{asked:?}: {said}");
    }
    sink.stop();
}
