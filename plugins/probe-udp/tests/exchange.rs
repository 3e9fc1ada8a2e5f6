//! Who answers, and how.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::UdpSocket;
use std::time::Duration;

use rais_plugin_probe_udp::Udp;
use rais_sdk::testing::{Bench, Script, Server, probe};
use rais_sdk::{Fault, FaultKind, Up};

const LIMIT: Duration = Duration::from_secs(3);
const SECOND: Duration = Duration::from_secs(1);
const PING: &str = "send = 'ping'\nexpect = '^pong'";

/// What a probe with `table` says of a server that follows `script`, and what that has heard.
fn ask(table: &str, script: Script) -> (Result<Up, Fault>, String) {
    let bench = Bench::with_paused_time();
    let server = Server::udp(&bench, script).unwrap();
    let outcome = bench.run_probe::<Udp>(table, server.address(), LIMIT);
    bench.settle().unwrap();
    let heard = server.heard().concat().escape_ascii().to_string();
    assert_eq!(server.complaints(), [""; 0]);
    (outcome, heard)
}

fn up((outcome, heard): (Result<Up, Fault>, String)) -> (Duration, String, String) {
    let up = outcome.unwrap();
    (up.took, up.detail, heard)
}

#[test]
fn an_answer_as_expected_is_up_and_is_told() {
    let answers = Script::new().hear("ping").say("pong!\n");
    let wanted = (Duration::ZERO, "pong!".to_owned(), "ping".to_owned());
    assert_eq!(up(ask(PING, answers)), wanted);
    let octets = "send_hex = '00 ff'\nexpect_hex = '01'";
    let answers = Script::new().hear(b"\0\xff").say(b"\x01\x02");
    let wanted = (Duration::ZERO, "2 octets".to_owned(), r"\x00\xff".to_owned());
    assert_eq!(up(ask(octets, answers)), wanted);
}

#[test]
fn any_answer_will_do_where_none_is_expected() {
    let (took, detail, _) = up(ask("send = 'ping'", Script::new().hear_anything().say("what?")));
    assert_eq!((took, detail.as_str()), (Duration::ZERO, "what?"));
}

#[test]
fn another_answer_is_down_at_once() {
    let (outcome, heard) = ask(PING, Script::new().hear("ping").say("what?\n"));
    assert_eq!(outcome, Err(Fault::down("another answer: what?")));
    assert_eq!(heard, "ping");
    // An answer comes in one piece.
    let (outcome, _) = ask(PING, Script::new().hear("ping").say("po").say("ng"));
    assert_eq!(outcome, Err(Fault::down("another answer: po")));
}

#[test]
fn what_is_lost_is_sent_again_at_each_third_of_the_time() {
    let lost = |times: u32| (0..times).fold(Script::new(), |script, _| script.hear_anything());
    for times in 1..=3 {
        let (took, detail, heard) = up(ask(PING, lost(times).say("pong")));
        assert_eq!((took, detail.as_str()), (SECOND * (times - 1), "pong"));
        assert_eq!(heard, "ping".repeat(times as usize));
    }
    let (outcome, heard) = ask(PING, lost(4).say("pong"));
    let fault = outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout);
    assert_eq!(fault.to_string(), "no answer within 3s at \"expecting\"");
    assert_eq!(heard, "ping".repeat(3));
}

#[test]
fn a_slow_answer_counts_from_the_first_sending() {
    let half = SECOND / 2;
    let slow = Script::new().hear("ping").wait(SECOND + half).say("pong");
    let (took, _, heard) = up(ask(PING, slow));
    assert_eq!((took, heard.as_str()), (SECOND + half, "pingping"));
}

#[test]
fn a_port_without_a_socket_refuses() {
    let server = Server::refusing().unwrap();
    let fault = probe::<Udp>(PING, server.address(), Duration::from_secs(20)).unwrap_err();
    assert_eq!(fault, Fault::down("connection refused"));
}

#[test]
fn servers_have_addresses_of_either_family() {
    for ip in ["127.0.0.1", "::1"] {
        let server = UdpSocket::bind((ip, 0)).unwrap();
        let address = server.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            let (_, client) = server.recv_from(&mut [0; 16]).unwrap();
            server.send_to(b"pong", client).unwrap();
            server
        });
        let up = probe::<Udp>(PING, address, Duration::from_secs(60)).unwrap();
        assert_eq!(up.detail, "pong");
        drop(thread.join().unwrap());
    }
}
