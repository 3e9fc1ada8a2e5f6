//! The probe against a real nginx, with TLS and without.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, SystemTime};

use rais_http::testing::{Authority, Nginx};
use rais_plugin_probe_http::Http;
use rais_sdk::host::{Level, ProbeCall, ProbeObject};
use rais_sdk::testing::Bench;
use rais_sdk::{Fault, FaultKind, Target, Up};

const AMPLE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);
const DAY: Duration = Duration::from_secs(24 * 3600);

const WELL: &str = "location / { return 200 well; }";

fn down(outcome: Result<Up, Fault>) -> String {
    let fault = outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Down, "{fault}");
    fault.text
}

/// One probe of `nginx` over TLS, by a table in the folder of the authority's files.
fn probe(authority: &Authority, nginx: &Nginx, table: &str) -> Result<Up, Fault> {
    let table = format!("scheme = \"https\"\n{table}");
    Bench::in_folder(authority.folder()).run_probe::<Http>(&table, nginx.address(), AMPLE)
}

/// The next probe of the same plugin.
fn again(bench: &Bench, probe: &ProbeObject, nginx: &Nginx) -> Result<Up, Fault> {
    let target = Target::new(nginx.address(), "localhost", "test");
    bench.block_on(probe.start(ProbeCall { target, timeout: AMPLE })).unwrap()
}

#[test]
fn pages_of_nginx_are_read() {
    let nginx = Nginx::http(
        "location / { return 200 \"$http_host $http_x_probe $request_method $request_uri\"; }
         location /down { return 503; }
         location /away { absolute_redirect off; return 302 /page?x; }",
    );
    let probe = |table: &str| Bench::new().run_probe::<Http>(table, nginx.address(), AMPLE);
    let up = probe("").unwrap();
    assert!(up.detail.starts_with("200 OK, connect "), "{}", up.detail);
    assert!(up.took > Duration::ZERO && up.took < AMPLE);
    let table = "host = \"www.example\"\nheaders = { X-Probe = \"yes\" }\nmethod = \"POST\"\n\
                 body = \"www.example yes POST /\"";
    assert_eq!(probe(table).map(|_| ()), Ok(()));
    assert_eq!(down(probe("path = \"/down\"")), "status 503");
    assert!(probe("path = \"/away\"").unwrap().detail.starts_with("302 Found, "));
    let followed = probe("path = \"/away\"\nredirects = 1\nbody = \"GET /page?x\"");
    assert!(followed.unwrap().detail.starts_with("200 OK, "));
}

#[test]
fn a_stopped_nginx_is_a_timeout_until_it_goes_on() {
    let nginx = Nginx::http(WELL);
    let probe = |timeout| Bench::new().run_probe::<Http>("", nginx.address(), timeout);
    assert!(probe(AMPLE).is_ok());
    nginx.stop();
    // Its kernel takes the connection.
    let fault = probe(SHORT).unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Timeout, "first byte"));
    nginx.go_on();
    assert!(probe(AMPLE).is_ok());
}

#[test]
fn a_certificate_must_be_of_an_authority_and_for_the_name() {
    let authority = Authority::new();
    let nginx = Nginx::https(&authority.sign("www.example"), WELL);
    let probe = |table: &str| probe(&authority, &nginx, table);

    let up = probe("host = \"www.example\"\ntls = { ca = \"ca.pem\" }").unwrap();
    assert!(up.detail.contains(" ms, TLS "), "{}", up.detail);
    assert!(!up.detail.contains("certificate"), "{}", up.detail);
    assert!(probe("tls = { ca = \"ca.pem\", name = \"www.example\" }").is_ok());
    assert!(probe("tls = { verify = \"none\" }").is_ok());
    // A name in a URL goes with the target's address.
    let port = nginx.address().port();
    let url = format!("url = \"https://www.example:{port}/\"\ntls = {{ ca = \"ca.pem\" }}");
    let bench = Bench::in_folder(authority.folder());
    let target = "127.0.0.1:0".parse().unwrap();
    assert!(bench.run_probe::<Http>(&url, target, AMPLE).is_ok());

    let other = "certificate is for another name: www.example";
    assert_eq!(down(probe("tls = { ca = \"ca.pem\" }")), other);
    assert_eq!(down(probe("host = \"mail.example\"\ntls = { ca = \"ca.pem\" }")), other);
    let unknown = "certificate of an unknown issuer";
    assert_eq!(down(probe("host = \"www.example\"")), unknown);
}

#[test]
fn a_certificate_for_the_address_needs_no_name() {
    let authority = Authority::new();
    let nginx = Nginx::https(&authority.sign("127.0.0.1"), WELL);
    assert!(probe(&authority, &nginx, "tls = { ca = \"ca.pem\" }").is_ok());
}

#[test]
fn an_expired_certificate_is_down_and_one_that_ends_soon_is_told() {
    let authority = Authority::new();
    let table = "host = \"www.example\"\ntls = { ca = \"ca.pem\" }";
    let expired = authority.sign_until("www.example", SystemTime::now() - DAY);
    let nginx = Nginx::https(&expired, WELL);
    assert_eq!(down(probe(&authority, &nginx, table)), "certificate expired");

    let soon = authority.sign_until("mail.example", SystemTime::now() + 9 * DAY + DAY / 2);
    let nginx = Nginx::https(&soon, WELL);
    let bench = Bench::in_folder(authority.folder());
    let table = "scheme = \"https\"\nhost = \"mail.example\"\ntls = { ca = \"ca.pem\" }";
    let object = bench.probe::<Http>(table).unwrap();
    for _ in 0..3 {
        let up = again(&bench, &object, &nginx).unwrap();
        assert!(up.detail.ends_with(", certificate ends in 9 days"), "{}", up.detail);
    }
    let line = format!("{}: certificate ends in 9 days", nginx.address());
    assert_eq!(bench.lines(), [(Level::Info, line)]);
}

#[test]
fn a_client_certificate_is_shown_to_those_who_ask() {
    let authority = Authority::new();
    let ca = authority.folder().join("ca.pem");
    let nginx = Nginx::https(
        &authority.sign("www.example"),
        &format!("ssl_client_certificate {}; ssl_verify_client on; {WELL}", ca.display()),
    );
    let _ = authority.sign("monitor");
    let host = "host = \"www.example\"";
    let shown = "certificate = \"monitor.pem\", key = \"monitor.key\"";
    let with = format!("{host}\ntls = {{ ca = \"ca.pem\", {shown} }}");
    assert_eq!(probe(&authority, &nginx, &with).map(|_| ()), Ok(()));
    let without = format!("{host}\ntls = {{ ca = \"ca.pem\" }}");
    assert_eq!(down(probe(&authority, &nginx, &without)), "status 400");
}

#[test]
fn sessions_are_resumed() {
    let authority = Authority::new();
    let nginx = Nginx::https(
        &authority.sign("www.example"),
        "location / { return 200 \"resumed: $ssl_session_reused\"; }",
    );
    let bench = Bench::in_folder(authority.folder());
    let table = "scheme = \"https\"\nhost = \"www.example\"\nbody = \"resumed: r\"\n\
                 tls = { ca = \"ca.pem\" }";
    let object = bench.probe::<Http>(table).unwrap();
    assert_eq!(down(again(&bench, &object, &nginx)), "body lacks \"resumed: r\"");
    for _ in 0..3 {
        assert_eq!(again(&bench, &object, &nginx).map(|_| ()), Ok(()));
    }
}

#[test]
fn the_wrong_scheme_is_down() {
    let authority = Authority::new();
    let plain = Nginx::http(WELL);
    let text = down(probe(&authority, &plain, "tls = { verify = \"none\" }"));
    assert!(text.starts_with("TLS: "), "{text}");
    let secure = Nginx::https(&authority.sign("www.example"), WELL);
    let outcome = Bench::new().run_probe::<Http>("", secure.address(), AMPLE);
    assert_eq!(down(outcome), "status 400");
}
