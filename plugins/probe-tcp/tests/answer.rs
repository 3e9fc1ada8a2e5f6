//! What servers say, and what becomes of it; in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use rais_plugin_probe_tcp::Tcp;
use rais_sdk::testing::{Bench, Script, Server};
use rais_sdk::{Fault, FaultKind, Up};

const LIMIT: Duration = Duration::from_secs(2);
const SMTP: &str = "expect = '^220 '";

/// What a probe with `table` says of a server that follows `script`, all of it.
fn probe(table: &str, script: Script) -> Result<Up, Fault> {
    let bench = Bench::with_paused_time();
    let server = Server::tcp(&bench, script).unwrap();
    let outcome = bench.run_probe::<Tcp>(table, server.address(), LIMIT);
    bench.settle().unwrap();
    assert_eq!(server.complaints(), [""; 0]);
    outcome
}

fn down(text: &str) -> Result<Up, Fault> {
    Err(Fault::down(text))
}

#[test]
fn a_greeting_that_matches_is_up_and_is_told() {
    let up = probe(SMTP, Script::new().say("220 mail ready\r\n").hang()).unwrap();
    assert_eq!((up.took, up.detail.as_str()), (Duration::ZERO, "220 mail ready"));
    let slow = Script::new().wait(LIMIT / 2).say("220 mail ready\r\n").hang();
    assert_eq!(probe(SMTP, slow).unwrap().took, LIMIT / 2);
}

#[test]
fn an_answer_may_come_in_pieces() {
    let every = Duration::from_millis(100);
    let up = probe(SMTP, Script::new().drip("220 mail", every).hang()).unwrap();
    assert_eq!((up.took, up.detail.as_str()), (every * 4, "220"));
    let within = "expect = '(?m)^250 '";
    let script = Script::new().say("250-SI").wait(every).say("ZE\r\n250 ok\r\n").hang();
    assert_eq!(probe(within, script).unwrap().took, every);
}

#[test]
fn an_answer_comes_to_what_is_sent() {
    let redis = "send = \"PING\\r\\n\"\nexpect = '^\\+PONG'";
    let script = Script::new().hear("PING\r\n").say("+PONG\r\n");
    assert_eq!(probe(redis, script).unwrap().detail, "+PONG");
    let octets = "send_hex = '00 01'\nexpect_hex = 'ff 00'";
    let script = Script::new().hear(b"\0\x01").say(b"\xff\0\x07").hang();
    assert_eq!(probe(octets, script).unwrap().detail, "3 octets");
}

#[test]
fn who_expects_nothing_waits_for_nothing() {
    let script = Script::new().hear("QUIT\r\n").hang();
    let up = probe("send = \"QUIT\\r\\n\"", script).unwrap();
    assert_eq!((up.took, up.detail.as_str()), (Duration::ZERO, ""));
}

#[test]
fn another_answer_is_down() {
    let refuses = Script::new().say("554 no\r\nservice\r\n");
    assert_eq!(probe(SMTP, refuses), down("another answer: 554 no"));
    assert_eq!(probe(SMTP, Script::new().say("22")), down("another answer: 22"));
    // Known before the end.
    let octets = Script::new().say(b"\x01\x02").hang();
    assert_eq!(probe("expect_hex = '01 03'", octets), down("another answer: 2 octets"));
    assert_eq!(probe(SMTP, Script::new()), down("closed without an answer"));
    assert_eq!(probe(SMTP, Script::new().reset()), down("connection reset"));
}

#[test]
fn an_answer_is_read_up_to_its_limit() {
    let line = "x\n";
    let just = line.repeat(32 * 1024 - 1) + "ok";
    assert_eq!(probe("expect = 'ok'", Script::new().say(just).hang()).unwrap().detail, "x");
    let over = line.repeat(32 * 1024) + "ok";
    let outcome = probe("expect = 'ok'", Script::new().say(over).hang());
    assert_eq!(outcome, down("no match within 64 KiB: x"));
}

#[test]
fn a_late_server_is_told_by_its_phase() {
    let late = |table: &str, script| {
        let fault = probe(table, script).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Timeout, "{fault}");
        fault.at
    };
    assert_eq!(late(SMTP, Script::new().hang()), "expecting");
    assert_eq!(late(SMTP, Script::new().say("554 no\r\n").hang()), "expecting");
    let dripping = Script::new().drip("x".repeat(100), Duration::from_millis(50));
    assert_eq!(late(SMTP, dripping), "expecting");
    assert_eq!(late("tls = { verify = 'none' }", Script::new().hang()), "TLS handshake");
    let much = format!("send = '{}'", "x".repeat(8 << 20));
    assert_eq!(late(&much, Script::new().hang()), "sending");
}
