//! What the tests of this sink share: zones to publish, real name servers, a relay in between.
// Each test binary uses a part, and none is a crate that others link.
#![allow(dead_code, unreachable_pub)]

pub mod relay;
pub mod server;

/// One test for each make of server.
#[allow(unused_macros)] // each test binary uses a part
macro_rules! beside_each {
    ($($test:ident)*) => {$(
        mod $test {
            use super::Make;

            #[test]
            fn bind() {
                super::$test(Make::Bind);
            }

            #[test]
            fn knot() {
                super::$test(Make::Knot);
            }

            #[test]
            fn powerdns() {
                super::$test(Make::PowerDns);
            }
        }
    )*};
}

use std::net::IpAddr;

use rais_plugin_sink_nsupdate::NsUpdate;
use rais_sdk::host::SinkObject;
use rais_sdk::testing::Bench;
use rais_sdk::{Fault, Owner, Record, Served, Zone, ZoneHead};

/// Makes the sink as a host does, from the body of its table.
pub fn sink(table: &str) -> SinkObject {
    Bench::new().sink::<NsUpdate>(table).unwrap_or_else(|fault| panic!("{fault}\n{table}"))
}

/// A zone to publish.
#[derive(Clone)]
pub struct Publication {
    pub name: String,
    pub head: ZoneHead,
    pub records: Vec<Record>,
}

impl Publication {
    /// These owners of `name`, each with its addresses.
    pub fn new(name: &str, owners: &[(&str, &[&str])]) -> Publication {
        let mut publication = Publication {
            name: name.to_owned(),
            head: ZoneHead::new(Vec::new(), 1),
            records: Vec::new(),
        };
        for (owner, addresses) in owners {
            let addresses = addresses.iter().map(|ip| ip.parse().unwrap());
            publication.add(owner, addresses);
        }
        publication
    }

    pub fn add(&mut self, owner: &str, addresses: impl Iterator<Item = IpAddr>) {
        let index = u32::try_from(self.head.owners.len()).unwrap();
        self.head.owners.push(Owner::new(owner, 10));
        self.records.extend(addresses.map(|ip| Record::new(index, ip)));
    }

    pub fn publish(&self, sink: &SinkObject) -> Result<u32, Fault> {
        sink.publish(&Zone::new(&self.name, self.head.clone(), &self.records, &[], &[]))
    }
}

/// Owners by name and addresses, in order.
pub fn addresses(served: &Served) -> Vec<(String, String)> {
    let mut all: Vec<_> = served
        .records
        .iter()
        .map(|record| (served.owners[record.owner as usize].name.clone(), record.ip.to_string()))
        .collect();
    all.sort();
    all
}

/// What an owner with these addresses looks like in [`addresses`].
pub fn named(owner: &str, addresses: &[&str]) -> Vec<(String, String)> {
    let mut all: Vec<_> = addresses.iter().map(|ip| (owner.to_owned(), (*ip).to_owned())).collect();
    all.sort();
    all
}
