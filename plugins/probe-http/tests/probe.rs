//! The probe against servers that do as a script says, through the plugin boundary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use rais_plugin_probe_http::Http;
use rais_sdk::testing::{Bench, Script, Server};
use rais_sdk::{Fault, FaultKind, Probe, Up};

const TIMEOUT: Duration = Duration::from_secs(2);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What the probe with `table` says of a server that follows `script`.
fn probe(table: &str, script: Script) -> Result<Up, Fault> {
    let bench = Bench::with_paused_time();
    let server = Server::tcp(&bench, script).unwrap();
    bench.run_probe::<Http>(table, server.address(), TIMEOUT)
}

/// Says `answer` once it was asked.
fn says(answer: &str) -> Script {
    Script::new().hear_until("\r\n\r\n").say(answer)
}

fn page(body: &str) -> Script {
    says(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

fn down(outcome: Result<Up, Fault>) -> String {
    let fault = outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Down, "{fault}");
    fault.text
}

#[test]
fn a_page_is_up_and_each_phase_is_timed() {
    let script = Script::new()
        .hear_until("\r\n\r\n")
        .wait(millis(100))
        .say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwe")
        .wait(millis(50))
        .say("ll")
        .hang();
    let up = probe("", script).unwrap();
    assert_eq!(up.took, millis(150));
    assert_eq!(up.detail, "200 OK, connect 0.0 ms, first byte 100.0, total 150.0");
    assert_eq!(up.load, None);
}

#[test]
fn the_request_is_as_the_table_says() {
    let bench = Bench::with_paused_time();
    let server = Server::tcp(&bench, says("HTTP/1.1 204 No Content\r\n\r\n")).unwrap();
    let table = "path = \"/ready?full\"\nhost = \"www.example\"\nmethod = \"HEAD\"\n\
                 headers = { X-Probe = \"yes\" }";
    let up = bench.run_probe::<Http>(table, server.address(), TIMEOUT).unwrap();
    assert!(up.detail.starts_with("204 No Content, "), "{}", up.detail);
    let url = format!("url = \"http://{}/x\"", server.address());
    // Whatever the target: the URL says where.
    bench.run_probe::<Http>(&url, "192.0.2.1:0".parse().unwrap(), TIMEOUT).unwrap();
    bench.run_probe::<Http>("", server.address(), TIMEOUT).unwrap();

    let version = env!("CARGO_PKG_VERSION");
    let agent = format!("User-Agent: rais/{version}\r\nConnection: close\r\n\r\n");
    let host = server.address();
    let heard = server.heard();
    assert_eq!(
        heard.iter().map(|heard| String::from_utf8_lossy(heard)).collect::<Vec<_>>(),
        [
            format!("HEAD /ready?full HTTP/1.1\r\nHost: www.example\r\nx-probe: yes\r\n{agent}"),
            format!("GET /x HTTP/1.1\r\nHost: {host}\r\n{agent}"),
            format!("GET / HTTP/1.1\r\nHost: {host}\r\n{agent}"),
        ]
    );
}

#[test]
fn the_status_decides() {
    let with = |table: &str, status: u16| {
        probe(table, says(&format!("HTTP/1.1 {status} Words\r\nContent-Length: 0\r\n\r\n")))
    };
    for (table, status) in [
        ("", 200),
        ("", 302),
        ("", 399),
        ("status = [401, \"500-599\"]", 401),
        ("status = [401, \"500-599\"]", 503),
        ("status = 401", 401),
        ("status = \"500-599\"", 503),
    ] {
        assert!(with(table, status).is_ok(), "{table} {status}");
    }
    for (table, status) in [("", 400), ("", 503), ("status = [401, \"500-599\"]", 200)] {
        assert_eq!(down(with(table, status)), format!("status {status}"));
    }
    assert!(with("", 299).unwrap().detail.starts_with("299, connect"));
}

#[test]
fn a_hung_server_is_a_timeout_at_its_phase_and_at_its_deadline() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
    let asked = || Script::new().hear_until("\r\n\r\n");
    for (script, phase) in [
        (Script::new().hang(), "first byte"),
        (asked().hang(), "first byte"),
        (asked().say("HTTP/1.1 2").hang(), "body"),
        (says(head).hang(), "body"),
        (asked().drip(head, millis(100)).hang(), "body"),
        (says(head).drip("x".repeat(100), millis(100)), "body"),
        (says("HTTP/1.1 200 OK\r\n\r\n").drip("x".repeat(100), millis(100)), "body"),
    ] {
        let bench = Bench::with_paused_time();
        let server = Server::tcp(&bench, script).unwrap();
        let began = bench.now();
        let fault = bench.run_probe::<Http>("", server.address(), TIMEOUT).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Timeout, phase), "{fault}");
        assert_eq!(bench.now() - began, TIMEOUT);
    }
    let bench = Bench::with_paused_time();
    let dead = Server::black_hole().unwrap();
    let fault = bench.run_probe::<Http>("", dead.address(), TIMEOUT).unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Timeout, "connecting"));
}

#[test]
fn a_server_that_says_nothing_to_tls_is_a_timeout_at_the_handshake() {
    let fault = probe("scheme = \"https\"", Script::new().hear_anything().hang()).unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Timeout, "TLS handshake"));
}

#[test]
fn what_is_no_page_is_down() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    for (script, text) in [
        (Script::new().say("SSH-2.0-OpenSSH_9.2\r\n"), "not HTTP: \"SSH-2.0-OpenSSH_9.2\\r\\n\""),
        (Script::new().hear_until("\r\n\r\n"), "connection closed without an answer"),
        (says("HTTP/1.1 200 OK\r\nX:"), "connection closed within the header"),
        (says(head), "connection closed within the body"),
        (says("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), "malformed Content-Length"),
        (Script::new().hear_until("\r\n\r\n").reset(), "connection reset"),
    ] {
        assert_eq!(down(probe("", script)), text);
    }
    let closed = Server::refusing().unwrap();
    let outcome = Bench::new().run_probe::<Http>("", closed.address(), TIMEOUT);
    assert_eq!(down(outcome), "connection refused");
}

#[test]
fn the_body_must_be_as_it_should() {
    for table in [
        "body = \"a.c\"",
        "body_matches = \"^a\"",
        "body_matches = '(?m)^\\w+: [0-9]{2}$'",
        "body = \"a.c\"\nbody_matches = '\\xff$'",
        "body_matches = 'é'",
    ] {
        let body = b"HTTP/1.1 200 OK\r\n\r\na.c\nload: 42\n\xc3\xa9\xff";
        let up = probe(table, Script::new().hear_until("\r\n\r\n").say(body));
        assert!(up.is_ok(), "{table}: {up:?}");
    }
    let of_abc = |table| down(probe(table, page("abc")));
    assert_eq!(of_abc("body = \"a.c\""), "body lacks \"a.c\"");
    assert_eq!(of_abc("body_matches = '^b'"), "body does not match \"^b\"");
    assert_eq!(of_abc("body = \"a\"\nbody_matches = 'x'"), "body does not match \"x\"");
}

#[test]
fn no_more_than_max_body_is_read() {
    let long = format!("{}end", "x".repeat(1 << 10));
    let endless = says("HTTP/1.1 200 OK\r\n\r\n").say(&long).hang();
    assert!(probe("max_body = \"1KiB\"", endless).is_ok());
    let cut = probe("max_body = \"1KiB\"\nbody = \"end\"", page(&long));
    assert_eq!(down(cut), "body lacks \"end\" in its first 1KiB");
    assert!(probe("body = \"end\"", page(&long)).is_ok());
    let exact = probe("max_body = \"1KiB\"\nbody = \"end\"", page(&long[..1 << 10]));
    assert_eq!(down(exact), "body lacks \"end\"");
}

#[test]
fn redirects_are_followed_within_the_server_where_they_are_allowed() {
    let to = |location: &str| {
        says(&format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"))
    };
    let probe = |table: &str, scripts: Vec<Script>| {
        let bench = Bench::with_paused_time();
        let server = Server::tcp_each(&bench, scripts).unwrap();
        let outcome = bench.run_probe::<Http>(table, server.address(), TIMEOUT);
        (outcome, server.heard().len())
    };
    let chain = || vec![to("/a"), to("b"), page("well")];

    let (up, asked) = probe("redirects = 2\nstatus = [200]\nbody = \"well\"", chain());
    assert_eq!((up.unwrap().detail.starts_with("200 OK, "), asked), (true, 3));
    let (outcome, asked) = probe("redirects = 1", chain());
    assert_eq!((down(outcome), asked), ("one redirect more than `redirects` allows".into(), 2));
    let (up, asked) = probe("", chain());
    assert_eq!((up.unwrap().detail.starts_with("302 Found, "), asked), (true, 1));
    let (outcome, asked) = probe("redirects = 9", vec![to("http://192.0.2.1/"), page("well")]);
    assert_eq!((down(outcome), asked), ("redirected to http://192.0.2.1".into(), 1));
    // Without a location there is nowhere to go.
    let (up, _) = probe("redirects = 1", vec![says("HTTP/1.1 302 Found\r\n\r\n")]);
    assert!(up.unwrap().detail.starts_with("302 Found, "));
}

#[test]
fn a_bad_table_is_a_fault_at_its_key() {
    for (table, at) in [
        ("url = \"www.example\"", "url"),
        ("url = \"http://www.example/\"\npath = \"/\"", "path"),
        ("scheme = \"ftp\"", "scheme"),
        ("path = \"health\"", "path"),
        ("host = \"a b\"", "host"),
        ("method = \"get\"", "method"),
        ("method = \"HEAD\"\nbody = \"x\"", "method"),
        ("headers = { Host = \"a\" }", "headers.Host"),
        ("headers = { X = 1 }", "headers.X"),
        ("status = []", "status"),
        ("status = 600", "status"),
        ("status = true", "status"),
        ("url = \"http://0.0.0.0/\"", "url"),
        ("host = \"127.1\"", "host"),
        ("headers = { X-A = \"1\", x-a = \"2\" }", "headers.x-a"),
        ("scheme = \"https\"\ntls = { ca = \"ca.pem\", verify = \"none\" }", "tls.ca"),
        ("status = [200, \"2xx\"]", "status[1]"),
        ("status = [\"299-200\"]", "status[0]"),
        ("body = \"\"", "body"),
        ("body_matches = \"(\"", "body_matches"),
        ("max_body = \"64\"", "max_body"),
        ("redirects = -1", "redirects"),
        ("redirects = 1\ntls = {}", "tls"),
        ("scheme = \"https\"\ntls = { ca = \"/nowhere/ca.pem\" }", "tls.ca"),
        ("scheme = \"https\"\nhost = \"-\"", "host"),
        ("expect = \"x\"", "expect"),
    ] {
        let Err(fault) = Bench::new().probe::<Http>(table) else { panic!("{table} is taken") };
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, at), "{table}: {fault}");
    }
    let table = "url = \"http://www.example:81/\"";
    let outcome = Bench::new().run_probe::<Http>(table, "127.0.0.1:80".parse().unwrap(), TIMEOUT);
    assert_eq!(outcome.unwrap_err().at, "port");
}

#[test]
fn the_sample_makes_a_probe_and_stands_in_the_readme() {
    assert_eq!(rais_sdk::testing::samples_parse(), Ok(1));
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("```toml\n{}```\n", Http::SAMPLE)), "sample.toml differs");
}
