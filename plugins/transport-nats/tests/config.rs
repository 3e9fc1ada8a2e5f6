//! What is wrong with a table is said, with its place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{End, secret, threads};
use nkeys::KeyPair;
use rais_http::testing::Authority;
use rais_plugin_transport_nats::Nats;
use rais_sdk::{FaultKind, Transport};

const SERVER: &str = "servers = [\"nats://127.0.0.1:4222\"]";

#[test]
fn the_sample_is_a_table() {
    assert_eq!(rais_sdk::testing::samples_parse(), Ok(1));
    End::monitor(Nats::SAMPLE);
}

#[test]
fn tables_that_stand_in_the_documentation_are_taken() {
    for table in [
        "servers = [\"nats.example\"]",
        "servers = [\"nats://nats.example\", \"nats://192.0.2.1:4333\", \"nats://[2001:db8::1]:4222\"]",
        "servers = [\"nats://127.0.0.1:4222\"]\nsubject = \"rais.site-a.beats\"",
        "servers = [\"nats://127.0.0.1:4222\"]\nsubject = \"rais\"",
    ] {
        End::monitor(table);
    }
    assert_eq!(threads(), 0, "`rais check` connects nowhere");
}

#[test]
fn each_fault_has_its_place_and_says_what_is_allowed() {
    for (table, at, says) in [
        ("", "", "missing field `servers`"),
        ("server = \"a\"", "server", "unknown field `server`"),
        ("servers = \"nats://a\"", "servers", "expected a sequence"),
        ("servers = []", "servers", "names none"),
        ("servers = [\"nats://a\", \"\"]", "servers[1]", "no \"nats://HOST:PORT\""),
        ("servers = [\"http://a\"]", "servers[0]", "and no \"tls://HOST:PORT\""),
        ("servers = [\"ws://a\"]", "servers[0]", "no \"nats://HOST:PORT\""),
        ("servers = [\"nats://a:x\"]", "servers[0]", "no \"nats://HOST:PORT\""),
        ("servers = [\"nats://a:0\"]", "servers[0]", "no \"nats://HOST:PORT\""),
        ("servers = [\"nats://a/b\"]", "servers[0]", "no \"nats://HOST:PORT\""),
        ("servers = [\"nats://a?b\"]", "servers[0]", "no \"nats://HOST:PORT\""),
        ("servers = [\"nats://a\", \"a\"]", "servers[1]", "nats://a is given twice"),
    ] {
        expect(table, at, says);
    }
    for subject in
        ["", ".", "rais.", ".rais", "rais..a", "rais beats", "rais.*", "rais.>", "a.b>", "$SYS.a"]
    {
        expect(&format!("{SERVER}\nsubject = \"{subject}\""), "subject", "such as \"rais.site\"");
    }
    expect(&format!("{SERVER}\nsubject = \"a\\tb\""), "subject", "no spaces");
    let long = format!("{SERVER}\nsubject = \"{}\"", "a".repeat(256));
    expect(&long, "subject", "255 octets at most");
}

#[test]
fn a_secret_in_a_url_is_refused_and_not_repeated() {
    for url in ["nats://rais:hidden@a", "nats://hidden@a", "rais:hidden@a:4222"] {
        let fault = End::try_monitor(&format!("servers = [\"{url}\"]")).err().unwrap();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "servers[0]"));
        assert!(
            fault.text.contains("`password_file`") && !fault.text.contains("hidden"),
            "{fault}"
        );
    }
}

#[test]
fn one_way_says_who_we_are() {
    let two = "credentials = \"/a\"\nnkey_file = \"/b\"";
    expect(&format!("{SERVER}\n{two}"), "nkey_file", "does not go with `credentials`");
    let two = "user = \"a\"\npassword_file = \"/a\"\ntoken_file = \"/b\"";
    expect(&format!("{SERVER}\n{two}"), "user", "does not go with `token_file`");
    expect(&format!("{SERVER}\nuser = \"a\""), "user", "key `password_file` is missing");
    expect(&format!("{SERVER}\npassword_file = \"/a\""), "password_file", "key `user` is missing");
    expect(&format!("{SERVER}\nuser = \"\"\npassword_file = \"/a\""), "user", "is empty");
}

#[test]
fn a_file_with_a_secret_is_ours_alone_and_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let seed = KeyPair::new_user().seed().unwrap();
    let nkey = secret(folder.path(), "nkey", &format!("# of rais\n{seed}\n"));
    let table = |key: &str, file: &str| {
        format!("{SERVER}\n{key} = \"{}\"", folder.path().join(file).display())
    };
    End::monitor(&table("nkey_file", "nkey"));
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&nkey, fs::Permissions::from_mode(mode)).unwrap();
        expect(&table("nkey_file", "nkey"), "nkey_file", &format!("mode {mode:04o} lets others"));
    }
    fs::set_permissions(&nkey, fs::Permissions::from_mode(0o400)).unwrap();
    End::monitor(&table("nkey_file", "nkey"));

    let account = KeyPair::new_account().seed().unwrap();
    secret(folder.path(), "account", &account);
    secret(folder.path(), "broken", &seed.replace(&seed[10..14], "AAAA"));
    secret(folder.path(), "empty", "\n");
    secret(folder.path(), "lines", "a\nb\n");
    let user = |file: &str| format!("{}\nuser = \"rais\"", table("password_file", file));
    for (table, at, says) in [
        (table("nkey_file", "none"), "nkey_file", "none: cannot be read: No such file"),
        (table("nkey_file", "."), "nkey_file", "is not a regular file"),
        (table("nkey_file", "account"), "nkey_file", "there is no seed of a user's nkey"),
        (table("nkey_file", "broken"), "nkey_file", "its seed is none"),
        (table("credentials", "nkey"), "credentials", "cannot parse user JWT"),
        (table("token_file", "empty"), "token_file", "is empty"),
        (table("token_file", "lines"), "token_file", "more than one line"),
        (user("empty"), "password_file", "is empty"),
    ] {
        let fault = End::try_monitor(&table).err().unwrap();
        assert!(!fault.text.contains(&seed[5..]) && !fault.text.contains(&account[5..]), "{fault}");
        expect(&table, at, says);
    }
}

#[test]
fn certificates_are_looked_at_before_they_are_needed() {
    let authority = Authority::new();
    let own = authority.sign("rais.example");
    let ca = authority.folder().join("ca.pem");
    let table = |tls: &str| format!("{SERVER}\ntls = {{ {tls} }}");
    let (ca, certificate, key) = (ca.display(), own.certificate.display(), own.key.display());
    End::monitor(&table(&format!("ca = \"{ca}\"")));
    End::monitor(&table(&format!(
        "ca = \"{ca}\", certificate = \"{certificate}\", key = \"{key}\""
    )));
    for (tls, at, says) in [
        ("ca = \"/none.pem\"".to_owned(), "tls.ca", "cannot be read"),
        (format!("ca = \"{key}\""), "tls.ca", "there is no certificate"),
        (format!("ca = \"{ca}\", certificate = \"{certificate}\""), "tls.key", "missing"),
        (format!("ca = \"{ca}\", key = \"{key}\""), "tls.certificate", "missing"),
        ("verify = \"none\"".to_owned(), "tls.verify", "unknown field `verify`"),
    ] {
        expect(&table(&tls), at, says);
    }
}

#[track_caller]
fn expect(table: &str, at: &str, says: &str) {
    let Err(fault) = End::try_monitor(table) else { panic!("taken: {table}") };
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, at), "{table}: {fault}");
    assert!(fault.text.contains(says), "{table}: {fault}");
}
