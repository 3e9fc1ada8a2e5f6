//! What the tests of this sink share: the sink as a host holds it, zones to publish, a real named.
// Each test binary uses a part, and none is a crate that others link.
#![allow(dead_code, unreachable_pub)]
#![allow(unsafe_code)] // a host takes sockets of its plugins

pub mod named;

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::os::fd::RawFd;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rais_sdk::host::{HostSide, Level, Readiness, SinkObject, linked, table_with_folder};
use rais_sdk::{Fault, Owner, Record, Served, Zone, ZoneHead};

// Links the plugin into this image: without it the list of plugins is empty.
use rais_plugin_sink_bind as _;

/// A header whose name server needs no address in the zone.
pub const HEADER: &str = "$TTL 1h\n\
    @ IN SOA ns.other.example. hostmaster ( 1 ; serial\n  3h 1h 1w 10 )\n\
    \tNS ns.other.example.\n";

/// Keeps what the plugin logs.
#[derive(Default)]
pub struct TestHost {
    pub lines: Mutex<Vec<String>>,
}

impl HostSide for TestHost {
    unsafe fn register(&self, _: RawFd) -> io::Result<Box<dyn Readiness>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn timer(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }

    fn log(&self, _: Level, text: &str) {
        self.lines.lock().unwrap().push(text.to_owned());
    }
}

/// Makes the sink as a host does, from the body of its table.
pub fn try_sink(table: &str) -> Result<SinkObject, Fault> {
    sink_with(table, Arc::new(TestHost::default()))
}

pub fn sink_with(table: &str, host: Arc<TestHost>) -> Result<SinkObject, Fault> {
    // The working directory: paths stay as they are written.
    sink_in(Path::new(""), table, host)
}

/// As if the table stood in a file in `folder`.
pub fn sink_in(folder: &Path, table: &str, host: Arc<TestHost>) -> Result<SinkObject, Fault> {
    let mut table: toml::Table = table.parse().expect("TOML");
    table.remove("type");
    let json = table_with_folder(&table, folder)?;
    let plugins = linked();
    let bind = plugins.iter().find(|plugin| plugin.name() == "bind").expect("bind is linked");
    bind.sink(&json, host)
}

pub fn sink(table: &str) -> SinkObject {
    try_sink(table).unwrap_or_else(|fault| panic!("{fault}\n{table}"))
}

/// A table with the directory, and lines of the test's own.
pub fn table(directory: &Path, lines: &str) -> String {
    format!("directory = {:?}\n{lines}\n", directory.to_str().unwrap())
}

/// A zone to publish.
#[derive(Clone)]
pub struct Publication {
    pub name: String,
    pub head: ZoneHead,
    pub records: Vec<Record>,
}

impl Publication {
    /// The apex of `name` with these addresses.
    pub fn new(name: &str, serial: u32, addresses: &[&str]) -> Publication {
        let records = addresses.iter().map(|ip| Record::new(0, ip.parse().unwrap())).collect();
        let mut head = ZoneHead::new(vec![Owner::new("@", 10)], serial);
        head.header = Some(HEADER.to_owned());
        Publication { name: name.to_owned(), head, records }
    }

    pub fn header(mut self, text: &str) -> Publication {
        self.head.header = Some(text.to_owned());
        self
    }

    pub fn publish(&self, sink: &SinkObject) -> Result<u32, Fault> {
        sink.publish(&Zone::new(&self.name, self.head.clone(), &self.records, &[], &[]))
    }
}

/// Owners by name and addresses, in order.
pub fn addresses(served: &Served) -> Vec<(String, IpAddr)> {
    let mut all: Vec<_> = served
        .records
        .iter()
        .map(|record| (served.owners[record.owner as usize].name.clone(), record.ip))
        .collect();
    all.sort();
    all
}

/// What an apex with these addresses looks like in [`addresses`].
pub fn apex(addresses: &[&str]) -> Vec<(String, IpAddr)> {
    let mut all: Vec<_> =
        addresses.iter().map(|ip| ("@".to_owned(), ip.parse().unwrap())).collect();
    all.sort();
    all
}

/// Names in a directory, in order.
pub fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
