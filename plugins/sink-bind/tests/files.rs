//! The sink without a name server: its files, commands and faults.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rais_sdk::{FaultKind, Owner, Record};
use support::{HEADER, Publication, addresses, apex, names, sink, table, try_sink};

const ZONE: &str = "www.example";

fn text(directory: &Path) -> String {
    fs::read_to_string(directory.join("www.example.zone")).unwrap()
}

#[test]
fn the_file_is_header_and_records() {
    let directory = tempfile::tempdir().unwrap();
    let sink = sink(&table(directory.path(), ""));
    let mut publication = Publication::new(ZONE, 7, &["192.0.2.2", "2001:db8::1", "192.0.2.1"]);
    publication.head.owners.push(Owner::new("API", 0));
    publication.records.push(Record::new(1, [192, 0, 2, 9].into()));
    assert_eq!(publication.publish(&sink).unwrap(), 7);
    let expected = HEADER.replace("1 ; serial", "7 ; serial")
        + "api.www.example. 0 IN A 192.0.2.9\n\
           www.example. 10 IN A 192.0.2.1\n\
           www.example. 10 IN A 192.0.2.2\n\
           www.example. 10 IN AAAA 2001:db8::1\n";
    assert_eq!(text(directory.path()), expected);
    let about = fs::metadata(directory.path().join("www.example.zone")).unwrap();
    assert_eq!(about.permissions().mode() & 0o7777, 0o644);

    let served = sink.served(ZONE).unwrap().unwrap();
    assert_eq!(served.serial, Some(7));
    assert_eq!(served.owners, publication.head.owners);
    assert_eq!(addresses(&served).len(), 4);
    assert_eq!(served.records[0].owner, 1);
}

#[test]
fn equal_sets_make_equal_files_in_any_order() {
    let publish = |order: &[&str]| {
        let directory = tempfile::tempdir().unwrap();
        let sink = sink(&table(directory.path(), ""));
        Publication::new(ZONE, 7, order).publish(&sink).unwrap();
        text(directory.path())
    };
    let one = publish(&["192.0.2.2", "192.0.2.1", "2001:db8::2", "2001:db8::1"]);
    assert_eq!(one, publish(&["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"]));
}

#[test]
fn the_name_of_the_file_stays_inside_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("zones");
    fs::create_dir(&inner).unwrap();
    let sink = sink(&table(&inner, ""));
    let mut publication = Publication::new(ZONE, 7, &["192.0.2.1"]);
    for (file, found) in [("{zone}.cache", "www.example.cache"), ("db.www", "db.www")] {
        publication.head.file = Some(file.to_owned());
        publication.publish(&sink).unwrap();
        assert!(inner.join(found).exists());
    }
    for bad in ["../www.zone", "/tmp/www.zone", "a/b", "..", ""] {
        publication.head.file = Some(bad.to_owned());
        let fault = publication.publish(&sink).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Refused, "{bad:?}: {fault}");
        assert!(fault.text.contains("inside the sink's directory"), "{fault}");
    }
    assert_eq!(names(directory.path()), ["zones"]);
}

#[test]
fn what_a_crash_left_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let publication = Publication::new(ZONE, 7, &["192.0.2.1"]);
    // The second time the file in place is already right.
    for _ in 0..2 {
        // Of this zone, and of one that has another name or none since.
        for left in [".www.example.zone.4194304.3.rais-tmp", ".old.example.zone.1.1.rais-tmp"] {
            fs::write(directory.path().join(left), "half a zo").unwrap();
        }
        publication.publish(&sink(&table(directory.path(), ""))).unwrap();
        assert_eq!(names(directory.path()), ["www.example.zone"]);
    }
}

/// A pipe in `directory`, and its path as a word of a command.
fn pipe(directory: &Path) -> PathBuf {
    let path = directory.join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    path
}

#[test]
fn an_instance_that_a_newer_one_has_overtaken_puts_nothing_in_place() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = pipe(directory.path());
    let zones = directory.path().join("zones");
    fs::create_dir(&zones).unwrap();
    let check = format!("check = [\"cat\", \"{}\"]\ntimeout = \"60s\"", fifo.display());
    let (old, new) = (sink(&table(&zones, &check)), sink(&table(&zones, "")));
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| Publication::new(ZONE, 7, &["192.0.2.66"]).publish(&old));
        // Opens once the old instance's check has: its file is written and not yet in place.
        let held = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
        Publication::new(ZONE, 8, &["192.0.2.1"]).publish(&new).unwrap();
        // What is in use was not swept.
        assert_eq!(names(&zones).len(), 2, "{:?}", names(&zones));
        drop(held);
        let fault = slow.join().unwrap().unwrap_err();
        assert_eq!(fault.kind, FaultKind::Refused, "{fault}");
        assert!(fault.text.contains("serial 8"), "{fault}");
    });
    assert_eq!(names(&zones), ["www.example.zone"]);
    assert_eq!(addresses(&new.served(ZONE).unwrap().unwrap()), apex(&["192.0.2.1"]));
}

#[test]
fn only_the_file_that_was_checked_gets_in_place() {
    let directory = tempfile::tempdir().unwrap();
    let check = "check = [\"sh\", \"-c\", \"rm $1 && echo other >$1\", \"sh\", \"{file}\"]";
    let swapped = sink(&table(directory.path(), check));
    let publication = Publication::new(ZONE, 7, &["192.0.2.1"]);
    let fault = publication.publish(&swapped).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Io, "{fault}");
    let file = directory.path().join("www.example.zone");
    let text = "it is no longer the file that was written and checked";
    let wanted = format!("{}: writing a new one beside it: {text}", file.display());
    assert_eq!(fault.text, wanted);
    assert!(!directory.path().join("www.example.zone").exists());
    publication.publish(&sink(&table(directory.path(), ""))).unwrap();
    assert_eq!(names(directory.path()), ["www.example.zone"]);
}

#[test]
fn stopping_ends_the_commands_and_all_that_they_started() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = pipe(directory.path());
    let zones = directory.path().join("zones");
    fs::create_dir(&zones).unwrap();
    let script = format!("exec 3>{}; sleep 1000 & echo up >&3; sleep 1000", fifo.display());
    let argv = format!("[\"sh\", \"-c\", \"{script}\"]");
    let reload = format!("reload = {{ type = \"exec\", argv = {argv} }}");
    for lines in [format!("check = {argv}"), reload] {
        let sink = sink(&table(&zones, &format!("{lines}\ntimeout = \"600s\"")));
        let publication = Publication::new(ZONE, 7, &["192.0.2.1"]);
        std::thread::scope(|scope| {
            let publishing = scope.spawn(|| publication.publish(&sink));
            let mut commands = BufReader::new(fs::File::open(&fifo).unwrap());
            let mut said = String::new();
            commands.read_line(&mut said).unwrap();
            assert_eq!(said, "up\n");
            sink.stop();
            // The end of the file comes once every process that held it open is gone.
            assert_eq!(commands.read(&mut [0]).unwrap(), 0);
            let fault = publishing.join().unwrap().unwrap_err();
            assert_eq!(fault.kind, FaultKind::Busy, "{fault}");
            assert!(fault.text.contains("sh was not run to its end"), "{fault}");
        });
        let late = publication.publish(&sink).unwrap_err();
        assert_eq!((late.kind, late.text.as_str()), (FaultKind::Busy, "the sink is stopped"));
        assert!(names(&zones).iter().all(|name| name == "www.example.zone"), "{lines}");
    }
}

#[test]
fn stopping_ends_the_conversations() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("rndc.key");
    fs::write(&key, "key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };").unwrap();
    // They are heard, and never answered.
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = tcp.local_addr().unwrap();
    let unix = UnixListener::bind(directory.path().join("knot.sock")).unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let dns = udp.local_addr().unwrap();
    let (key, socket) = (key.display(), directory.path().join("knot.sock"));
    // What is heard by stays open.
    let by_tcp = || {
        let mut stream = tcp.accept().unwrap().0;
        stream.read_exact(&mut [0]).unwrap();
        OwnedFd::from(stream)
    };
    let by_unix = || {
        let mut stream = unix.accept().unwrap().0;
        stream.read_exact(&mut [0]).unwrap();
        OwnedFd::from(stream)
    };
    let by_udp = || {
        udp.recv(&mut [0]).unwrap();
        OwnedFd::from(udp.try_clone().unwrap())
    };
    let rndc = format!("reload = {{ type = \"rndc\", address = \"{at}\", key_file = \"{key}\" }}");
    let knot = format!("reload = {{ type = \"knotc\", socket = \"{}\" }}", socket.display());
    let cases: [(String, &dyn Fn() -> OwnedFd); 3] =
        [(rndc, &by_tcp), (knot, &by_unix), (format!("verify = \"{dns}\""), &by_udp)];
    for (lines, hears) in cases {
        let sink = sink(&table(directory.path(), &format!("{lines}\ntimeout = \"1h\"")));
        std::thread::scope(|scope| {
            let waits =
                scope.spawn(|| Publication::new("www.example", 5, &["192.0.2.1"]).publish(&sink));
            let _open = hears();
            sink.stop();
            let fault = waits.join().unwrap().unwrap_err();
            assert_eq!(fault.kind, FaultKind::Busy, "{fault}");
        });
    }
}

#[test]
fn a_bad_zone_never_gets_in_place() {
    let directory = tempfile::tempdir().unwrap();
    let sink = sink(&table(directory.path(), ""));
    let good = Publication::new(ZONE, 7, &["192.0.2.1"]);
    good.publish(&sink).unwrap();
    let before = text(directory.path());

    let mut cases = vec![
        (good.clone().header("$GENERATE 1-9 a$ A 192.0.2.$\n"), "line 1"),
        (good.clone().header(&format!("{HEADER}\tA 192.0.2.9\n")), "line 5, column 2"),
        (good.clone().header(&format!("{HEADER}\tCNAME other.example.\n")), "CNAME"),
        (good.clone().header("@ NS ns.example.\n"), "no SOA"),
    ];
    let mut none = good.clone();
    none.head.header = None;
    cases.push((none, "no header"));
    let mut foreign = good.clone();
    foreign.head.owners[0].name = "www.example.org.".to_owned();
    cases.push((foreign, "outside the zone"));
    let mut long = good.clone();
    long.head.owners[0].ttl = u32::MAX;
    cases.push((long, "not a TTL"));
    let mut root = good;
    root.name = ".".to_owned();
    cases.push((root, "not a name"));
    for (mut publication, says) in cases {
        publication.head.serial = 8;
        let fault = publication.publish(&sink).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Refused, "{fault}");
        assert!(fault.text.contains(says), "{says}: {fault}");
        assert_eq!(text(directory.path()), before);
        assert_eq!(names(directory.path()), ["www.example.zone"]);
    }
}

#[test]
fn the_serial_never_goes_back() {
    let directory = tempfile::tempdir().unwrap();
    let old = sink(&table(directory.path(), ""));
    Publication::new(ZONE, 4_294_967_290, &["192.0.2.1"]).publish(&old).unwrap();
    // Another process knows the file alone: it goes on from there.
    let new = sink(&table(directory.path(), ""));
    let late = Publication::new(ZONE, 4_294_967_289, &["192.0.2.2"]);
    assert_eq!(late.publish(&new).unwrap(), 4_294_967_291);
    assert!(text(directory.path()).contains("4294967291 ; serial"));
    // What is in place already is not given a new serial.
    let before = text(directory.path());
    assert_eq!(late.publish(&new).unwrap(), 4_294_967_291);
    assert_eq!(late.publish(&sink(&table(directory.path(), ""))).unwrap(), 4_294_967_291);
    assert_eq!(text(directory.path()), before);
    // Past the largest number serials begin again.
    assert_eq!(Publication::new(ZONE, 3, &["192.0.2.2"]).publish(&new).unwrap(), 3);
    // A file that cannot be read as a zone has no serial to keep.
    fs::write(directory.path().join("www.example.zone"), b"\xff\xfe").unwrap();
    Publication::new(ZONE, 2, &["192.0.2.3"]).publish(&new).unwrap();
    assert_eq!(addresses(&new.served(ZONE).unwrap().unwrap()), apex(&["192.0.2.3"]));
}

#[test]
fn the_serial_does_not_go_back_where_the_file_is_deleted_either() {
    let directory = tempfile::tempdir().unwrap();
    let sink = sink(&table(directory.path(), ""));
    Publication::new(ZONE, 7, &["192.0.2.1"]).publish(&sink).unwrap();
    let theirs = text(directory.path()).replace("7 ; serial", "2030010101 ; serial");
    fs::write(directory.path().join("www.example.zone"), theirs).unwrap();
    let published = Publication::new(ZONE, 8, &["192.0.2.2"]).publish(&sink).unwrap();
    assert_eq!(published, 2_030_010_102);
    fs::remove_file(directory.path().join("www.example.zone")).unwrap();
    let published = Publication::new(ZONE, 9, &["192.0.2.2"]).publish(&sink).unwrap();
    assert!(published >= 2_030_010_102, "{published}: secondaries would not follow");
    assert!(text(directory.path()).contains(&format!("{published} ; serial")));
}

#[test]
fn a_zone_that_comes_back_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let sink = sink(&table(directory.path(), ""));
    let zones = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    sink.assign(&zones(&[ZONE])).unwrap();
    Publication::new(ZONE, 7, &["192.0.2.1"]).publish(&sink).unwrap();
    sink.assign(&zones(&["WWW.example"])).unwrap();
    assert!(sink.served(ZONE).unwrap().is_some());
    sink.assign(&zones(&["other.example"])).unwrap();
    assert_eq!(sink.served(ZONE).unwrap(), None);
}

#[test]
fn what_somebody_published_under_a_later_serial_is_put_right_under_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let sink = sink(&table(directory.path(), ""));
    let publication = Publication::new(ZONE, 7, &["192.0.2.1"]);
    publication.publish(&sink).unwrap();
    let theirs = text(directory.path()).replace("7 ; serial", "2030010101 ; serial");
    let theirs = theirs.replace("192.0.2.1\n", "192.0.2.66\n");
    fs::write(directory.path().join("www.example.zone"), theirs).unwrap();
    assert_eq!(publication.publish(&sink).unwrap(), 2_030_010_102);
    let served = sink.served(ZONE).unwrap().unwrap();
    assert_eq!((served.serial, served.differs.as_deref()), (Some(2_030_010_102), None));
    assert_eq!(addresses(&served), apex(&["192.0.2.1"]));
}

#[test]
fn drift_of_the_file_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    let sink = sink(&table(directory.path(), ""));
    let publication = Publication::new(ZONE, 7, &["192.0.2.1"]);
    publication.publish(&sink).unwrap();
    let path = directory.path().join("www.example.zone");
    let whole = text(directory.path());
    fs::write(&path, whole.replace("192.0.2.1\n", "192.0.2.2\n").replace(" 10 IN", " 99 IN"))
        .unwrap();
    let drifted = sink.served(ZONE).unwrap().unwrap();
    assert_eq!(addresses(&drifted), apex(&["192.0.2.2"]));
    assert_eq!(drifted.owners[0].ttl, 99);
    publication.publish(&sink).unwrap();
    assert_eq!(text(directory.path()), whole);
    // Also where it is no address that was changed.
    fs::write(&path, whole.replace("NS ns.", "NS other.")).unwrap();
    let drifted = sink.served(ZONE).unwrap().unwrap();
    assert_eq!(drifted.differs.unwrap(), format!("{} was changed", path.display()));
    publication.publish(&sink).unwrap();
    assert_eq!(text(directory.path()), whole);
    assert_eq!(sink.served(ZONE).unwrap().unwrap().differs, None);
    fs::remove_file(&path).unwrap();
    let gone = sink.served(ZONE).unwrap().unwrap();
    assert_eq!((gone.serial, gone.records.len()), (None, 0));
    assert!(gone.differs.unwrap().ends_with("is not there any more"));
    publication.publish(&sink).unwrap();
    assert_eq!(text(directory.path()), whole);
}

#[test]
fn a_command_is_told_of_each_file_in_place() {
    let directory = tempfile::tempdir().unwrap();
    let told = directory.path().join("told");
    let zones = directory.path().join("zones");
    fs::create_dir(&zones).unwrap();
    let script = format!("cat \\\"$2\\\" >/dev/null && echo \\\"$1 $2\\\" >>{}", told.display());
    let argv = format!("[\"sh\", \"-c\", \"{script}\", \"sh\", \"{{zone}}\", \"{{file}}\"]");
    let sink = sink(&table(&zones, &format!("reload = {{ type = \"exec\", argv = {argv} }}")));
    for serial in [7, 7, 8] {
        Publication::new(ZONE, serial, &["192.0.2.1"]).publish(&sink).unwrap();
    }
    // The second time there was nothing to tell.
    let line = format!("{ZONE} {}\n", zones.join("www.example.zone").display());
    assert_eq!(fs::read_to_string(&told).unwrap(), line.repeat(2));
}

#[test]
fn a_command_that_fails_is_quoted_and_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let flag = directory.path().join("flag");
    let zones = directory.path().join("zones");
    fs::create_dir(&zones).unwrap();
    let script = format!("echo no such zone; test -e {}", flag.display());
    let reload = format!("reload = {{ type = \"exec\", argv = [\"sh\", \"-c\", \"{script}\"] }}");
    let sink = sink(&table(&zones, &reload));
    let publication = Publication::new(ZONE, 7, &["192.0.2.1"]);
    for _ in 0..2 {
        let fault = publication.publish(&sink).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Refused);
        assert_eq!(fault.text, "sh ended with exit code 1, saying: no such zone");
    }
    fs::write(&flag, "").unwrap();
    assert_eq!(publication.publish(&sink).unwrap(), 7);

    // One that is gone since the start.
    let command = directory.path().join("command");
    fs::copy(fs::canonicalize("/bin/true").unwrap(), &command).unwrap();
    let reload = format!("reload = {{ type = \"exec\", argv = [{command:?}] }}");
    let gone = support::sink(&table(&zones, &reload));
    fs::remove_file(&command).unwrap();
    let fault = publication.publish(&gone).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Io, "{fault}");
    assert_eq!(fault.text, "command cannot be run: it is not there");
}

#[test]
fn a_command_that_hangs_is_a_timeout() {
    let directory = tempfile::tempdir().unwrap();
    let lines = "check = [\"sleep\", \"1000\"]\ntimeout = \"50ms\"";
    let sink = sink(&table(directory.path(), lines));
    let fault = Publication::new(ZONE, 7, &["192.0.2.1"]).publish(&sink).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout, "{fault}");
    assert!(fault.text.contains("sleep was killed"), "{fault}");
    assert!(names(directory.path()).is_empty());
}

#[test]
fn a_command_has_an_environment_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let told = directory.path().join("told");
    let zones = directory.path().join("zones");
    fs::create_dir(&zones).unwrap();
    let script = format!("{{ pwd; env; }} >{}", told.display());
    let check = format!("check = [\"sh\", \"-c\", \"{script}\"]");
    Publication::new(ZONE, 7, &["192.0.2.1"]).publish(&sink(&table(&zones, &check))).unwrap();
    let told = fs::read_to_string(&told).unwrap();
    let names = told.lines().skip(1).filter_map(|line| line.split('=').next());
    let mut names: Vec<_> =
        names.filter(|name| !["PWD", "OLDPWD", "_", "SHLVL"].contains(name)).collect();
    names.sort_unstable();
    assert_eq!((told.lines().next(), &names[..]), (Some("/"), &["LC_ALL", "PATH"][..]));
}

#[test]
fn a_check_is_quoted_with_the_name_that_the_file_was_to_have() {
    let directory = tempfile::tempdir().unwrap();
    let check = "check = [\"sh\", \"-c\", \"echo $1:3: no; exit 1\", \"sh\", \"{file}\"]";
    let sink = sink(&table(directory.path(), check));
    let fault = Publication::new(ZONE, 7, &["192.0.2.1"]).publish(&sink).unwrap_err();
    let file = directory.path().join("www.example.zone");
    let wanted = format!("sh ended with exit code 1, saying: {}:3: no", file.display());
    assert_eq!(fault.text, wanted);
}

#[test]
fn a_failed_check_leaves_the_old_file() {
    let directory = tempfile::tempdir().unwrap();
    // Judges by what is in the file, which is not yet in place.
    let check = "check = [\"sh\", \"-c\", \"! grep -q 192.0.2.66 $1\", \"{zone}\", \"{file}\"]";
    let sink = sink(&table(directory.path(), check));
    Publication::new(ZONE, 7, &["192.0.2.1"]).publish(&sink).unwrap();
    let before = text(directory.path());
    let fault = Publication::new(ZONE, 8, &["192.0.2.66"]).publish(&sink).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused, "{fault}");
    assert_eq!(text(directory.path()), before);
    assert_eq!(names(directory.path()), ["www.example.zone"]);
    // What was published before is still what is expected there.
    assert_eq!(addresses(&sink.served(ZONE).unwrap().unwrap()), apex(&["192.0.2.1"]));
}

#[test]
fn a_slow_zone_does_not_hold_another() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = pipe(directory.path());
    let zones = directory.path().join("zones");
    fs::create_dir(&zones).unwrap();
    // One waits for a word in the pipe, and the word is written by the other's reload: neither end
    // opens alone.
    let script = format!(
        "case {{zone}} in slow.*) cat {0} >/dev/null;; *) echo up >{0};; esac",
        fifo.display()
    );
    let argv = format!("[\"sh\", \"-c\", \"{script}\"]");
    let reload = format!("reload = {{ type = \"exec\", argv = {argv} }}\ntimeout = \"60s\"");
    let sink = sink(&table(&zones, &reload));
    std::thread::scope(|scope| {
        for zone in ["slow.example", "quick.example"] {
            let sink = &sink;
            scope.spawn(move || Publication::new(zone, 7, &["192.0.2.1"]).publish(sink).unwrap());
        }
    });
}

#[test]
fn a_directory_that_went_away_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let zones = directory.path().join("zones");
    fs::create_dir(&zones).unwrap();
    let sink = try_sink(&table(&zones, "")).unwrap();
    fs::remove_dir(&zones).unwrap();
    let fault = Publication::new(ZONE, 7, &["192.0.2.1"]).publish(&sink).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Io, "{fault}");
    assert!(fault.text.contains(zones.to_str().unwrap()), "{fault}");
}
