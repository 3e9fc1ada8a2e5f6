//! The load against servers that do as a script says, and a real nginx, through the plugin boundary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use rais_http::testing::{Authority, Nginx};
use rais_plugin_load_http::Http;
use rais_sdk::testing::{Bench, Script, Server};
use rais_sdk::{Fault, FaultKind, Load, Reading, Scope, Subject, Target};

const AMPLE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

fn of(address: SocketAddr, timeout: Duration) -> Subject {
    let target = Target::new(address, "localhost", "test");
    Subject::new("test").with_target(target).with_timeout(timeout)
}

fn sample_for(table: &str, script: Script, timeout: Duration) -> Result<Reading, Fault> {
    let server = Server::tcp_on_thread(script).unwrap();
    Bench::new().load::<Http>(table).unwrap().sample(&of(server.address(), timeout))
}

/// Of a server that answers with these lines of the header and this body.
fn sample(table: &str, lines: &str, body: &str) -> Result<Reading, Fault> {
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{lines}\r\n{body}");
    sample_for(table, Script::new().hear_until("\r\n\r\n").say(answer), AMPLE)
}

fn load(table: &str, lines: &str, body: &str) -> Option<f64> {
    sample(table, lines, body).unwrap().load
}

fn unknown(table: &str, lines: &str, body: &str) -> String {
    let fault = sample(table, lines, body).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unknown, "{fault}");
    fault.text
}

#[test]
fn orca_is_read_where_nothing_else_is_asked_for() {
    let metrics = "endpoint-load-metrics: TEXT cpu_utilization=0.25, named_metrics.queue=30\r\n";
    let reading = sample("", metrics, "the page itself").unwrap();
    assert_eq!(reading.load, Some(25.0));
    assert_eq!(reading.reason, "cpu_utilization: 0.25");
    assert_eq!(load("full = 0.5", metrics, ""), Some(50.0));
    let queue = "format = \"orca\"\nfield = \"named_metrics.queue\"\nfull = 60";
    assert_eq!(load(queue, metrics, ""), Some(50.0));
    let json = "Endpoint-Load-Metrics: JSON {\"application_utilization\": 1.5}\r\n";
    assert_eq!(load("", json, ""), Some(150.0));

    assert_eq!(unknown("", "", ""), "the answer has no header endpoint-load-metrics");
    let much = "endpoint-load-metrics: TEXT cpu_utilization=much\r\n";
    assert_eq!(unknown("", much, ""), "cpu_utilization is no number");
}

#[test]
fn a_field_of_a_json_body_is_read() {
    let body = r#"{"load": {"cpu": 40, "text": "40.5", "list": [{"x": 1}]}, "up": null}"#;
    assert_eq!(load("field = \"load.cpu\"", "", body), Some(40.0));
    assert_eq!(load("field = \"load.text\"", "", body), Some(40.5));
    assert_eq!(load("field = \"load.list.0.x\"\nfull = 4", "", body), Some(25.0));
    assert_eq!(unknown("field = \"load.disk\"", "", body), "the body has no `load.disk`");
    assert_eq!(unknown("field = \"load\"", "", body), "load is no number");
    assert_eq!(unknown("field = \"up\"", "", body), "up is no number");
    assert!(unknown("field = \"up\"", "", "42").starts_with("the body has no `up`"));
    assert!(unknown("field = \"up\"", "", "{").starts_with("the body is no JSON: "));
}

#[test]
fn a_number_in_a_text_is_read() {
    assert_eq!(load("format = \"text\"", "", " 42.5\n"), Some(42.5));
    assert_eq!(load("format = \"text\"\nfull = 8", "", "2"), Some(25.0));
    let page = "up 1\nload: 0.5 1.5 2.5\n";
    assert_eq!(load("pattern = 'load: ([0-9.]+)'\nfull = 1", "", page), Some(50.0));

    for body in ["", "much", "NaN", "inf", "42 percent"] {
        assert_eq!(unknown("format = \"text\"", "", body), "the body is no number", "{body}");
    }
    assert_eq!(unknown("format = \"text\"", "", "-1"), "the body is -1, less than zero");
    let text = unknown("pattern = 'cpu: ([0-9]+)'", "", page);
    assert_eq!(text, "the body does not match \"cpu: ([0-9]+)\"");
    let long = "7".repeat(1025);
    let text = unknown("format = \"text\"\nmax_body = \"1KiB\"", "", &long);
    assert_eq!(text, "the body is longer than 1KiB");
    let exact = format!("{}7", " ".repeat(1023));
    assert_eq!(load("format = \"text\"\nmax_body = \"1KiB\"", "", &exact), Some(7.0));
}

#[test]
fn another_status_is_down_whatever_the_body_says() {
    for status in [302, 503] {
        let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 1\r\n\r\n7");
        let script = Script::new().hear_until("\r\n\r\n").say(answer);
        let fault = sample_for("format = \"text\"", script, AMPLE).unwrap_err();
        assert_eq!((fault.kind, fault.text), (FaultKind::Down, format!("status {status}")));
    }
}

#[test]
fn a_server_that_hangs_or_drips_is_a_timeout() {
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let asked = || Script::new().hear_until("\r\n\r\n");
    let slow = Duration::from_millis(20);
    for script in [
        asked().hang(),
        asked().say(head).hang(),
        asked().drip("HTTP/1.1 200 OK\r\nX: ".to_owned() + &"x".repeat(10_000), slow),
        asked().say(head).drip("7".repeat(10_000), slow),
    ] {
        let fault = sample_for("format = \"text\"", script, SHORT).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Timeout, "answer"), "{fault}");
    }
    let silent = Script::new().hear_anything().hang();
    let fault = sample_for("scheme = \"https\"", silent, SHORT).unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Timeout, "TLS handshake"));

    let load = Bench::new().load::<Http>("").unwrap();
    let dead = Server::black_hole().unwrap();
    let fault = load.sample(&of(dead.address(), SHORT)).unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Timeout, "connecting"));
    let closed = Server::refusing().unwrap();
    let fault = load.sample(&of(closed.address(), AMPLE)).unwrap_err();
    assert_eq!((fault.kind, fault.text.as_str()), (FaultKind::Down, "connection refused"));
    let mute = sample_for("", asked(), AMPLE).unwrap_err();
    assert_eq!(mute.text, "connection closed without an answer");
}

#[test]
fn a_real_server_tells_its_load_with_tls_and_without() {
    let page = "location / { add_header endpoint-load-metrics \"TEXT cpu_utilization=0.75\";
                             return 200 \"{ \\\"reused\\\": \\\"$ssl_session_reused\\\" }\"; }
                location /load { return 200 42; }";
    let nginx = Nginx::http(page);
    let bench = Bench::new();
    let of_nginx = |table: &str, nginx: &Nginx| {
        bench.load::<Http>(table).unwrap().sample(&of(nginx.address(), AMPLE))
    };
    assert_eq!(of_nginx("", &nginx).unwrap().load, Some(75.0));
    let text = "path = \"/load\"\nformat = \"text\"";
    assert_eq!(of_nginx(text, &nginx).unwrap().load, Some(42.0));

    let authority = Authority::new();
    let nginx = Nginx::https(&authority.sign("www.example"), page);
    let bench = Bench::in_folder(authority.folder());
    let with = |table: &str| {
        let table = format!("scheme = \"https\"\n{table}");
        bench.load::<Http>(&table).unwrap().sample(&of(nginx.address(), AMPLE))
    };
    let named = with("host = \"www.example\"\ntls = { ca = \"ca.pem\" }");
    assert_eq!(named.unwrap().load, Some(75.0));
    let named = with("tls = { ca = \"ca.pem\", name = \"www.example\" }");
    assert_eq!(named.unwrap().load, Some(75.0));
    let fault = with("tls = { ca = \"ca.pem\" }").unwrap_err();
    let other = "certificate is for another name: www.example";
    assert_eq!((fault.kind, fault.text.as_str()), (FaultKind::Down, other));
}

/// What nginx says of each connection to these, in this order: whether it is a session's first.
fn resumed(authority: &Authority, order: &[&Nginx]) -> Vec<bool> {
    let bench = Bench::in_folder(authority.folder());
    let table = "scheme = \"https\"\nhost = \"www.example\"\nformat = \"text\"\n\
                 tls = { ca = \"ca.pem\" }";
    let load = bench.load::<Http>(table).unwrap();
    let one = |nginx: &&Nginx| load.sample(&of(nginx.address(), AMPLE)).unwrap().load == Some(1.0);
    order.iter().map(one).collect()
}

const TELLS_RESUMED: &str = "if ($ssl_session_reused = r) { return 200 1; } return 200 0;";

#[test]
fn another_address_has_to_show_its_own_certificate() {
    let authority = Authority::new();
    let identity = authority.sign("www.example");
    // Each would take the tickets of the other.
    let key = authority.folder().join("tickets.key");
    std::fs::write(&key, [7; 80]).unwrap();
    let server = format!("ssl_session_ticket_key {}; {TELLS_RESUMED}", key.display());
    let (one, two) = (Nginx::https(&identity, &server), Nginx::https(&identity, &server));
    let resumed = resumed(&authority, &[&one, &two, &one, &two]);
    assert_eq!(resumed, [false, false, true, true]);
}

#[test]
fn a_certificate_that_ends_soon_is_asked_for_each_time() {
    let authority = Authority::new();
    let soon = SystemTime::now() + Duration::from_secs(9 * 24 * 3600);
    let nginx = Nginx::https(&authority.sign_until("www.example", soon), TELLS_RESUMED);
    assert_eq!(resumed(&authority, &[&nginx; 3]), [false; 3]);
}

#[test]
fn an_address_is_needed_and_each_has_a_sample_of_its_own() {
    let load = Bench::new().load::<Http>("").unwrap();
    assert_eq!(load.scope(), Scope::Target);
    assert_eq!(load.sample(&Subject::new("test")).unwrap_err().kind, FaultKind::Unknown);
}

#[test]
fn a_bad_table_is_a_fault_at_its_key() {
    for (table, at) in [
        ("url = \"www.example\"", "url"),
        ("url = \"http://www.example/\"\nhost = \"a\"", "host"),
        ("path = \"status\"", "path"),
        ("headers = { Host = \"a\" }", "headers.Host"),
        ("format = \"xml\"", "format"),
        ("format = \"json\"", "field"),
        ("format = \"text\"\nfield = \"a\"", "field"),
        ("field = \"a\"\npattern = '(a)'", "pattern"),
        ("format = \"orca\"\npattern = '(a)'", "pattern"),
        ("pattern = '('", "pattern"),
        ("pattern = 'load: [0-9]+'", "pattern"),
        ("pattern = '(a)(b)'", "pattern"),
        ("full = 0", "full"),
        ("full = -1.5", "full"),
        ("max_body = \"64KB\"", "max_body"),
        ("tls = {}", "tls"),
        ("scheme = \"https\"\ntls = { ca = \"/nowhere/ca.pem\" }", "tls.ca"),
        ("method = \"GET\"", "method"),
    ] {
        let Err(fault) = Bench::new().load::<Http>(table) else { panic!("{table} is taken") };
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, at), "{table}: {fault}");
    }
}

#[test]
fn the_sample_makes_a_load_and_stands_in_the_readme() {
    assert_eq!(rais_sdk::testing::samples_parse(), Ok(1));
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("```toml\n{}```\n", Http::SAMPLE)), "sample.toml differs");
}
