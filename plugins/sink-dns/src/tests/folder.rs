//! Zones in files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;
use crate::files::{self, Folder, Found, Haste};

/// What a look has brought.
#[derive(Debug, Default, PartialEq, Eq)]
struct News {
    read: Vec<Vec<u8>>,
    faults: Vec<String>,
}

struct Bed {
    folder: tempfile::TempDir,
    files: Folder,
    engine: Arc<Engine>,
    responder: Responder,
    taken: Arc<BTreeSet<Vec<u8>>>,
}

fn text(address: &str) -> String {
    format!("$TTL 60\n@ SOA ns h 1 1 1 1 1\n NS ns\nns A 192.0.2.53\nwww A {address}\n")
}

impl Bed {
    fn new() -> Bed {
        let folder = tempfile::tempdir().unwrap();
        let engine = Arc::new(Engine::new(Identity::default(), Access::default(), None));
        Bed {
            files: Folder::new(folder.path().to_owned()),
            folder,
            responder: Responder::new(Arc::clone(&engine)),
            engine,
            taken: Arc::default(),
        }
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.path().join(file), text).unwrap();
    }

    fn look(&mut self, haste: Haste) -> News {
        let mut read = Vec::new();
        let mut serve = |found: Vec<Found>| {
            let zones: Vec<_> = found.into_iter().map(|found| found.zone).collect();
            read.extend(zones.iter().map(|zone| zone.apex().to_vec()));
            self.engine.serve_all(zones);
        };
        let brought = self.files.look(haste, &self.taken, &|| true, &mut serve).unwrap();
        let brought = brought.unwrap_or_default();
        for gone in brought.gone.iter().filter(|apex| !self.taken.contains(*apex)) {
            self.engine.withdraw(gone);
        }
        News { read, faults: brought.faults }
    }

    fn ask(&mut self, name: &str) -> String {
        let query = question(name, "A");
        let peer = peer("192.0.2.200", Transport::Udp);
        shown(&ask(&mut self.responder, &query, &peer).unwrap()).last().unwrap().clone()
    }
}

#[test]
fn files_are_served_as_they_are_and_read_again_when_they_change() {
    let mut bed = Bed::new();
    bed.write("A.example.zone", &text("192.0.2.1"));
    bed.write("b.example.zone", &text("192.0.2.2"));
    bed.write("c.example", "no zone");
    bed.write(".d.example.zone", "half written");
    let mut news = bed.look(Haste::Now);
    news.read.sort();
    assert_eq!(
        news,
        News { read: vec![to_wire("a.example"), to_wire("b.example")], faults: vec![] }
    );
    assert_eq!(bed.ask("www.a.example"), "an www.a.example 60 a 192.0.2.1");
    assert_eq!(bed.look(Haste::Now), News::default());
    // Longer, so that it is seen whatever the clock of the file system is.
    bed.write("b.example.zone", &text("192.0.2.222"));
    // Somebody may be writing it.
    assert_eq!(bed.look(Haste::Settled), News::default());
    assert_eq!(bed.ask("www.b.example"), "an www.b.example 60 a 192.0.2.2");
    assert_eq!(bed.look(Haste::Settled), News { read: vec![to_wire("b.example")], faults: vec![] });
    assert_eq!(bed.ask("www.b.example"), "an www.b.example 60 a 192.0.2.222");
    fs::remove_file(bed.folder.path().join("b.example.zone")).unwrap();
    bed.look(Haste::Settled);
    // An editor may be about to put another in its place.
    assert_eq!(bed.ask("www.b.example"), "an www.b.example 60 a 192.0.2.222");
    bed.look(Haste::Settled);
    assert_eq!(bed.ask("www.b.example"), "REFUSED");
    assert_eq!(bed.ask("www.a.example"), "an www.a.example 60 a 192.0.2.1");
}

#[test]
fn another_file_is_read_though_it_is_as_long_and_as_old() {
    let mut bed = Bed::new();
    bed.write("a.example.zone", &text("192.0.2.1"));
    bed.look(Haste::Now);
    let path = |name: &str| bed.folder.path().join(name);
    let (old, new) = (path("a.example.zone"), path("new"));
    bed.write("new", &text("192.0.2.2"));
    let written = fs::metadata(&old).unwrap().modified().unwrap();
    fs::File::options().write(true).open(&new).unwrap().set_modified(written).unwrap();
    fs::rename(new, old).unwrap();
    bed.look(Haste::Now);
    assert_eq!(bed.ask("www.a.example"), "an www.a.example 60 a 192.0.2.2");
}

#[test]
fn a_file_that_is_renamed_to_other_letters_keeps_its_zone() {
    let mut bed = Bed::new();
    bed.write("a.example.zone", &text("192.0.2.1"));
    bed.look(Haste::Now);
    let path = |name: &str| bed.folder.path().join(name);
    fs::rename(path("a.example.zone"), path("A.example.zone")).unwrap();
    for _ in 0..4 {
        bed.look(Haste::Settled);
        assert_eq!(bed.ask("www.a.example"), "an www.a.example 60 a 192.0.2.1");
    }
    fs::remove_file(bed.folder.path().join("A.example.zone")).unwrap();
    for _ in 0..2 {
        bed.look(Haste::Settled);
    }
    assert_eq!(bed.ask("www.a.example"), "REFUSED");
}

#[test]
fn of_two_files_for_one_zone_the_one_that_was_served_goes_on_and_the_other_is_told() {
    let mut bed = Bed::new();
    let path = |name: &str| bed.folder.path().join(name);
    let [upper, lower] = ["A.example.zone", "a.example.zone"].map(path);
    let told = |unused: &Path, used: &Path| {
        let (unused, used) = (unused.display(), used.display());
        format!("{unused}: not used: {used} is of the same zone")
    };
    bed.write("a.example.zone", &text("192.0.2.1"));
    bed.look(Haste::Now);
    bed.write("A.example.zone", &text("192.0.2.2"));
    let news = bed.look(Haste::Now);
    assert!(news.read.is_empty() && news.faults.len() == 1, "{news:?}");
    assert!(news.faults[0].starts_with(&told(&upper, &lower)), "{news:?}");
    for _ in 0..3 {
        assert_eq!(bed.look(Haste::Settled), News::default());
        assert_eq!(bed.ask("www.a.example"), "an www.a.example 60 a 192.0.2.1");
    }
    // Whoever reads the folder anew takes the first, as a check says.
    let says = told(&lower, &upper);
    let checked = files::judge(bed.folder.path(), &|| true);
    assert!(checked.len() == 1 && checked[0].starts_with(&says), "{checked:?}");
    let mut anew = Folder::new(bed.folder.path().to_owned());
    let mut found = Vec::new();
    let mut serve = |more: Vec<Found>| found.extend(more.into_iter().map(|found| found.path));
    let brought = anew.look(Haste::Now, &bed.taken, &|| true, &mut serve).unwrap().unwrap();
    assert_eq!((found, brought.faults), (vec![upper], checked));
    // The other has the zone as soon as it is alone.
    fs::remove_file(lower).unwrap();
    assert_eq!(bed.look(Haste::Settled).read, [to_wire("a.example")]);
    for _ in 0..3 {
        assert_eq!(bed.ask("www.a.example"), "an www.a.example 60 a 192.0.2.2");
        bed.look(Haste::Settled);
    }
}

#[test]
fn what_is_done_otherwise_than_it_may_be_meant_is_told_with_its_line_whenever_it_is_read() {
    let mut bed = Bed::new();
    let path = bed.folder.path().join("a.example.zone");
    let sound = text("192.0.2.1");
    let key = "DNSKEY 257 3 13 AAAA\n";
    // Another's key, and a comment that is prose.
    bed.write("b.example.zone", &format!("{sound}x {key}; rais: made by hand\n"));
    for (more, says) in [
        (format!("@ {key}A.Example. {key}"), "line 6, column 1: a DNSKEY record"),
        ("\n; rais: scheme=random\n".to_owned(), "line 7, column 2: a scheme is for bound"),
    ] {
        bed.write("a.example.zone", &format!("{sound}{more}"));
        let says = format!("{}: {says}", path.display());
        let checked = files::judge(bed.folder.path(), &|| true);
        let news = bed.look(Haste::Now);
        assert!(checked.len() == 1 && checked[0].starts_with(&says), "{checked:?}");
        assert_eq!(news.faults, checked);
        assert!(news.read.contains(&to_wire("a.example")), "it is served all the same");
        assert_eq!(bed.look(Haste::Now), News::default());
    }
}

#[test]
fn a_broken_file_is_told_with_its_line_once_and_the_old_zone_goes_on() {
    let mut bed = Bed::new();
    bed.write("a.example.zone", &text("192.0.2.1"));
    bed.look(Haste::Now);
    bed.write("a.example.zone", &format!("{}$GENERATE 1-9 a$ A 192.0.2.$\n", text("192.0.2.9")));
    let news = bed.look(Haste::Now);
    let path = bed.folder.path().join("a.example.zone");
    let says = format!("{}: line 6, column 1: $GENERATE is not taken here", path.display());
    assert!(news.read.is_empty() && news.faults[0].starts_with(&says), "{news:?}");
    assert_eq!(bed.look(Haste::Now), News::default());
    assert_eq!(bed.ask("www.a.example"), "an www.a.example 60 a 192.0.2.1");
    for (text, says) in [
        (&b"$TTL 1h\n\n@ SOA ns h 1 1 1 1 1 \xff\n"[..], "line 3: not UTF-8"),
        (b"$TTL 1h\n@ SOA ns h 1 1 1 1 1\n", "no NS record"),
        (b"$TTL 1h\n@ NS ns\n", "no SOA record"),
    ] {
        fs::write(&path, text).unwrap();
        let news = bed.look(Haste::Now);
        assert!(news.faults.len() == 1 && news.faults[0].contains(says), "{news:?}");
    }
    assert_eq!(bed.ask("www.a.example"), "an www.a.example 60 a 192.0.2.1");
}

#[test]
fn a_zone_that_a_binder_publishes_is_not_read_from_a_file() {
    let mut bed = Bed::new();
    Arc::make_mut(&mut bed.taken).insert(to_wire("a.example"));
    bed.write("a.example.zone", &text("192.0.2.1"));
    let news = bed.look(Haste::Now);
    assert!(news.read.is_empty() && news.faults[0].contains("a binder publishes"), "{news:?}");
    fs::remove_file(bed.folder.path().join("a.example.zone")).unwrap();
    bed.engine.serve(zone(&text("192.0.2.7"), "a.example").unwrap());
    for _ in 0..2 {
        bed.look(Haste::Settled);
    }
    assert_eq!(bed.ask("www.a.example"), "an www.a.example 60 a 192.0.2.7");
}

#[test]
fn a_look_that_is_ended_serves_nothing_and_loses_nothing() {
    let mut bed = Bed::new();
    bed.write("a.example.zone", &text("192.0.2.1"));
    bed.look(Haste::Now);
    bed.write("b.example.zone", &text("192.0.2.2"));
    for _ in 0..3 {
        assert!(
            bed.files
                .look(Haste::Now, &bed.taken, &|| false, &mut |_| unreachable!())
                .unwrap()
                .is_none()
        );
    }
    // Nor is a file gone because it was not looked at.
    assert_eq!(bed.ask("www.a.example"), "an www.a.example 60 a 192.0.2.1");
}
