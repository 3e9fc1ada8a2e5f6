//! The probe against servers that follow a script, through the plugin boundary.

use std::net::SocketAddr;
use std::time::Duration;

use rais_plugin_plugin_kind_plugin_name::PluginName;
use rais_sdk::testing::{Bench, Script, Server, probe, samples_parse};
use rais_sdk::{Fault, FaultKind, Probe, Up};

const TABLE: &str = "say = \"PING\\r\\n\"\nexpect = \"+PONG\"";

/// In the test's time, which moves when nothing else can happen: a timeout takes no time.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Probes a server that is said `PING` and then follows the rest of `script`.
fn probed(script: Script) -> Result<Up, Fault> {
    let bench = Bench::with_paused_time();
    let server = Server::tcp(&bench, script).unwrap();
    let outcome = bench.run_probe::<PluginName>(TABLE, server.address(), TIMEOUT);
    assert_eq!(server.complaints(), [""; 0]);
    outcome
}

fn pinged() -> Script {
    Script::new().hear("PING\r\n")
}

#[test]
fn the_answer_decides() {
    let up = probed(pinged().say("+PONG\r\n")).unwrap();
    assert_eq!(up.detail, "+PONG");

    for (script, why) in [
        (
            pinged().say("-ERR unknown\r\n+PONG\r\n"),
            "answers \"-ERR unknown\"",
        ),
        (pinged().say("+PO"), "closed before its answer"),
    ] {
        let fault = probed(script).unwrap_err();
        assert_eq!((fault.kind, fault.text.as_str()), (FaultKind::Down, why));
    }
}

#[test]
fn a_server_that_hangs_is_a_timeout_that_says_where() {
    let fault = probed(pinged().say("+PO").hang()).unwrap_err();
    assert_eq!(
        (fault.kind, fault.at.as_str()),
        (FaultKind::Timeout, "answer")
    );
}

#[test]
fn nobody_there_is_down() {
    let server = Server::refusing().unwrap();
    let fault = probe::<PluginName>(TABLE, server.address(), TIMEOUT).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Down, "{fault}");
}

#[test]
fn a_wrong_table_is_refused_by_its_key() {
    let somewhere = SocketAddr::from(([127, 0, 0, 1], 1));
    for (table, key) in [("expect = \"\"", "expect"), ("expects = \"x\"", "expects")] {
        let fault = probe::<PluginName>(table, somewhere, TIMEOUT).unwrap_err();
        assert_eq!((fault.kind, fault.at.as_str()), (FaultKind::Config, key));
    }
}

#[test]
fn the_sample_makes_a_probe_and_stands_in_the_readme() {
    assert_eq!(samples_parse(), Ok(1));
    let (readme, sample) = (include_str!("../README.md"), PluginName::SAMPLE);
    assert!(
        readme.contains(sample),
        "README.md differs from sample.toml"
    );
}
