//! The sink and its files, through the plugin boundary.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rais_plugin_plugin_kind_plugin_name::PluginName;
use rais_sdk::host::SinkObject;
use rais_sdk::testing::{Bench, samples_parse};
use rais_sdk::{FaultKind, Owner, Record, Sink, Zone, ZoneHead};

const ZONE: &str = "www.example";

/// An empty folder of the test's own.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn sink(directory: &Path) -> SinkObject {
    Bench::new()
        .sink::<PluginName>(&format!("directory = {directory:?}"))
        .unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_zone_becomes_a_file_and_is_read_back() {
    let directory = folder("zones");
    let sink = sink(&directory);
    let owners = vec![Owner::new("@", 10), Owner::new("api", 10)];
    let records = [
        Record::new(0, ip("192.0.2.1")),
        Record::new(0, ip("2001:db8::1")),
        Record::new(1, ip("192.0.2.9")),
    ];
    for serial in [7, 8] {
        let head = ZoneHead::new(owners.clone(), serial);
        let zone = Zone::new(ZONE, head, &records, &records, &[]);
        assert_eq!(sink.publish(&zone), Ok(serial));
    }
    let names: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    assert_eq!(names, [directory.join("www.example.hosts")]);
    assert_eq!(
        fs::read_to_string(&names[0]).unwrap(),
        "# serial 8\n\
         192.0.2.1 www.example\n\
         2001:db8::1 www.example\n\
         192.0.2.9 api.www.example\n"
    );

    let served = sink.served(ZONE).unwrap().unwrap();
    assert_eq!(served.serial, Some(8));
    let names: Vec<_> = served
        .owners
        .iter()
        .map(|owner| owner.name.as_str())
        .collect();
    assert_eq!(names, ["@", "api"]);
    let found: Vec<_> = served
        .records
        .iter()
        .map(|record| (record.owner, record.ip))
        .collect();
    let wanted: Vec<_> = records
        .iter()
        .map(|record| (record.owner, record.ip))
        .collect();
    assert_eq!(found, wanted);
}

#[test]
fn what_was_never_published_is_nothing_served() {
    let served = sink(&folder("none")).served(ZONE).unwrap().unwrap();
    assert_eq!((served.serial, served.records.len()), (None, 0));
}

#[test]
fn a_directory_that_is_missing_is_found_at_the_first_zone() {
    let sink = sink(&folder("missing").join("below"));
    let zone = Zone::new(ZONE, ZoneHead::default(), &[], &[], &[]);
    assert_eq!(sink.publish(&zone).unwrap_err().kind, FaultKind::Io);
}

#[test]
fn a_wrong_table_is_refused_by_its_key() {
    for (table, key) in [
        ("directory = \"\"", "directory"),
        ("folder = \"x\"", "folder"),
    ] {
        let fault = Bench::new().sink::<PluginName>(table).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, key));
    }
}

#[test]
fn the_sample_makes_a_sink_and_stands_in_the_readme() {
    assert_eq!(samples_parse(), Ok(1));
    let (readme, sample) = (include_str!("../README.md"), PluginName::SAMPLE);
    assert!(
        readme.contains(sample),
        "README.md differs from sample.toml"
    );
}
