//! A dead server on a port that the system also gives to clients.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use nix::unistd::Uid;
use rais_plugin_probe_udp::Udp;
use rais_sdk::FaultKind;
use rais_sdk::testing::probe;

/// Makes the very port that is probed the only one that the system can give to the probe, in a
/// network of this test's own.
#[test]
fn a_socket_of_the_probe_that_hears_itself_is_no_server() {
    const TEST: &str = "a_socket_of_the_probe_that_hears_itself_is_no_server";
    const INSIDE: &str = "RAIS_TEST_OWN_NETWORK";

    if std::env::var_os(INSIDE).is_none() {
        let mut unshare = Command::new("unshare");
        unshare.arg("--net");
        if !Uid::effective().is_root() {
            unshare.args(["--user", "--map-root-user"]);
        }
        let this = std::env::current_exe().unwrap();
        unshare.arg(this).args(["--exact", TEST, "--nocapture"]).env(INSIDE, "1");
        assert!(unshare.status().unwrap().success(), "{TEST}, in a network of its own");
        return;
    }
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    assert!(up.unwrap().success());
    for (ip, control, probed) in [("127.0.0.1", 40_000, 40_001), ("::1", 40_002, 40_003)] {
        let ip: IpAddr = ip.parse().unwrap();
        only_port(control);
        let plain = UdpSocket::bind((ip, 0)).unwrap();
        plain.connect((ip, control)).unwrap();
        plain.send(b"ping").unwrap();
        assert_eq!(plain.recv(&mut [0; 4]).unwrap(), 4);

        only_port(probed);
        let outcome = probe::<Udp>("send = 'ping'", (ip, probed).into(), Duration::from_secs(20));
        let fault = outcome.unwrap_err();
        assert_eq!((fault.kind, fault.text.as_str()), (FaultKind::Down, "connection refused"));
    }
}

fn only_port(port: u16) {
    fs::write("/proc/sys/net/ipv4/ip_local_port_range", format!("{port} {port}")).unwrap();
}
