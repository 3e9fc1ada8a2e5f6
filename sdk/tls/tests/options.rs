//! What is refused at which key, and where the system's authorities come from.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use common::{AMPLE, Ask, Authority, Server};
use rais_sdk::testing::Bench;
use rais_sdk::{Describe, FaultKind, Need};
use rais_tls::TlsOptions;

fn refused(folder: &Path, options: &str) -> String {
    let table = format!("tls = {{ {options} }}");
    let fault = Bench::in_folder(folder).probe::<Ask>(&table).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config, "{fault}");
    fault.to_string().replace(&format!("{}/", folder.display()), "")
}

#[test]
fn tables_are_refused_at_their_keys() {
    let authority = Authority::new();
    let client = authority.sign(&["monitor"], |_| {});
    authority.file("client.pem", &client.chain);
    authority.file("client.key", &client.key);
    authority.file("other.key", &authority.localhost().key);
    authority.file("empty", "");
    authority.file("half.pem", &client.chain[..client.chain.len() / 2]);
    authority.file("wrong.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let open = authority.file("open.key", &client.key);
    std::fs::set_permissions(open, std::fs::Permissions::from_mode(0o604)).unwrap();

    for (options, wanted) in [
        ("ca = 'nowhere.pem'", "tls.ca: nowhere.pem: cannot be read: No such file"),
        ("ca = '.'", "tls.ca: .: cannot be read: Is a directory"),
        ("ca = 'empty'", "tls.ca: empty: there is no certificate (PEM) in it"),
        ("ca = 'client.key'", "tls.ca: client.key: there is no certificate (PEM) in it"),
        ("ca = 'half.pem'", "tls.ca: half.pem: is not PEM: "),
        ("ca = 'wrong.pem'", "tls.ca: wrong.pem: certificate 1 is of no authority: "),
        ("ca = ''", "tls.ca: invalid value"),
        ("verify = 'none', certificate = 'client.pem'", "tls.key: missing: `certificate` needs"),
        ("verify = 'none', key = 'client.key'", "tls.certificate: missing: `key` is of no use"),
        (
            "verify = 'none', certificate = 'client.pem', key = 'other.key'",
            "tls.key: other.key: is not the key of client.pem",
        ),
        (
            "verify = 'none', certificate = 'client.pem', key = 'client.pem'",
            "tls.key: client.pem: there is no private key (PEM) in it",
        ),
        (
            "verify = 'none', certificate = 'client.pem', key = 'open.key'",
            "tls.key: open.key: everybody on this machine has access to this key (mode 0604): \
             `chmod o= open.key`",
        ),
        (
            "verify = 'none', certificate = 'wrong.pem', key = 'client.key'",
            "tls.certificate: wrong.pem: ",
        ),
        ("name = 'a b'", "tls.name: `a b` is neither a host name nor an IP address"),
        ("name = ''", "tls.name: `` is neither a host name nor an IP address"),
        ("verify = 'no'", "tls.verify: unknown variant `no`, expected `full` or `none`"),
        (
            "verify = 'none', ca = 'ca.pem'",
            "tls.ca: is of no use beside `verify = \"none\"`, which believes whoever answers",
        ),
        ("resume = false", "tls.resume: invalid type"),
        ("expires = '0d'", "tls.expires: invalid value: string \"0d\", expected a whole number"),
        ("expires = '+5d'", "tls.expires: invalid value"),
        ("expires = 'd'", "tls.expires: invalid value"),
        ("expires = '366d'", "tls.expires: invalid value"),
        ("expires = '12h'", "tls.expires: invalid value"),
        ("verfy = 'none'", "tls.verfy: unknown field `verfy`, expected one of"),
    ] {
        let said = refused(authority.folder(), options);
        assert!(said.starts_with(wanted), "{options}: {said}");
    }
}

#[test]
fn every_key_may_be_left_out_and_says_what_it_means() {
    let need = |text: &str| Need::Default(text.to_owned());
    let told: Vec<_> = TlsOptions::options().into_iter().map(|key| (key.name, key.need)).collect();
    let wanted = [
        ("ca", Need::Optional),
        ("name", Need::Optional),
        ("certificate", Need::Optional),
        ("key", Need::Optional),
        ("verify", need("\"full\"")),
        ("expires", need("\"14d\"")),
        ("resume", need("\"on\"")),
    ];
    assert_eq!(told, wanted.map(|(name, need)| (name.to_owned(), need)));
    assert!(TlsOptions::options().iter().all(|key| !key.text.is_empty() && key.kind != "value"));
}

/// The system's are taken from where the environment says, which only a process of its own can be
/// told.
#[test]
fn without_a_ca_the_systems_authorities_count() {
    const TEST: &str = "without_a_ca_the_systems_authorities_count";
    const INSIDE: &str = "RAIS_TEST_AUTHORITY";

    if std::env::var_os(INSIDE).is_some() {
        let fault = Bench::new().probe::<Ask>("").unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "tls.ca"));
        assert!(fault.text.starts_with("this system has no certificates of authorities"));
        return;
    }
    if let Some(address) = std::env::var_os("RAIS_TEST_SERVER") {
        let address = address.to_str().unwrap().parse().unwrap();
        Bench::new().run_probe::<Ask>("", address, AMPLE).unwrap();
        return;
    }
    let authority = Authority::new();
    let server = Server::of(&authority.localhost());
    let inside = |certificates: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", TEST, "--nocapture"]).env_remove("SSL_CERT_DIR");
        command.env("SSL_CERT_FILE", authority.folder().join(certificates));
        command
    };
    let mut trusting = inside("ca.pem");
    assert!(
        trusting.env("RAIS_TEST_SERVER", server.address.to_string()).status().unwrap().success()
    );
    assert!(inside("nowhere.pem").env(INSIDE, "1").status().unwrap().success());
}
