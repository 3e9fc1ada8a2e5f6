//! The transport on loopback, through the plugin boundary.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use rais_plugin_plugin_kind_plugin_name::PluginName;
use rais_sdk::host::TransportObject;
use rais_sdk::testing::{Bench, Deliveries, samples_parse};
use rais_sdk::{Fault, FaultKind, Transport};

/// Far more than it takes.
const AMPLE: Duration = Duration::from_secs(20);

fn transport(table: &str) -> Result<TransportObject, Fault> {
    Bench::new().transport::<PluginName>(table)
}

/// A binder that listens on `ip`, where it puts what it hears, and at which port.
fn binder(ip: &str) -> (TransportObject, Deliveries, u16) {
    loop {
        let free = UdpSocket::bind((ip, 0)).unwrap().local_addr().unwrap();
        let binder = transport(&format!("listen = \"{free}\"")).unwrap();
        let heard = Deliveries::new();
        // Not if somebody else has taken the port meanwhile.
        if binder.start(Arc::new(heard.clone())).is_ok() {
            return (binder, heard, free.port());
        }
    }
}

#[test]
fn every_peer_hears_a_beat_and_who_sent_it() {
    let (one, by_one, first) = binder("127.0.0.1");
    let (two, by_two, second) = binder("::1");
    let peers = format!("peers = [\"127.0.0.1:{first}\", \"[::1]:{second}\"]");
    let monitor = transport(&peers).unwrap();
    monitor.send(b"beat").unwrap();
    for (heard, ip) in [(by_one, "127.0.0.1"), (by_two, "::1")] {
        let heard = heard.take(1, AMPLE);
        assert_eq!(heard.len(), 1);
        let (from, data) = &heard[0];
        assert_eq!(from.unwrap().ip().to_string(), ip);
        assert_eq!(data, b"beat");
    }
    for transport in [one, two, monitor] {
        transport.stop();
    }
}

#[test]
fn an_address_in_use_is_a_fault_that_names_it() {
    let (binder, _, port) = binder("127.0.0.1");
    let second = transport(&format!("listen = \"127.0.0.1:{port}\"")).unwrap();
    let fault = second.start(Arc::new(Deliveries::new())).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Io);
    assert!(
        fault
            .text
            .starts_with(&format!("cannot listen at 127.0.0.1:{port}: ")),
        "{fault}"
    );
    binder.stop();
}

#[test]
fn a_wrong_table_is_refused_by_its_key() {
    for (table, key) in [
        ("", "peers"),
        ("listen = \"here\"", "listen"),
        ("peers = [\"192.0.2.53:5369\", \"there\"]", "peers[1]"),
        ("peer = \"192.0.2.53:5369\"", "peer"),
    ] {
        let fault = transport(table).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, key));
    }
}

#[test]
fn a_role_without_its_key_is_told_which() {
    let monitor = transport("peers = [\"127.0.0.1:5369\"]").unwrap();
    assert_eq!(
        monitor.start(Arc::new(Deliveries::new())).unwrap_err().at,
        "listen"
    );
    let binder = transport("listen = \"127.0.0.1:5369\"").unwrap();
    assert_eq!(binder.send(b"beat").unwrap_err().at, "peers");
}

#[test]
fn the_sample_makes_a_transport_and_stands_in_the_readme() {
    assert_eq!(samples_parse(), Ok(1));
    let (readme, sample) = (include_str!("../README.md"), PluginName::SAMPLE);
    assert!(
        readme.contains(sample),
        "README.md differs from sample.toml"
    );
}
