//! SIGTERM: a monitor says goodbye, a binder leaves a valid zone, and both are quickly gone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use rais_tests::binary::rais;
use rais_tests::dns::check_zone;
use rais_tests::host::Host;
use rais_tests::process::Process;
use rais_tests::server::Server;
use rais_tests::site::{Site, addresses};
use rais_tests::{status, wait};

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

/// One host with both roles.
fn both(site: &Site, text: &str) -> (Host, Server) {
    let host = site.host("web1", 1);
    host.write(CONFIG, text);
    let server = Server::start(&host, "0.0.0.0:80");
    (host, server)
}

#[test]
fn a_pipe_for_a_header_holds_no_reload_and_no_end_up() {
    let site = Site::new();
    let (host, _server) = both(&site, TEXT);
    let mut times = Vec::new();
    for round in 0..3 {
        host.write(CONFIG, TEXT);
        let mut process = host.start("run", CONFIG);
        status::until_set(&host, "www", &addresses([1]));
        let pipe = format!("pipe{round}");
        nix::unistd::mkfifo(&host.path(&format!("/var/lib/bind/{pipe}")), Mode::S_IRWXU).unwrap();
        let header = format!("[zone.\"www.example\"]\nheader = \"{pipe}\"");
        host.write(CONFIG, &TEXT.replace("[zone.\"www.example\"]", &header));
        let refused = host.rais(&["reload", "-c", CONFIG]).expect_code(2).stderr;
        assert!(refused.contains("not a regular file"), "{refused}");
        times.push(stop(&mut process));
    }
    assert_quick("the end", &times);
}

#[test]
fn a_command_of_a_sink_that_hangs_holds_no_end_up() {
    let site = Site::new();
    let hangs = "timeout = \"1h\"\nreload = { type = \"exec\", argv = [\"sleep\", \"1d\"] }";
    let (host, _server) = both(&site, &TEXT.replace("reload = { type = \"none\" }", hangs));
    let file = host.path("/var/lib/bind/www.example.zone");
    let mut times = Vec::new();
    for _ in 0..3 {
        let _ = std::fs::remove_file(&file);
        let mut process = host.start("run", CONFIG);
        // The file is in place, and its name server is being told, for ever.
        wait::until("the zone", || match check_zone("www.example", &file)?.addresses {
            set if set == addresses([1]) => Ok(()),
            set => Err(format!("{set:?}")),
        });
        times.push(stop(&mut process));
        check_zone("www.example", &file).unwrap();
    }
    assert_quick("the end", &times);
}

/// Processes that a test's hooks have started, by the word that only they have among their
/// arguments; killed with this.
struct Started(String);

impl Started {
    fn pids(&self) -> Vec<Pid> {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let is_one = |pid: &i32| {
            let said = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            said.split(|&octet| octet == 0).any(|word| word == self.0.as_bytes())
        };
        pids.filter(is_one).map(Pid::from_raw).collect()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        for pid in self.pids() {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

#[test]
fn hooks_of_many_sinks_that_hang_end_with_it() {
    const SINKS: usize = 8;
    let site = Site::new();
    let started = Started(format!("864{:07}", std::process::id()));
    let names: Vec<_> = (0..SINKS).map(|number| format!("hook{number}")).collect();
    let mut text = TEXT.replace("sinks = [\"files\"]", &format!("sinks = {names:?}"));
    for name in &names {
        let hangs = format!("sleep {} & sleep {}", started.0, started.0);
        text += &format!(
            "[sink.{name}]\ntype = \"hook\"\ntimeout = \"50s\"\n\
            argv = [\"/bin/sh\", \"-c\", \"{hangs}\"]\n"
        );
    }
    let (_host, _server, mut process) = {
        let (host, server) = both(&site, &text);
        let process = host.start("run", CONFIG);
        (host, server, process)
    };
    let until_there = |what: &str, count| {
        wait::until(what, || match started.pids().len() {
            there if there == count => Ok(()),
            there => Err(format!("{there} processes")),
        });
    };
    until_there("every hook", 2 * SINKS);
    stop(&mut process);
    until_there("the end of all", 0);
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
