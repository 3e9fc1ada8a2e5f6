//! Who may, and by which certificates: with a real nats-server that asks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{End, Server, at, until, until_flows};
use nkeys::KeyPair;
use rais_http::testing::Authority;

fn flows(server: &Server, more: &str) {
    let table = format!("{}\n{more}", at(&[server]));
    let (binder, monitor) = (End::binder(&table), End::monitor(&table));
    until_flows(&monitor, &binder);
}

/// What is said where it is not let in, before the semicolon.
#[track_caller]
fn refused(server: &Server, more: &str, says: &str) {
    let binder = End::binder(&format!("{}\n{more}", at(&[server])));
    // On a busy machine a handshake may come to nothing first.
    let reason = format!("{}: {says}", server.url());
    binder.says(&reason);
    assert_eq!(binder.said(&reason), 1, "{:?}", binder.bench.lines());
    assert_eq!(binder.said("connected to nats"), 0, "{:?}", binder.bench.lines());
}

fn file(key: &str, path: &Path) -> String {
    format!("{key} = \"{}\"", path.display())
}

#[test]
fn a_user_with_a_password() {
    let server = Server::start("authorization { user: rais, password: s3cret }");
    let user = |path: &Path| format!("user = \"rais\"\n{}", file("password_file", path));
    let right = server.secret("right", "s3cret\n");
    flows(&server, &user(&right));
    let wrong = server.secret("wrong", "secret");
    refused(&server, &user(&wrong), "the server refuses the user or password");
    refused(&server, "", "the server wants to know who we are, and no credentials are given");
}

#[test]
fn a_secret_that_is_put_right_is_read_again() {
    let server = Server::start("authorization { user: rais, password: s3cret }");
    let password = server.secret("password", "wrong");
    let more = format!("user = \"rais\"\n{}", file("password_file", &password));
    let end = End::binder(&format!("{}\n{more}", at(&[&server])));
    end.says("refuses the user or password; beats are lost until it is");
    server.secret("password", "s3cret");
    end.says("connected to nats://");
    assert_eq!(end.said("refuses"), 1, "{:?}", end.bench.lines());
    until_flows(&end, &end);
}

#[test]
fn a_token() {
    let server = Server::start("authorization { token: s3cret }");
    flows(&server, &file("token_file", &server.secret("right", "s3cret\n")));
    let wrong = file("token_file", &server.secret("wrong", "secret"));
    refused(&server, &wrong, "the server refuses the token");
}

#[test]
fn an_nkey() {
    let (key, other) = (KeyPair::new_user(), KeyPair::new_user());
    let users = format!("authorization {{ users: [ {{ nkey: {} }} ] }}", key.public_key());
    let server = Server::start(&users);
    flows(&server, &file("nkey_file", &server.secret("right", &key.seed().unwrap())));
    let wrong = file("nkey_file", &server.secret("wrong", &other.seed().unwrap()));
    refused(&server, &wrong, "the server refuses the nkey");
}

#[test]
fn a_jwt_with_its_seed() {
    let (operator, account) = (KeyPair::new_operator(), KeyPair::new_account());
    let limits = "\"subs\":-1,\"data\":-1,\"payload\":-1";
    let preloaded = jwt(
        &account,
        &operator,
        &format!(
            "\"type\":\"account\",\"limits\":{{{limits},\"imports\":-1,\"exports\":-1,\
             \"wildcards\":true,\"conn\":-1,\"leaf\":-1}}"
        ),
    );
    let server = Server::start(&format!(
        "operator: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {preloaded} }}",
        jwt(&operator, &operator, "\"type\":\"operator\""),
        account.public_key()
    ));
    let credentials = |name: &str, account: &KeyPair| {
        let user = KeyPair::new_user();
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            jwt(&user, account, &format!("\"type\":\"user\",{limits},\"pub\":{{}},\"sub\":{{}}")),
            user.seed().unwrap()
        );
        file("credentials", &server.secret(name, &text))
    };
    flows(&server, &credentials("right", &account));
    let wrong = credentials("wrong", &KeyPair::new_account());
    refused(&server, &wrong, "the server refuses the credentials");
}

/// As `nsc` makes them: `subject`, by the word of `issuer`.
fn jwt(subject: &KeyPair, issuer: &KeyPair, claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let body = format!(
        "{{\"jti\":\"test\",\"iat\":1700000000,\"iss\":\"{}\",\"name\":\"test\",\"sub\":\"{}\",\
         \"nats\":{{\"version\":2,{claims}}}}}",
        issuer.public_key(),
        subject.public_key()
    );
    let signed = format!("{}.{}", part(r#"{"typ":"JWT","alg":"ed25519-nkey"}"#), part(&body));
    let signature = issuer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn what_a_user_may_not_is_said_once() {
    let permissions = "{ publish: { deny: \"rais.beats\" }, subscribe: { deny: \"rais.beats\" } }";
    let users = format!("[ {{ user: rais, password: s3cret, permissions: {permissions} }} ]");
    let server = Server::start(&format!("authorization {{ users: {users} }}"));
    let password = server.secret("password", "s3cret");
    let more = format!("user = \"rais\"\n{}", file("password_file", &password));
    let end = End::binder(&format!("{}\n{more}", at(&[&server])));
    end.says("Permissions Violation for Subscription to \"rais.beats\"");
    until("the publication is refused", || {
        let _ = end.transport.send(b"beat");
        end.said("Permissions Violation for Publish to \"rais.beats\"") > 0
    });
    for _ in 0..100 {
        let _ = end.transport.send(b"beat");
    }
    assert_eq!(end.said("for Publish"), 1);
}

#[test]
fn a_subscription_that_is_denied_is_made_once_it_is_allowed() {
    let mut server = Server::down();
    let configure = |server: &Server, subscribe: &str| {
        let permissions = format!("{{ publish: \"rais.beats\", subscribe: {subscribe} }}");
        let user = format!("{{ user: rais, password: s3cret, permissions: {permissions} }}");
        server.configure(&format!("authorization {{ users: [ {user} ] }}"));
    };
    configure(&server, "{ deny: \"rais.beats\" }");
    server.run();
    let password = server.secret("password", "s3cret");
    let more = format!("user = \"rais\"\n{}", file("password_file", &password));
    let end = End::binder(&format!("{}\n{more}", at(&[&server])));
    for times in 1..=2 {
        until("it is said", || end.said("Permissions Violation for Subscription") == times);
        configure(&server, "\"rais.beats\"");
        server.reload();
        until_flows(&end, &end);
        until("the end of it is said", || end.said("lets beats through") == times);
        configure(&server, "{ deny: \"rais.beats\" }");
        server.reload();
    }
    // What it sends went on.
    assert_eq!(end.said("connected to nats"), 1, "{:?}", end.bench.lines());
}

/// A server that asks for TLS, and for certificates of its own authority where `verify` says so.
fn over_tls(authority: &Authority, verify: &str) -> Server {
    let server = Server::down();
    let own = authority.sign(&server.ip);
    server.configure(&format!(
        "tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", verify: {verify} }}",
        own.certificate.display(),
        own.key.display(),
        authority.folder().join("ca.pem").display()
    ));
    let mut server = server;
    server.run();
    server
}

fn ca(authority: &Authority) -> String {
    format!("ca = \"{}\"", authority.folder().join("ca.pem").display())
}

#[test]
fn over_tls_with_an_authority_of_ones_own() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = over_tls(&authority, "false");
    flows(&server, &format!("tls = {{ {} }}", ca(&authority)));
    let strange = format!("tls = {{ {} }}", ca(&stranger));
    // Of the same name as the right one.
    refused(&server, &strange, "certificate has a wrong signature");
    // The server asks for it, and nobody here signed its certificate.
    refused(&server, "", "certificate of an unknown issuer");
}

#[test]
fn where_tls_is_asked_for_nothing_goes_without() {
    let authority = Authority::new();
    let server = Server::start("");
    let tls = format!("tls = {{ {} }}", ca(&authority));
    refused(&server, &tls, "TLS: handshake failure: no TLS in the answer");
    // By one URL, for all of them.
    let urls = format!("servers = [\"{}\", \"tls://{}:4223\"]\n{tls}", server.url(), server.ip);
    let end = End::binder(&urls);
    end.says("not connected: ");
    assert_eq!(end.said("connected to nats"), 0);
}

#[test]
fn both_sides_show_certificates() {
    let authority = Authority::new();
    let server = over_tls(&authority, "true");
    let own = authority.sign("rais.example");
    let (certificate, key) = (own.certificate.display(), own.key.display());
    let shown = format!("certificate = \"{certificate}\", key = \"{key}\"");
    flows(&server, &format!("tls = {{ {}, {shown} }}", ca(&authority)));
    let end = End::binder(&format!("{}\ntls = {{ {} }}", at(&[&server]), ca(&authority)));
    end.says("ertificate");
    assert_eq!(end.said("ertificate"), 1, "{:?}", end.bench.lines());
}

#[test]
fn certificates_that_can_be_read_no_more_are_used_as_they_were_and_new_ones_are_taken() {
    let authority = Authority::new();
    let mut server = over_tls(&authority, "true");
    let own = authority.sign("rais.example");
    let (certificate, key) = (own.certificate.display(), own.key.display());
    let shown = format!("certificate = \"{certificate}\", key = \"{key}\"");
    let end = End::binder(&format!("{}\ntls = {{ {}, {shown} }}", at(&[&server]), ca(&authority)));
    until_flows(&end, &end);
    // Half written.
    let text = fs::read(&own.key).unwrap();
    fs::write(&own.key, &text[..text.len() / 2]).unwrap();
    for times in 2..=3 {
        server.kill();
        server.run();
        until("it is connected anew", || end.said("connected to nats") == times);
    }
    let doubt = "what was read before is used";
    // Behind each "connected", which would take it back.
    let is_last =
        |text: &str| end.bench.lines().last().is_some_and(|(_, line)| line.contains(text));
    until("what is wrong is said", || is_last(doubt));
    assert!(is_last("tls.key: "), "{:?}", end.bench.lines());

    // Put right, and once more at fault: that is news.
    fs::write(&own.key, &text).unwrap();
    server.kill();
    server.run();
    until("it is connected anew", || end.said("connected to nats") == 4);
    assert!(is_last("connected to nats"), "{:?}", end.bench.lines());
    fs::write(&own.key, "").unwrap();
    server.kill();
    server.run();
    until("it is connected anew", || end.said("connected to nats") == 5);
    until("what is wrong is said", || is_last(doubt));
}
