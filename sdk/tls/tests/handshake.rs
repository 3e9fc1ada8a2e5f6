//! Handshakes with a server of rustls, through the plugin boundary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use common::{AMPLE, Ask, Authority, Clients, DAY, Ending, Identity, Server, ends, server_config};
use rais_sdk::host::ProbeCall;
use rais_sdk::testing::{Bench, Script, Server as Scripted};
use rais_sdk::{Fault, FaultKind, Target, Up};
use rais_tls::rustls::HandshakeKind::{Full, FullWithHelloRetryRequest, Resumed};
use rais_tls::rustls::version::{TLS12, TLS13};
use rais_tls::rustls::{self, HandshakeKind};
use rcgen::ExtendedKeyUsagePurpose;

/// A probe each, of one table.
fn ask(authority: &Authority, table: &str, servers: &[SocketAddr]) -> Vec<Result<Up, Fault>> {
    let bench = Bench::in_folder(authority.folder());
    let probe = bench.probe::<Ask>(table).unwrap();
    let call = |&address: &SocketAddr| {
        let target = Target::new(address, "web1", "www");
        bench.block_on(probe.start(ProbeCall { target, timeout: AMPLE })).unwrap()
    };
    servers.iter().map(call).collect()
}

fn words(outcomes: &[Result<Up, Fault>]) -> Vec<&str> {
    let word = |outcome| match outcome {
        &Ok(Up { ref detail, .. }) => detail.as_str(),
        &Err(Fault { kind: FaultKind::Down, ref text, .. }) => text.as_str(),
        Err(fault) => panic!("{fault:?}"),
    };
    outcomes.iter().map(word).collect()
}

/// What is said of a server with `identity`, by who trusts the authority.
fn said(authority: &Authority, identity: &Identity, options: &str) -> String {
    let server = Server::of(identity);
    let ca = if options.contains("verify") { "" } else { "ca = 'ca.pem', " };
    let table = format!("tls = {{ {ca}{options} }}");
    words(&ask(authority, &table, &[server.address]))[0].to_owned()
}

fn is_full(kind: &HandshakeKind) -> bool {
    matches!(kind, Full | FullWithHelloRetryRequest)
}

#[test]
fn the_second_connection_resumes_the_session_of_the_first() {
    let authority = Authority::new();
    for versions in [&[&TLS12], &[&TLS13]] {
        let config = server_config(&authority.localhost(), Clients::All, versions);
        let server = Server::start(Arc::new(config), Ending::InOrder);
        let outcomes = ask(&authority, "tls = { ca = 'ca.pem' }", &[server.address; 4]);
        assert_eq!(words(&outcomes), ["full", "resumed", "resumed", "resumed"], "{versions:?}");
        assert_eq!(server.kinds()[1..], [Resumed; 3]);
    }
}

/// Tickets come after the handshake.
#[test]
fn who_reads_nothing_takes_the_servers_tickets_along() {
    let authority = Authority::new();
    let server = Server::of(&authority.localhost());
    let table = "hears = 'nothing'\ntls = { ca = 'ca.pem' }";
    assert!(ask(&authority, table, &[server.address; 3]).iter().all(Result::is_ok));
    let kinds = server.kinds();
    assert!(is_full(&kinds[0]) && kinds[1..] == [Resumed; 2], "{kinds:?}");
}

#[test]
fn another_address_has_to_show_its_own_certificate() {
    let authority = Authority::new();
    let config = server_config(&authority.localhost(), Clients::All, rustls::ALL_VERSIONS);
    let config = Arc::new(config);
    let one = Server::start(Arc::clone(&config), Ending::InOrder);
    let two = Server::start(config, Ending::InOrder);
    let order = [one.address, two.address, one.address, two.address];
    let outcomes = ask(&authority, "tls = { ca = 'ca.pem' }", &order);
    assert_eq!(words(&outcomes), ["full", "full", "resumed", "resumed"]);
}

#[test]
fn without_resumption_every_handshake_is_full() {
    let authority = Authority::new();
    let server = Server::of(&authority.localhost());
    let table = "tls = { ca = 'ca.pem', resume = 'off' }";
    assert_eq!(words(&ask(&authority, table, &[server.address; 2])), ["full", "full"]);
    assert!(server.kinds().iter().all(is_full), "{:?}", server.kinds());
}

#[test]
fn a_certificate_is_judged() {
    let authority = Authority::new();
    let yesterday = |params: &mut rcgen::CertificateParams| {
        params.not_after = (std::time::SystemTime::now() - DAY).into();
    };
    let tomorrow = |params: &mut rcgen::CertificateParams| {
        params.not_before = (std::time::SystemTime::now() + DAY).into();
    };
    let for_clients = |params: &mut rcgen::CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    };
    // As `openssl req -x509` makes them.
    let authoritys = |params: &mut rcgen::CertificateParams| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    };
    let stranger = Authority::new();
    for (identity, wanted) in [
        (authority.localhost(), "full"),
        (
            authority.sign(&["other.example"], |_| {}),
            "certificate is for another name: other.example",
        ),
        (authority.sign(&["localhost"], yesterday), "certificate expired"),
        (authority.sign(&["localhost"], tomorrow), "certificate is not valid yet"),
        (authority.sign(&["localhost"], for_clients), "certificate is not one for servers"),
        (
            authority.sign(&["localhost"], authoritys),
            "certificate is an authority's, not a server's",
        ),
        (stranger.localhost(), "certificate of an unknown issuer"),
    ] {
        assert_eq!(said(&authority, &identity, ""), wanted);
        let unjudged = said(&authority, &identity, "verify = 'none'");
        assert!(unjudged.starts_with("full"), "{wanted}: {unjudged}");
    }
}

#[test]
fn the_tables_name_counts_before_the_callers() {
    let authority = Authority::new();
    let identity = authority.sign(&["mail.example", "192.0.2.7"], |_| {});
    for name in ["mail.example", "192.0.2.7"] {
        assert_eq!(said(&authority, &identity, &format!("name = '{name}'")), "full");
    }
    let other = "name = 'www.example'";
    assert_eq!(
        said(&authority, &identity, other),
        "certificate is for other names: mail.example, …"
    );
}

#[test]
fn the_end_of_a_certificate_is_told_ahead_and_asked_for_each_time() {
    let authority = Authority::new();
    let soon = |after| authority.sign(&["localhost"], ends(after));
    let hour = Duration::from_secs(3600);
    for (left, expires, wanted) in [
        (14 * DAY - hour, "", "full certificate ends in 13 days"),
        (14 * DAY + hour, "", "full"),
        (2 * DAY - hour, "", "full certificate ends in 1 day"),
        (DAY - hour, "", "full certificate ends within a day"),
        (2 * DAY, "expires = '1d'", "full"),
        (300 * DAY + hour, "expires = '365d'", "full certificate ends in 300 days"),
    ] {
        assert_eq!(said(&authority, &soon(left), expires), wanted);
    }
    let server = Server::of(&soon(3 * DAY + hour));
    let outcomes = ask(&authority, "tls = { ca = 'ca.pem' }", &[server.address; 2]);
    assert_eq!(words(&outcomes), ["full certificate ends in 3 days"; 2]);
    let ended = authority.sign(&["localhost"], |params| {
        params.not_after = (std::time::SystemTime::now() - DAY).into();
    });
    let unjudged = said(&authority, &ended, "verify = 'none'");
    assert_eq!(unjudged, "full certificate has ended");
}

#[test]
fn a_server_may_ask_who_we_are() {
    let authority = Authority::new();
    let client = authority.sign(&["monitor"], |_| {});
    authority.file("client.pem", &client.chain);
    authority.file("client.key", &client.key);
    for versions in [&[&TLS12], &[&TLS13]] {
        let clients = Clients::OnlyOf(authority.roots());
        let config = server_config(&authority.localhost(), clients, versions);
        let server = Server::start(Arc::new(config), Ending::InOrder);
        let table = "tls = { ca = 'ca.pem', certificate = 'client.pem', key = 'client.key' }";
        let outcomes = ask(&authority, table, &[server.address; 2]);
        assert_eq!(words(&outcomes), ["full", "resumed"]);
        let outcomes = ask(&authority, "tls = { ca = 'ca.pem' }", &[server.address]);
        let refused = words(&outcomes)[0].to_owned();
        assert!(refused.starts_with("TLS: handshake failure: server says "), "{refused}");
    }
}

#[test]
fn an_end_without_a_word_is_told_from_an_end() {
    let authority = Authority::new();
    let config = server_config(&authority.localhost(), Clients::All, rustls::ALL_VERSIONS);
    let server = Server::start(Arc::new(config), Ending::Untold);
    let table = "hears = 'end'\ntls = { ca = 'ca.pem' }";
    let outcomes = ask(&authority, table, &[server.address]);
    assert_eq!(words(&outcomes), ["Err(UnexpectedEof)"]);
}

/// A quarter of the time would be enough to take all of it.
#[test]
fn a_server_that_streams_is_not_heard_out() {
    let authority = Authority::new();
    let config = server_config(&authority.localhost(), Clients::All, rustls::ALL_VERSIONS);
    let server = Server::start(Arc::new(config), Ending::Streamed);
    let outcomes = ask(&authority, "tls = { ca = 'ca.pem' }", &[server.address]);
    assert_eq!(words(&outcomes), ["full"]);
    assert!(!server.streamed_all());
}

#[test]
fn servers_that_speak_no_tls_are_down_and_hung_ones_late() {
    let bench = Bench::with_paused_time();
    let said = |script| {
        let server = Scripted::tcp(&bench, script).unwrap();
        let table = "tls = { verify = 'none' }";
        bench.run_probe::<Ask>(table, server.address(), Duration::from_secs(2)).unwrap_err()
    };
    let down = Fault::down;
    assert_eq!(
        said(Script::new().say("220 mail ready\r\n")),
        down("TLS: handshake failure: no TLS in the answer")
    );
    assert_eq!(said(Script::new()), down("TLS: the server closed the connection"));
    let reset = said(Script::new().hear_anything().reset());
    assert_eq!(reset, down("TLS: the server reset the connection"));
    let hung = said(Script::new().hang());
    assert_eq!((hung.kind, hung.at.as_str()), (FaultKind::Timeout, "TLS handshake"));
    // An alert of TLS 1.2: fatal, handshake_failure.
    assert_eq!(
        said(Script::new().hear_anything().say(b"\x15\x03\x03\x00\x02\x02\x28")),
        down("TLS: handshake failure: server says HandshakeFailure")
    );
}
