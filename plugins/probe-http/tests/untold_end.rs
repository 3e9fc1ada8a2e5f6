//! Servers that end a connection with TLS without a word (close_notify), as many do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rais_http::testing::Authority;
use rais_plugin_probe_http::Http;
use rais_sdk::testing::Bench;
use rais_sdk::{Fault, Up};
use rais_tls::rustls::crypto::ring;
use rais_tls::rustls::pki_types::pem::PemObject;
use rais_tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rais_tls::rustls::{ServerConfig, ServerConnection, StreamOwned};

const AMPLE: Duration = Duration::from_secs(20);

/// What the probe says of a server that gives `answer` and ends so.
fn probe(answer: &'static str) -> Result<Up, Fault> {
    let authority = Authority::new();
    let identity = authority.sign("127.0.0.1");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(identity.certificate).unwrap()],
            PrivateKeyDer::from_pem_file(identity.key).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut room = [0; 1024];
            let size = stream.read(&mut room).unwrap();
            request.extend_from_slice(&room[..size]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        stream.flush().unwrap();
    });
    let table = "scheme = \"https\"\nbody = \"well\"\ntls = { ca = \"ca.pem\" }";
    let outcome = Bench::in_folder(authority.folder()).run_probe::<Http>(table, address, AMPLE);
    server.join().unwrap();
    outcome
}

#[test]
fn a_page_without_a_length_is_whole_then() {
    let up = probe("HTTP/1.1 200 OK\r\n\r\nwell").unwrap();
    assert!(up.detail.starts_with("200 OK, "), "{}", up.detail);
}

#[test]
fn half_a_page_with_a_length_is_not() {
    let fault = probe("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nwell").unwrap_err();
    assert_eq!(fault.to_string(), "connection closed within the body");
}
