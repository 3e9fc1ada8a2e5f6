//! The probe against real sockets, through the plugin boundary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rais_plugin_probe_tcp::Tcp;
use rais_sdk::testing::probe;
use rais_sdk::{Describe, FaultKind, Need, OptionInfo, Probe};
use socket2::{Domain, Socket, Type};

const AMPLE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

fn any_port(ip: &str) -> SocketAddr {
    SocketAddr::new(ip.parse().unwrap(), 0)
}

fn local_address(socket: &Socket) -> SocketAddr {
    socket.local_addr().unwrap().as_socket().unwrap()
}

#[test]
fn a_listener_is_up_and_sees_an_ordinary_close() {
    for ip in ["127.0.0.1", "::1"] {
        let listener = TcpListener::bind(any_port(ip)).unwrap();
        let up = probe::<Tcp>("", listener.local_addr().unwrap(), AMPLE).unwrap();
        assert!(up.took > Duration::ZERO && up.took < AMPLE, "{:?}", up.took);
        assert_eq!((up.load, up.detail.as_str()), (None, ""));

        let (mut server_side, _) = listener.accept().unwrap();
        assert_eq!(server_side.read(&mut [0; 1]).unwrap(), 0, "data, or a reset, on {ip}");
    }
}

#[test]
fn a_port_without_listener_is_down() {
    for ip in ["127.0.0.1", "::1"] {
        let address = any_port(ip);
        // Bound and not listening: nobody else can get the port meanwhile.
        let holder = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        holder.bind(&address.into()).unwrap();
        let fault = probe::<Tcp>("", local_address(&holder), AMPLE).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Down, "{fault}");
        assert_eq!(fault.to_string(), "connection refused");
    }
}

#[test]
fn a_full_backlog_is_a_timeout_and_never_up() {
    for ip in ["127.0.0.1", "::1"] {
        let address = any_port(ip);
        let listener = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        listener.bind(&address.into()).unwrap();
        listener.listen(1).unwrap();
        let address = local_address(&listener);
        let queued = fill(address);
        for _ in 0..3 {
            let fault = probe::<Tcp>("", address, SHORT).unwrap_err();
            assert_eq!(fault.kind, FaultKind::Timeout, "{fault}");
            assert_eq!(fault.at, "connecting");
        }
        drop(queued);
    }
}

/// Connects until the listener, which accepts nothing, lets no more in.
fn fill(address: SocketAddr) -> Vec<TcpStream> {
    let mut queued = Vec::new();
    loop {
        match TcpStream::connect_timeout(&address, Duration::from_millis(500)) {
            Ok(stream) => queued.push(stream),
            Err(e) if e.kind() == io::ErrorKind::TimedOut => return queued,
            Err(e) => panic!("{e}"),
        }
        assert!(queued.len() < 16, "the backlog never fills");
    }
}

#[test]
fn a_missing_port_is_a_configuration_fault() {
    let fault = probe::<Tcp>("", any_port("127.0.0.1"), AMPLE).unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "port"));
}

#[test]
fn tables_are_refused_at_their_keys() {
    for (table, wanted) in [
        ("prot = 1", "prot: unknown field `prot`"),
        ("tls = true", "tls: invalid type: boolean"),
        ("tls = { nam = 'a' }", "tls.nam: unknown field `nam`"),
        ("tls = { ca = '/nowhere.pem' }", "tls.ca: /nowhere.pem: cannot be read"),
        ("send = ''", "send: is empty"),
        ("send = 'a'\nsend_hex = '00'", "send_hex: `send` is there too"),
        ("send_hex = '0'", "send_hex: invalid value"),
        ("expect = '(220'", "expect: `(220` is no regular expression: unclosed group"),
        ("expect = '.*'", "expect: `.*` matches without an answer"),
        ("expect = 'a'\nexpect_hex = '00'", "expect_hex: `expect` is there too"),
        ("expect_hex = 'xx'", "expect_hex: invalid value"),
    ] {
        let fault = probe::<Tcp>(table, any_port("127.0.0.1"), AMPLE).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Config, "{table}: {fault}");
        assert!(fault.to_string().starts_with(wanted), "{table}: {fault}");
    }
}

#[test]
fn the_sample_makes_a_probe_and_stands_in_the_readme() {
    assert_eq!(rais_sdk::testing::samples_parse(), Ok(1));
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("```toml\n{}```\n", Tcp::SAMPLE)), "sample.toml differs");
}

#[test]
fn what_is_told_of_the_keys_is_what_the_readme_says() {
    let readme = include_str!("../README.md");
    let told = <<Tcp as Probe>::Config as Describe>::options();
    assert_eq!(told.len(), 5);
    let inner = |key: &OptionInfo| {
        let (name, inner) = (key.name.clone(), key.inner.clone());
        inner.into_iter().map(move |mut key| {
            key.name = format!("{name}.{}", key.name);
            key
        })
    };
    for key in told.iter().flat_map(inner).chain(told.clone()) {
        let name = format!("`{}`", key.name);
        let row = readme.lines().find(|line| line.starts_with("| `") && line.contains(&name));
        let row = row.unwrap_or_else(|| panic!("README.md lacks {name}"));
        let default = row.split(" | ").nth(1).unwrap().trim_matches('`');
        match &key.need {
            Need::Default(text) => assert_eq!(default, text, "{name}"),
            need => assert_eq!(need, &Need::Optional, "{name}"),
        }
        assert!(!key.text.is_empty() && key.kind != "value", "{key:?}");
    }
}
