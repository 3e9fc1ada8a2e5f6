//! Interfaces that come and go, each test in a network of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use common::{End, until};
use nix::unistd::Uid;

/// Runs `body` in this process if that has its own network, else this very test in one that has.
#[track_caller]
fn in_a_network_of_its_own(test: &str, body: fn()) {
    const INSIDE: &str = "RAIS_TEST_OWN_NETWORK";

    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let mut unshare = Command::new("unshare");
    unshare.arg("--net");
    if !Uid::effective().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    let this = std::env::current_exe().unwrap();
    let status = unshare.arg(this).args(["--exact", test, "--nocapture"]).env(INSIDE, "1").status();
    assert!(status.unwrap().success(), "{test}, in a network of its own");
}

#[track_caller]
fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status();
    assert!(status.unwrap().success(), "ip {arguments}");
}

/// An Ethernet on which nobody else is.
#[track_caller]
fn plug_in() {
    ip("link add v0 type veth peer name v1");
    ip("link set v1 up");
    ip("link set v0 up");
}

/// From whom `binder` hears what `monitor` sends now; nothing while it cannot send.
fn heard_from(binder: &End, monitor: &End) -> BTreeSet<String> {
    let everything = || binder.heard.take(usize::MAX, Duration::from_millis(20));
    let _ = everything();
    let _ = monitor.transport.send(b"beat");
    let senders = everything().into_iter().filter_map(|(from, _)| from);
    senders.map(|from| from.ip().to_string()).collect()
}

#[track_caller]
fn until_heard_from(binder: &End, monitor: &End, expected: &[&str]) {
    let mut heard = BTreeSet::new();
    let expected = expected.iter().map(|ip| (*ip).to_owned()).collect();
    until(
        || {
            heard = heard_from(binder, monitor);
            heard == expected
        },
        &format!("not {expected:?}"),
    );
}

#[test]
fn broadcast_follows_interfaces_and_addresses() {
    in_a_network_of_its_own("broadcast_follows_interfaces_and_addresses", || {
        let (binder, monitor) = (End::binder(""), End::monitor(""));
        let fault = monitor.transport.send(b"beat").unwrap_err();
        assert_eq!(fault.text, "no interface to broadcast on");

        plug_in();
        // Without `brd`: the interface then tells no broadcast address.
        ip("address add 192.0.2.1/24 dev v0");
        until_heard_from(&binder, &monitor, &["192.0.2.1"]);

        ip("address add 198.51.100.1/25 brd + dev v0");
        until_heard_from(&binder, &monitor, &["192.0.2.1", "198.51.100.1"]);
        assert_eq!(monitor.said("sends to 198.51.100.127:5369 from 198.51.100.1"), 1);

        ip("address delete 192.0.2.1/24 dev v0");
        until_heard_from(&binder, &monitor, &["198.51.100.1"]);
        assert_eq!(monitor.said("no longer sends to 192.0.2.255:5369 from 192.0.2.1"), 1);

        ip("link delete v0");
        until(|| monitor.transport.send(b"beat").is_err(), "sends on an interface that is no more");

        plug_in();
        ip("address add 198.51.100.1/25 dev v0");
        until_heard_from(&binder, &monitor, &["198.51.100.1"]);
    });
}

#[test]
fn a_change_that_sending_runs_into_is_followed_at_once() {
    in_a_network_of_its_own("a_change_that_sending_runs_into_is_followed_at_once", || {
        plug_in();
        ip("address add 192.0.2.1/24 dev v0");
        let (binder, monitor) = (End::binder(""), End::monitor(""));
        for (gone, new) in [("192.0.2.1", "192.0.2.2"), ("192.0.2.2", "192.0.2.3")] {
            monitor.transport.send(b"before").unwrap();
            binder.hears(&[(gone, b"before")]);
            ip(&format!("address delete {gone}/24 dev v0"));
            ip(&format!("address add {new}/24 dev v0"));
            monitor.transport.send(b"after").unwrap();
            binder.hears(&[(new, b"after")]);
        }
    });
}

#[test]
fn multicast_of_both_families_follows_interfaces() {
    in_a_network_of_its_own("multicast_of_both_families_follows_interfaces", || {
        let table = "mode = \"multicast\"\ninterfaces = [\"v0\"]\n\
                     groups = [\"239.255.53.69\", \"ff02::5369\"]";
        let (binder, monitor) = (End::binder(table), End::monitor(table));
        // Deleted and made again, it has another index.
        for _ in 0..2 {
            plug_in();
            ip("address add 192.0.2.1/24 dev v0");
            ip("address add 2001:db8::1/64 dev v0 nodad");
            until_heard_from(&binder, &monitor, &["192.0.2.1", "2001:db8::1"]);

            // Nothing is told of this by a look a second later.
            ip("address flush dev v0");
            ip("address add 192.0.2.2/24 dev v0");
            ip("address add 2001:db8::2/64 dev v0 nodad");
            until_heard_from(&binder, &monitor, &["192.0.2.2", "2001:db8::2"]);

            ip("link set v0 down");
            until(
                || monitor.transport.send(b"beat").is_err(),
                "sends on an interface that is down",
            );
            ip("link set v0 up");
            until(|| !heard_from(&binder, &monitor).is_empty(), "deaf after an interface was down");
            ip("link delete v0");
        }
    });
}

#[test]
fn an_interface_without_other_ipv6_address_speaks_from_its_link_local_one() {
    let name = "an_interface_without_other_ipv6_address_speaks_from_its_link_local_one";
    in_a_network_of_its_own(name, || {
        let table = "mode = \"multicast\"\ninterfaces = [\"v0\"]\ngroups = [\"ff02::5369\"]";
        let (binder, monitor) = (End::binder(table), End::monitor(table));
        ip("link add v0 address 02:00:00:00:00:01 type veth peer name v1");
        ip("link set v1 up");
        ip("link set v0 up");
        until_heard_from(&binder, &monitor, &["fe80::ff:fe00:1"]);
    });
}

#[test]
fn a_list_of_ranges_chooses_addresses() {
    in_a_network_of_its_own("a_list_of_ranges_chooses_addresses", || {
        plug_in();
        ip("link set lo up");
        ip("address add 192.0.2.1/24 dev v0");
        ip("address add 198.51.100.1/24 dev v0");
        let binder = End::binder("");
        for (interfaces, heard) in [
            ("[\"198.51.100.0/24\"]", &["198.51.100.1"][..]),
            ("[\"0.0.0.0/0\"]", &["192.0.2.1", "198.51.100.1"]),
            ("[\"lo\", \"192.0.2.0/25\"]", &["127.0.0.1", "192.0.2.1"]),
        ] {
            let monitor = End::monitor(&format!("interfaces = {interfaces}"));
            until_heard_from(&binder, &monitor, heard);
        }
    });
}
