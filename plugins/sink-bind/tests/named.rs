//! The sink beside a real named.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant, SystemTime};

use rais_sdk::host::SinkObject;
use rais_sdk::{FaultKind, Owner, Record};
use support::named::{Named, Setup};
use support::{Publication, addresses, apex, names, sink, table};

const ZONE: &str = "www.example";

fn serial_of(named: &Named) -> String {
    let soa = named.dig(ZONE, "SOA");
    soa.first().and_then(|line| line.split(' ').nth(2)).unwrap_or_default().to_owned()
}

#[test]
fn what_is_published_is_served() {
    let named = Named::start();
    let sink = sink(&named.table());
    assert_eq!(sink.served(ZONE).unwrap(), None);
    let set = ["192.0.2.1", "192.0.2.2", "2001:db8::1"];
    assert_eq!(Publication::new(ZONE, 100, &set).publish(&sink).unwrap(), 100);
    assert_eq!(serial_of(&named), "100");
    assert_eq!(named.dig(ZONE, "A"), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(named.dig(ZONE, "AAAA"), ["2001:db8::1"]);
    let served = sink.served(ZONE).unwrap().unwrap();
    assert_eq!(served.serial, Some(100));
    assert_eq!(served.owners[0].ttl, 10);
    assert_eq!(addresses(&served), apex(&set));
    assert_eq!(names(&named.zones), ["www.example.zone"]);

    // The empty set is a set.
    assert_eq!(Publication::new(ZONE, 101, &[]).publish(&sink).unwrap(), 101);
    assert!(named.dig(ZONE, "A").is_empty());
    assert!(sink.served(ZONE).unwrap().unwrap().records.is_empty());
}

#[test]
fn every_key_and_family_that_named_knows() {
    for algorithm in ["hmac-sha1", "hmac-sha384", "hmac-sha512"] {
        let named = Setup { algorithm, ..Setup::default() }.start();
        let sink = sink(&named.table());
        assert_eq!(Publication::new(ZONE, 2, &["192.0.2.1"]).publish(&sink).unwrap(), 2);
    }
    let address = std::net::Ipv6Addr::LOCALHOST.into();
    let named = Setup { address, ..Setup::default() }.start();
    let sink = sink(&named.table());
    assert_eq!(Publication::new(ZONE, 2, &["192.0.2.1"]).publish(&sink).unwrap(), 2);
    assert_eq!(named.dig(ZONE, "A"), ["192.0.2.1"]);
}

#[test]
fn publications_without_a_pause_are_all_seen() {
    let named = Named::start();
    let sink = sink(&named.table());
    for serial in 2..150 {
        let address = format!("192.0.2.{serial}");
        let publication = Publication::new(ZONE, serial, &[&address]);
        assert_eq!(publication.publish(&sink).unwrap(), serial);
        assert_eq!(addresses(&sink.served(ZONE).unwrap().unwrap()), apex(&[&address]));
    }
}

#[test]
fn the_same_again_changes_no_file() {
    let named = Named::start();
    let publication = Publication::new(ZONE, 5, &["192.0.2.1"]);
    let about = || fs::metadata(named.path("www.example.zone")).unwrap();
    let first = sink(&named.table());
    publication.publish(&first).unwrap();
    let before = about();
    assert_eq!(publication.publish(&first).unwrap(), 5);
    let after = about();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));

    // After a restart nothing is known of what the server has: it is told again, the file stays.
    let second = sink(&named.table());
    assert_eq!(publication.publish(&second).unwrap(), 5);
    assert_eq!(about().ino(), before.ino());
}

#[test]
fn a_file_that_the_server_missed_is_told_again() {
    let mut named = Named::start();
    let table = named.table();
    let publication = Publication::new(ZONE, 5, &["192.0.2.1"]);
    let sink = sink(&table);
    publication.publish(&sink).unwrap();
    named.stop();
    let next = Publication::new(ZONE, 6, &["192.0.2.2"]);
    let fault = next.publish(&sink).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Down, "{fault}");
    assert!(fault.text.contains(&named.control.to_string()), "{fault}");
    // In place all the same: named may start without us.
    let text = fs::read_to_string(named.path("www.example.zone")).unwrap();
    assert!(text.contains("192.0.2.2"));
    assert_eq!(next.publish(&sink).unwrap_err().kind, FaultKind::Down);
    let fault = sink.served(ZONE).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Down, "{fault}");
}

#[test]
fn a_file_that_looks_older_than_the_servers_load_is_loaded() {
    let named = Named::start();
    let elsewhere = tempfile::tempdir().unwrap();
    let publication = Publication::new(ZONE, 5, &["192.0.2.1"]);
    publication.publish(&sink(&table(elsewhere.path(), ""))).unwrap();
    let path = named.path("www.example.zone");
    fs::copy(elsewhere.path().join("www.example.zone"), &path).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(publication.publish(&sink(&named.table())).unwrap(), 5);
    assert_eq!(named.dig(ZONE, "A"), ["192.0.2.1"]);
}

#[test]
fn drift_is_seen_and_repaired() {
    let named = Named::start();
    let sink = sink(&named.table());
    let publication = Publication::new(ZONE, 5, &["192.0.2.1"]);
    publication.publish(&sink).unwrap();
    let path = named.path("www.example.zone");

    // Somebody adds an address and reloads.
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("; serial", "") + "www.example. 5 IN A 192.0.2.66\n").unwrap();
    let drifted = sink.served(ZONE).unwrap().unwrap();
    assert_eq!(addresses(&drifted), apex(&["192.0.2.1", "192.0.2.66"]));
    publication.publish(&sink).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(addresses(&sink.served(ZONE).unwrap().unwrap()), apex(&["192.0.2.1"]));

    // Removed, and cut off.
    fs::remove_file(&path).unwrap();
    assert!(sink.served(ZONE).unwrap().unwrap().records.is_empty());
    publication.publish(&sink).unwrap();
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    assert!(sink.served(ZONE).unwrap().unwrap().records.is_empty());
    publication.publish(&sink).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    // The server holds what the file does not: it is told to load it, under the same serial.
    fs::write(&path, text.replace("192.0.2.1\n", "192.0.2.9\n")).unwrap();
    // The kernel's stamp lags: named would take the file for older than its last load.
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_millis(20)).unwrap();
    rndc_reload(&named);
    until_served(&named, "192.0.2.9");
    fs::write(&path, &text).unwrap();
    assert_eq!(addresses(&sink.served(ZONE).unwrap().unwrap()), apex(&["192.0.2.9"]));
    publication.publish(&sink).unwrap();
    until_served(&named, "192.0.2.1");
}

/// Somebody else's, by BIND's own command.
fn rndc_reload(named: &Named) {
    let rndc = std::process::Command::new("rndc")
        .args(["-s", "127.0.0.1", "-p", &named.control.port().to_string(), "-k"])
        .arg(&named.key_file)
        .args(["reload", ZONE])
        .output()
        .unwrap();
    assert!(rndc.status.success(), "{}", String::from_utf8_lossy(&rndc.stderr));
}

/// Under a serial ahead of ours is what somebody else had named load, though the file is ours again.
#[test]
fn a_later_serial_confirms_nothing_by_itself() {
    let named = Named::start();
    let sink = sink(&named.table());
    let path = named.path("www.example.zone");
    for serial in (10..40).step_by(2) {
        let before = Publication::new(ZONE, serial, &["192.0.2.1"]);
        before.publish(&sink).unwrap();
        let ours = fs::read_to_string(&path).unwrap();
        let theirs = ours.replace("192.0.2.1\n", "192.0.2.66\n");
        let theirs = theirs.replace(&format!("{serial} "), "2000000000 ");
        fs::write(&path, theirs).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_millis(20)).unwrap();
        rndc_reload(&named);
        until_served(&named, "192.0.2.66");
        fs::write(&path, &ours).unwrap();
        let next = Publication::new(ZONE, serial + 1, &["192.0.2.2"]);
        assert_eq!(next.publish(&sink).unwrap(), serial + 1);
        assert_eq!(named.dig(ZONE, "A"), ["192.0.2.2"]);
    }
}

/// Waits until named answers with just `address`.
fn until_served(named: &Named, address: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let served = named.dig(ZONE, "A");
        if served == [address] {
            return;
        }
        assert!(Instant::now() < end, "waited in vain for {address}: {served:?}");
    }
}

#[test]
fn a_wrong_key_is_refused() {
    let named = Named::start();
    let other = named.directory().join("other.key");
    let text = fs::read_to_string(&named.key_file).unwrap();
    for wrong in [text.replace("vTR1", "vTR2"), text.replace("\"test\"", "\"rest\"")] {
        fs::write(&other, &wrong).unwrap();
        let reload = named.reload().replace("rndc.key", "other.key");
        let sink = sink(&table(&named.zones, &reload));
        let outcome = Publication::new(ZONE, 5, &["192.0.2.1"]).publish(&sink);
        // The name of a key does not go over the wire, its secret does the work.
        if wrong.contains("rest") {
            outcome.unwrap();
            continue;
        }
        let fault = outcome.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Refused, "{fault}");
        assert!(fault.text.contains("\"test\""), "{fault}");
        assert!(!fault.text.contains("vTR2"), "{fault}");
    }
}

#[test]
fn a_key_that_was_changed_on_disk_is_taken_when_the_old_one_is_refused() {
    let named = Named::start();
    let key_file = named.directory().join("ours.key");
    let right = fs::read_to_string(&named.key_file).unwrap();
    fs::write(&key_file, right.replace("vTR1", "vTR2")).unwrap();
    let reload = named.reload().replace("rndc.key", "ours.key");
    let sink = sink(&table(&named.zones, &reload));
    let publication = Publication::new(ZONE, 5, &["192.0.2.1"]);
    assert_eq!(publication.publish(&sink).unwrap_err().kind, FaultKind::Refused);
    // Half written, then whole.
    fs::write(&key_file, &right[..right.len() / 2]).unwrap();
    assert_eq!(publication.publish(&sink).unwrap_err().kind, FaultKind::Refused);
    fs::write(&key_file, &right).unwrap();
    assert_eq!(publication.publish(&sink).unwrap(), 5);
    // Read once, and again only where it is refused.
    fs::remove_file(&key_file).unwrap();
    assert_eq!(Publication::new(ZONE, 6, &["192.0.2.2"]).publish(&sink).unwrap(), 6);
}

#[test]
fn a_dynamic_zone_is_refused_and_its_file_left_alone() {
    let dynamic = [(ZONE, "allow-update { 127.0.0.1; };")];
    let named = Setup { zones: &dynamic, ..Setup::default() }.start();
    let before = fs::read(named.path("www.example.zone")).unwrap();
    let sink = sink(&named.table());
    for _ in 0..2 {
        let fault = Publication::new(ZONE, 5, &["192.0.2.1"]).publish(&sink).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Refused, "{fault}");
        assert!(fault.text.contains("nsupdate"), "{fault}");
        assert_eq!(fs::read(named.path("www.example.zone")).unwrap(), before);
    }
    assert_eq!(names(&named.zones), ["www.example.zone"]);
}

/// After a boot rais may be there first. What named will load then has no other copy.
#[test]
fn while_named_is_down_a_file_that_may_be_its_own_is_left_alone() {
    let mut named = Named::start();
    let file = named.path("www.example.zone");
    let table = named.table();
    named.stop();
    let theirs = "$TTL 1d\n@ SOA ns.other.example. me ( 1 3h 1h 1w 10 )\n\tNS ns.other.example.\n\
                  printer A 192.0.2.99\n";
    fs::write(&file, theirs).unwrap();
    let fault = Publication::new(ZONE, 5, &["192.0.2.1"]).publish(&sink(&table)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Down, "{fault}");
    assert!(fault.text.contains("left as it is until named has said"), "{fault}");
    assert_eq!(fs::read_to_string(&file).unwrap(), theirs);

    // A file of ours is renewed, and so is none: named finds the newest when it starts.
    let others = support::table(&named.zones, "");
    Publication::new(ZONE, 6, &["192.0.2.6"]).publish(&sink(&others)).unwrap();
    let fault = Publication::new(ZONE, 7, &["192.0.2.7"]).publish(&sink(&table)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Down, "{fault}");
    let renewed = fs::read_to_string(&file).unwrap();
    assert!(renewed.contains("192.0.2.7") && renewed.contains("7 ; serial"), "{renewed}");
    fs::remove_file(&file).unwrap();
    Publication::new(ZONE, 8, &["192.0.2.8"]).publish(&sink(&table)).unwrap_err();
    assert!(fs::read_to_string(&file).unwrap().contains("192.0.2.8"));

    // With a journal beside it, it is named's.
    fs::write(named.path("www.example.zone.jnl"), "").unwrap();
    let fault = Publication::new(ZONE, 9, &["192.0.2.9"]).publish(&sink(&table)).unwrap_err();
    assert!(fault.text.contains("left as it is until named has said"), "{fault}");
    assert!(fs::read_to_string(&file).unwrap().contains("192.0.2.8"));
}

#[test]
fn a_zone_that_named_does_not_have_is_refused_in_its_words() {
    let named = Named::start();
    let sink = sink(&named.table());
    let fault = Publication::new("other.example", 5, &["192.0.2.1"]).publish(&sink).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused, "{fault}");
    assert!(fault.text.contains("not found"), "{fault}");
    assert!(fault.text.contains("no matching zone 'other.example'"), "{fault}");
}

#[test]
fn a_zone_that_does_not_load_is_never_confirmed() {
    let named = Named::start();
    // Parses, but named wants an address for a name server inside the zone.
    let header = support::HEADER.replace("\tNS ns.other.example.", "\tNS ns");
    let lines = format!("{}\nverify = \"{}\"\ntimeout = \"1s\"", named.reload(), named.dns);
    let sink = sink(&table(&named.zones, &lines));
    let publication = Publication::new(ZONE, 5, &["192.0.2.1"]).header(&header);
    let fault = publication.publish(&sink).unwrap_err();
    assert!(matches!(fault.kind, FaultKind::Timeout | FaultKind::Refused), "{fault}");

    // `check` finds it before it is in place.
    let before = fs::read(named.path("www.example.zone")).unwrap();
    let check = "check = [\"named-checkzone\", \"{zone}\", \"{file}\"]";
    let careful = support::sink(&format!("{}\n{check}", named.table()));
    let publication = Publication::new(ZONE, 6, &["192.0.2.2"]).header(&header);
    let fault = publication.publish(&careful).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused, "{fault}");
    assert!(fault.text.contains("named-checkzone ended with exit code 1"), "{fault}");
    assert!(fault.text.contains("has no address records"), "{fault}");
    assert_eq!(fs::read(named.path("www.example.zone")).unwrap(), before);
    assert_eq!(names(&named.zones), ["www.example.zone"]);
    Publication::new(ZONE, 6, &["192.0.2.2"]).publish(&careful).unwrap();
    assert_eq!(named.dig(ZONE, "A"), ["192.0.2.2"]);
}

#[test]
fn large_sets_and_many_owners_are_read_back_whole() {
    // named takes 100 of a type unless it is told otherwise.
    let large = [(ZONE, "max-records-per-type 0;")];
    let named = Setup { zones: &large, ..Setup::default() }.start();
    let sink = sink(&named.table());
    // More than an answer by UDP holds.
    let many: Vec<_> = (0..250).map(|n| format!("198.51.100.{n}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    Publication::new(ZONE, 5, &many).publish(&sink).unwrap();
    assert_eq!(addresses(&sink.served(ZONE).unwrap().unwrap()), apex(&many));

    let mut publication = Publication::new(ZONE, 6, &[]);
    publication.head.owners = (0..150).map(|n| Owner::new(format!("h{n}"), n)).collect();
    publication.records =
        (0..150).map(|n| Record::new(n, [10, 0, 0, u8::try_from(n).unwrap()].into())).collect();
    publication.publish(&sink).unwrap();
    let served = sink.served(ZONE).unwrap().unwrap();
    assert_eq!(served.owners, publication.head.owners);
    assert_eq!(served.records.len(), 150);
    for (record, given) in served.records.iter().zip(&publication.records) {
        assert_eq!((record.owner, record.ip), (given.owner, given.ip));
    }
}

#[test]
fn zones_are_published_side_by_side() {
    let zones: Vec<_> = (0..8).map(|n| format!("z{n}.example")).collect();
    let zones: Vec<_> = zones.iter().map(|zone| (zone.as_str(), "")).collect();
    let named = Setup { zones: &zones, ..Setup::default() }.start();
    let sink = sink(&named.table());
    let work = |sink: &SinkObject, zone: &str| {
        for serial in 2..20 {
            let publication = Publication::new(zone, serial, &[&format!("192.0.2.{serial}")]);
            assert_eq!(publication.publish(sink).unwrap(), serial);
        }
    };
    std::thread::scope(|scope| {
        for (zone, _) in &zones {
            scope.spawn(|| work(&sink, zone));
        }
    });
    for (zone, _) in &zones {
        assert_eq!(named.dig(zone, "A"), ["192.0.2.19"]);
    }
}

#[test]
fn a_zone_that_named_signs_may_be_ahead_of_us() {
    let signed = [(ZONE, "dnssec-policy default; inline-signing yes;")];
    let named = Setup { zones: &signed, ..Setup::default() }.start();
    let sink = sink(&named.table());
    for serial in [100, 200] {
        let served = Publication::new(ZONE, serial, &["192.0.2.1"]).publish(&sink).unwrap();
        assert!(served >= serial, "{served}");
        let read = sink.served(ZONE).unwrap().unwrap();
        assert_eq!(addresses(&read), apex(&["192.0.2.1"]));
    }
}
