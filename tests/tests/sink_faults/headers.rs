//! A header that changes while the binder runs, and is broken for a while.

use std::fs;

use rais_tests::named::ZoneFile;
use rais_tests::nameserver::{Make, NameServer};
use rais_tests::status;
use rais_tests::{site, wait};

use super::stage::{ILL, Stage, UNHARMED, Which};

const FILE: &str = "/var/lib/bind/ill.example.zone";
const HEADER: &str = "/var/lib/bind/ill.example.header";

#[test]
fn one_that_is_broken_for_a_while() {
    let host = Make::Bind.host("ns1");
    host.write(FILE, &site::header(ILL, 1));
    let zones = [ZoneFile { zone: ILL, file: "ill.example.zone" }];
    let _server = NameServer::start(Make::Bind, &host, &zones);
    let table = format!(
        "type = \"bind\"\ndirectory = \"/var/lib/bind\"\nverify = \"127.0.0.1:53\"\nreload = {}",
        Make::Bind.reload()
    );
    let stage = Stage::new(host, &table, UNHARMED);
    let says = |word: &str| {
        wait::until(&format!("the zone to say {word}"), || {
            let text = stage.host.read(FILE);
            if text.contains(word) { Ok(()) } else { Err(text) }
        });
    };

    // A sound one is taken by itself, and published under a later serial than its own.
    let more = site::header(ILL, 3_000_000_000) + "note\tIN\tTXT\t\"first\"\n";
    stage.host.write(HEADER, &more);
    says("first");
    let first = stage.until_published(Which::Ill);
    assert!(first.serial.unwrap() >= 3_000_000_000, "{first:?}");

    // A broken one is told with its place, and what is published goes on with the one before.
    let broken = [
        ("note\tIN\tTXD\t\"second\"\n", "ill.example.header:5:9: \"TXD\""),
        ("$GENERATE 1-2 h$ A 192.0.2.$\n", "ill.example.header:5:1: $GENERATE is not taken here"),
    ];
    for (line, place) in broken {
        stage.host.write(HEADER, &(site::header(ILL, 3_000_000_000) + line));
        status::until_binder(&stage.host, "the alarm", |status| {
            let alarm = status.alarms.iter().find(|alarm| alarm.kind == "header");
            let alarm = alarm.ok_or_else(|| format!("{:?}", status.alarms))?;
            let it = alarm.zone.as_deref() == Some(ILL) && alarm.text.contains(place);
            if it { Ok(()) } else { Err(format!("{alarm:?}")) }
        });
        assert_eq!(stage.lines(place).len(), 1, "{}", stage.binder.stderr());
        for up in [&["192.0.2.2"][..], &["192.0.2.1", "2001:db8::3"]] {
            stage.set(Which::Ill, up);
            stage.set(Which::Well, up);
            stage.until_published(Which::Ill);
            stage.until_published(Which::Well);
        }
        says("first");
        assert_eq!(stage.file(Which::Ill, FILE).unwrap(), stage.up(Which::Ill));
    }
    // A reload names it as well, and changes nothing.
    let out = stage.host.rais(&["reload", "--socket", "/run/rais/binder.sock"]).expect_code(2);
    assert!(out.stderr.contains("ill.example.header:5:1"), "{}", out.stderr);
    assert_eq!(stage.lines("cannot be used").len(), 2, "{}", stage.binder.stderr());

    // Gone is no better.
    fs::remove_file(stage.host.path(HEADER)).unwrap();
    wait::until("its absence to be said", || {
        let said = stage.lines("No such file");
        if said.len() == 1 { Ok(()) } else { Err(format!("{said:?}")) }
    });
    let mended = site::header(ILL, 1) + "note\tIN\tTXT\t\"third\"\n";
    stage.host.write(HEADER, &mended);
    says("third");
    let third = stage.until_published(Which::Ill);
    assert!(rais_tests::dns::is_after(third.serial.unwrap(), first.serial.unwrap()));
    let status = status::binder(&stage.host).unwrap();
    assert!(status.alarms.is_empty(), "{:?}", status.alarms);
    assert_eq!(stage.file(Which::Ill, FILE).unwrap(), stage.up(Which::Ill));
}
