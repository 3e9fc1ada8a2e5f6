//! Unicast on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use common::{End, alone};
use rais_sdk::FaultKind;
use socket2::{Domain, Socket, Type};

#[test]
fn a_datagram_arrives_with_its_senders_address() {
    for ip in ["127.0.0.1", "::1"] {
        let (binder, port) = alone(ip);
        let monitor =
            End::monitor(&format!("mode = \"unicast\"\nport = {port}\npeers = [\"{ip}\"]"));
        monitor.transport.send(b"beat").unwrap();
        binder.hears(&[(ip, b"beat")]);
    }
}

#[test]
fn every_peer_is_sent_every_datagram() {
    let (one, one_port) = alone("127.0.0.1");
    let (two, two_port) = alone("::1");
    let peers = format!("peers = [\"127.0.0.1:{one_port}\", \"[::1]:{two_port}\"]");
    let monitor = End::monitor(&format!("mode = \"unicast\"\n{peers}"));
    for data in [&b"1"[..], b"22", b"333"] {
        monitor.transport.send(data).unwrap();
    }
    one.hears(&[("127.0.0.1", b"1"), ("127.0.0.1", b"22"), ("127.0.0.1", b"333")]);
    two.hears(&[("::1", b"1"), ("::1", b"22"), ("::1", b"333")]);
}

#[test]
fn both_families_arrive_at_the_unspecified_ipv6_address_as_what_they_are() {
    let (binder, port) = alone("::");
    let peers = format!("peers = [\"127.0.0.1:{port}\", \"[::1]:{port}\"]");
    End::monitor(&format!("mode = \"unicast\"\n{peers}")).transport.send(b"beat").unwrap();
    binder.hears(&[("127.0.0.1", b"beat"), ("::1", b"beat")]);
}

#[test]
fn more_than_one_batch_and_the_longest_beat_arrive_whole() {
    let (binder, port) = alone("127.0.0.1");
    let monitor = End::monitor(&format!("mode = \"unicast\"\npeers = [\"127.0.0.1:{port}\"]"));
    let beat: Vec<u8> = (0..1200).map(|i| u8::try_from(i % 251).unwrap()).collect();
    for _ in 0..10 {
        // Fewer at once than the smallest receive buffer holds.
        for _ in 0..20 {
            monitor.transport.send(&beat).unwrap();
        }
        let heard = binder.take(20);
        assert_eq!(heard.len(), 20);
        assert!(heard.iter().all(|(_, data)| *data == beat));
    }
}

#[test]
fn a_peer_that_cannot_be_sent_to_keeps_nobody_else_from_hearing_and_is_said_once() {
    let (binder, port) = alone("127.0.0.1");
    // From a socket without SO_BROADCAST the broadcast address is refused by the system.
    let peers = format!("peers = [\"127.255.255.255:{port}\", \"127.0.0.1:{port}\"]");
    let monitor = End::monitor(&format!("mode = \"unicast\"\n{peers}"));
    for _ in 0..5 {
        monitor.transport.send(b"beat").unwrap();
    }
    assert_eq!(binder.take(5).len(), 5);
    assert_eq!(monitor.said("cannot send to 127.255.255.255"), 1, "{:?}", monitor.bench.lines());
}

#[test]
fn nobody_reached_is_a_fault() {
    let monitor = End::monitor("mode = \"unicast\"\npeers = [\"127.255.255.255\"]");
    let fault = monitor.transport.send(b"beat").unwrap_err();
    assert_eq!(fault.kind, FaultKind::Io);
    assert!(fault.text.contains("127.255.255.255:5369"), "{fault}");
}

#[test]
fn the_missing_half_is_named() {
    let monitor = "mode = \"unicast\"\npeers = [\"127.0.0.1\"]";
    let fault = End::try_binder(monitor).err().unwrap();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "listen"), "{fault}");

    let (binder, _) = alone("127.0.0.1");
    let fault = binder.transport.send(b"beat").unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "peers"), "{fault}");
}

#[test]
fn an_address_in_use_is_a_fault_that_names_it() {
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let table = format!("mode = \"unicast\"\nlisten = \"{address}\"");
    let fault = End::try_binder(&table).err().unwrap();
    assert_eq!(fault.kind, FaultKind::Io);
    assert!(fault.text.contains(&address.to_string()), "{fault}");
}

#[test]
fn another_table_takes_the_address_over_once_it_is_given_back() {
    let (old, port) = alone("127.0.0.1");
    let table = format!("mode = \"unicast\"\nlisten = \"127.0.0.1:{port}\"\npeers = [\"::1\"]");
    let new = End::monitor(&table);
    let start = |end: &End| end.transport.start(Arc::new(end.heard.clone()));
    assert_eq!(start(&new).unwrap_err().kind, FaultKind::Io);
    old.transport.stop();
    // A refused start leaves nothing behind that would stand in the way of the next.
    start(&new).unwrap();
    let monitor = End::monitor(&format!("mode = \"unicast\"\npeers = [\"127.0.0.1:{port}\"]"));
    monitor.transport.send(b"beat").unwrap();
    new.hears(&[("127.0.0.1", b"beat")]);
    // Nobody shares it, not even one who would.
    let other = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    other.set_reuse_address(true).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    assert_eq!(other.bind(&address.into()).unwrap_err().kind(), ErrorKind::AddrInUse);
}
