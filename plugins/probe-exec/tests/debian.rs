//! The probe with Debian's own checks, of monitoring-plugins-basic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use rais_plugin_probe_exec::Exec;
use rais_sdk::host::ProbeCall;
use rais_sdk::testing::{Bench, samples_parse};
use rais_sdk::{Fault, FaultKind, Target, Up};
use socket2::{Domain, Socket, Type};

fn probe(table: &str, address: SocketAddr) -> Result<Up, Fault> {
    let probe = Bench::new().blocking_probe::<Exec>(table).unwrap();
    let timeout = Duration::from_secs(60);
    probe.run(ProbeCall { target: Target::new(address, "web1", "www"), timeout })
}

fn dummy(code: u8) -> Result<Up, Fault> {
    let table = format!("argv = ['check_dummy', '{code}', '{{service}} on {{name}}']");
    probe(&table, "192.0.2.1:80".parse().unwrap())
}

#[test]
fn the_sample_makes_a_probe() {
    assert_eq!(samples_parse(), Ok(1));
}

#[test]
fn a_dummy_says_each_of_the_four() {
    let up = dummy(0).unwrap();
    assert_eq!((up.load, up.detail.as_str()), (None, "OK: www on web1"));
    let up = dummy(1).unwrap();
    assert_eq!((up.load, up.detail.as_str()), (Some(1000.0), "WARNING: www on web1"));
    assert_eq!(dummy(2).unwrap_err(), Fault::down("CRITICAL: www on web1"));
    assert_eq!(dummy(3).unwrap_err(), Fault::unknown("UNKNOWN: www on web1"));
}

#[test]
fn a_port_is_up_while_somebody_listens() {
    const TABLE: &str = "argv = ['check_tcp', '-H', '{address}', '-p', '{port}']\n\
                         label = 'time'\nfull = 100";
    for ip in ["127.0.0.1", "::1"] {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let up = probe(TABLE, address).unwrap();
        assert!(up.detail.starts_with("TCP OK - "), "{}", up.detail);
        assert!(up.load.is_some_and(|load| load < 100.0), "{up:?}");

        // Bound and not listening: nobody else can get the port meanwhile.
        let address = SocketAddr::new(ip.parse().unwrap(), 0);
        let holder = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        holder.bind(&address.into()).unwrap();
        let address = holder.local_addr().unwrap().as_socket().unwrap();
        let fault = probe(TABLE, address).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Down);
        assert!(fault.text.contains("Connection refused"), "{fault}");
    }
}

#[test]
fn a_server_that_says_nothing_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let table = "argv = ['check_smtp', '-H', '{address}', '-p', '{port}']";
    let probe = Bench::new().blocking_probe::<Exec>(table).unwrap();
    let target = Target::new(listener.local_addr().unwrap(), "web1", "mail");
    let timeout = Duration::from_millis(500);
    let fault = probe.run(ProbeCall { target, timeout }).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout);
}

#[test]
fn a_disk_that_is_too_full_is_up_and_overloaded() {
    let disk = |warning: &str, critical: &str| {
        let table =
            format!("argv = ['check_disk', '-w', '{warning}', '-c', '{critical}', '-p', '/']");
        probe(&format!("{table}\nlabel = '/'"), "192.0.2.1:80".parse().unwrap())
    };
    let up = disk("0%", "0%").unwrap();
    assert!(up.load.is_some_and(|load| load <= 100.0), "{up:?}");
    assert_eq!(disk("100%", "0%").unwrap().load, Some(1000.0));
    assert_eq!(disk("100%", "100%").unwrap_err().kind, FaultKind::Down);
}

#[test]
fn arguments_that_a_check_does_not_take_are_no_opinion() {
    let fault = probe("argv = ['check_tcp', '--nonsense']", "192.0.2.1:80".parse().unwrap());
    assert_eq!(fault.unwrap_err().kind, FaultKind::Unknown);
}
