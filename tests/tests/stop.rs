//! SIGTERM: a monitor says goodbye, a binder leaves a valid zone, and both are quickly gone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rais_tests::binary::rais;
use rais_tests::dns::check_zone;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::site::{Site, addresses};
use rais_tests::status;

const CONFIG: &str = "/var/lib/bind/rais.toml";

/// `expire` is far beyond any test's patience: only a goodbye takes a member out.
const TEXT: &str = r#"
[cluster]
name = "stop"
insecure = true
[transport.lan]
type = "udp"
[monitor]
exclude = ["192.0.2.0/24"]
[monitor.service.www]
interval = "200ms"
timeout = "150ms"
expire = "1h"
probe = { type = "tcp", port = 80 }
[binder]
ns = ["ns1.example"]
mailbox = "hostmaster.example"
[zone."www.example"]
sinks = ["files"]
[binder.service.www]
zone = "www.example"
[sink.files]
type = "bind"
directory = "/var/lib/bind"
reload = { type = "none" }
"#;

/// Sends SIGTERM and waits for the end; how long it took.
fn stop(process: &mut Process) -> Duration {
    process.signal(Signal::SIGTERM);
    let start = Instant::now();
    assert_eq!(process.finished(), 0, "{}", process.stderr());
    start.elapsed()
}

/// The best of several: what rais takes, not what a busy machine adds.
#[track_caller]
fn assert_quick(what: &str, times: &[Duration]) {
    let best = times.iter().min().unwrap();
    assert!(*best < Duration::from_secs(2), "{what} took {times:?}");
}

#[test]
fn goodbye_is_said_and_the_zone_is_valid() {
    let site = Site::new();
    let binder = site.host("ns1", 53);
    binder.write(CONFIG, TEXT);
    let mut binder_process = binder.start("binder", CONFIG);
    let hosts = [1, 2].map(|n| site.host(&format!("web{n}"), n));
    let _servers = hosts.each_ref().map(|host| {
        host.write(CONFIG, TEXT);
        Server::start(host, "0.0.0.0:80")
    });
    let _stays = hosts[0].start("monitor", CONFIG);
    let file = binder.path("/var/lib/bind/www.example.zone");
    let (mut monitor_times, mut binder_times) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let mut leaves = hosts[1].start("monitor", CONFIG);
        status::until_set(&binder, "www", &addresses([1, 2]));
        monitor_times.push(stop(&mut leaves));
        status::until_set(&binder, "www", &addresses([1]));

        binder_times.push(stop(&mut binder_process));
        assert_eq!(check_zone("www.example", &file).unwrap().addresses, addresses([1]));
        binder_process = binder.start("binder", CONFIG);
        status::until_set(&binder, "www", &addresses([1]));
    }
    assert_quick("a monitor's end", &monitor_times);
    assert_quick("a binder's end", &binder_times);
}

#[test]
fn a_log_that_cannot_be_written_ends_nobody() {
    let site = Site::new();
    // A disk that is full, and a reader that has gone.
    let ways = [
        ("human", r#"exec "$0" run -c "$1" 2>/dev/full"#),
        ("json", r#"exec "$0" run -c "$1" 2>/dev/full"#),
        ("human", r#"mkfifo gone; true <gone & exec "$0" run -c "$1" 2>gone"#),
    ];
    for ((format, script), number) in ways.into_iter().zip(1..) {
        let host = site.host(&format!("web{number}"), number);
        let log = format!("[control]\nlog = \"debug\"\nlog_format = \"{format}\"\n");
        host.write(CONFIG, &(TEXT.to_owned() + &log));
        let _server = Server::start(&host, "0.0.0.0:80");
        let mut command = host.command("sh");
        command.args(["-c", script]).arg(rais()).arg(CONFIG);
        let mut process = host.spawn("run", &mut command);
        // Both roles log what changes, and a beat more than once a second.
        status::until_set(&host, "www", &addresses([number]));
        stop(&mut process);
    }
}
