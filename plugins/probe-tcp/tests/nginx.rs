//! The probe and a real server that speaks TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use rais_plugin_probe_tcp::Tcp;
use rais_sdk::host::ProbeCall;
use rais_sdk::testing::Bench;
use rais_sdk::{Fault, Target, Up};
use support::Nginx;

const GET: &str = "send = \"GET / HTTP/1.0\\r\\n\\r\\n\"\nexpect = 'reused='";

/// As many probes of one table.
fn probes<const N: usize>(nginx: &Nginx, table: &str) -> [Result<Up, Fault>; N] {
    let bench = Bench::in_folder(nginx.folder());
    let probe = bench.probe::<Tcp>(table).unwrap();
    std::array::from_fn(|_| {
        let target = Target::new(nginx.address, "web1", "www");
        let call = ProbeCall { target, timeout: Duration::from_secs(30) };
        bench.block_on(probe.start(call)).unwrap()
    })
}

#[test]
fn a_server_is_up_that_speaks_tls_and_says_what_it_should() {
    let nginx = Nginx::start();
    let table = format!("tls = {{ ca = 'ca.pem', name = 'www.example' }}\n{GET}");
    let [Ok(up)] = probes(&nginx, &table) else { panic!() };
    assert_eq!(up.detail, "HTTP/1.1 200 OK");
    let [Ok(up)] = probes(&nginx, "tls = { ca = 'ca.pem', name = 'www.example' }") else {
        panic!()
    };
    assert_eq!(up.detail, "");
}

#[test]
fn certificates_and_answers_that_are_not_as_they_should_be_are_down() {
    let nginx = Nginx::start();
    let [other] = probes(&nginx, "tls = { ca = 'ca.pem' }");
    assert_eq!(other, Err(Fault::down("certificate is for another name: www.example")));
    let [plain] = probes(&nginx, GET);
    assert_eq!(plain, Err(Fault::down("another answer: HTTP/1.1 400 Bad Request")));
}

#[test]
fn the_next_probe_resumes_the_session() {
    let nginx = Nginx::start();
    for tls in ["tls = { verify = 'none' }", "tls = { verify = 'none', resume = 'off' }"] {
        let table = format!("{tls}\n{}", GET.replace("reused=", "reused=r"));
        let first = Err(Fault::down("another answer: HTTP/1.1 200 OK"));
        let [one, two, three] = probes(&nginx, &table);
        assert_eq!(one, first);
        assert_eq!((two.is_ok(), three.is_ok()), (!tls.contains("off"), !tls.contains("off")));
    }
}
