//! The load through the plugin boundary, with agents that follow a script.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::time::Duration;

use rais_plugin_load_agent::Agent;
use rais_sdk::testing::{Bench, Script, Server, samples_parse};
use rais_sdk::{Fault, FaultKind, Load, Reading, Scope, Subject, Target, Wish};

const AMPLE: Duration = Duration::from_secs(60);
/// Enough to connect on a busy machine, and waited for to its end.
const SHORT: Duration = Duration::from_secs(2);

fn ask(table: &str, agent: SocketAddr, timeout: Duration) -> Result<Reading, Fault> {
    let load = Bench::new().load::<Agent>(table)?;
    assert_eq!(load.scope(), Scope::Target);
    let target = Target::new(agent, "web1", "www");
    load.sample(&Subject::new("www").with_target(target).with_timeout(timeout))
}

fn of(table: &str, script: Script) -> Result<Reading, Fault> {
    ask(table, Server::tcp_on_thread(script).unwrap().address(), AMPLE)
}

fn fault(script: Script, timeout: Duration) -> (FaultKind, String, String) {
    let agent = Server::tcp_on_thread(script).unwrap();
    let fault = ask("", agent.address(), timeout).unwrap_err();
    (fault.kind, fault.at, fault.text)
}

#[test]
fn wish_weight_and_the_line_as_it_was_said() {
    let reading = of("", Script::new().say("drain 75%, maxconn:30\n")).unwrap();
    assert_eq!((reading.wish, reading.weight, reading.load), (Wish::Drain, Some(75), None));
    assert_eq!(reading.reason, "drain 75%, maxconn:30");

    let reading = of("", Script::new().say("DOWN # disk \x1b[1mfull\r\n")).unwrap();
    assert_eq!((reading.wish, reading.weight, reading.load), (Wish::Down, None, None));
    assert_eq!(reading.reason, "DOWN # disk [1mfull");

    let reading = of("", Script::new().say("\n")).unwrap();
    assert_eq!((reading.wish, reading.weight, reading.load), (Wish::None, None, None));
}

#[test]
fn a_percentage_is_weight_idle_share_or_load() {
    let percent = |kind: &str, said: &str| {
        let table = format!("percent = \"{kind}\"");
        let reading = of(&table, Script::new().say(format!("up {said}\n"))).unwrap();
        assert_eq!(reading.wish, Wish::Up);
        (reading.weight, reading.load)
    };
    assert_eq!(percent("weight", "80%"), (Some(80), None));
    assert_eq!(percent("weight", "200%"), (Some(200), None));
    assert_eq!(percent("idle", "80%"), (None, Some(20.0)));
    assert_eq!(percent("idle", "130%"), (None, Some(0.0)));
    assert_eq!(percent("load", "80%"), (None, Some(80.0)));
    assert_eq!(percent("load", "130%"), (None, Some(130.0)));
    assert_eq!(percent("load", ""), (None, None));
}

#[test]
fn the_line_ends_at_its_first_end_or_at_the_close() {
    for said in ["ready\n", "ready\r\n", "ready\rdown\n", "ready\ndown\n", "ready"] {
        let reading = of("", Script::new().say(said)).unwrap();
        assert_eq!((reading.wish, reading.reason.as_str()), (Wish::Ready, "ready"), "{said:?}");
    }
    // Without a close, and in pieces.
    let slow = Script::new().say("mai").wait(Duration::from_millis(30)).say("nt\n").hang();
    assert_eq!(of("", slow).unwrap().wish, Wish::Maintenance);
}

#[test]
fn what_is_to_be_sent_is_sent_first() {
    let script = Script::new().hear("www\n").say("up\n");
    let agent = Server::tcp_on_thread(script).unwrap();
    let reading = ask("send = \"www\\n\"", agent.address(), AMPLE).unwrap();
    assert_eq!(reading.wish, Wish::Up);
    assert_eq!((agent.heard(), agent.complaints()), (vec![b"www\n".to_vec()], vec![]));
}

#[test]
fn an_agent_that_cannot_be_understood_is_a_fault_that_names_the_word() {
    let (kind, at, text) = fault(Script::new().say("up 75 drain\n"), AMPLE);
    assert_eq!((kind, at.as_str()), (FaultKind::Unknown, ""));
    assert!(text.starts_with("the agent says `75`; its words are 75%"), "{text}");
    let (kind, _, text) = fault(Script::new().say([b' '; 5000]).hang(), AMPLE);
    assert_eq!(kind, FaultKind::Unknown);
    assert_eq!(text, "the agent's line is longer than 4096 octets");
}

#[test]
fn an_agent_that_cannot_be_reached_is_a_fault() {
    let refusing = Server::refusing().unwrap();
    let refused = ask("", refusing.address(), AMPLE).unwrap_err();
    assert_eq!(refused, Fault::down("the agent: connection refused"));

    let down = |text: &str| (FaultKind::Down, String::new(), text.to_owned());
    let silent = "the agent closed without an answer";
    assert_eq!(fault(Script::new(), AMPLE), down(silent));
    let reset = Script::new().say("up").reset();
    assert_eq!(fault(reset, AMPLE), down("the agent: connection reset"));
}

#[test]
fn the_time_is_for_all_of_it() {
    let late = |at: &str| {
        let text = "no answer from the agent in time";
        (FaultKind::Timeout, at.to_owned(), text.to_owned())
    };
    assert_eq!(fault(Script::new().hang(), SHORT), late("answer"));
    // Each octet comes in time, and the line never ends.
    let drip = Script::new().drip([b' '; 100], Duration::from_millis(50));
    assert_eq!(fault(drip, SHORT), late("answer"));
    let dead = Server::black_hole().unwrap();
    let fault = ask("", dead.address(), SHORT).unwrap_err();
    assert_eq!((fault.kind, fault.at, fault.text), late("connecting"));
}

#[test]
fn mistakes_in_the_table_are_named() {
    let fault = ask("", "127.0.0.1:0".parse().unwrap(), AMPLE).unwrap_err();
    assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, "port"));
    let long = format!("send = \"{}\"", "x".repeat(4097));
    for (table, at) in [("percent = \"busy\"", "percent"), (&long, "send"), ("sent = 1", "sent")] {
        let fault = Bench::new().load::<Agent>(table).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, at), "{fault}");
    }
}

#[test]
fn the_sample_makes_a_load_and_stands_in_the_readme() {
    assert_eq!(samples_parse(), Ok(1));
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("```toml\n{}```\n", Agent::SAMPLE)), "sample.toml differs");
}
