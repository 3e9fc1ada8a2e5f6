//! Who listens, by real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use rais_plugin_probe_udp::Udp;
use rais_sdk::testing::probe;
use rais_sdk::{Fault, FaultKind, Up};
use socket2::{Domain, Socket, Type};

const AMPLE: Duration = Duration::from_secs(20);

/// A socket that is bound at a free port, and the port.
fn bound(ip: &str, set: impl FnOnce(&Socket)) -> (Socket, u16) {
    let at = SocketAddr::new(ip.parse().unwrap(), 0);
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, None).unwrap();
    set(&socket);
    socket.bind(&at.into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

fn ask(ip: &str, port: u16) -> Result<Up, Fault> {
    probe::<Udp>("", (ip.parse::<IpAddr>().unwrap(), port).into(), AMPLE)
}

fn down(text: &str) -> Result<Up, Fault> {
    Err(Fault::down(text))
}

fn assert_up(ip: &str, port: u16) {
    let up = ask(ip, port).unwrap_or_else(|fault| panic!("{ip}: {fault}"));
    assert!(up.took < AMPLE);
    assert_eq!((up.load, up.detail.as_str()), (None, ""));
}

#[test]
fn a_listener_is_up_until_it_is_gone() {
    for ip in ["127.0.0.1", "::1"] {
        let (socket, port) = bound(ip, |_| {});
        assert_up(ip, port);
        drop(socket);
        assert_eq!(ask(ip, port), down("no process listens"));
    }
}

#[test]
fn nothing_is_sent_to_a_listener() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert_up("127.0.0.1", socket.local_addr().unwrap().port());
    socket.set_nonblocking(true).unwrap();
    let nothing = socket.recv(&mut [0; 1]).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_socket_at_all_addresses_listens_at_each_of_its_family() {
    let (_four, port) = bound("0.0.0.0", |_| {});
    assert_up("127.0.0.1", port);
    assert_up("127.0.0.2", port);
    assert_eq!(ask("::1", port), down("no process listens there, but at 0.0.0.0"));

    let (_both, port) = bound("::", |socket| socket.set_only_v6(false).unwrap());
    assert_up("::1", port);
    assert_up("127.0.0.1", port);

    let (_six, port) = bound("::", |socket| socket.set_only_v6(true).unwrap());
    assert_up("::1", port);
    assert_eq!(ask("127.0.0.1", port), down("no process listens there, but at ::"));
}

#[test]
fn a_socket_at_another_address_does_not_count() {
    let (_socket, port) = bound("127.0.0.2", |_| {});
    assert_up("127.0.0.2", port);
    assert_eq!(ask("127.0.0.1", port), down("no process listens there, but at 127.0.0.2"));
}

#[test]
fn a_socket_with_a_peer_is_no_listener() {
    for ip in ["127.0.0.1", "::1"] {
        let (socket, port) = bound(ip, |_| {});
        let peer = UdpSocket::bind((ip, 0)).unwrap();
        socket.connect(&peer.local_addr().unwrap().into()).unwrap();
        assert_eq!(ask(ip, port), down("no process listens"));
    }
}

#[test]
fn a_socket_of_one_interface_listens() {
    let (_socket, port) = bound("0.0.0.0", |socket| socket.bind_device(Some(b"lo")).unwrap());
    assert_up("127.0.0.1", port);
}

#[test]
fn other_hosts_are_not_judged_by_the_sockets_of_this_one() {
    let (_socket, port) = bound("::", |socket| socket.set_only_v6(false).unwrap());
    // For documentation (RFC 5737, RFC 3849): nobody has them.
    for ip in ["192.0.2.1", "2001:db8::1"] {
        let fault = ask(ip, port).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unknown);
        let wanted = format!("{ip} is no address of this host: only with `send` can it be asked");
        assert_eq!(fault.text, wanted);
    }
}
