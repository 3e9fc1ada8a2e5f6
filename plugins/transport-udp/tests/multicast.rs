//! Multicast on the loopback interface. Nothing leaves the machine. IPv6, which has no
//! multicast route there, is in `interfaces.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{End, shared_port};
use rais_sdk::FaultKind;

#[test]
fn every_binder_in_the_group_hears_a_datagram() {
    for groups in ["", "groups = [\"224.0.0.253\"]", "groups = [\"239.255.0.1\", \"224.0.0.253\"]"]
    {
        let (_holder, port) = shared_port("0.0.0.0");
        let table = format!("mode = \"multicast\"\nport = {port}\ninterfaces = [\"lo\"]\n{groups}");
        let binders = [End::binder(&table), End::binder(&table)];
        let monitor = End::monitor(&table);
        monitor.transport.send(b"beat").unwrap();
        let copies = groups.matches(", ").count() + 1;
        for binder in &binders {
            binder.hears(&vec![("127.0.0.1", &b"beat"[..]); copies]);
        }
    }
}

#[test]
fn a_binder_of_another_group_hears_nothing() {
    let (_holder, port) = shared_port("0.0.0.0");
    let table = |group: &str| {
        format!("mode = \"multicast\"\nport = {port}\ninterfaces = [\"lo\"]\ngroups = [{group}]")
    };
    let ours = End::binder(&table("\"239.255.53.69\""));
    let theirs = End::binder(&table("\"239.255.53.70\""));
    End::monitor(&table("\"239.255.53.69\"")).transport.send(b"ours").unwrap();
    ours.hears(&[("127.0.0.1", b"ours")]);
    End::monitor(&table("\"239.255.53.70\"")).transport.send(b"theirs").unwrap();
    theirs.hears(&[("127.0.0.1", b"theirs")]);
}

#[test]
fn a_datagram_that_may_have_passed_a_router_is_refused_counted_and_told_once() {
    let (_holder, port) = shared_port("0.0.0.0");
    let table = format!("mode = \"multicast\"\nport = {port}\ninterfaces = [\"lo\"]");
    let binder = End::binder(&table);
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    socket.set_multicast_if_v4(&std::net::Ipv4Addr::LOCALHOST).unwrap();
    let group: std::net::SocketAddr = format!("239.255.53.69:{port}").parse().unwrap();
    let send = |hops: u32, data: &[u8]| {
        socket.set_multicast_ttl_v4(hops).unwrap();
        socket.send_to(data, &group.into()).unwrap();
    };
    for hops in [1, 64, 254] {
        send(hops, b"far");
    }
    send(255, b"near");
    binder.hears(&[("127.0.0.1", b"near")]);
    assert_eq!(binder.said("with a hop limit of 1 left"), 1);
    assert_eq!(binder.said("with a hop limit of"), 1);
    // In the end also those that came after it was told.
    send(254, b"far");
    send(255, b"near");
    binder.hears(&[("127.0.0.1", b"near")]);
    binder.transport.stop();
    assert_eq!(binder.said("4 datagrams to a group were refused"), 1);
}

#[test]
fn no_interface_to_send_on_is_a_fault() {
    let monitor = End::monitor("mode = \"multicast\"\ninterfaces = [\"nosuchdev0\"]");
    let fault = monitor.transport.send(b"beat").unwrap_err();
    assert_eq!(fault.kind, FaultKind::Io);
    assert_eq!(fault.text, "no interface to send multicast on");
}
