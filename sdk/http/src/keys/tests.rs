use std::net::SocketAddr;

use super::*;

fn url(text: &str) -> Keys {
    Keys { url: Some(text.to_owned()), ..Keys::default() }
}

fn fault(keys: &Keys) -> (String, String) {
    let fault = keys.page().unwrap_err();
    assert_eq!(fault.kind, rais_sdk::FaultKind::Config);
    (fault.at, fault.text)
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Where is connected to for a target, and what is sent there.
fn asked(keys: &Keys, target: &str) -> (String, String) {
    let page = keys.page().unwrap();
    let to = page.address(at(target)).unwrap();
    (to.to_string(), String::from_utf8(page.request(to).into_owned()).unwrap())
}

#[test]
fn without_keys_it_is_the_root_at_the_targets_own_address() {
    let version = env!("CARGO_PKG_VERSION");
    let request = |host: &str| {
        format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: rais/{version}\r\nConnection: close\r\n\r\n"
        )
    };
    let keys = Keys::default();
    for (target, to, host) in [
        ("192.0.2.1:0", "192.0.2.1:80", "192.0.2.1"),
        ("192.0.2.1:80", "192.0.2.1:80", "192.0.2.1"),
        ("192.0.2.1:8080", "192.0.2.1:8080", "192.0.2.1:8080"),
        ("[2001:db8::1]:0", "[2001:db8::1]:80", "[2001:db8::1]"),
        ("[2001:db8::1]:443", "[2001:db8::1]:443", "[2001:db8::1]:443"),
        // A zone means nothing to the server: RFC 6874 §3.
        ("[fe80::1%3]:81", "[fe80::1%3]:81", "[fe80::1]:81"),
    ] {
        assert_eq!(asked(&keys, target), (to.to_owned(), request(host)));
    }
    let secure = Keys { scheme: Some(Scheme::Https), ..Keys::default() };
    assert_eq!(asked(&secure, "192.0.2.1:0"), ("192.0.2.1:443".into(), request("192.0.2.1")));
}

#[test]
fn a_name_in_a_url_is_for_the_server_and_an_address_is_where_it_is() {
    for (text, to, host) in [
        ("http://www.example/health?full=1", "192.0.2.1:80", "www.example"),
        ("http://WWW.example:8080/health?full=1", "192.0.2.1:8080", "WWW.example:8080"),
        ("https://www.example/health?full=1#top", "192.0.2.1:443", "www.example"),
        ("http://198.51.100.7/health?full=1", "198.51.100.7:80", "198.51.100.7"),
        ("https://[2001:db8::7]:8443/health?full=1", "[2001:db8::7]:8443", "[2001:db8::7]:8443"),
    ] {
        let (address, request) = asked(&url(text), "192.0.2.1:0");
        assert_eq!(address, to, "{text}");
        let head = format!("GET /health?full=1 HTTP/1.1\r\nHost: {host}\r\n");
        assert!(request.starts_with(&head), "{text}: {request}");
    }
    let page = url("https://www.example:8443").page().unwrap();
    assert_eq!((page.scheme(), page.host()), (Scheme::Https, Some("www.example")));
    assert_eq!(url("https://[2001:db8::7]").page().unwrap().host(), Some("2001:db8::7"));
    assert_eq!(Keys::default().page().unwrap().host(), None);
}

#[test]
fn a_port_of_the_table_goes_with_a_url_that_has_none() {
    let (address, request) = asked(&url("http://www.example/"), "192.0.2.1:8080");
    assert_eq!(address, "192.0.2.1:8080");
    // As browsers would be sent there: by the name alone.
    assert!(request.contains("\r\nHost: www.example\r\n"), "{request}");
    let page = url("http://www.example:81/").page().unwrap();
    let fault = page.address(at("192.0.2.1:8080")).unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (rais_sdk::FaultKind::Config, "port"));
}

#[test]
fn keys_add_to_the_request() {
    let keys = Keys {
        path: Some("/ready?x=%20".into()),
        host: Some("www.example:81".into()),
        method: Some("POST".into()),
        headers: [("X-Probe", "yes"), ("user-agent", "mine")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Keys::default()
    };
    let (to, request) = asked(&keys, "192.0.2.1:0");
    assert_eq!(to, "192.0.2.1:80");
    assert_eq!(
        request,
        "POST /ready?x=%20 HTTP/1.1\r\nHost: www.example:81\r\nx-probe: yes\r\nuser-agent: mine\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(keys.page().unwrap().host(), Some("www.example"));
}

#[test]
fn bad_urls_are_faults_at_url() {
    for (text, says) in [
        ("", "no URL"),
        ("www.example", "lacks its scheme"),
        ("/health", "lacks its scheme"),
        ("ftp://www.example/", "`ftp` is not spoken"),
        ("http:///health", "no URL"),
        ("http://www example/", "no URL"),
        ("http://me:secret@www.example/", "no user and password are taken"),
        ("http://www.example:+80/", "`+80` is no port"),
        ("http://www.example:000080/", "`000080` is no port"),
        ("http://192.0.2.300/", "`192.0.2.300` is no IPv4 address"),
        ("http://192.0.2.1./", "is no IPv4 address"),
        ("http://127.1/", "is no IPv4 address"),
        ("http://010.0.0.1/", "is no IPv4 address"),
        ("http://0x7f000001/", "is no IPv4 address"),
        ("http://www.example.0X1f:80/", "is no IPv4 address"),
        ("http://0.0.0.0/", "`0.0.0.0` is the address of nobody"),
        ("http://[::]/", "`[::]` is the address of nobody"),
        ("http://[::ffff:0.0.0.0]/", "is the address of nobody"),
        ("http://224.0.0.1/", "multicast"),
        ("http://[ff02::1]:80/", "multicast"),
        ("http://255.255.255.255/", "broadcast"),
        ("http://www.example:0/", "`0` is no port"),
        ("http://www.example:99999/", "is no port"),
        ("http://www.example:/", "`` is no port"),
        ("http://[2001:db8::g]/", "IPv6"),
        ("http://[fe80::1%25eth0]/", ""),
        ("http://a,b/", "`a,b` is no host"),
    ] {
        let (at, found) = fault(&url(text));
        assert_eq!(at, "url", "{text}: {found}");
        assert!(found.contains(says) && !found.contains("secret"), "{text}: {found}");
    }
}

#[test]
fn url_and_what_it_says_are_not_written_side_by_side() {
    let beside = url("http://www.example/");
    for (key, keys) in [
        ("scheme", Keys { scheme: Some(Scheme::Http), ..beside.clone() }),
        ("path", Keys { path: Some("/".into()), ..beside.clone() }),
        ("host", Keys { host: Some("www.example".into()), ..beside }),
    ] {
        let (at, text) = fault(&keys);
        assert_eq!(at, key);
        assert!(text.contains("`url`"), "{text}");
    }
}

#[test]
fn other_bad_keys_are_faults_at_their_place() {
    let header = |name: &str, value: &str| Keys {
        headers: [(name.to_owned(), value.to_owned())].into(),
        ..Keys::default()
    };
    let path = |text: &str| Keys { path: Some(text.into()), ..Keys::default() };
    let host = |text: &str| Keys { host: Some(text.into()), ..Keys::default() };
    let method = |text: &str| Keys { method: Some(text.into()), ..Keys::default() };
    for (at, keys) in [
        ("path", path("health")),
        ("path", path("")),
        ("path", path("/a b")),
        ("path", path("/a#b")),
        ("path", path("/a\r\nX: y")),
        ("host", host("")),
        ("host", host("www example")),
        ("host", host("www.example/health")),
        ("host", host("www.example:http")),
        ("host", host("www.example:+80")),
        ("host", host("127.1")),
        ("host", host("me:secret@www.example")),
        ("host", host("a\r\nX: y")),
        ("method", method("get")),
        ("method", method("")),
        ("method", method("G T")),
        ("method", method("CONNECT")),
        ("headers.Host", header("Host", "www.example")),
        ("headers.Content-Length", header("Content-Length", "1")),
        ("headers.connection", header("connection", "keep-alive")),
        ("headers.a b", header("a b", "")),
        ("headers.X", header("X", "a\r\nY: b")),
    ] {
        assert_eq!(fault(&keys).0, at, "{keys:?}");
    }
}

#[test]
fn names_with_numbers_in_them_are_names() {
    for host in ["www1.example", "1.example", "www.example.x1", "0xg.0xg", "3com"] {
        assert_eq!(url(&format!("http://{host}/")).page().unwrap().host(), Some(host));
    }
}

#[test]
fn a_header_is_written_once() {
    let headers = [("X-A", "1"), ("x-a", "2")].map(|(name, value)| (name.into(), value.into()));
    let (at, text) = fault(&Keys { headers: headers.into(), ..Keys::default() });
    assert_eq!((at.as_str(), text.contains("twice")), ("headers.x-a", true), "{text}");
}

#[test]
fn values_of_headers_are_shown_to_nobody() {
    let headers = [("Authorization".to_owned(), "secret".to_owned())].into();
    let keys = Keys { headers, ..Keys::default() };
    let page = keys.page().unwrap();
    let octets = "115, 101, 99";
    for shown in [format!("{keys:?}"), format!("{page:?}")] {
        assert!(!shown.contains("secret") && !shown.contains(octets), "{shown}");
    }
}
