//! Broadcast on the loopback interface, whose subnet is 127.0.0.0/8. Nothing leaves the machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{End, shared_port};
use rais_sdk::FaultKind;

#[test]
fn every_binder_on_the_machine_hears_a_broadcast() {
    for interfaces in ["[\"lo\"]", "[\"127.0.0.0/8\"]"] {
        let (_holder, port) = shared_port("0.0.0.0");
        let table = format!("port = {port}\ninterfaces = {interfaces}");
        let binders = [End::binder(&table), End::binder(&table)];
        let monitor = End::monitor(&table);
        monitor.transport.send(b"beat").unwrap();
        for binder in &binders {
            binder.hears(&[("127.0.0.1", b"beat")]);
        }
        assert_eq!(monitor.said(&format!("sends to 127.255.255.255:{port} from 127.0.0.1")), 1);
    }
}

#[test]
fn a_host_with_both_roles_hears_itself() {
    let (_holder, port) = shared_port("0.0.0.0");
    let both = End::binder(&format!("port = {port}\ninterfaces = [\"lo\"]"));
    both.transport.send(b"beat").unwrap();
    both.hears(&[("127.0.0.1", b"beat")]);
}

#[test]
fn no_interface_to_send_on_is_a_fault() {
    for interfaces in ["[\"nosuchdev0\"]", "[\"192.0.2.128/32\"]", "[\"::1/128\"]"] {
        let monitor = End::monitor(&format!("interfaces = {interfaces}"));
        let fault = monitor.transport.send(b"beat").unwrap_err();
        assert_eq!(fault.kind, FaultKind::Io);
        assert_eq!(fault.text, "no interface to broadcast on");
    }
}
