//! One zone of many names that its server keeps itself: put in place by updates, then one changed.

use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use domain::base::Rtype;
use rais_sdk::host::SinkObject;
use rais_sdk::testing::Bench;
use rais_sdk::{Owner, Record, Zone, ZoneHead};
use rais_tests::dns::Client;
use rais_tests::host::Host;
use rais_tests::nameserver::Make;
use rais_tests::process::Process;
use rais_tests::{site, wait};

use super::{millis, row, spread};

const ZONE: &str = "large.example";
const FILE: &str = "/var/lib/bind/large.example.zone";
const KEY: &str = "/var/lib/rais/tsig.key";
const SECRET: &str = "vTR1IiazC0fyKwdsD9dzYR4fvFdW+zG+Pe7d9C804VY=";
const CHANGES: u32 = 50;
/// Counts what goes to the server by UDP and says UPDATE (RFC 2136: opcode 5, in the third octet of
/// the header, which is behind eight of UDP's).
const COUNT: [&str; 3] = [
    "add table inet bench",
    "add chain inet bench out { type filter hook output priority 0 ; }",
    "add rule inet bench out udp dport 53 @th,80,8 & 0x78 == 0x28 counter",
];

/// Without PowerDNS, which looks through all names for each that is replaced.
pub(super) fn play(names: u32) -> anyhow::Result<()> {
    for make in [Make::Bind, Make::Knot] {
        let host = make.host("ns1");
        let _server = start(make, &host)?;
        for rule in COUNT {
            host.net().nft(rule);
        }
        let key = host.path(KEY);
        let table = format!("server = \"127.0.0.1:53\"\nkey = {key:?}\ntimeout = \"30s\"");
        let sink = Bench::new()
            .sink::<rais_plugin_sink_nsupdate::NsUpdate>(&table)
            .map_err(|fault| anyhow::anyhow!("{fault}"))?;
        let mut all: Vec<_> =
            (0..names).map(|n| Record::new(n, address(0x0a00_0000 + n))).collect();
        let put = publish(&host, &sink, &all)?;
        row(&format!("{}, put in place", make.name()), [millis(put), String::new()], "");

        let before = sent(&host)?;
        let mut times = Vec::new();
        for round in 0..CHANGES {
            let which = usize::try_from(round * 7919 % names)?;
            let record = all.get_mut(which).context("a record")?;
            record.ip = address(0xc633_6400 + round);
            times.push(publish(&host, &sink, &all)?);
        }
        let (messages, octets) = sent(&host)?;
        let (messages, octets) = (messages - before.0, octets - before.1);
        ensure!(messages == u64::from(CHANGES), "{messages} messages for {CHANGES} changes");
        let (median, most) = spread(times);
        row(&format!("{}, one changed", make.name()), [millis(median), millis(most)], "");
        // Of IP and UDP.
        let octets = octets / messages - 28;
        println!("  {:<26}{:>10}{:>10}", "", "", format!("by 1 message of {octets} octets"));
    }
    Ok(())
}

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from(number).into()
}

/// How long it takes until the server confirms it.
fn publish(host: &Host, sink: &SinkObject, records: &[Record]) -> anyhow::Result<Duration> {
    let owners = (0..records.len()).map(|n| Owner::new(format!("h{n}"), 10)).collect();
    let zone = Zone::new(ZONE, ZoneHead::new(owners, 1), records, &[], &[]);
    host.net().enter(|| {
        let begun = Instant::now();
        sink.publish(&zone).map_err(|fault| anyhow::anyhow!("{fault}"))?;
        Ok(begun.elapsed())
    })
}

/// Updates by UDP so far, and their octets.
fn sent(host: &Host) -> anyhow::Result<(u64, u64)> {
    let rules = host.net().nft("list chain inet bench out");
    let after = |word: &str| {
        let (_, rest) = rules.split_once(word)?;
        rest.split_whitespace().next()?.parse().ok()
    };
    after("packets ").zip(after("bytes ")).with_context(|| rules.clone())
}

/// A server that takes updates of the zone; it ends with the value.
fn start(make: Make, host: &Host) -> anyhow::Result<Process> {
    host.write(FILE, &site::header(ZONE, 1));
    let key = format!("key \"rais\" {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n");
    host.write(KEY, &key);
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(host.path(KEY), mode)?;
    let mut command = match make {
        Make::Knot => {
            host.write("/run/knot/placeholder", "");
            host.write("/var/lib/knot/placeholder", "");
            host.write("/etc/knot/knot.conf", &knot());
            host.command("knotd")
        }
        _ => {
            host.write("/etc/bind/named.conf", &format!("{key}{}", named()));
            let mut command = host.command("named");
            command.args(["-g", "-c", "/etc/bind/named.conf"]);
            command
        }
    };
    let mut process = host.spawn(make.name(), &mut command);
    let client = Client::new(host.net(), "127.0.0.1:53".parse()?);
    wait::until(&format!("{} to serve", make.name()), || {
        assert!(process.is_running(), "it ended:\n{}", process.stderr());
        let answer = client.ask(ZONE, Rtype::SOA)?;
        if answer.authoritative { Ok(()) } else { Err(answer.rcode) }
    });
    Ok(process)
}

fn named() -> String {
    format!(
        "controls {{ }};\noptions {{ directory \"/var/lib/bind\"; pid-file none; recursion no; \
         dnssec-validation no; listen-on {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; }};\n\
         zone \"{ZONE}\" {{ type primary; file \"{FILE}\"; allow-update {{ key \"rais\"; }}; }};\n"
    )
}

fn knot() -> String {
    format!(
        "server:\n    rundir: /run/knot\n    listen: 127.0.0.1@53\n\
         log:\n  - target: stderr\n    any: info\n\
         database:\n    storage: /var/lib/knot\n\
         key:\n  - id: rais\n    algorithm: hmac-sha256\n    secret: {SECRET}\n\
         acl:\n  - id: rais\n    key: rais\n    action: update\n\
         zone:\n  - domain: {ZONE}\n    file: {FILE}\n    acl: rais\n"
    )
}
