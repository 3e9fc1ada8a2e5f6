//! What a monitor knows of its servers outlives it, by its end or by a crash.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use nix::sys::signal::Signal;
use rais_tests::host::Host;
use rais_tests::server::Server;
use rais_tests::site::Site;
use rais_tests::{status, wait};

const CONFIG: &str = "/var/lib/bind/rais.toml";

const TEXT: &str = r#"
[cluster]
name = "restart"
insecure = true
[transport.lan]
type = "udp"
[monitor]
exclude = ["192.0.2.0/24"]
[monitor.service.www]
interval = "100ms"
probe = { type = "tcp", port = 80 }
"#;

#[track_caller]
fn until(host: &Host, state: &str, reason: &str) {
    wait::until(&format!("www to be {state}"), || {
        let monitor = status::monitor(host)?;
        match monitor.services.first() {
            Some(www) if www.state == state && www.reason == reason => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
fn a_restart_does_not_forgive_a_server_that_comes_and_goes() {
    let site = Site::new();
    let web = site.host("web1", 1);
    web.write(CONFIG, TEXT);
    let mut monitor = web.start("monitor", CONFIG);
    for _ in 0..4 {
        let server = Server::start(&web, "0.0.0.0:80");
        until(&web, "up", "");
        server.kill();
        until(&web, "down", "connection refused");
    }
    // It is there again, and would be up at once, had it not fallen so often.
    let _server = Server::start(&web, "0.0.0.0:80");
    let flapping = "flapping: 4 falls of late";
    until(&web, "down", flapping);
    // What is known is written down once a second.
    wait::until("the falls to be on disk", || {
        let file = web.path("/var/lib/rais/monitor/healths.json");
        let stored = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        if stored.contains("\"falls\":4") { Ok(()) } else { Err(stored) }
    });
    monitor.kill();
    let mut monitor = web.start("monitor", CONFIG);
    until(&web, "down", flapping);
    monitor.signal(Signal::SIGTERM);
    assert_eq!(monitor.finished(), 0, "{}", monitor.stderr());
    let _monitor = web.start("monitor", CONFIG);
    until(&web, "down", flapping);
    // And it is no ban: the hold runs out.
    until(&web, "up", "");
}
